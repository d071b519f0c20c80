"""The content picture: a lake under the mountains at dusk, as a camera might see it.

Everything is made at twice the final size and shrunk at the end. Lengths on the ground are kilometres: x to the
right, z away from the eye, heights above the lake. The eye is at the level of the lake, so the far shore, the horizon
and the line in which the lake mirrors the land are all one row, SHORE. Lengths in the town and nearer are pixels.
"""

import numpy as np
from canvas import DATA, rgb, save
from PIL import Image, ImageDraw, ImageFilter

HEIGHT, WIDTH, SHORE = 1024, 1536, 604
FOCAL = 1400  # something 1 km high stands FOCAL / z pixels high in the picture
SUN = np.array([-0.87, 0.36, 0.33])  # x, height, z of the way to the sun: from the left, a little ahead of us
PEAKS = (  # x, z, height, radius
    (1.3, 8.8, 3.4, 2.1),
    (4.4, 9.8, 2.6, 2.2),
    (-4.7, 9.6, 2.2, 1.9),
    (-3.4, 15.0, 2.0, 2.4),
    (-2.2, 23.0, 3.6, 4.0),
    (-9.0, 22.0, 4.6, 4.5),
    (9.0, 21.0, 4.2, 4.5),
)
SUNLIGHT, SKYLIGHT = np.array([1.95, 1.16, 0.62], np.float32), np.array([0.34, 0.43, 0.66], np.float32)
ZENITH, MIDSKY, AFTERGLOW, DUSK = (rgb(c) for c in ("#27406f", "#7d8db0", "#ffb267", "#cf9a9c"))
CLOUD_LIT, CLOUD_DARK = rgb("#ffbd93"), rgb("#565779")
LAST_SUN, SHADE = np.array([1.3, 1.05, 0.8]), np.array([0.42, 0.45, 0.56])  # on what faces left, and right
SNOW, ROCK, SCREE = rgb("#f4f1ee"), rgb("#6e6258"), rgb("#8b7a66")
FOREST, CANOPY, MEADOW = rgb("#16261f"), rgb("#3d4a2a"), rgb("#7a7838")
DEEP_WATER, STONE, HULL, RUSH = rgb("#0d1c2b"), rgb("#2b2826"), rgb("#5a2a20"), rgb("#3a2318")
WALLS = [rgb(c) for c in ("#8f8378", "#9c8a70", "#77706e", "#a59a8c", "#84705c", "#6d6a72")]
ROOFS = [rgb(c) for c in ("#4a2f2b", "#5b3a2e", "#3d3439", "#4d3a36", "#353640")]
WINDOWS = [rgb(c) for c in ("#ffd27a", "#ffbe55", "#ffe6a6", "#ff9f3f")]
NEEDLES = [rgb(c) for c in ("#080f10", "#0e1917", "#15241b", "#21331f", "#384021", "#665026")]
GRASS = [rgb(c) for c in ("#0e140f", "#1b2214", "#2c2f18", "#453f1e", "#665026", "#91702f")]
TIMBER = [rgb(c) for c in ("#1d1a1b", "#2c2625", "#3f3430", "#5b463a", "#8a6844")]
Pen = ImageDraw.ImageDraw

GRADIENT_ANGLES = np.random.default_rng(5).uniform(0, 2 * np.pi, (256, 256)).astype(np.float32)
GRADIENTS = np.stack([np.cos(GRADIENT_ANGLES), np.sin(GRADIENT_ANGLES)])


def noise(x: np.ndarray, y: np.ndarray | float) -> np.ndarray:
    """Gradient noise at any points of the plane, about -0.7 to 0.7, in blobs of size 1."""
    x, y = np.broadcast_arrays(np.asarray(x, np.float32), np.asarray(y, np.float32))
    left, top = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    right, down = x - left, y - top
    ease_x, ease_y = (t * t * t * (t * (t * 6 - 15) + 10) for t in (right, down))

    def corner(i: int, j: int) -> np.ndarray:
        across, along = GRADIENTS[:, (top + j) & 255, (left + i) & 255]
        return across * (right - i) + along * (down - j)

    upper = corner(0, 0) * (1 - ease_x) + corner(1, 0) * ease_x
    lower = corner(0, 1) * (1 - ease_x) + corner(1, 1) * ease_x
    return upper * (1 - ease_y) + lower * ease_y


def fractal(x: np.ndarray, y: np.ndarray | float, octaves: int, ridged: bool = False) -> np.ndarray:
    """Octaves of noise at any points, each turned so that no grid shows. Plain: about -1 to 1; ridged: 0 to 1.

    Ridged noise has creases where the noise is zero, and fine creases only along the coarse ones, as mountains do.
    """
    total, weight, size = 0.0, 1.0, 1.0
    for _ in range(octaves):
        layer = noise(x, y)
        if ridged:
            layer = (1 - np.minimum(np.abs(layer) * 1.9, 1)) ** 2
            total, weight = total + 0.55 * layer * weight * size, np.clip(layer * 1.6, 0.15, 1)
        else:
            total = total + 1.2 * layer * size
        x, y, size = 1.64 * x + 1.23 * y + 7.3, -1.23 * x + 1.64 * y + 3.1, size / 2
    return total


def mix(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Goes from colour a to colour b as the field share goes from 0 to 1 (held inside)."""
    return a + (b - a) * np.clip(share, 0, 1)[..., None]


def ink(colour: np.ndarray) -> tuple[int, ...]:
    """A colour in [0, 1] (cut off there) as Pillow wants it."""
    return tuple(int(value * 255) for value in np.clip(colour, 0, 1))


def image(picture: np.ndarray) -> Image.Image:
    """A picture as a Pillow image, to draw on, blur or shrink."""
    return Image.fromarray((np.clip(picture, 0, 1) * 255).round().astype(np.uint8))


def pixels(drawn: Image.Image) -> np.ndarray:
    """A Pillow image as a picture again."""
    return np.asarray(drawn, np.float32) / 255


def sky() -> np.ndarray:
    """The evening sky (SHORE, WIDTH, 3): glow on the left, and clouds in a flat layer that runs to the horizon."""
    across, up = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(1, 0, SHORE))
    picture = mix(mix(AFTERGLOW, DUSK, across * 1.25), MIDSKY, up * 1.9 - 0.3)
    picture = mix(picture, ZENITH, up * 1.5 - 0.55 + 0.15 * across)
    glow = np.exp(-2.4 * np.hypot(across * 1.1, up - 0.38))
    far = 1 / (up + 0.2)  # where the line of sight meets the layer of clouds; never quite at infinity
    x, z = (across - 0.25) * far * 2.6, far * 2.6
    bend = 0.2 * fractal(x * 0.9, z * 0.9, 5)

    def cover(towards_sun: float) -> np.ndarray:
        shifted_x, shifted_z = x - towards_sun + bend, z + 0.7 * towards_sun - bend
        heaps = fractal(shifted_x * 2.2, shifted_z * 2.6, 7)
        return 0.5 * heaps + 0.75 * fractal(shifted_x * 0.45 + 3, shifted_z * 0.7 + 40, 7)

    density = cover(0)
    lit = 0.5 + 2.0 * (density - cover(0.1)) - 0.35 * across + 0.35 * (1 - up) - 0.3 * np.clip(density, 0, 1)
    clouded = mix(picture, mix(CLOUD_DARK, CLOUD_LIT, lit), (density * 2.2 + 0.55) * (0.55 + 0.5 * np.sqrt(up)))
    return mix(clouded, AFTERGLOW * 1.1, glow * 0.85)


def ground(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Height of the land; below zero is lake."""
    # Noise moves the points before the ridges are read off, so that no ridge runs straight.
    x_bent, z_bent = x + 0.9 * noise(x * 0.4, z * 0.4 + 9), z + 0.9 * noise(x * 0.4 + 31, z * 0.4)
    massif = sum(h * np.exp(-np.sqrt(((x - px) ** 2 + (z - pz) ** 2) / r**2 + 0.05)) for px, pz, h, r in PEAKS)
    massif = massif * (0.42 + 0.43 * fractal(x_bent * 0.42, z_bent * 0.42, 10, ridged=True))
    hills = 0.07 + 0.48 * np.abs(x / z + 0.08) + 0.3 * fractal(x_bent * 0.75 + 5, z_bent * 0.75, 7)
    rise = np.clip((z - 2.0 - 0.25 * noise(x * 1.3, 0.5)) / 2.0, -0.05, 1)
    height = rise * np.maximum(hills * np.exp(-np.maximum(z - 5, 0) / 4), 0.03) + massif * np.clip((z - 3) / 3, 0, 1)
    # Trees are 20 to 30 metres of rough ground on everything low: they give the near hills their ragged outline.
    trees = np.clip(1.5 - height / 0.7, 0, 1) * np.clip(rise * 20, 0, 1)
    return height + 0.022 * trees * (0.5 + np.abs(noise(x * 42, z * 42)) + 0.6 * np.abs(noise(x * 90, z * 90)))


def view(depths: int = 2200) -> tuple[np.ndarray, ...]:
    """What the camera sees of the land: x, z, height, slope to the right, slope away from us, and sun (0 to 1).

    Six fields (SHORE, WIDTH), nan where the sky is seen. Each column is searched for the first ground, going away
    from us, that stands as high in the picture as the pixel.
    """
    z = np.geomspace(1.7, 40, depths, dtype=np.float32)[:, None]
    u = ((np.arange(WIDTH, dtype=np.float32) + 0.5 - WIDTH / 2) / FOCAL)[None]
    height = ground(z * u, z)
    slope_x = np.gradient(height, axis=1) * FOCAL / z
    slope_z = np.gradient(height, axis=0) / np.gradient(z, axis=0) - u * slope_x
    fields = (z * u, z + 0 * u, height, slope_x, slope_z)
    seen = np.full((6, SHORE, WIDTH), np.nan, np.float32)
    levels = SHORE - np.arange(SHORE) - 0.5
    for column in range(WIDTH):
        risen = height[:, column] / z[:, 0] * FOCAL
        first = np.searchsorted(np.maximum.accumulate(risen), levels)
        rows = np.flatnonzero((first < depths) & (first > 0))
        far, near = first[rows], first[rows] - 1
        part = (levels[rows] - risen[near]) / (risen[far] - risen[near])
        for field, target in zip(fields, seen, strict=False):
            target[rows, column] = field[near, column] * (1 - part) + field[far, column] * part
    seen[5] = sunshine(*seen[:3], height, z[:, 0])
    return tuple(seen)


def sunshine(
    x: np.ndarray, z: np.ndarray, height: np.ndarray, land_height: np.ndarray, depths: np.ndarray
) -> np.ndarray:
    """1 where the sun reaches the points seen, 0 where the land (at depths and columns) is in the way, soft between."""
    sun = np.ones_like(x)
    for way in np.geomspace(0.05, 6, 28):
        to_x, to_height, to_z = (np.nan_to_num(at + way * s, nan=1) for at, s in zip((x, height, z), SUN, strict=True))
        row = np.clip(np.searchsorted(depths, to_z), 0, len(depths) - 1)
        column = np.clip(to_x / to_z * FOCAL + WIDTH / 2, 0, WIDTH - 1).astype(np.int32)
        sun = np.minimum(sun, 0.5 + 5 * (to_height - land_height[row, column]) / way)
    return np.clip(sun, 0, 1)


def land(picture: np.ndarray) -> np.ndarray:
    """The sky (SHORE, WIDTH, 3) with the mountains in front: rock, snow, woods, sun, shadow, haze and mist."""
    fields = view()
    there = ~np.isnan(fields[0])
    x, z, height, slope_x, slope_z, sun = (field[there] for field in fields)
    steep = np.hypot(slope_x, slope_z)
    patches = fractal(x * 3, z * 3, 5)
    layers = 0.5 + 0.5 * np.sin(height * 70 + 5 * patches)
    colour = mix(ROCK, SCREE, 0.6 * layers + 0.4 * patches)
    colour = mix(colour, SNOW, (height - 0.95 + 0.35 * patches - 0.4 * (steep - 0.8)) * 5)
    wood = mix(mix(FOREST, CANOPY, 0.5 + noise(x * 30, z * 30)), MEADOW, fractal(x * 2.2 + 9, z * 2.2, 4) * 3 - 0.5)
    colour = mix(colour, wood, (0.8 - height + 0.3 * patches - 0.12 * steep) * 5)
    facing = (SUN[1] - SUN[0] * slope_x - SUN[2] * slope_z) / np.sqrt(1 + steep**2)
    colour = colour * ((np.clip(facing, 0, 1) * sun)[:, None] * SUNLIGHT + SKYLIGHT * 0.9)
    across = (np.broadcast_to(np.arange(WIDTH), there.shape) / WIDTH)[there]
    haze = mix(mix(AFTERGLOW, DUSK, across * 1.6 + 0.25), MIDSKY, across * 0.75 - 0.1 + height * 0.12)
    thickness = 1 - np.exp(-np.maximum(z - 2, 0) / 6 * np.exp(-height / 3))
    mist = 0.75 * np.exp(-height / 0.15) * np.clip((z - 2.3) / 1.5, 0, 1) * (0.8 + 0.6 * fractal(x * 1.2, z * 1.2, 3))
    result = picture.copy()
    result[there] = mix(colour, haze * 0.92, thickness + mist)
    return result


def house(pen: Pen, lamps: Pen, rng: np.random.Generator, x: float, base: float, size: float) -> None:
    """A gabled house standing on row base, its gable (size wide) towards us and a long side to the left or right.

    Half of the windows are lit: those are painted on the picture and also on the picture of the lamps.
    """
    side, wall, tiles = rng.choice((-1, 1)), WALLS[rng.integers(len(WALLS))], ROOFS[rng.integers(len(ROOFS))]
    length, eaves, roof = size * rng.uniform((0.8, 0.65, 0.45), (1.5, 1.0, 0.7))
    turned = LAST_SUN if side < 0 else SHADE
    half, top, end = size / 2, eaves + roof, size / 2 + length

    def shape(colour: np.ndarray, *corners: tuple[float, float]) -> None:
        pen.polygon([(x + side * across, base - up) for across, up in corners], fill=ink(colour))

    shape(wall * turned, (half, 0), (end, 3), (end, eaves), (half, eaves))
    shape(wall * 0.62, (-half, 0), (half, 0), (half, eaves), (0, top), (-half, eaves))
    shape(tiles * turned * 1.1, (-1, top + 2), (length, top + 2), (end + 2, eaves - 2), (half + 2, eaves - 3))
    shape(tiles * 0.6, (-half - 2, eaves - 4), (0, top - 2), (half + 2, eaves - 4), (0, top + 3))
    for across in np.concatenate([np.arange(-0.3, 0.4, 0.3) * size, np.arange(half + 7, end - 5, 10)]):
        for up in np.arange(5, eaves - 8, 12):
            left, low, lit = x + side * across - 2, base - up, rng.random() < 0.5
            colour = ink(WINDOWS[rng.integers(len(WINDOWS))] if lit else wall * 0.25)
            for target in (pen, lamps)[: 1 + lit]:
                target.rectangle((left, low - 6, left + 4, low), fill=colour)


def church(pen: Pen, lamps: Pen, rng: np.random.Generator, x: float, base: float) -> None:
    """A nave, and the tower with its pointed spire: its left side has the last sun, its right side none."""
    house(pen, lamps, rng, x + 48, base, 58)
    for left, turned in ((x - 19, LAST_SUN), (x, SHADE)):
        eaves, spire = base - 112, ink(ROOFS[1] * turned * 1.1)
        pen.rectangle((left, eaves, left + 19, base), fill=ink(WALLS[3] * turned * 0.9))
        pen.polygon([(left - 2, eaves), (left + 21, eaves), (x, base - 205)], fill=spire)
        for low, high in ((84, 104), (38, 52)):
            for target in (pen, lamps):
                target.rectangle((left + 6, base - high, left + 12, base - low), fill=ink(WINDOWS[1]))
    pen.line((x, base - 200, x, base - 218), fill=ink(ROOFS[2]), width=3)


def conifer(pen: Pen, rng: np.random.Generator, x: float, base: float, height: float) -> None:
    """A spruce: a trunk and, from the top down, boughs that sag, each a row of hanging twigs, brightest at the tip."""
    pen.polygon([(x - height / 90, base), (x, base - height - 4), (x + height / 90, base)], fill=ink(NEEDLES[0]))
    gap = max(2.5, height / 60)
    for drop in np.arange(gap / 2, height * 0.95, gap):
        reach = height * 0.25 * (drop / height) ** 0.85 + 2
        for side in (-1, 1, *rng.uniform(-0.6, 0.6, 2)):
            length = reach * side * rng.uniform(0.55, 1.15)
            sag = abs(length) * rng.uniform(0.2, 0.5)
            for step in np.arange(0, 1, min(0.5, 2.4 / (abs(length) + 1))):
                left, top = x + length * step, base - height + drop + sag * step**1.6 - 0.15 * abs(length) * step
                hang = gap * rng.uniform(0.5, 1.5) * (1.25 - step)
                tone = NEEDLES[int(step * 2.6 + rng.random() * 1.6 + (side < 0) * step * 1.3)]
                pen.line((left, top, left + np.sign(length) * hang * 0.5, top + hang), fill=ink(tone), width=2)


def town(picture: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The picture with the town on the far shore, and the lit windows alone on black (for their streaks)."""
    canvas, night = image(picture), Image.new("RGB", (WIDTH, SHORE))
    pen, lamps = ImageDraw.Draw(canvas), ImageDraw.Draw(night)
    for x in [*rng.uniform(-10, 130, 14), *rng.uniform(800, WIDTH, 60)]:
        conifer(pen, rng, x, SHORE + 1, rng.uniform(22, 62))
    for base, left, right, size in ((SHORE - 66, 330, 600, 24), (SHORE - 38, 220, 720, 28), (SHORE - 8, 130, 800, 32)):
        for x in np.arange(left, right, size * 1.45):
            conifer(pen, rng, x + rng.uniform(-20, 20), base + 2, rng.uniform(25, 65))
            house(pen, lamps, rng, x + rng.uniform(-6, 6), base + rng.uniform(-7, 5), size * rng.uniform(0.75, 1.2))
        if base == SHORE - 38:
            church(pen, lamps, rng, 420, base)
    pen.rectangle((110, SHORE - 7, 850, SHORE), fill=ink(STONE))
    for x in np.arange(125, 840, 47) + rng.uniform(-9, 9, 16):
        pen.line((x, SHORE - 5, x, SHORE - 22), fill=ink(STONE * 0.5), width=2)
        for target in (pen, lamps):
            target.ellipse((x - 3, SHORE - 25, x + 3, SHORE - 19), fill=ink(WINDOWS[2]))
    glow = sum(share * pixels(night.filter(ImageFilter.GaussianBlur(size))) for size, share in ((5, 0.3), (24, 0.4)))
    return pixels(canvas) + glow, pixels(night)


def swell() -> np.ndarray:
    """Height of the waves (HEIGHT, WIDTH), about -1 to 1, small and flat far out and larger towards us."""
    near = np.maximum(np.arange(HEIGHT)[:, None] - SHORE, 0) + 22.0
    return fractal((np.arange(WIDTH)[None] - WIDTH / 2) / near * 2, 17 * np.log(near), 4)


def mirrored(picture: np.ndarray, line: int, waves: np.ndarray) -> np.ndarray:
    """The picture (HEIGHT, WIDTH, channels) upside down below row line, broken by the waves and smeared downwards."""
    rows, columns = np.arange(HEIGHT)[:, None], np.arange(WIDTH)[None]
    below = np.maximum(rows - line, 0)
    shaken = np.clip(columns + waves * (1 + 0.03 * below), 0, WIDTH - 1).astype(np.int32)
    # Near water is seen more from above, so it mirrors more of what is high: rows run faster as they come closer.
    centre = line - 1 - below * (0.92 + 0.0007 * below) + waves * (2 + 0.11 * np.maximum(rows - SHORE, 0))
    smears = np.linspace(-1, 1, 7)[:, None, None] * (2 + 0.03 * below)
    total = sum(picture[np.clip(centre + smear, 0, line - 1).astype(np.int32), shaken] for smear in smears)
    return np.where((rows >= line)[..., None], total / len(smears), 0)


def lake(picture: np.ndarray, night: np.ndarray, waves: np.ndarray) -> np.ndarray:
    """The whole picture (HEIGHT, WIDTH, 3): the land, and the lake that mirrors it, darker, with streaks of light."""
    whole = np.concatenate([picture, np.zeros((HEIGHT - SHORE, WIDTH, 3), np.float32)])
    near, across, waves_here = np.linspace(0, 1, HEIGHT - SHORE)[:, None], np.arange(WIDTH) / WIDTH, waves[SHORE:]
    water = mix(mirrored(whole, SHORE, waves)[SHORE:] * 0.92, DEEP_WATER, 0.08 + 0.36 * near + 0.2 * waves_here)
    breeze = fractal(across * 2.2 + 3, 11 * np.sqrt(near + 0.02), 5) * 2.2 - 0.5 + np.exp(-near * 60)
    ruffled = mix(DUSK, MIDSKY, across) * (0.65 + 0.3 * waves_here[..., None])
    water = mix(water, ruffled, 0.5 * np.clip(breeze + 0.9 * waves_here, 0, 1))
    in_column = pixels(image(night).filter(ImageFilter.GaussianBlur(2))).sum(axis=0)
    shaken = np.clip(np.arange(WIDTH) + waves_here * (3 + 30 * near), 0, WIDTH - 1).astype(np.int32)
    sparkle = 0.075 * np.exp(-near * 3.6) * np.clip(0.2 + 1.6 * waves_here, 0, 1.2)
    whole[SHORE:] = water + in_column[shaken] * sparkle[..., None]
    return whole


def jetty_and_boat(rng: np.random.Generator, line: int) -> np.ndarray:
    """A layer (HEIGHT, WIDTH, RGBA): a jetty that comes from the right, a rowing boat at its end, the water at line."""
    layer = Image.new("RGBA", (WIDTH, HEIGHT))
    pen = ImageDraw.Draw(layer)
    for x in np.arange(880, 1330, 62):
        for behind in (12, 0):
            top = line - 54 - behind - (24 if x == 880 else 0)
            pen.rectangle((x + behind, top, x + behind + 9, line - behind), fill=ink(TIMBER[1]))
            pen.line((x + behind + 1, top, x + behind + 1, line - behind), fill=ink(TIMBER[4]), width=2)
    for x in np.arange(868, 1340, 9):
        tone = TIMBER[3] * rng.uniform(0.6, 1.2)
        pen.polygon([(x, line - 40), (x + 8, line - 40), (x + 22, line - 58), (x + 15, line - 58)], fill=ink(tone))
    pen.rectangle((866, line - 40, 1340, line - 33), fill=ink(TIMBER[0]))
    gunwale = [(636, line - 36), (690, line - 21), (800, line - 20), (850, line - 32)]
    pen.polygon([*gunwale, (800, line - 33), (690, line - 35)], fill=ink(HULL * 0.35))
    for depth in range(5):  # five planks, each lower and darker than the one above
        low = [(x + (743 - x) * 0.045 * depth, y + 5 * depth) for x, y in gunwale]
        pen.polygon([*low, *[(x, y + 6) for x, y in reversed(low)]], fill=ink(HULL * (1.15 - 0.2 * depth)))
    pen.line(gunwale, fill=ink(TIMBER[4] * 1.4), width=4)
    for x in (700, 755):
        pen.line((x, line - 33, x + 14, line - 22), fill=ink(TIMBER[4]), width=7)
    pen.line([(848, line - 32), (862, line - 26), (884, line - 50)], fill=ink(TIMBER[4]), width=2)
    return pixels(layer)


def moor(picture: np.ndarray, layer: np.ndarray, line: int, waves: np.ndarray) -> np.ndarray:
    """Lays a layer (RGBA) that stands in the water at row line on the picture, over its own dark reflection."""
    reflection = mirrored(layer, line, waves)
    colour = reflection[..., :3] / np.maximum(reflection[..., 3:], 1e-3)
    return mix(mix(picture, colour * 0.6, reflection[..., 3] * 0.8), layer[..., :3], layer[..., 3])


def bank(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The near bank: grass and spruces on the right, reeds in the left corner."""
    canvas = image(picture)
    pen = ImageDraw.Draw(canvas)
    columns = np.arange(WIDTH)
    edge = 1030 - 190 * np.clip((columns - 960) / 480, 0, 1) ** 0.7 + 12 * fractal(columns / 90, 0.5, 4)
    edge -= 60 * np.clip(1 - columns / 260, 0, 1)
    pen.polygon([(0, HEIGHT), *zip(columns, edge, strict=True), (WIDTH, HEIGHT)], fill=ink(GRASS[0]))

    def blade(x: float, base: float, tall: float, lean: float, tone: np.ndarray) -> tuple[float, float]:
        bent = [(x + lean * part**2, base - tall * part) for part in (0, 0.35, 0.7, 1)]
        pen.line(bent, fill=ink(tone), width=2 + (tall > 60))
        return bent[-1]

    for x, base, tall in ((1275, 872, 330), (1490, 868, 520), (1385, 890, 650), (1570, 900, 740)):
        conifer(pen, rng, x, base, tall)
    for x, depth in zip(rng.integers(0, WIDTH, 11000), np.sort(rng.random(11000)), strict=True):
        tone = 0.6 + rng.exponential(1.3) + 3 * noise(x / 70, depth * 5)
        blade(x, edge[x] + 220 * depth, rng.uniform(10, 34), rng.normal(0, 8), GRASS[int(np.clip(tone, 0, 5))])
    for x in rng.exponential(110, 170) - 10:
        tip = blade(x, HEIGHT + 10, rng.uniform(90, 260), rng.normal(10, 24), GRASS[rng.integers(0, 6)])
        if rng.random() < 0.4:
            pen.ellipse((tip[0] - 4, tip[1] - 28, tip[0] + 4, tip[1]), fill=ink(RUSH * rng.uniform(0.7, 1.5)))
    return pixels(canvas)


def develop(picture: np.ndarray) -> np.ndarray:
    """Shrinks to the final size, with a camera's contrast (an S curve) and its darker corners."""
    small = pixels(image(picture).resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.LANCZOS))
    y, x = np.linspace(-1, 1, HEIGHT // 2)[:, None], np.linspace(-1, 1, WIDTH // 2)
    curved = small**0.88 - 0.045 * np.sin(2 * np.pi * small)
    return np.clip(curved * (1.06 - 0.1 * (x**2 + y**2))[..., None], 0, 1).astype(np.float32)


def paint(seed: int = 11) -> np.ndarray:
    """The finished content image (512, 768, 3). The seed changes town, trees and grass; land, sky and waves stay."""
    rng = np.random.default_rng(seed)
    waves, line = swell(), 838
    picture = lake(*town(land(sky()), rng), waves)
    return develop(bank(moor(picture, jetty_and_boat(rng, line), line, waves), rng))


if __name__ == "__main__":
    save(paint(), DATA / "content" / "landscape.jpg")

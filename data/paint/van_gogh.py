"""A night in the manner of Van Gogh: lamps of stars in a whirling sky, a mill and a village by a brook, cypresses.

Everything is laid down as bristled strokes. A `Region` says where to paint (mask), which way the brush runs (angle),
how light it is there (tone) and with which colours (ramp); `paint_region` covers it in passes from broad to fine.
Fields have the size of the picture; the paint itself is laid on a canvas FINE times as large and shrunk at the end.
"""

from dataclasses import dataclass

import numpy as np
from canvas import DATA, fractal_noise, light, rgb, save
from PIL import Image, ImageDraw

HEIGHT, WIDTH = 768, 1024
FINE = 2  # canvas pixels per picture pixel: strokes get smooth edges and bristles thinner than a pixel
SPOTS = 1.3  # spots of paint per canvas pixel and direction: no holes in a stroke that runs aslant
STEP = 3.0  # pixels between two points of a stroke's path
Y, X = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)

# Ramps of colours run from dark to light.
SKY = ["#0b0f36", "#1a1f70", "#1b3b9a", "#2160b8", "#2b8cc0", "#52b2c0", "#98d6bd", "#e4ecb8", "#fbe27a", "#fbb91f"]
SKY_ACCENTS = ["#0c1a52", "#5a3fa6", "#16907f", "#c4e2ea"]
LAMP = ["#fbe27a", "#fbc62a", "#f39a17", "#fcc92c", "#fde983", "#fffbe0"]  # from the rim inward
FAR_HILLS = ["#141650", "#1f3288", "#2f58ac", "#4f8fc0", "#9cc8c4"]
NEAR_HILLS = ["#0b1f33", "#12403f", "#1f5f50", "#3f8455", "#8aa860"]
FIELD = ["#1d1b48", "#1f4257", "#35683f", "#858a2c", "#cda22f", "#f0d264"]
CYPRESS = ["#060d14", "#0d2420", "#15402c", "#2f6636", "#85902f"]
LAND_ACCENTS = ["#3d2f86", "#1f6f8c", "#8a4a2c", "#c9b04a"]
WALL = ["#1d2d66", "#35559a", "#5f8fb8", "#a9c4b4"]
ROOFS = [["#3a2036", "#a2502c", "#cf8238"], ["#161c4a", "#2d3f86", "#5474a8"], ["#33301f", "#7a6426", "#c09a3c"]]
WINDOW = ["#f7a91b", "#fdd43a", "#fff2a8"]
CONTOUR = ["#0a1230", "#1a2450"]

# Lights of the sky: x, y, radius of the core in pixels, which way they turn.
STARS = [
    (285, 205, 42, 1),
    (560, 105, 20, -1),
    (640, 330, 23, 1),
    (80, 75, 15, -1),
    (985, 95, 20, 1),
    (455, 345, 12, -1),
    (745, 75, 12, 1),
    (75, 395, 14, 1),
    (955, 350, 15, -1),
]
# Lower left corner of the gable (x, y), its width, depth of the house, height of the wall in widths, roof; far to near.
HOUSES = [
    (418, 592, 26, 34, 0.6, 1),
    (474, 598, 34, 16, 1.8, 0),
    (640, 598, 32, -40, 0.7, 0),
    (536, 600, 30, 36, 0.7, 2),
    (362, 606, 40, 46, 0.6, 0),
    (318, 604, 28, -44, 0.6, 2),
    (700, 612, 42, -38, 0.65, 1),
]
# Cypresses: foot (x, y), top (y), half the breadth; far to near.
CYPRESSES = [
    (222, 612, 545, 13),
    (244, 614, 568, 11),
    (452, 610, 566, 10),
    (594, 612, 572, 10),
    (752, 622, 550, 17),
    (798, 808, 320, 42),
    (885, 808, 110, 64),
]


@dataclass
class Region:
    """One part of the picture: arrays of the picture's size and the colours to paint it with."""

    mask: np.ndarray  # bool: where strokes start and how far they may run
    angle: np.ndarray  # radians, the brush's direction (0: to the right, positive: downward)
    tone: np.ndarray  # 0 to 1, position on the ramp
    ramp: list[str]
    accents: list[str]
    scale: np.ndarray | float = 1.0  # makes strokes larger or smaller


class Painting:
    """The wet canvas: colour and height of the paint, and the hand (random generator) which paints."""

    def __init__(self, ground: str, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        shape = HEIGHT * FINE, WIDTH * FINE
        self.colour = np.broadcast_to(rgb(ground), (*shape, 3)).copy()
        threads = 0.4 * np.sin(np.arange(shape[1]) * 1.9)[None] * np.sin(np.arange(shape[0]) * 1.9)[:, None]
        self.relief = threads.astype(np.float32)

    def wash(self, mask: np.ndarray, colours: np.ndarray) -> None:
        """Thin paint, colours (height, width, 3), inside the mask, so that nothing behind shows through.

        It stays 3 pixels off the border, which belongs to the strokes: theirs is no staircase of pixels.
        """
        wide = np.pad(mask, 3, mode="edge")
        rows, columns = np.nonzero(wide[:-6, 3:-3] & wide[6:, 3:-3] & wide[3:-3, :-6] & wide[3:-3, 6:])
        self.colour.reshape(HEIGHT, FINE, WIDTH, FINE, 3)[rows, :, columns] = colours[rows, columns, None, None]

    def lay(self, *strokes: np.ndarray, batch: int = 48) -> None:
        """Lays n strokes, the later over the earlier. `strokes` are five arrays:

        paths (n, points, 2) of x and y in picture pixels; reach (n,), how many steps of its path each one covers;
        widths (n,) in pixels; first and second (n, 3), the two colours the brush was dipped in.
        """
        strokes = [np.asarray(array, np.float32) for array in strokes]
        for begin in range(0, len(strokes[0]), batch):
            self._lay_batch(*(array[begin : begin + batch] for array in strokes))

    def _lay_batch(
        self, paths: np.ndarray, reach: np.ndarray, widths: np.ndarray, first: np.ndarray, second: np.ndarray
    ) -> None:
        """Lays strokes as a fine grid of paint spots: (strokes, steps along, places across the brush)."""
        rng, n = self.rng, len(paths)
        length = np.linalg.norm(np.diff(paths, axis=1), axis=2).max() * reach.max()
        along = np.linspace(0, 1, int(length * FINE * SPOTS) + 4, dtype=np.float32)
        across = np.linspace(-1, 1, int(widths.max() * FINE * SPOTS) + 4, dtype=np.float32)

        place = along * reach[:, None]
        index = np.minimum(place.astype(int), paths.shape[1] - 2)
        here, there = (np.take_along_axis(paths, (index + step)[..., None], axis=1) for step in (0, 1))
        spine = here + (place - index)[..., None] * (there - here)
        tangent = np.gradient(spine, axis=1)
        tangent /= np.linalg.norm(tangent, axis=2, keepdims=True) + 1e-6
        normal = np.stack([-tangent[..., 1], tangent[..., 0]], axis=2)
        half = widths[:, None] / 2 * np.minimum(1, 0.6 + 3 * along) * (1 - 0.5 * along**2.5)
        spots = spine[:, :, None] + normal[:, :, None] * (half[:, :, None] * across)[..., None]
        column, row = (np.rint(spots[..., axis] * FINE).astype(np.int32) for axis in (0, 1))

        # Each hair of the brush has its own paint and depth, and leaves the canvas at its own place.
        hairs = max(4, int(widths.mean() * FINE / 2.5))
        hair = ((across + 1) / 2 * (hairs - 1e-3)).astype(int)
        groove = rng.random((n, hairs), np.float32)[:, hair]
        dip = 0.5 + rng.normal(0, 0.5, (n, 1)) * across + rng.normal(0, 0.25, (n, hairs))[:, hair]
        dip = np.clip(dip, 0, 1).astype(np.float32)
        begin = 0.06 * across**2 + 0.06 * rng.random((n, hairs))[:, hair]
        end = 1 - 0.08 * across**2 - 0.35 * rng.random((n, hairs))[:, hair] ** 3
        wet = (along[:, None] > begin[:, None]) & (along[:, None] < end[:, None])
        wet &= (column >= 0) & (column < WIDTH * FINE) & (row >= 0) & (row < HEIGHT * FINE)
        stroke, step, side = np.nonzero(wet)
        pixel, groove = row[wet] * (WIDTH * FINE) + column[wet], groove[stroke, side]

        share = dip[stroke, side, None]
        paint = (first[stroke] * (1 - share) + second[stroke] * share) * (0.88 + 0.24 * groove[:, None])
        pickup = 0.06 + 0.3 * along[step, None] ** 2  # the emptier the brush, the more wet paint it takes along
        colour, relief = self.colour.reshape(-1, 3), self.relief.reshape(-1)
        colour[pixel] = paint * (1 - pickup) + colour[pixel] * pickup
        load = rng.uniform(0.6, 1.4, n).astype(np.float32)
        body = 0.8 + 1.4 * groove + 1.8 * np.abs(across[side]) ** 3 + 1.4 * along[step] ** 6
        relief[pixel] = 0.3 * relief[pixel] + load[stroke] * body

    def finish(self) -> np.ndarray:
        """The picture (HEIGHT, WIDTH, 3), lit from the top left."""
        lit = light(self.colour, self.relief, strength=0.55)
        return lit.reshape(HEIGHT, FINE, WIDTH, FINE, 3).mean(axis=(1, 3))


def mix(ramp: list[str], tone: np.ndarray) -> np.ndarray:
    """Colours (n, 3) at positions `tone` (n,), 0 to 1, of a ramp."""
    colours = np.stack([rgb(name) for name in ramp])
    stops = np.linspace(0, 1, len(ramp))
    return np.stack([np.interp(tone, stops, channel) for channel in colours.T], axis=-1).astype(np.float32)


def at(field: np.ndarray | float, points: np.ndarray) -> np.ndarray:
    """The field's values at points (n, 2) of x and y, the border's value outside."""
    column = np.clip(np.rint(points[:, 0]).astype(int), 0, WIDTH - 1)
    row = np.clip(np.rint(points[:, 1]).astype(int), 0, HEIGHT - 1)
    return np.broadcast_to(field, (HEIGHT, WIDTH))[row, column]


def walk(region: Region, start: np.ndarray, steps: np.ndarray, lean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Follows the region's directions, turned by `lean` (n,) radians, from start (n, 2), until the mask ends.

    Returns paths (n, points, 2) and how many steps (n,), at most `steps`, each may be painted.
    """
    path, alive, reach = [start], np.ones(len(start), bool), np.zeros(len(start), int)
    for _ in range(int(steps.max()) + 1):
        angle = at(region.angle, path[-1]) + lean
        path.append(path[-1] + STEP * np.stack([np.cos(angle), np.sin(angle)], axis=1))
        alive &= at(region.mask, path[-1]) & (reach < steps)
        reach += alive
    return np.stack(path, axis=1), reach


def paint_region(painting: Painting, region: Region, passes: list[tuple[float, float, float, float]]) -> None:
    """Covers a region in passes of (width, length, cover, jitter).

    width, length: pixels; cover: layers of paint on average; jitter: how far strokes stray on the ramp, 0 to 1.
    """
    rng = painting.rng
    painting.wash(region.mask, mix(region.ramp, region.tone * 0.7))
    for width, length, cover, jitter in passes:
        rows, columns = np.nonzero(region.mask)
        weight = 1 / np.broadcast_to(region.scale, region.mask.shape)[rows, columns] ** 2
        count = int(cover * weight.sum() / (width * length * 0.7)) + 1
        chosen = rng.choice(len(rows), count, p=weight / weight.sum())
        start = np.stack([columns[chosen], rows[chosen]], axis=1) + rng.random((count, 2))
        scale = at(region.scale, start) * rng.uniform(0.7, 1.25, count)
        steps = scale * length * rng.uniform(0.6, 1.2, count) / STEP
        lean = rng.normal(0, 0.08, count)
        back, reach = walk(region, start, steps / 2, lean + np.pi)
        tail = back[np.arange(count), reach]
        paths, reach = walk(region, tail, steps, lean)
        tone = at(region.tone, start)
        first, second = (mix(region.ramp, tone + rng.normal(0, jitter, count)) for _ in range(2))
        odd = rng.random(count) < 0.07
        first[odd] = mix(region.accents, rng.random(odd.sum()))
        painting.lay(paths, np.maximum(reach, 1.5), scale * width, first, second)


def paint_lines(painting: Painting, lines: list[tuple[float, ...]], width: float, ramp: list[str]) -> None:
    """Single straight strokes, each (x, y, x, y) from one end to the other, a little unsteady."""
    rng, n = painting.rng, len(lines)
    ends = np.array(lines, np.float32).reshape(n, 2, 1, 2)
    part = np.linspace(0, 1, 5, dtype=np.float32)[:, None]
    paths = ends[:, 0] * (1 - part) + ends[:, 1] * part + rng.normal(0, 0.6, (n, 5, 2))
    first, second = mix(ramp, rng.random(n)), mix(ramp, rng.random(n))
    painting.lay(paths, np.full(n, 4), width * rng.uniform(0.8, 1.3, n), first, second)


def inside(polygon: list[tuple[float, float]]) -> np.ndarray:
    """Mask (bool, the picture's size) of a polygon."""
    image = Image.new("1", (WIDTH, HEIGHT))
    ImageDraw.Draw(image).polygon(polygon, fill=1)
    return np.asarray(image)


def sky(rng: np.random.Generator) -> Region:
    """Currents along the level lines of a stream function in which every star is a whirl."""
    stream = Y + 46 * np.sin(X / 150 + Y / 210) + 26 * fractal_noise(rng, HEIGHT, WIDTH, 220, 2)
    glow = np.zeros_like(Y)
    for x, y, radius, turn in STARS:
        distance = np.hypot(X - x, (Y - y) * 1.06) + 1e-3
        stream += turn * 14 * radius * np.exp(-distance / (radius * 2.6))
        rings = 0.5 + 0.5 * np.cos(2 * np.pi * distance / (radius * 0.95))
        near = distance / radius
        halo = np.exp(-((near / 2.7) ** 2)) * (0.72 + 0.22 * rings)
        core = np.clip(1.35 - near, 0, 1) ** 0.5
        glow = np.maximum(glow, np.maximum(halo, core))
    down, across = np.gradient(stream)
    bands = 0.5 + 0.5 * np.sin(stream / 17 + fractal_noise(rng, HEIGHT, WIDTH, 90, 2) * 0.7)
    base = 0.06 + 0.38 * bands**1.3 + 0.05 * fractal_noise(rng, HEIGHT, WIDTH, 160) + 0.1 * (Y / 520) ** 3
    tone = np.clip(base + (1 - base) * glow, 0, 1)
    return Region(np.ones_like(Y, bool), np.arctan2(-across, down), tone, SKY, SKY_ACCENTS, 1 - 0.5 * glow)


def hills(rng: np.random.Generator, ridge: np.ndarray, ramp: list[str]) -> Region:
    """Everything below a ridge (WIDTH,) of heights y, combed along the slope, with a dark contour."""
    depth = Y - ridge
    angle = np.arctan(np.gradient(ridge))[None] * np.exp(-depth / 90) + 0.25 * fractal_noise(rng, HEIGHT, WIDTH, 60, 2)
    tone = 0.42 + 0.36 * np.sin(depth / 6 + X / 60 + fractal_noise(rng, HEIGHT, WIDTH, 80, 2))
    tone = np.where(depth < 5, 0, tone + 0.25 * np.exp(-depth / 30))
    return Region((depth > 0) & (Y < 640), angle, np.clip(tone, 0, 1), ramp, LAND_ACCENTS)


def field(rng: np.random.Generator) -> Region:
    """Furrows of corn which run together at a point on the horizon."""
    x, y = X - 560, Y - 540
    turn = np.arctan2(y, x)
    furrow = np.arcsinh(x / np.maximum(y, 20)) * 26 + 0.9 * fractal_noise(rng, HEIGHT, WIDTH, 120, 2)
    tone = 0.44 + 0.34 * np.sin(furrow) + 0.13 * fractal_noise(rng, HEIGHT, WIDTH, 170, 3)
    angle = turn + 0.12 * fractal_noise(rng, HEIGHT, WIDTH, 70, 2)
    edge = 604 + 8 * np.sin(X / 90) + 5 * np.sin(X / 31)
    return Region(edge < Y, angle, np.clip(tone, 0, 1), FIELD, LAND_ACCENTS, 0.45 + (Y / HEIGHT - 0.78) * 3.2)


def brook(rng: np.random.Generator) -> Region:
    """A brook from the village to the lower left, wider as it comes near; it carries the colours of the sky."""
    near = np.clip((Y - 604) / (HEIGHT - 604), 0, 1)
    middle = 520 - 170 * near**1.4 + 95 * np.sin(near**0.6 * 6.6)
    offset = (X - middle) / (6 + 78 * near**1.3)
    angle = np.arctan2(np.ones_like(Y), np.gradient(middle, axis=0))
    waves = np.cos(offset * 7 + fractal_noise(rng, HEIGHT, WIDTH, 40, 2))
    tone = 0.32 + 0.26 * waves + 0.3 * np.exp(-((offset / 0.3) ** 2))
    return Region((np.abs(offset) < 1) & (Y > 606), angle, np.clip(tone, 0, 1), SKY[:-1], SKY_ACCENTS, 0.5 + 0.6 * near)


def cypress(rng: np.random.Generator, x: float, foot: float, top: float, breadth: float) -> Region:
    """A dark flame from y = foot up to y = top, swaying about x, about 2 * breadth wide."""
    rise = np.clip((foot - Y) / (foot - top), 0, 1)
    middle = x + 0.38 * breadth * np.sin(rise * 7.5) * (1 - rise)
    half = breadth * (1 - rise) ** 0.8 * (1.1 + 0.3 * np.sin(rise * 11 - 0.5)) + 1.5
    offset = (X - middle) / half
    tongues = (Y / breadth + 0.5 * (offset > 0) + 0.35 * fractal_noise(rng, HEIGHT, WIDTH, 80, 2)) % 1
    angle = -np.pi / 2 + 0.3 * offset + 0.4 * np.sin(Y / 30 + offset * 2)
    tone = 0.4 + 0.34 * np.sin(offset * 6 + Y / 33) - 0.26 * offset
    mask = (np.abs(offset) < 0.8 + 0.28 * tongues) & (top < Y) & (foot > Y)
    return Region(mask, angle, np.clip(tone, 0.15, 1), CYPRESS, LAND_ACCENTS, np.clip(breadth / 40, 0.45, 1))


def paint_lamp(painting: Painting, x: float, y: float, radius: float, turn: int) -> None:
    """The core of a star: short thick arcs round (x, y), from the rim to the white-hot middle, laid in this order."""
    rng, n = painting.rng, 44
    painting.wash(np.hypot(X - x, Y - y) < radius, np.broadcast_to(rgb(LAMP[-2]), (HEIGHT, WIDTH, 3)))
    far = np.sqrt(np.linspace(1.15, 0.005, n)) * radius * rng.uniform(0.9, 1.1, n)
    turned = rng.uniform(0, 2 * np.pi, (n, 1)) + turn * np.linspace(0, 1, 16) * rng.uniform(0.7, 1.9, (n, 1))
    paths = np.stack([x + far[:, None] * np.cos(turned), y + far[:, None] * np.sin(turned)], axis=2)
    first, second = (mix(LAMP, 1 - far / radius + rng.normal(0, 0.12, n)) for _ in range(2))
    painting.lay(paths, np.full(n, 15), rng.uniform(0.16, 0.28, n) * radius + 1.5, first, second)


def paint_house(painting: Painting, x: float, foot: float, width: float, depth: float, tall: float, roof: int) -> None:
    """A house with its gable towards us.

    x, foot: the gable's lower left corner, width: its width, tall: its wall's height in widths;
    depth: how far the house runs to the right (negative: to the left); roof: which of ROOFS.
    """
    eaves, ridge, middle, right = foot - tall * width, foot - (tall + 0.55) * width, x + width / 2, x + width
    near = right if depth > 0 else x
    back = near + depth
    gable = [(x, foot), (x, eaves), (middle, ridge), (right, eaves), (right, foot)]
    side = [(near, foot), (near, eaves), (back, eaves), (back, foot)]
    slope = [(near, eaves), (middle, ridge), (middle + depth, ridge), (back, eaves)]
    parts = ((gable, WALL, 0.75, 1.5), (side, WALL, 0.3, 0.1), (slope, ROOFS[roof], 0.55, 0.9 * np.sign(depth)))
    for polygon, ramp, tone, angle in parts:
        part = Region(inside(polygon), np.full_like(Y, angle), np.full_like(Y, tone), ramp, [ramp[0], ramp[-1]])
        paint_region(painting, part, [(5, 16, 2.5, 0.15), (3, 10, 1.2, 0.25)])
    for polygon in (gable, side, slope):
        paint_lines(painting, [(*a, *b) for a, b in zip(polygon, polygon[1:] + polygon[:1], strict=True)], 2.8, CONTOUR)
    panes = [(x + part * width, foot - 0.8 * tall * width) for part in (0.3, 0.7)]
    panes += [(near + part * depth, foot - 0.7 * tall * width) for part in (0.35, 0.7)]
    paint_lines(painting, [(a, b, a, b + 0.3 * width) for a, b in panes], 0.2 * width, WINDOW)


def paint_sails(painting: Painting, x: float, y: float, length: float) -> None:
    """The four sails of a windmill about its hub (x, y): pale canvas, and a dark arm along one side of it."""
    for turned in np.deg2rad([25, 115, 205, 295]):
        down, across = np.sin(turned), np.cos(turned)
        tip, inner = (x + length * across, y + length * down), (x + length / 4 * across, y + length / 4 * down)
        sail = (inner[0] - 4 * down, inner[1] + 4 * across, tip[0] - 4 * down, tip[1] + 4 * across)
        paint_lines(painting, [sail], 8, [WALL[-1], WINDOW[-1]])
        paint_lines(painting, [(x, y, *tip)], 3.5, CONTOUR)


def paint(seed: int = 1889) -> np.ndarray:
    """The whole picture (768, 1024, 3), from the sky forward."""
    painting = Painting("#1a2358", seed)
    rng = painting.rng
    sky_passes = [(20, 100, 2.0, 0.06), (13, 70, 0.8, 0.09), (8, 46, 0.5, 0.12), (4.5, 30, 0.22, 0.16)]
    land_passes = [(12, 54, 2.0, 0.08), (7, 36, 1.0, 0.12), (4, 26, 0.5, 0.16)]
    paint_region(painting, sky(rng), sky_passes)
    for star in STARS:
        paint_lamp(painting, *star)
    x = np.arange(WIDTH)
    far = 500 - 34 * np.sin(x / 120 + 0.6) - 14 * np.sin(x / 47)
    close = 556 - 24 * np.sin(x / 150 + 3.4) - 7 * np.sin(x / 40)
    for region in (hills(rng, far, FAR_HILLS), hills(rng, close, NEAR_HILLS), field(rng), brook(rng)):
        paint_region(painting, region, land_passes)
    for house in HOUSES:
        paint_house(painting, *house)
    paint_sails(painting, 490, 534, 54)
    for tree in CYPRESSES:
        paint_region(painting, cypress(rng, *tree), land_passes)
    return painting.finish()


if __name__ == "__main__":
    save(paint(), DATA / "style" / "van_gogh.jpg")

"""A lily pond in the manner of Monet: water that mirrors willows and an evening sky, pads and blossoms floating on it.

Everything is laid down with one bristle brush, broad marks first and fine ones last, each mark dragging along a
little of the wet paint below it. The broken colour comes from a palette with two axes, value and warmth: neighbouring
marks agree about the value, which keeps the drawing readable, and quarrel about the warmth, which makes it vibrate.
"""

import numpy as np
from canvas import DATA, fractal_noise, light, rgb, save

Palette = list[list[str]]
Brush = tuple[np.ndarray, np.ndarray]  # the two colours on it

HEIGHT, WIDTH = 768, 1024

GROUND = "#8f86a8"
# Rows go from dark to light, columns from cool to warm.
WATER = [
    ["#0b2440", "#0e3340", "#123a33", "#2b1d4a", "#3a1c3f"],
    ["#17406b", "#14595f", "#1f6147", "#44347a", "#5d3360"],
    ["#2f66a6", "#22858a", "#4a8c57", "#6a5bab", "#8f5486"],
    ["#4f8fdc", "#48b3b4", "#8ab66c", "#9280d6", "#cb76a6"],
    ["#86bcf0", "#86d6cb", "#c9d889", "#bea8ee", "#f4a6b0"],
    ["#c6e4f8", "#cbf1df", "#f8f1b4", "#e6d0f7", "#ffcfa8"],
]
PADS = [
    ["#12304f", "#143f3c", "#2a2a5c", "#452a55"],
    ["#1f5f7c", "#257a5b", "#3f7f3f", "#6b4f8f"],
    ["#3f99a5", "#52ab74", "#86ad4c", "#9c7fb5"],
    ["#8accc9", "#9fd39a", "#cfd873", "#e3b3c0"],
]
PETALS = [
    ["#8d5fa8", "#b0487c", "#b8454a", "#b9812f"],
    ["#d79fd6", "#ea7fa5", "#f0876b", "#f0c04a"],
    ["#f7e2f4", "#fcd3d9", "#fdd9b8", "#fbeb9a"],
    ["#ffffff", "#fff4f2", "#fff4de", "#fffbdc"],
]
WILLOW = [
    ["#123047", "#1b4030", "#3a2c50"],
    ["#2a6b66", "#4c7d34", "#7c6a3a"],
    ["#6fb28f", "#b4c74f", "#e6c95e"],
]
STAMENS = ["#f7b21c", "#ffd23f", "#f08a1d"]

# Islands of lily pads: centre x, centre y, half width, half height (as parts of the picture), number of pads.
ISLANDS = [
    (0.33, 0.10, 0.12, 0.022, 34),
    (0.80, 0.16, 0.13, 0.024, 36),
    (0.52, 0.25, 0.09, 0.022, 18),
    (0.17, 0.36, 0.16, 0.045, 42),
    (0.88, 0.44, 0.11, 0.035, 26),
    (0.47, 0.56, 0.13, 0.040, 22),
    (0.10, 0.72, 0.12, 0.045, 20),
    (0.79, 0.79, 0.21, 0.085, 46),
    (0.31, 0.94, 0.17, 0.040, 18),
]


def pixel(x: float, y: float) -> tuple[int, int]:
    """(row, column) of a place, or of the nearest one inside the picture."""
    return min(max(int(y), 0), HEIGHT - 1), min(max(int(x), 0), WIDTH - 1)


def make_bristles(rng: np.random.Generator, count: int = 48) -> np.ndarray:
    """Streaks that a brush leaves: (count, 32 across the mark, 64 along it), mean 0, standard deviation 1."""
    return np.stack([fractal_noise(rng, 32, 64, scale=6, octaves=3, stretch=9) for _ in range(count)])


def make_tooth(rng: np.random.Generator) -> np.ndarray:
    """Linen (HEIGHT, WIDTH), about -1 to 1: threads some 5 pixels apart, uneven in thickness and not quite straight."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    drift_x, drift_y = (1.5 * fractal_noise(rng, HEIGHT, WIDTH, scale=50) for _ in range(2))
    warp = np.sin((x + drift_x) * 2 * np.pi / 4.7) * (0.5 + 0.4 * fractal_noise(rng, HEIGHT, WIDTH, 30, stretch=0.2))
    weft = np.sin((y + drift_y) * 2 * np.pi / 5.3) * (0.5 + 0.4 * fractal_noise(rng, HEIGHT, WIDTH, 6, 2, stretch=6))
    return 0.5 * warp + 0.5 * weft + 0.25 * fractal_noise(rng, HEIGHT, WIDTH, scale=5, octaves=2)


def mix(palette: Palette, value: float, warmth: float) -> np.ndarray:
    """Colour at value (0 dark, 1 light) and warmth (0 cool, 1 warm) of a palette, mixed from its four neighbours."""
    row = np.clip(value, 0, 0.999) * (len(palette) - 1)
    column = np.clip(warmth, 0, 0.999) * (len(palette[0]) - 1)
    r, c, down, right = int(row), int(column), row % 1, column % 1
    upper = rgb(palette[r][c]) * (1 - right) + rgb(palette[r][c + 1]) * right
    lower = rgb(palette[r + 1][c]) * (1 - right) + rgb(palette[r + 1][c + 1]) * right
    return upper * (1 - down) + lower * down


class Easel:
    """The canvas being painted: wet paint, how high it stands, and the brush."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.paint = np.tile(rgb(GROUND), (HEIGHT, WIDTH, 1))
        self.tooth = make_tooth(rng)
        self.relief = 0.5 * self.tooth
        self.bristles = make_bristles(rng)

    def mark(
        self,
        x: float,
        y: float,
        length: float,
        width: float,
        angle: float,
        colours: Brush,
        bend: float = 0.0,
        load: float = 1.0,
        wet: float = 0.2,
        body: float = 1.0,
    ) -> None:
        """One touch of the brush, centred on (x, y), sizes in pixels, angle in radians (0: to the right).

        colours: the two colours on the brush, they part along the bristles. bend: how far the middle bulges, pixels.
        load: amount of paint, below 1 the weave shows through. wet: share of the colour below that is dragged along.
        body: how high the paint stands.
        """
        cos, sin = np.cos(angle), np.sin(angle)
        reach_x = (abs(cos) * length + abs(sin) * width) / 2 + abs(bend * sin) + 1
        reach_y = (abs(sin) * length + abs(cos) * width) / 2 + abs(bend * cos) + 1
        left, right = max(int(x - reach_x), 0), min(int(x + reach_x) + 2, WIDTH)
        top, bottom = max(int(y - reach_y), 0), min(int(y + reach_y) + 2, HEIGHT)
        if left >= right or top >= bottom:
            return
        dx = np.arange(left, right, dtype=np.float32) - x
        dy = np.arange(top, bottom, dtype=np.float32)[:, None] - y
        along = (dx * cos + dy * sin) * (2 / length)
        across = (dy * cos - dx * sin - bend * (1 - along**2)) * (2 / width)
        rows = np.clip((across + 1) * 16, 0, 31).astype(np.intp)
        columns = np.clip((along + 1) * 32, 0, 63).astype(np.intp)
        streaks = self.bristles[self.rng.integers(len(self.bristles))][rows, columns]

        here = (slice(top, bottom), slice(left, right))
        # The brush comes down whole and lifts bristle by bristle: the far end is the shorter and the more ragged one.
        edge = across**4 + along**6 * (1 + 0.5 * along)
        pressed = load - edge + 0.22 * streaks * (1.2 + along) - 0.3 * self.tooth[here] * (2 - load)
        cover = np.clip(pressed * min(1.8, 0.22 * width) * (1.2 - 0.8 * wet), 0, 1) * (np.abs(along) < 1.15)

        share = np.clip(0.5 + 0.45 * streaks, 0, 1)[..., None]
        below = self.paint[pixel(x, y)]
        colour = (1 - wet) * (colours[0] * share + colours[1] * (1 - share)) + wet * below
        self.paint[here] += (colour - self.paint[here]) * cover[..., None]
        # Paint pushed aside stands up along both edges; where it is thin the linen keeps its own relief.
        ridge = body * (0.5 * streaks + 0.8 * across**2) + 0.8 * max(1.3 - load, 0) * self.tooth[here]
        self.relief[here] += (ridge - 0.75 * self.relief[here]) * cover

    def dip(self, palette: Palette, value: float, warmth: float, spread: float = 0.15) -> Brush:
        """Loads the brush with two colours nearly equal in value, apart in warmth by about `spread`."""
        first, second = warmth + self.rng.normal(0, spread, 2)
        return mix(palette, value + 0.03, first), mix(palette, value - 0.03, second)


def mirror_of_sky(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """What the water reflects: value and warmth (HEIGHT, WIDTH), 0 to 1.

    A bright lane of sky winds down the pond between the dark, upright reflections of two willows.
    """
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    y, x = y / HEIGHT, x / WIDTH
    lane = 0.56 + 0.14 * np.sin(5.2 * y + 0.6) - 0.16 * y
    sky = np.exp(-(((x - lane) / (0.17 + 0.10 * y)) ** 2))
    upright = fractal_noise(rng, HEIGHT, WIDTH, scale=220, stretch=0.3)
    flat = fractal_noise(rng, HEIGHT, WIDTH, scale=40, stretch=5)
    value = 0.11 + 0.76 * sky + 0.14 * upright + 0.04 * flat
    glow = np.exp(-(((x - 0.62) / 0.25) ** 2) - ((y - 0.12) / 0.28) ** 2)
    warmth = 0.40 + 0.40 * glow * sky + 0.22 * fractal_noise(rng, HEIGHT, WIDTH, scale=170, stretch=0.7)
    return np.clip(value, 0, 1), np.clip(warmth, 0, 1)


def paint_water(easel: Easel, value: np.ndarray, warmth: np.ndarray) -> None:
    """Water from broad to fine: upright, swaying marks for the mirrored willows, level ones for sky on the ripples."""
    rng = easel.rng
    sway = 0.28 * fractal_noise(rng, HEIGHT, WIDTH, scale=130)
    level = 1.6 * (value - 0.45) + 0.5 * fractal_noise(rng, HEIGHT, WIDTH, scale=90, octaves=3, stretch=1.6)
    # count, length, width, scatter in value and in warmth, load, wet
    passes = [
        (700, 170, 46, 0.05, 0.15, 1.2, 0.2),
        (1700, 100, 25, 0.07, 0.20, 1.0, 0.3),
        (3800, 62, 14, 0.09, 0.24, 0.9, 0.35),
        (5200, 36, 8, 0.11, 0.28, 0.8, 0.3),
    ]
    for count, length, width, value_scatter, warmth_scatter, load, wet in passes:
        for x, y in rng.random((count, 2)) * (WIDTH, HEIGHT):
            here = pixel(x, y)
            is_level = level[here] + rng.normal(0, 0.2) > 0
            size = rng.lognormal(0, 0.35)
            tone = value[here] + rng.normal(0, value_scatter)
            breadth = width * size * rng.uniform(0.6, 1.1)
            angle = (0.35 * sway[here] if is_level else np.pi / 2 + sway[here]) + rng.normal(0, 0.12)
            colours = easel.dip(WATER, tone, warmth[here] + rng.normal(0, warmth_scatter))
            bend, amount = rng.normal(0, 0.07) * length, load * rng.uniform(0.7, 1.2)
            easel.mark(x, y, length * size, breadth, angle, colours, bend=bend, load=amount, wet=wet)


def paint_pad(easel: Easel, x: float, y: float, size: float, value: float) -> None:
    """One lily pad, `size` pixels across: a broken shadow on the water, level touches of leaf, light on the far rim."""
    rng = easel.rng
    warmth, tilt = rng.uniform(0, 0.9), rng.normal(0, 0.08)
    thick = max(4, 0.18 * size)
    for _ in range(3):
        place = x + rng.normal(0, 0.28) * size, y + rng.uniform(0.14, 0.26) * size
        length, width = size * rng.uniform(0.3, 0.6), thick * rng.uniform(0.5, 0.9)
        angle = tilt + rng.normal(0, 0.1)
        shadow = easel.dip(PADS, rng.uniform(0, 0.25), rng.random())
        easel.mark(*place, length, width, angle, shadow, load=0.85, wet=0.4)
    for _ in range(int(rng.integers(5, 10))):
        across, down = rng.uniform(-0.3, 0.3), rng.uniform(-0.13, 0.13)
        length, width = size * rng.uniform(0.25, 0.6), thick * rng.uniform(0.5, 0.95)
        angle = tilt + rng.normal(0, 0.2) + 0.5 * across * np.sign(down)
        leaf = easel.dip(PADS, value - 1.2 * down + rng.normal(0, 0.12), warmth + rng.normal(0, 0.28))
        place, bend, load = (x + across * size, y + down * size), 0.3 * down * size, rng.uniform(0.85, 1.1)
        easel.mark(*place, length, width, angle, leaf, bend=bend, load=load, wet=0.12, body=1.3)
    rim = easel.dip(PADS, min(value + 0.35, 0.98), rng.random())
    side = rng.uniform(-0.15, 0.15) * size
    length = size * rng.uniform(0.35, 0.65)
    easel.mark(x + side, y - 0.13 * size, length, max(3.5, 0.08 * size), tilt, rim, bend=-0.08 * length, load=0.8)


def paint_blossom(easel: Easel, x: float, y: float, size: float) -> None:
    """One water lily, `size` pixels across: petals in a fan, deep outside and light within, gold at the heart."""
    rng = easel.rng
    warmth, open_to = rng.random(), rng.uniform(0.1, 0.9)
    petals = int(rng.integers(3, 6))
    for _ in range(2):
        reflection = easel.dip(PETALS, 0.3, warmth)
        place = x + rng.normal(0, 0.15) * size, y + rng.uniform(0.3, 0.7) * size
        easel.mark(*place, 0.5 * size, 0.25 * size, rng.normal(0, 0.2), reflection, load=0.7, wet=0.55)
    for ring, tone in ((1.0, 0.2), (0.75, 0.55), (0.5, 0.9)):
        for angle in np.linspace(open_to, np.pi - open_to, petals) + rng.normal(0, 0.25, petals):
            reach = 0.34 * size * ring * rng.uniform(0.7, 1.2)
            place = x + reach * np.cos(angle), y - 0.7 * reach * np.sin(angle)
            length, width = size * ring * rng.uniform(0.35, 0.6), max(4, size * rng.uniform(0.17, 0.25))
            petal = easel.dip(PETALS, tone + rng.normal(0, 0.15), warmth, 0.2)
            bend = rng.normal(0, 0.06) * size
            easel.mark(*place, length, width, -angle, petal, bend=bend, load=1.1, wet=0.12, body=2.2)
    for _ in range(int(rng.integers(0, 4))):
        place = x + rng.normal(0, 0.08) * size, y - 0.1 * size + rng.normal(0, 0.05) * size
        gold = rgb(rng.choice(STAMENS))
        easel.mark(*place, 0.22 * size, max(3.5, 0.13 * size), rng.uniform(0, np.pi), (gold, gold), body=2.5)


def paint_islands(easel: Easel, value: np.ndarray) -> list[tuple[float, float, float]]:
    """Islands of pads from far to near, larger and looser as they come closer.

    Returns where blossoms open among them: (x, y, size) in pixels.
    """
    rng = easel.rng
    blossoms = []
    for centre_x, centre_y, half_width, half_height, count in ISLANDS:
        offsets = rng.normal(0, 0.5, (count, 2)) * (half_width * WIDTH, half_height * HEIGHT)
        places = offsets[np.argsort(offsets[:, 1])] + (centre_x * WIDTH, centre_y * HEIGHT)
        for x, y in places:
            near = np.clip(y / HEIGHT, 0.02, 1)
            size = (24 + 100 * near) * rng.uniform(0.6, 1.2)
            paint_pad(easel, x, y, size, 0.64 - 0.25 * value[pixel(x, y)] + rng.normal(0, 0.1))
            if rng.random() < 0.22:
                scale = (13 + 42 * near) * rng.lognormal(0, 0.25)
                blossoms.append((x + rng.normal(0, 0.2) * size, y - 0.1 * size, scale))
    return blossoms


def paint_fronds(easel: Easel) -> None:
    """Willow branches hanging in from above at both sides: dark ones first, then lit ones, leaf by leaf."""
    rng = easel.rng
    roots = np.concatenate([rng.normal(0.06, 0.06, 44), rng.normal(0.97, 0.035, 26)]) * WIDTH
    rng.shuffle(roots)
    for nth, root in enumerate(roots):
        lit = nth / len(roots)
        x, y, lean, end = root, -10.0, rng.normal(0, 0.06), HEIGHT * rng.uniform(0.1, 0.3 + 0.25 * lit)
        warmth = rng.random()
        while y < end:
            length, side = rng.uniform(11, 32), rng.choice((-1, 1))
            tone = 0.1 + 0.75 * lit + rng.normal(0, 0.15)
            width, angle = rng.uniform(3.5, 6.5), np.pi / 2 - lean - side * rng.uniform(0, 0.6)
            leaf = easel.dip(WILLOW, tone, warmth + rng.normal(0, 0.25))
            bend, load = rng.normal(0, 1.5), rng.uniform(0.8, 1.05)
            easel.mark(x + 3 * side, y, length, width, angle, leaf, bend=bend, load=load)
            x, y, lean = x + 0.6 * lean * length, y + 0.6 * length, lean + rng.normal(0, 0.04)


def paint_flecks(easel: Easel, value: np.ndarray, warmth: np.ndarray, count: int = 5000) -> None:
    """Small last touches of light and of opposite temperature; about a quarter of `count`, gathered in drifts."""
    rng = easel.rng
    drifts = fractal_noise(rng, HEIGHT, WIDTH, scale=80, octaves=3, stretch=2.5)
    for x, y in rng.random((count, 2)) * (WIDTH, HEIGHT):
        here = pixel(x, y)
        if drifts[here] < 0.7:
            continue
        colours = easel.dip(WATER, value[here] + rng.normal(0.08, 0.10), 1 - warmth[here] + rng.normal(0, 0.25))
        length, width = rng.uniform(9, 30), rng.uniform(3.5, 7)
        easel.mark(x, y, length, width, rng.normal(0, 0.15), colours, load=0.9, wet=0.3, body=1.4)


def paint(seed: int = 1908) -> np.ndarray:
    """The whole picture, (768, 1024, 3), RGB, 0 to 1."""
    easel = Easel(np.random.default_rng(seed))
    value, warmth = mirror_of_sky(easel.rng)
    paint_water(easel, value, warmth)
    blossoms = paint_islands(easel, value)
    paint_flecks(easel, value, warmth)
    for x, y, size in blossoms:
        paint_blossom(easel, x, y, size)
    paint_fronds(easel)
    return light(easel.paint, easel.relief, strength=0.3)


if __name__ == "__main__":
    save(paint(), DATA / "style" / "monet.jpg")

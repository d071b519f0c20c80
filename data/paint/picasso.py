"""A guitar, a bottle, a newspaper and a watching face, in the manner of Picasso's cubism of 1910 to 1912.

Everything is a Plane: an outline that is light along one side and darkens away from it. The planes are painted back
to front with single bristly strokes, thinning out on the dark side, so that one plane opens into the next (passage).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from canvas import DATA, fractal_noise, light, rgb, save
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 1024, 768
# The canvas with a margin, so that no facet shows its outer edge.
CORNERS = np.array([[-40, -40], [WIDTH + 40, -40], [WIDTH + 40, HEIGHT + 40], [-40, HEIGHT + 40]])
FOCUS = np.array([500.0, 400.0])  # facets are smallest and lightest around this point
AXES = np.array([4.0, 34.0, 62.0, 88.0, 118.0, 148.0])  # degrees; few directions hold the shards together
INK = rgb("#17120e")
EARTHS = {  # name: (lit side, shaded side)
    "bone": (rgb("#f8efd8"), rgb("#9c8a64")),
    "ochre": (rgb("#dfba70"), rgb("#6f4b22")),
    "sand": (rgb("#d9c49b"), rgb("#67533a")),
    "sienna": (rgb("#bd8250"), rgb("#47291a")),
    "umber": (rgb("#94734b"), rgb("#231a13")),
    "olive": (rgb("#aca574"), rgb("#3b3a25")),
    "slate": (rgb("#b6b7aa"), rgb("#3a3f40")),
    "night": (rgb("#4a4b44"), rgb("#171817")),
    "rose": (rgb("#d3a38c"), rgb("#70403a")),
    "verdigris": (rgb("#93ac9b"), rgb("#27433f")),
    "ink": (INK, INK),
}
# Earths to choose from near the focus, far from it, and for the dabs of a stippled plane.
NEAR = 4 * ["bone", "ochre"] + 3 * ["sand", "slate"] + ["sienna", "sienna", "olive", "umber", "rose"]
FAR = 4 * ["umber", "olive", "slate", "night"] + 2 * ["sienna", "sand"] + ["ochre", "verdigris"]
FLECKS = ["ochre", "slate", "bone", "night", "sienna"]


def heading(angle: float) -> np.ndarray:
    """Unit vector x, y at `angle` degrees; angles run clockwise, as y points down."""
    return np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])


def turned(origin, angle: float, points) -> np.ndarray:
    """Points (n, 2), given along and across an axis leaving `origin` at `angle` degrees, as x, y of the picture."""
    return np.asarray(points, float) @ np.stack([heading(angle), heading(angle + 90)]) + origin


def arc(centre, wide: float, high: float, start: float = 0, stop: float = 360, tilt: float = 0) -> np.ndarray:
    """(40, 2) points of an ellipse of radii `wide`, `high`, from `start` to `stop` degrees, turned by `tilt`."""
    return turned(centre, tilt, heading(np.linspace(start, stop, 40)).T * [wide, high])


def walk(points: np.ndarray, spacing: float = 5) -> np.ndarray:
    """The path through `points` with a point every `spacing` pixels and at every corner, (n, 2)."""
    lengths = np.r_[0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
    stops = np.union1d(np.arange(0, lengths[-1], spacing), lengths)
    return np.stack([np.interp(stops, lengths, axis) for axis in points.T], 1)


def wander(rng: np.random.Generator, count: int, smooth: int) -> np.ndarray:
    """(count,) values that drift around 0, standard deviation about 1: the unsteadiness of a hand."""
    drift = np.convolve(rng.standard_normal(count + smooth), np.ones(smooth) / np.sqrt(smooth), "same")
    return drift[:count]


@dataclass
class Plane:
    """One facet of the picture."""

    outline: np.ndarray  # (n, 2) x, y in pixels
    earth: str
    facing: float  # degrees: the direction in which it darkens
    texture: str = "brush"  # brush, stipple, grain or print
    openness: float = 0.8  # 1: no paint at all is left on the dark side; 0: closed all round
    contour: float = 2.5  # heaviest width of the dark line around it, pixels

    def depth(self, points: np.ndarray) -> np.ndarray:
        """0 on the lit side to 1 on the dark side, at (n, 2) points."""
        across = self.outline @ heading(self.facing)
        return (points @ heading(self.facing) - across.min()) / max(np.ptp(across), 1)

    def edge(self) -> np.ndarray:
        """The outline all the way round and back to its first point, (n, 2), in small steps."""
        return walk(np.vstack([self.outline, self.outline[:1]]))


class Easel:
    """The wet picture, `colour` (HEIGHT, WIDTH, 3), and the thickness of its paint, `relief` (HEIGHT, WIDTH)."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        blotches = fractal_noise(rng, HEIGHT, WIDTH, 120)[..., None]
        self.colour = rgb("#6b5638") * (1 + 0.15 * blotches)
        self.relief = np.zeros((HEIGHT, WIDTH), np.float32)
        self.bristles = np.tanh(fractal_noise(rng, 512, 1024, 4, 3, stretch=14))

    def stroke(self, at, angle: float, length: float, width: float, colour, opacity=0.9, mask=None) -> None:
        """Lays one stroke of the brush, centred `at` x, y, along `angle` degrees, inside `mask` if there is one.

        Lengths are in pixels; `colour` is (3,) RGB; `mask` is (HEIGHT, WIDTH), 0 where no paint may go.
        """
        (cos, sin), (x, y) = heading(angle), at
        reach_x = (abs(cos) * length + abs(sin) * width) / 2 + 1
        reach_y = (abs(sin) * length + abs(cos) * width) / 2 + 1
        columns = np.arange(max(0, int(x - reach_x)), min(WIDTH, int(x + reach_x) + 2))
        rows = np.arange(max(0, int(y - reach_y)), min(HEIGHT, int(y + reach_y) + 2))[:, None]
        if not (columns.size and rows.size):
            return
        along, across = (columns - x) * cos + (rows - y) * sin, (rows - y) * cos - (columns - x) * sin
        row, column = self.rng.integers(512), self.rng.integers(1024)
        hairs = self.bristles[(across * 1.6 + row).astype(int) % 512, (along + column).astype(int) % 1024]
        ragged = length / 2 + 0.12 * length * hairs
        cover = np.clip(width / 2 + 0.5 - np.abs(across), 0, 1) * np.clip((ragged - np.abs(along)) / 1.5, 0, 1)
        cover *= opacity * np.clip(0.95 + 0.35 * hairs - 0.3 * along / length, 0, 1)
        here = np.s_[rows[0, 0] : rows[-1, 0] + 1, columns[0] : columns[-1] + 1]
        if mask is not None:
            cover *= mask[here]
        self.colour[here] += cover[..., None] * (colour * (1 + 0.09 * hairs[..., None]) - self.colour[here])
        rim = np.abs(across) / width  # paint is pushed to the sides of the brush
        self.relief[here] += cover * (0.55 * hairs + 1.2 * rim + 0.3 - self.relief[here])

    def line(self, points, weights: float | list[float] | np.ndarray, colour=INK, opacity=0.85) -> None:
        """Draws a line through (n, 2) points, `weights` pixels wide at even steps; it swells and at times breaks."""
        path, weights = walk(np.asarray(points, float)), np.atleast_1d(weights)
        widths = np.interp(np.linspace(0, 1, len(path)), np.linspace(0, 1, len(weights)), weights)
        moves = zip(path, np.gradient(path, axis=0), widths, wander(self.rng, len(path), 9), strict=True)
        for at, step, width, push in moves:
            if width * (1 + 0.4 * push) > 0.6 and push > -1.7:
                angle, length = np.rad2deg(np.arctan2(*step[::-1])), np.hypot(*step) + max(2 * width, 4)
                self.stroke(at, angle, length, width * (1 + 0.4 * push), colour, opacity)

    def coat(self, plane: Plane, mask: np.ndarray, angle: float, brush, apart, lift: float = 0) -> None:
        """Fills the plane with rows of strokes along `angle`; `brush` and `apart` are (along, across) in pixels.

        The strokes go from the lit colour to the dark one and thin out there; `lift` makes them lighter or darker.
        """
        low, high = plane.outline.min(0), plane.outline.max(0)
        reach = np.hypot(*(high - low)) / 2
        grid = np.stack(np.meshgrid(*(np.arange(-reach, reach, gap) for gap in apart)), -1)
        grid += [apart[0], 0] * self.rng.random((len(grid), 1, 1)) + self.rng.normal(0, 0.14, grid.shape) * apart
        places = self.rng.permutation(turned((low + high) / 2, angle, grid.reshape(-1, 2)))
        column, row = np.clip(places.round().astype(int), 0, [WIDTH - 1, HEIGHT - 1]).T
        thinning = plane.openness * np.clip(plane.depth(places) - 0.5, 0, 0.5) * 2
        places = places[(mask[row, column] > 0) & (self.rng.random(len(places)) > thinning)]
        lit, dark = EARTHS[plane.earth]
        for at, deep in zip(places, plane.depth(places), strict=True):
            bright = 1.36 + 0.24 * np.exp(-deep / 0.15) - 0.42 * np.hypot(*((at - FOCUS) / [640, 480])) + lift
            colour = lit + np.clip(1.3 * deep + self.rng.normal(0, 0.1), 0, 1) * (dark - lit)
            colour = colour * (bright + self.rng.normal(0, 0.05)) + self.rng.normal(0, 0.012, 3)
            colour = np.clip(colour, 0, EARTHS["bone"][0])  # the whitest paint on the palette
            length, width = np.array(brush) * self.rng.uniform(0.75, 1.25, 2)
            self.stroke(at, angle + self.rng.normal(0, 5), length, width, colour, 0.9, mask)

    def shadow(self, plane: Plane, reach: float) -> None:
        """Darkens what lies just outside the lit side of the plane, up to `reach` pixels away."""
        edge = plane.edge()
        slant = np.rad2deg(np.arctan2(*np.gradient(edge, axis=0).T[::-1]))
        for at, angle in zip(edge, slant, strict=True):
            away = at - plane.outline.mean(0)
            distance = reach * self.rng.random() ** 1.5
            at = at + away / max(np.hypot(*away), 1) * distance
            column, row = np.clip(at.round().astype(int), 0, [WIDTH - 1, HEIGHT - 1])
            if plane.depth(at) < 0.3:
                self.stroke(at, angle, 20, 8, self.colour[row, column] * (0.5 + 0.45 * distance / reach), 0.7)

    def paint(self, *planes: Plane) -> None:
        """Paints planes one over the other: the shadow beside each, its body, its texture and its contour."""
        for plane in planes:
            size = np.sqrt(np.prod(np.ptp(plane.outline, axis=0)))
            self.shadow(plane, reach=min(48, 0.4 * size))
            edge = plane.edge()
            shaken = edge + np.stack([wander(self.rng, len(edge), 5), wander(self.rng, len(edge), 5)], 1)
            mask = Image.new("L", (WIDTH, HEIGHT))
            ImageDraw.Draw(mask).polygon([tuple(point) for point in shaken], fill=255)
            mask = np.asarray(mask, np.float32) / 255
            brush = np.array([np.clip(0.16 * size, 9, 30), np.clip(0.045 * size, 3.5, 8)])
            self.coat(plane, mask, self.rng.choice(AXES) + self.rng.normal(0, 6), brush, brush * [0.5, 0.6])
            if plane.texture == "stipple":
                dab, lift = np.array([2.2, 1]) * self.rng.uniform(3.6, 6.5), self.rng.choice([-0.35, 0.25])
                flecked = replace(plane, earth=self.rng.choice([*FLECKS, *3 * [plane.earth]]))
                self.coat(flecked, mask, self.rng.choice(AXES[[0, 1, 3]]), dab, 1.35 * dab, lift)
            elif plane.texture == "grain":
                self.coat(replace(plane, earth="umber"), mask, plane.facing + 90, (34, 2), (22, 6), -0.5)
            elif plane.texture == "print":
                self.coat(replace(plane, earth="ink"), mask, plane.facing + 90, (8.5, 2.7), (11, 8.5))
            self.line(edge, plane.contour * np.clip(1.25 - 1.5 * plane.depth(edge), 0, 1))


def one_side(outline: np.ndarray, point: np.ndarray, angle: float) -> np.ndarray:
    """The part of the outline that lies on one side of the line through `point` at `angle` degrees."""
    sides = (outline - point) @ heading(angle + 90)
    kept = []
    for i in range(len(outline)):
        if sides[i - 1] * sides[i] < 0:
            kept.append(outline[i] + (outline[i - 1] - outline[i]) * sides[i] / (sides[i] - sides[i - 1]))
        if sides[i] > 0:
            kept.append(outline[i])
    return np.array(kept)


def cut_up(rng: np.random.Generator, outline: np.ndarray, size: Callable[[np.ndarray], float]) -> list[np.ndarray]:
    """The outline cut again and again along the axes, until the pieces are about `size(middle of piece)` pixels."""
    middle, span = (outline.min(0) + outline.max(0)) / 2, np.ptp(outline, axis=0)
    if np.prod(span) < size(middle) ** 2 * rng.lognormal(0, 0.7):
        return [outline]
    at, angle = middle + rng.normal(0, 0.12, 2) * span, rng.choice(AXES) + rng.normal(0, 4)
    halves = [one_side(outline, at, angle), one_side(outline, at, angle + 180)]
    return [piece for half in halves if len(half) > 2 for piece in cut_up(rng, half, size)]


def paint_broken(easel: Easel, plane: Plane, size: float, *earths: str) -> None:
    """Paints the plane in pieces of about `size` pixels that have slipped a little and catch the light differently."""
    for piece in cut_up(easel.rng, plane.outline, lambda middle: size):
        slipped, facing = piece + easel.rng.normal(0, 7, 2), plane.facing + easel.rng.normal(0, 30)
        easel.paint(replace(plane, outline=slipped, earth=easel.rng.choice(earths), facing=facing))


def ground(rng: np.random.Generator) -> list[Plane]:
    """The whole canvas in overlapping facets, the largest first, light near the focus and dark in the corners."""
    pieces = cut_up(rng, CORNERS, lambda middle: 50 + 0.27 * np.hypot(*(middle - FOCUS)))
    planes = []
    for piece in sorted(pieces, key=lambda piece: -np.prod(np.ptp(piece, axis=0))):
        distance = np.hypot(*((piece.mean(0) - FOCUS) / [520, 400]))
        earth = rng.choice(NEAR if rng.random() > distance**1.3 else FAR)
        texture = rng.choice(["brush", "stipple", "grain", "print"], p=[0.5, 0.42, 0.05, 0.03])
        grown = piece.mean(0) + (piece - piece.mean(0)) * rng.uniform(1.05, 1.5)
        facing = rng.choice([60, 30, 100, 150, 200, -30, -100]) + rng.normal(0, 12)
        planes.append(Plane(grown, earth, facing, texture, rng.uniform(0.6, 1), rng.uniform(0.5, 4)))
    return planes


def fan(rng: np.random.Generator, count: int = 6) -> list[Plane]:
    """Shards that open like a hand of cards somewhere near the focus, their hubs sliding along one of the axes."""
    planes = []
    start, axis = FOCUS + rng.normal(0, 1, 2) * [290, 190], rng.choice(AXES)
    for turn in np.linspace(-0.5, 0.5, count):
        long, wide = 125 * rng.lognormal(-0.3, 0.4), 125 * rng.uniform(0.15, 0.6)
        corners = [[0, 0], [long, -0.2 * wide], [long * rng.uniform(0.6, 1), wide], [0.2 * long, 0.7 * wide]]
        lean = axis + 90 + 100 * turn + rng.normal(0, 8)
        shard = turned(start + 220 * turn * heading(axis) + rng.normal(0, 9, 2), lean, corners)
        facing, texture = lean + rng.choice([90, 60, 20, -70]), rng.choice(["brush", "brush", "stipple"])
        planes.append(Plane(shard, rng.choice(NEAR), facing, texture, 0.9, rng.uniform(1, 4)))
    return planes


def table(easel: Easel) -> None:
    """The round table, broken into boards, and its rim."""
    top = Plane(arc((540, 600), 440, 200, -8, 172, tilt=-5), "sienna", -80, "grain", 0.8, 4)
    paint_broken(easel, top, 190, "sienna", "umber", "ochre", "sand")
    easel.line(arc((545, 622), 428, 196, 5, 175, tilt=-5), 4)


def bottle(easel: Easel) -> None:
    """A bottle seen from the side and from above at once: half dark, half light, with its rims as ellipses."""
    base = np.array([205, 560])
    side = np.array([[0, 0], [62, 0], [62, -230], [24, -300], [20, -400], [27, -404], [27, -424], [0, -424]])
    dark, pale = base + side * [-1, 1], base + side + [5, 16]
    paint_broken(easel, Plane(dark, "night", 15, "brush", 0.3, 4), 120, "verdigris", "verdigris", "night")
    paint_broken(easel, Plane(pale, "bone", -170, "stipple", 0.5, 4), 120, "sand", "bone", "bone")
    label = base + np.array([[-48, -190], [40, -176], [40, -80], [-48, -92]])
    easel.paint(Plane(label, "bone", 70, "print", 0.2, 3))
    easel.line(np.add(dark[1:-1], [-8, -4]), [2, 5])
    easel.line(np.add(pale[1:-1], [7, -6]), [5, 2])
    for rise, radius in ((424, 27), (300, 26), (-8, 66)):
        easel.line(arc(base - [0, rise], radius, radius * 0.36), 3)


def face(easel: Easel) -> None:
    """A head in pieces high in the middle: the wedge of a nose, an almond eye, a lowered lid, a mouth."""
    head = np.array([[400, 60], [505, 30], [560, 120], [520, 300], [440, 310]])
    paint_broken(easel, Plane(head, "sand", 40, "stipple", 0.6, 4), 160, "sand", "bone", "ochre")
    easel.paint(Plane(np.array([[492, 96], [540, 250], [470, 262]]), "bone", -10, "brush", 0.3, 4.5))
    easel.paint(Plane(np.array([[492, 96], [470, 262], [448, 240]]), "umber", 160, "brush", 0.7, 2))
    almond = np.vstack([arc((438, 142), 36, 13, 180, 360), arc((438, 142), 36, 9, 0, 180)])
    easel.paint(Plane(almond, "bone", 90, "brush", 0, 4), Plane(arc((442, 140), 8, 9), "night", -60, "brush", 0))
    for x, y, wide, weight in ((438, 132, 48, 4), (548, 168, 34, 4), (550, 190, 24, 3)):
        easel.line(arc((x, y), wide, wide * 0.5, 195, 340), weight)
    easel.line([[462, 286], [492, 280], [530, 284]], [2, 5, 2], EARTHS["rose"][1])


def guitar(easel: Easel) -> None:
    """A guitar leaning up to the right, its halves slipped against each other, with hole, bridge, strings and pegs."""
    origin, tilt = (318, 640), -40
    s = np.linspace(0, 1, 40)  # along the body; two bouts and a waist
    half = 132 * np.sin(np.pi * s) ** 0.55 * (1.1 - 0.28 * s) * (1 - 0.36 * np.exp(-(((s - 0.57) / 0.13) ** 2)))
    upper = turned(origin, tilt, np.stack([330 * s + 34, -half - 6], 1))
    lower = turned(origin, tilt, np.stack([330 * s, half], 1))
    neck = turned(origin, tilt, [[300, -24], [640, -17], [640, 17], [300, 20]])
    head = turned(origin, tilt - 6, [[640, 20], [735, 24], [728, 74], [636, 60]])
    bridge = turned(origin, tilt, [[70, -48], [90, -48], [90, 48], [70, 48]])
    hole = turned(origin, tilt, [[215, -4]])[0]
    paint_broken(easel, Plane(upper, "ochre", 58, "grain", 0.5, 4), 190, "ochre", "sienna", "ochre")
    paint_broken(easel, Plane(lower, "bone", -70, "brush", 0.4, 5), 200, "bone", "bone", "sand")
    paint_broken(easel, Plane(neck, "umber", 50, "brush", 0.3, 4), 150, "umber", "umber", "sienna", "night")
    easel.paint(Plane(head, "sienna", 20))
    easel.paint(Plane(arc(hole, 47, 47), "night", tilt + 60, "brush", 0, 3))
    easel.paint(Plane(arc(np.add(hole, [9, 13]), 47, 47, 10, 185, tilt), "bone", 100, "stipple", 0.3, 3.5))
    easel.paint(Plane(bridge, "umber", 140, "brush", 0, 3))
    for radius in (60, 68):
        easel.line(arc(hole, radius, radius, -200, 20, tilt), 2)
    easel.line(np.add(lower, [16, 22]), [3, 5])
    easel.line(np.add(upper, [-10, -14]), [4, 1])
    for across in np.linspace(-16, 16, 6):
        string = turned(origin, tilt, [[80, across * 1.3], [660, across * 0.8]])
        easel.line(string + 1.6, 1.6)
        easel.line(string, 1.5, EARTHS["bone"][0])
    for along in 300 + 340 * (1 - 0.9 ** np.arange(1, 14)):
        easel.line(turned(origin, tilt, [[along, -20], [along, 18]]), 2)
    for peg in turned(origin, tilt - 6, [[650, 14], [680, 14], [710, 14]]):
        easel.line(arc(peg, 9, 6, tilt=tilt), 3)


def newspaper(easel: Easel) -> None:
    """A newspaper, an advertisement torn from another, and three stencilled letters, each bar one thick line."""
    sheet = np.array([[640, 520], [850, 470], [900, 640], [690, 690]])
    paint_broken(easel, Plane(sheet, "bone", 166, "print", 0.5, 4), 190, "bone", "bone", "sand")
    easel.paint(Plane(np.array([[610, 600], [700, 560], [760, 700], [660, 730]]), "slate", 60, "print", 0.6))
    bars = [[[0, 0], [19, 74]], [[52, 0], [27, 74]], [[74, 2], [74, 30]], [[74, 38], [74, 74]]]
    bars += [[[98, 74], [98, 2]], [[106, 4], [132, 70]], [[140, 74], [140, 2]]]
    for bar in bars:
        easel.line(turned((700, 545), -14, bar), 8, EARTHS["umber"][1], 0.8)


def scaffold(easel: Easel) -> None:
    """Long thin lines along the axes, and some arcs, that run on through the planes and tie them together."""
    for middle in FOCUS + easel.rng.normal(0, 1, (26, 2)) * [230, 170]:
        half = easel.rng.uniform(30, 170)
        easel.line(turned(middle, easel.rng.choice(AXES), [[-half, 0], [half, 0]]), [easel.rng.uniform(1.5, 5), 0.6])
    for middle in FOCUS + easel.rng.normal(0, 1, (12, 2)) * [250, 180]:
        radius, start = easel.rng.uniform(18, 60), easel.rng.uniform(0, 360)
        easel.line(arc(middle, radius, radius, start, start + easel.rng.uniform(60, 170)), 3)


def paint(seed: int = 1911) -> np.ndarray:
    """The picture, (HEIGHT, WIDTH, 3): ground planes, then the things on the table, with shards and lines between."""
    rng = np.random.default_rng(seed)
    easel = Easel(rng)
    easel.paint(*ground(rng))
    table(easel)
    for part in (bottle, face, guitar, newspaper):
        easel.paint(*fan(rng), *fan(rng))
        part(easel)
    easel.paint(*fan(rng, 4), *fan(rng, 4))
    scaffold(easel)
    y, x = np.mgrid[:HEIGHT, :WIDTH]  # linen: threads go over and under each other, 3 pixels apart
    weave = np.sin(x * 2.1) * (np.sin(y * 1.05) > 0) + np.sin(y * 2.1) * (np.sin(x * 1.05) > 0)
    return light(easel.colour, easel.relief + 0.15 * weave, strength=0.4)


if __name__ == "__main__":
    save(paint(), DATA / "style" / "picasso.jpg")

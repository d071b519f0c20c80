"""A storm of shapes in the manner of Kandinsky's compositions.

Everything is paint laid inside an outline: stains first, then sweeps of a broad brush, discs with halos, checkerboards,
bows, triangles and panes of thin colour, and black lines last. Each layer lets some of what lies beneath show through.
Points are complex numbers, in pixels: the real part to the right, the imaginary part down.
"""

from itertools import pairwise

import numpy as np
from canvas import DATA, fractal_noise, light, rgb, save
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 1024, 768
SUPERSAMPLING = 4
HEART = 400 + 335j  # the centre of weight, where the diagonals cross
RISE = np.deg2rad(-36)  # direction of the main diagonal: to the right and up
FAR = 4000  # a brush that turns round a point this far away draws straight lines

CREAM, WHITE, BLACK, NIGHT = rgb("#ecd9b0"), rgb("#fbf3df"), rgb("#15121c"), rgb("#1d1a4e")
VERMILION, ORANGE, ROSE, WINE = rgb("#e0381c"), rgb("#f07a1a"), rgb("#e887a0"), rgb("#8c1f3d")
CADMIUM, LEMON, OCHRE, SAGE = rgb("#f9bd12"), rgb("#f7e35c"), rgb("#c68a32"), rgb("#a9c27e")
ULTRAMARINE, SKY, VIOLET = rgb("#2440b4"), rgb("#6fb2dc"), rgb("#6a3a9c")
EMERALD, TEAL = rgb("#128a5e"), rgb("#0f6f80")

Pair = tuple[np.ndarray, np.ndarray]  # a colour and the one it drifts into within a shape
INK = (BLACK, NIGHT)
WARM = [(VERMILION, ORANGE), (CADMIUM, LEMON), (ROSE, VERMILION), (OCHRE, CADMIUM), (ORANGE, CADMIUM), (WINE, ROSE)]
COOL = [(ULTRAMARINE, SKY), (EMERALD, SAGE), (VIOLET, ULTRAMARINE), (SKY, WHITE), (TEAL, EMERALD), (NIGHT, VIOLET)]
DARK = [(NIGHT, ULTRAMARINE), (BLACK, WINE), (NIGHT, TEAL), (WINE, VIOLET), (BLACK, VIOLET)]


def unit(angle: float | np.ndarray) -> complex | np.ndarray:
    """Step of one pixel in the direction `angle` (radians, clockwise from the right)."""
    return np.exp(1j * angle)


def bezier(*controls: complex) -> np.ndarray:
    """Curve (120 points) from the first control point to the last, drawn towards those between."""
    curve, t = np.array(controls)[:, None], np.linspace(0, 1, 120)
    while len(curve) > 1:
        curve = curve[:-1] * (1 - t) + curve[1:] * t
    return curve[0]


def arc(centre: complex, radius: float, start: float = 0, end: float = 2 * np.pi) -> np.ndarray:
    """Part of a circle, between two angles in radians."""
    return centre + radius * unit(np.linspace(start, end, 12 + int(radius * abs(end - start) / 3)))


def edges(*corners: complex) -> np.ndarray:
    """Closed outline with straight sides, with many points on each so that the hand can waver."""
    return np.linspace(corners, np.roll(corners, -1), 40, endpoint=False).T.ravel()


def waves(rng: np.random.Generator, count: int, finest: float = 13) -> np.ndarray:
    """Smooth wavering along a closed line, (count,), about -1 to 1, in up to `finest` waves."""
    t = np.linspace(0, 2 * np.pi, count)
    counts = [k for k in (1, 2, 3, 5, 8, 13, 21, 34) if k <= max(1, finest)]
    return sum(np.sin(k * t + rng.uniform(0, 2 * np.pi)) / (1 + 0.4 * k) for k in counts) / 1.2


def wobble(rng: np.random.Generator, points: np.ndarray, amount: float) -> np.ndarray:
    """The line as an unsteady hand draws it: each point up to about `amount` pixels off, as are its neighbours."""
    finest = np.abs(np.diff(points)).sum() / 22
    return points + amount * (waves(rng, len(points), finest) + 1j * waves(rng, len(points), finest))


def ribbon(path: np.ndarray, width: np.ndarray | float) -> list[np.ndarray]:
    """A line of varying width, as the four-cornered pieces between its points."""
    side = 1j * np.gradient(path)
    side *= width / 2 / (np.abs(side) + 1e-6)
    left, right = path - side, path + side
    return list(np.stack([left[:-1], left[1:], right[1:], right[:-1]], 1))


def blurred(cover: np.ndarray, radius: float) -> np.ndarray:
    """Gaussian blur of a field between 0 and 1."""
    image = Image.fromarray((cover * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(image, np.float32) / 255


def stencil(outlines: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray] | None:
    """Pixels around some outlines as a complex (height, width), and the share of each within; None if out of sight."""
    points = np.concatenate(outlines)
    left, top = (max(int(part.min()) - 12, 0) for part in (points.real, points.imag))
    right, bottom = min(int(points.real.max()) + 13, WIDTH), min(int(points.imag.max()) + 13, HEIGHT)
    if left >= right or top >= bottom:
        return None
    image = Image.new("L", ((right - left) * SUPERSAMPLING, (bottom - top) * SUPERSAMPLING))
    for outline in outlines:
        corners = (outline - left - 1j * top) * SUPERSAMPLING
        ImageDraw.Draw(image).polygon(list(zip(corners.real, corners.imag, strict=True)), fill=255)
    pixels = np.arange(left, right) + 1j * np.arange(top, bottom)[:, None]
    return pixels, np.asarray(image.reduce(SUPERSAMPLING), np.float32) / 255


class Board:
    """The picture being painted: its colours, how high the paint stands, and the brushes that lay more."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.picture = np.broadcast_to(CREAM, (HEIGHT, WIDTH, 3)).astype(np.float32)
        self.relief = np.zeros((HEIGHT, WIDTH), np.float32)
        hairs = 0.85 * fractal_noise(rng, HEIGHT, WIDTH, 3, octaves=1, stretch=30)
        hairs += 0.6 * fractal_noise(rng, HEIGHT, WIDTH, 15, octaves=2, stretch=9)
        self.bristles = np.pad(hairs, ((0, HEIGHT), (0, WIDTH)), "symmetric")  # repeats without a seam
        self.blooms = fractal_noise(rng, 2 * HEIGHT, 2 * WIDTH, 110, octaves=6)

    def grooves(self, arms: np.ndarray) -> np.ndarray:
        """Marks of bristles at pixels that lie at `arms` from the point round which the brush turned."""
        high, wide = self.bristles.shape
        radius = np.abs(arms)
        row, part = np.divmod(radius + self.rng.uniform(0, high), 1)
        column = np.abs(np.angle(arms)) * radius.mean() + self.rng.uniform(0, wide)
        row, column = row.astype(int) % high, column.astype(int) % wide
        return self.bristles[row, column] * (1 - part) + self.bristles[(row + 1) % high, column] * part

    def lay(
        self,
        outlines: list[np.ndarray],
        colours: Pair,
        body: float,
        pivot: complex | None = None,
        ragged: float = 0.0,
        dry: float = 0.1,
        rim: float = 0.4,
    ) -> None:
        """Paints the inside of `outlines`, drifting from one colour into the other.

        body: 1 hides what is beneath, 0 is a stain through which everything shows.
        pivot: the point round which the brush turned; by default far away, in a random direction.
        ragged: how far the edge follows the bristles. dry: how much the brush leaves out. rim: darkness of the border.
        """
        found = stencil(outlines)
        if found is None:
            return
        pixels, cover = found
        (height, width), (left, top) = cover.shape, (int(pixels[0, 0].real), int(pixels[0, 0].imag))
        pivot = pixels.mean() + FAR * unit(self.rng.uniform(0, 2 * np.pi)) if pivot is None else pivot
        grooves = self.grooves(pixels - pivot)
        y, x = self.rng.integers(0, (HEIGHT, WIDTH))
        bloom = self.blooms[y : y + height, x : x + width]

        if ragged:
            soft = blurred(cover, 2 + 7 * ragged)
            frayed = soft - 0.5 + ragged * (0.16 * grooves + 0.08 * bloom)
            cover = np.clip(0.5 + frayed * (3 + 8 * ragged), 0, 1) * (soft > 0.02)
        cover = cover * np.clip(2.6 - 2.8 * dry + grooves, 0, 1)
        border = cover * np.clip(1.7 - 1.9 * blurred(cover, 4), 0, 1)
        tidemark = np.exp(-(((bloom - 0.55) / 0.07) ** 2)) + 0.5 * np.exp(-(((bloom + 0.6) / 0.1) ** 2))

        drift = np.clip(0.4 + 0.38 * bloom + 0.16 * grooves, 0, 1)[..., None]
        load = 1 - 0.16 * grooves - 0.08 * bloom + rim * (1.3 * border + 0.6 * tidemark)  # more paint: darker, fuller
        pigment = (colours[0] * (1 - drift) + colours[1] * drift) ** np.clip(load, 0.4, 3)[..., None]
        here = np.s_[top : top + height, left : left + width]
        under = self.picture[here]
        mixed = np.clip(body * pigment + (1 - body) * under * (0.4 + 0.8 * pigment), 0, 1)
        cover *= np.clip(0.93 + 0.1 * bloom, 0.6, 1)
        self.picture[here] = under + cover[..., None] * (mixed - under)
        self.relief[here] = self.relief[here] * (1 - 0.7 * body * cover) + cover * (1 + 0.42 * grooves)

    def ink(self, path: np.ndarray, width: float, colours: Pair = INK) -> None:
        """A line drawn in one movement: it swells and thins, and runs out towards its end."""
        t, chord = np.linspace(0, 1, len(path)), path[-1] - path[0]
        straightness = np.abs(chord) / np.abs(np.diff(path)).sum()
        pressure = 1 + 0.4 * waves(self.rng, len(path), 3 + np.abs(chord) / 60) - 0.47 * (2 * t - 0.7) ** 2
        pressure *= np.minimum(1, 0.3 + 6 * t)
        line = ribbon(wobble(self.rng, path, 1.5), np.maximum(width * pressure, 0.9))
        pivot = path.mean() + 1j * FAR * unit(np.angle(chord))
        self.lay(line, colours, 0.95, pivot, dry=0.4 * straightness**6, rim=0.1)

    def colours(self, place: complex) -> Pair:
        """A pair of colours, warm more often above and to the left of the picture, cool below and to the right."""
        warmth = np.clip(1.05 - (place.real + place.imag) / 1600, 0.2, 0.75)
        pairs = WARM if self.rng.random() < warmth else COOL
        return pairs[self.rng.integers(len(pairs))]


def scattered(rng: np.random.Generator, count: int) -> np.ndarray:
    """Places all over the picture, kept apart: each is the loneliest of twelve candidates."""
    places = np.array([-999j])
    while len(places) <= count:
        candidates = rng.uniform(-20, WIDTH + 20, 12) + 1j * rng.uniform(-20, HEIGHT + 20, 12)
        loneliest = np.abs(candidates[:, None] - places).min(1).argmax()
        places = np.append(places, candidates[loneliest])
    return places[1:]


def gathered(rng: np.random.Generator, count: int, spread: float) -> np.ndarray:
    """Places thick about the heart and rarer further out, `spread` pixels being the standard deviation across."""
    return HEART + 90 + spread * rng.standard_normal(count) + 0.72j * spread * rng.standard_normal(count)


def stain(board: Board, place: complex, size: float, colours: Pair, body: float, dryness: float) -> None:
    """Irregular patch about `size` pixels in radius, drawn out along the rising diagonal."""
    rng = board.rng
    round_patch = (1 + 0.38 * waves(rng, 160)) * unit(np.linspace(0, 2 * np.pi, 160))
    patch = size * (round_patch.real * rng.uniform(1, 2.4) + 1j * round_patch.imag) * unit(RISE + rng.normal(0, 0.35))
    ragged, dry = rng.uniform(0.4, 1), dryness * rng.uniform(0.3, 1)
    board.lay([place + patch], colours, body, ragged=ragged, dry=dry, rim=0.8 - 0.5 * body)


def sweeps(board: Board, count: int, widest: float) -> None:
    """Strokes of a broad brush that swirl about the heart."""
    rng = board.rng
    for place in scattered(rng, count):
        outward = np.angle(place - HEART) + rng.normal(0, 0.5)
        bend, length = rng.uniform(60, 320), rng.uniform(35, 130)
        pivot = place - bend * unit(outward)
        path = arc(pivot, bend, outward - length / bend / 2, outward + length / bend / 2)
        width = rng.uniform(0.3, 1) * widest * (1 + 0.2 * waves(rng, len(path)))
        colours = (WHITE, CREAM) if rng.random() < 0.2 else board.colours(place)
        board.lay(ribbon(path, width), colours, 0.9, pivot, ragged=0.35, dry=rng.uniform(0.3, 0.8), rim=0.2)


def disc(board: Board, centre: complex, radius: float, rings: list[tuple], halo: Pair | None = None) -> None:
    """Circles within circles, each (share of the radius, colours, body), in a glow if `halo` has colours."""
    rng = board.rng
    for share, dry in ((1.55, 0.85), (1.38, 0.6), (1.22, 0.25)) if halo else ():
        board.lay([wobble(rng, arc(centre, radius * share), 4)], halo, 0.75, centre, ragged=0.9, dry=dry, rim=0.1)
    for share, colours, body in rings:
        middle = centre + rng.normal(0, 0.1 * radius * (1 - share)) * unit(rng.uniform(0, 2 * np.pi))
        board.lay([wobble(rng, arc(middle, radius * share), 0.6 + 0.012 * radius)], colours, body, middle)


def checkerboard(board: Board, corners: list[complex], columns: int, rows: int) -> None:
    """Squares, some dark, some coloured, some left open, on a four-cornered field seen askew."""
    a, b, c, d = corners
    board.lay([wobble(board.rng, edges(*corners), 2)], (WHITE, CREAM), 0.8, dry=0.2)
    for row, column in np.ndindex(rows, columns):
        sides = [((column + i) / columns, (row + j) / rows) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))]
        cell = [(a * (1 - u) + b * u) * (1 - v) + (d * (1 - u) + c * u) * v for u, v in sides]
        dark = (row + column) % 2 == 0
        colours = INK if dark and board.rng.random() < 0.6 else board.colours(cell[0])
        if dark or board.rng.random() < 0.45:
            board.lay([wobble(board.rng, edges(*cell), 1.1)], colours, 0.9 if dark else 0.6, rim=0.3)


def bows(board: Board, centre: complex, radii: list[float], start: float, end: float) -> None:
    """Concentric arcs like a rainbow, between two angles in radians, with black lines between some of them."""
    for inner, outer in pairwise(radii):
        path = wobble(board.rng, arc(centre, inner, start + board.rng.normal(0, 0.1), end), 1)
        width = 0.85 * (outer - inner) * (1 + 0.15 * waves(board.rng, len(path)))
        board.lay(ribbon(path, width), board.colours(HEART), 0.85, centre, dry=0.3)
        if board.rng.random() < 0.6:
            board.ink(arc(centre, (inner + outer) / 2, start - 0.1, end + 0.1), 3)


def triangle(board: Board, corners: list[complex], colours: Pair, body: float, line: float) -> None:
    """A triangle whose sides are drawn past its corners in black, `line` pixels wide."""
    board.lay([wobble(board.rng, edges(*corners), 2)], colours, body, rim=0.5)
    for a, b in pairwise([*corners, corners[0]]):
        overshoot = board.rng.uniform(-0.04, 0.12) * (b - a)
        board.ink(np.linspace(a - overshoot, b + overshoot, 60), line)


def veils(board: Board, count: int) -> None:
    """Circles and panes of thin paint about the heart, which change the colour of whatever they cross."""
    rng = board.rng
    for place in gathered(rng, count, 270):
        turn, size = unit(rng.uniform(0, 2 * np.pi)), rng.uniform(25, 90)
        pane = edges(*(place + size * turn * np.array([1.6, 0.2 + 0.7j, -1.5 + 0.2j, -0.5 - 0.7j])))
        outline = wobble(rng, arc(place, size) if rng.random() < 0.6 else pane, 1.5)
        board.lay([outline], board.colours(place), rng.uniform(0.12, 0.45), rim=0.7, dry=rng.uniform(0, 0.3))
        if rng.random() < 0.5:
            board.ink(outline, rng.uniform(1.5, 3.5))


def rays(
    board: Board, tail: complex, tip: complex, count: int, gap: float, gather: float, widths: list[float], accent: Pair
) -> None:
    """Lines side by side, `gap` pixels apart at `tail`; they stay parallel (gather 0) or meet at `tip` (gather 1)."""
    rng, across = board.rng, 1j * unit(np.angle(tip - tail))
    for i, short in enumerate(0.15 + 0.2 * waves(rng, count)):
        shift = across * gap * (i - count / 2 + rng.normal(0, 0.15))
        end = tip + shift * (1 - gather)
        middle = (tail + shift + end) / 2 + across * rng.normal(0, 2 * gap * gather)
        line = bezier(tail + shift, middle, end + (tail - tip) * short)
        board.ink(line, rng.choice(widths), accent if rng.random() < 0.3 else INK)


def trifles(board: Board, places: np.ndarray) -> None:
    """Small things, mostly tiny and a few larger: dots, half moons, bars, wedges, hooks."""
    rng = board.rng
    for place in places:
        size, turn = min(4 + 8 * rng.exponential(), 24), rng.uniform(0, 2 * np.pi)
        colours, along, kind = board.colours(WIDTH + 1j * HEIGHT - place), size * unit(turn), rng.integers(5)
        if kind == 0:
            disc(board, place, size, [(1, INK, 0.9), (0.7, colours, 0.95)], board.colours(place) if size > 19 else None)
        elif kind == 1:
            board.lay([arc(place, size, turn, turn + np.pi)], colours, 0.9, place)
            board.ink(np.linspace(place - 1.4 * along, place + 1.4 * along, 20), 2.6)
        elif kind == 2:
            for start in place + 0.6j * along * np.arange(rng.integers(2, 6)):
                bar = np.linspace(start, start + along * rng.uniform(2, 3.5), 20)
                board.lay(ribbon(wobble(rng, bar, 0.8), size * 0.35), colours, 0.9)
        elif kind == 3:
            triangle(board, list(place + 1.4 * along * unit(np.array([0, 2.4, 3.7]))), colours, 0.85, 2)
        else:
            board.ink(arc(place, size * 1.3, turn, turn + rng.uniform(2, 4.4)), 1.5 + size * 0.2)


def spatter(board: Board, count: int) -> None:
    """Drops flicked from a loaded brush: showers of one colour, a pixel to a few in radius."""
    for place in scattered(board.rng, count):
        shower = board.rng.normal(0, 22, (9, 2)) @ (1, 0.7j) * unit(RISE)
        drops = [wobble(board.rng, arc(place + drop, 0.8 + board.rng.exponential(1.1)), 0.3) for drop in shower]
        board.lay(drops, INK if board.rng.random() < 0.3 else board.colours(WIDTH - place), 0.95, rim=0.2)


def paint(seed: int = 8) -> np.ndarray:
    """Paints the picture: float32 (HEIGHT, WIDTH, 3), RGB in [0, 1]."""
    rng = np.random.default_rng(seed)
    board = Board(rng)
    for place in scattered(rng, 130):
        pale = 0.7 * CREAM + 0.3 * np.array(board.colours(place))
        stain(board, place, rng.uniform(30, 75), tuple(pale), body=0.8, dryness=0.6)
    for place in scattered(rng, 40):
        stain(board, place, rng.choice([25, 45, 70, 120]), board.colours(place), rng.uniform(0.3, 0.85), 0.6)
    sweeps(board, 150, 26)
    for t in np.linspace(-430, 630, 15):
        place = HEART + t * unit(RISE) + 75 * rng.standard_normal(2) @ (1, 1j)
        stain(board, place, rng.uniform(20, 60), DARK[rng.integers(len(DARK))], rng.uniform(0.5, 0.9), 0.7)

    triangle(board, [590 + 715j, 1000 + 650j, 790 + 290j], (ULTRAMARINE, TEAL), 0.45, 5)
    triangle(board, [40 + 480j, 330 + 600j, 150 + 750j], (CADMIUM, ORANGE), 0.6, 4)
    triangle(board, [510 + 80j, 690 + 40j, 650 + 250j], (VERMILION, ROSE), 0.6, 4)
    bows(board, 840 + 190j, [48, 62, 78, 96, 116, 132, 150], 2.6, 5.8)
    bows(board, 250 + 640j, [60, 74, 92, 112, 130], 3.5, 5.8)
    checkerboard(board, [690 + 470j, 840 + 440j, 880 + 580j, 735 + 610j], 6, 5)
    checkerboard(board, [95 + 70j, 215 + 40j, 250 + 130j, 120 + 185j], 5, 5)
    checkerboard(board, [430 + 610j, 580 + 640j, 530 + 720j, 410 + 670j], 7, 4)
    veils(board, 26)

    night = [(1, INK, 0.95), (0.86, (VIOLET, ULTRAMARINE), 0.9), (0.55, (NIGHT, BLACK), 0.8)]
    disc(board, HEART, 112, [*night, (0.36, (VERMILION, ORANGE), 0.95)], (CADMIUM, ROSE))
    disc(board, 482 + 262j, 60, [(1, (SKY, WHITE), 0.35), (0.5, (CADMIUM, ORANGE), 0.7)])
    disc(board, 930 + 380j, 46, [(1, (VERMILION, WINE), 0.9), (0.5, INK, 0.9)], (SKY, WHITE))
    disc(board, 90 + 300j, 38, [(1, (EMERALD, TEAL), 0.9), (0.5, (LEMON, CADMIUM), 0.9)], (ROSE, WHITE))
    disc(board, 600 + 500j, 40, [(1, (CADMIUM, LEMON), 0.9), (0.6, (VIOLET, ROSE), 0.6)], (VERMILION, ORANGE))
    sweeps(board, 50, 13)

    for place in scattered(rng, 20):
        tip, gap = place + rng.uniform(30, 80) * unit(RISE + rng.normal(0, 0.7)), rng.uniform(5, 10)
        rays(board, place, tip, rng.integers(5, 14), gap, 0, [0.3 * gap, 0.5 * gap], board.colours(place))
    rays(board, 40 + 690j, 1000 + 30j, 9, 17, 0.9, [2, 3, 6, 13], (SKY, ULTRAMARINE))
    rays(board, 190 + 120j, 690 + 740j, 4, 14, 0.8, [3, 5, 8], (CADMIUM, LEMON))
    board.ink(bezier(210 + 720j, 420 + 560j, 180 + 260j, 560 + 80j, 700 + 420j, 930 + 480j, 1000 + 250j), 9)
    board.ink(bezier(10 + 420j, 260 + 140j, 330 + 560j, 520 + 470j, 560 + 200j, 760 + 130j), 7)
    board.ink(bezier(300 + 20j, 360 + 160j, 100 + 330j, 40 + 200j, 200 + 120j, 330 + 560j, 90 + 620j), 5)
    board.ink(bezier(540 + 760j, 700 + 500j, 760 + 760j, 860 + 700j, 900 + 540j, 1020 + 560j), 6)
    trifles(board, np.append(scattered(rng, 80), gathered(rng, 60, 210)))
    spatter(board, 60)

    weave = fractal_noise(rng, HEIGHT, WIDTH, 3, 1, stretch=7) + fractal_noise(rng, WIDTH, HEIGHT, 3, 1, stretch=7).T
    return light(board.picture, board.relief + 0.08 * weave, 0.5).astype(np.float32)


if __name__ == "__main__":
    save(paint(), DATA / "style" / "kandinsky.jpg")

"""At which sizes an image is painted, and for how many iterations each."""

# Shares of the iterations in full size, half, a quarter, an eighth. Four at half the size cost as much as one in full.
SHARES = (3, 6, 8, 8)
COARSEST = 100  # pixels on the short side: below, nothing of the content's shapes is left in conv4_2


def plan(short_side: int, steps: int, scales: int = len(SHARES)) -> list[tuple[int, int, int]]:
    """The scales, the coarsest first: (what the sides are divided by, iterations before it, and when it is over).

    short_side: of the smaller of both pictures, in pixels. Every scale has at least one iteration, as far as there are
    some, and the full size is always among them.
    """
    sizes = 1
    while sizes < min(scales, len(SHARES), steps) and short_side / 2**sizes >= COARSEST:
        sizes += 1
    counts = [max(1, round(steps * share / sum(SHARES[:sizes]))) for share in SHARES[:sizes]]
    counts[-1] += steps - sum(counts)
    over, planned = 0, []
    for scale in reversed(range(sizes)):
        planned.append((2**scale, over, over + counts[scale]))
        over += counts[scale]
    return planned

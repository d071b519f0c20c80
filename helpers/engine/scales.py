"""At which sizes an image is painted, and for how many iterations at each."""

# How the iterations are divided among full, half, quarter and eighth size. Four at half size cost one at full size.
SHARES = {"adam": (3, 6, 8, 8), "lbfgs": (5, 5, 6, 4)}
MOST_SCALES = 4
COARSEST = 100  # pixels on the short side; in smaller pictures conv4_2 no longer shows the content's shapes


def plan(
    short_side: int, steps: int, scales: int = MOST_SCALES, optimizer: str = "lbfgs"
) -> list[tuple[int, int, int]]:
    """The scales, coarsest first, each as (divisor of the sides, iterations done before it, iterations done after it).

    short_side: the shortest side of both pictures, in pixels. scales: how many at most. optimizer: whose SHARES.
    Each scale has at least one iteration (unless `steps` is 0), and the last one is always the full size.
    """
    sizes = 1
    while sizes < min(scales, MOST_SCALES, steps) and short_side / 2**sizes >= COARSEST:
        sizes += 1
    shares = SHARES[optimizer][:sizes]
    counts = [max(1, round(steps * share / sum(shares))) for share in shares]
    counts[-1] += steps - sum(counts)
    if counts[-1] < 1 <= steps:  # the others were all rounded up
        counts[counts.index(max(counts))] -= 1 - counts[-1]
        counts[-1] = 1
    done, stages = 0, []
    for scale in reversed(range(sizes)):
        stages.append((2**scale, done, done + counts[scale]))
        done += counts[scale]
    return stages

"""Times and sizes, written for people."""


def duration(seconds: float) -> str:
    """'25 s' or '3 min 20 s'"""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def size_of(memory: float) -> str:
    """A number of bytes as '80 MB' or '1.2 GB'"""
    return f"{memory / 1e9:.1f} GB" if memory >= 1e9 else f"{memory / 1e6:.0f} MB"

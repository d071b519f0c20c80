"""What ends a run from outside: Ctrl-C, a batch system's limit, a closed terminal."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Ended(KeyboardInterrupt):
    """Raised in the main thread where a signal asks the process to end; number is the signal's."""

    def __init__(self, number: int):
        super().__init__()
        self.number = number


def exit_code(reason: KeyboardInterrupt) -> int:
    """The exit code of a process that a KeyboardInterrupt ended: 128 and the signal's number, 130 for Ctrl-C."""
    return 128 + getattr(reason, "number", signal.SIGINT)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Context manager in which SIGTERM and SIGHUP raise Ended, as Ctrl-C raises KeyboardInterrupt, but once only.

    What follows the first of them, often within a moment, must not disturb the saving. A signal that is ignored, as
    nohup has SIGHUP ignored, stays ignored; and in any other than the main thread nothing changes, for Python allows it
    only there.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number and signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.getsignal(number)

    def end(number: int, frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise Ended(number)

    try:
        for number in before:
            signal.signal(number, end)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

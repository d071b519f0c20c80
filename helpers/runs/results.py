"""The files in results/: which name is free for a new result, and which run was cut off."""

import os
import socket
from contextlib import suppress
from itertools import count
from pathlib import Path

from helpers.base import places
from helpers.base.errors import TeachingError
from helpers.base.pictures import in_file_name
from helpers.engine.state_files import load_notes
from helpers.runs.checkpoint import SUFFIX, open_checkpoints, owner
from helpers.runs.settings import Settings


def next_result(settings: Settings, suffix: str = ".png") -> Path:
    """Reserves results/content--style--n.png, with the first n that is free; raises as `reserved` does."""
    content, style = (in_file_name(Path(name).stem) for name in (settings.content, settings.style))
    return reserved(places.RESULTS / f"{content}--{style}", suffix)


def reserved(names: Path, suffix: str) -> Path:
    """The path `names`--n`suffix` with the first n that no file and no run has; an empty checkpoint reserves it.

    Raises TeachingError if nothing can be written there.
    """
    try:
        names.parent.mkdir(parents=True, exist_ok=True)
        for n in count(1):
            path = names.with_name(f"{names.name}--{n}{suffix}")
            with suppress(FileExistsError):
                path.with_suffix(SUFFIX).touch(exist_ok=False)
                if not path.exists():
                    return path
                path.with_suffix(SUFFIX).unlink()
    except OSError as error:
        raise TeachingError(
            f"Nothing can be written into '{names.parent}': {error.strerror}. Free some space, or copy the project "
            "to a folder of yours."
        ) from None


def last_run() -> Path | None:
    """The newest checkpoint in results/ of a run that is no longer going on, or None."""
    # An empty one has just been reserved.
    paths = [path for path in places.RESULTS.glob(f"*{SUFFIX}") if path.stat().st_size and not in_use(path)]
    return max(paths, key=lambda path: path.stat().st_mtime, default=None)


def in_use(path: Path, elsewhere: bool = True) -> bool:
    """Whether a checkpoint belongs to a run that is going on, in this process or in another one of this machine.

    elsewhere: the answer for a run of another machine, which cannot be asked.
    """
    try:
        name = load_notes(path)["owner"]
        host, process, _ = name.split(" ")
        if (host, int(process)) == (socket.gethostname(), os.getpid()):
            return path in open_checkpoints
        return elsewhere if host != socket.gethostname() else owner(int(process)) == name
    except (TeachingError, KeyError, ValueError, AttributeError):
        return False

"""Many pictures: every photograph in every style, one after another, or on the machines of a Dask cluster.

    python3 -m helpers gallery --content photographs/ --style paintings/ --vary style_weight=10,100,1000

What is there already, made from the same files by the same settings, is not made again.
"""

import argparse
import hashlib
import io
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tqdm import tqdm

from helpers.album import Entry, save_page, save_sheet
from helpers.errors import TeachingError
from helpers.images import (
    CONTENTS,
    STYLES,
    SUFFIXES,
    as_png,
    find_picture,
    in_recipe,
    load_image,
    load_recipe,
    write_whole,
)
from helpers.options import Parser, recipe_of, settings
from helpers.places import RESULTS
from helpers.recipe import outcome
from helpers.render import last_iteration, painting


@dataclass(frozen=True, eq=False)
class Task:
    """One picture that is wanted."""

    content: Path
    style: Path
    names: tuple[str, str]  # of these two
    given: argparse.Namespace  # render's settings
    varied: dict[str, str]  # what --vary makes of them here, for example {"style_weight": "10"}
    out: Path

    @property
    def wanted(self) -> dict[str, Any]:
        """The recipe that the picture will carry, as JSON brings it back, except for the outcome."""
        sources = [hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in (self.content, self.style)]
        return json.loads(json.dumps(recipe_of(self.given) | {"sources": sources}))

    @property
    def done(self) -> bool:
        """Whether the picture is there, finished, and made as it is wanted, wherever its two files lie by now."""
        try:
            recipe = load_recipe(self.out)
        except TeachingError:
            return False
        same = all(recipe.get(name) == value for name, value in self.wanted.items() if name not in ("content", "style"))
        return same and recipe.get("iteration") == last_iteration(self.given)

    @property
    def entry(self) -> Entry:
        """Its place in the album."""
        return Entry(self.out, self.content, self.style, self.names, self.varied)

    def __str__(self) -> str:
        return self.out.stem


def paint(given: argparse.Namespace, recipe: dict[str, Any], content: bytes, style: bytes) -> bytes:
    """One picture as the contents of a PNG, which carries its recipe and losses.

    content, style: the contents of the files. Everything comes in and goes out through the arguments and the result,
    so that any machine with this project can do it.
    """
    images = (load_image(io.BytesIO(file), given.size) for file in (content, style))
    for step in painting(given, *images):  # noqa: B007 (the last one is used)
        pass
    return as_png(step.image, recipe | outcome(step))


def tasks(arguments: argparse.Namespace, for_render: Sequence[str]) -> list[Task]:
    """Every combination that is asked for; raises TeachingError for pictures and settings that do not exist."""
    contents, styles = found(arguments.content, CONTENTS), found(arguments.style, STYLES)
    variations = [
        dict(zip((name for name, _ in arguments.vary), values, strict=True))
        for values in itertools.product(*(values for _, values in arguments.vary))
    ]
    made = []
    for (name, content), (manner, style), varied in itertools.product(contents.items(), styles.items(), variations):
        options = [f"--{option.replace('_', '-')}={value}" for option, value in varied.items()]
        given = settings([*for_render, *options, "--", in_recipe(name, content), in_recipe(manner, style)])
        if given.recipe or given.resume or given.out or given.film or given.compare:
            raise TeachingError("A gallery takes no --recipe, --resume, --out, --film or --compare; use --folder.")
        parts = [name, manner, *(f"{option}={value.replace('/', '_')}" for option, value in varied.items())]
        made.append(Task(content, style, (name, manner), given, varied, arguments.folder / f"{'--'.join(parts)}.png"))
    return made


def found(named: Sequence[str], bundled: dict[str, Path]) -> dict[str, Path]:
    """Folders, files and bundled names as pictures by name; raises TeachingError where there are none."""
    paths = []
    for text in named or bundled:
        folder = Path(text).expanduser()
        inside = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []
        if folder.is_dir() and not inside:
            raise TeachingError(f"There is no picture in the folder '{text}' ({', '.join(sorted(SUFFIXES))}).")
        paths += inside or [find_picture(text)]
    known = {path: name for name, path in bundled.items()}
    names = [known.get(path, path.stem) for path in paths]
    return {
        name if names.count(name) == 1 else f"{path.parent.name}_{path.name}": path
        for name, path in zip(names, paths, strict=True)
    }


def here(wanted: Sequence[Task]) -> Iterator[tuple[Task, bytes | Exception]]:
    """Makes the pictures in this process; gives each with the contents of its file, or with what it failed with."""
    for task in wanted:
        try:
            yield task, paint(task.given, task.wanted, task.content.read_bytes(), task.style.read_bytes())
        except Exception as error:  # whatever it is, the others are still to be made
            yield task, error


def on_cluster(wanted: Sequence[Task], address: str) -> Iterator[tuple[Task, bytes | Exception]]:
    """Likewise, on the workers of a Dask scheduler, in the order in which they are finished.

    A worker that is lost has its pictures made by another. Raises TeachingError without a scheduler.
    """
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise TeachingError("--scheduler needs Dask: pip install 'style-transfer-companion[cluster]', here and on all "
                            "workers (in this folder: pip install -e '.[cluster]').") from None  # fmt: skip
    try:
        client = Client(address, timeout=15)
    except (OSError, ValueError) as error:
        raise TeachingError(f"There is no scheduler at '{address}' ({error}); `dask scheduler` starts one.") from None
    with client:
        print(f"{len(client.scheduler_info()['workers'])} workers at {address}", file=sys.stderr)

        @cache
        def sent(path: Path) -> Any:
            # As the result of a task, so that it is made again when the worker that has it is lost.
            return client.submit(bytes, path.read_bytes())

        futures = {
            client.submit(paint, task.given, task.wanted, sent(task.content), sent(task.style), pure=False): task
            for task in wanted
        }
        for future in as_completed(futures):
            task = futures.pop(future)
            if future.cancelled():
                raise TeachingError(f"The scheduler at '{address}' was lost; the same command goes on with the rest.")
            yield task, future.exception() or future.result()
            future.release()


def gallery(wanted: Sequence[Task], results: Iterable[tuple[Task, bytes | Exception]]) -> dict[Task, Exception]:
    """Writes the pictures as they come, tells how far it is, and returns what failed."""
    failed = {}
    with tqdm(results, total=len(wanted), unit="picture", disable=None, dynamic_ncols=True) as progress:
        for task, result in progress:
            try:
                if isinstance(result, Exception):
                    raise result
                write_whole(task.out, result)
                progress.write(str(task.out), file=sys.stdout)
            except Exception as error:
                failed[task] = error
                progress.write(f"{task} failed: {said(error)}", file=sys.stderr)
    return failed


def said(error: Exception) -> str:
    """An error in one line."""
    return str(error) if isinstance(error, TeachingError) else f"{type(error).__name__}: {error}"


def variation(text: str) -> tuple[str, list[str]]:
    """'style_weight=1,10' -> ("style_weight", ["1", "10"])"""
    name, _, values = text.partition("=")
    if not name or not all(values.split(",")):
        raise argparse.ArgumentTypeError(f"write style_weight=1,10,100, not '{text}'")
    return name.strip("-").replace("-", "_"), list(dict.fromkeys(values.split(",")))


def parser() -> Parser:
    """The options of a gallery; all others are render's."""
    options = Parser(
        prog="python3 -m helpers gallery",
        description="Paints every photograph in every style. Pictures that are there already are not made again.",
        epilog="All other options are those of `python3 -m helpers render`, for every picture.",
        allow_abbrev=False,
    )
    add = options.add_argument
    add("--content", nargs="+", default=[], metavar="DIR", help="folders, files or names (default: the bundled ones)")
    add("--style", nargs="+", default=[], metavar="DIR", help="likewise")
    add("--vary", type=variation, action="append", default=[], metavar="NAME=A,B,...",
        help="one of render's options, with several values: a picture for each; can be repeated")  # fmt: skip
    add("--folder", type=Path, default=RESULTS / "gallery", metavar="DIR", help="where it goes (default: %(default)s)")
    add("--scheduler", metavar="ADDRESS", help="of a Dask cluster that does the work, for example tcp://10.0.0.1:8786")
    return options


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns 0, 1 where a picture failed, 2 where the work could not be begun or gone on with."""
    try:
        given, for_render = parser().parse_known_args(arguments)
        wanted = tasks(given, for_render)
        missing = [task for task in wanted if not task.done]
        print(f"{len(wanted)} pictures, {len(wanted) - len(missing)} of them there already", file=sys.stderr)
        code = worked_through(missing, given.scheduler)
        there = [task.entry for task in wanted if task.done]
        if there:
            print(save_sheet(there, given.folder / "sheet.png"))
            print(save_page(there, given.folder / "index.html"))
    except TeachingError as error:
        print(error, file=sys.stderr)
        return 2
    return code


def worked_through(missing: Sequence[Task], scheduler: str | None) -> int:
    """Makes what is missing, as far as that goes, says what is missing still, and returns the command's exit code."""
    try:
        failed = gallery(missing, on_cluster(missing, scheduler) if scheduler else here(missing))
    except KeyboardInterrupt:
        print("Stopped. The same command goes on with what is missing.", file=sys.stderr)
        return 130
    except TeachingError as error:
        print(error, file=sys.stderr)
        return 2
    if failed:
        print(f"{len(failed)} of {len(missing)} pictures failed:", file=sys.stderr)
        for task, error in failed.items():
            print(f"  {task}: {said(error)}", file=sys.stderr)
    return 1 if failed else 0

"""Many pictures: every photograph in every style, one after another, or on the machines of a Dask cluster.

    python3 -m helpers gallery --content photographs/ --style paintings/ --vary style_weight=10,100,1000

What is there already, made from the same files by the same settings, is not made again.
"""

import argparse
import hashlib
import io
import itertools
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from tqdm import tqdm

from helpers.base import places
from helpers.base.errors import TeachingError
from helpers.base.files import write_whole
from helpers.base.parser import Parser
from helpers.base.pictures import CONTENTS, STYLES, SUFFIXES, find_picture, name_in_recipe
from helpers.images import as_png, load_image
from helpers.runs.album import Entry, save_page, save_sheet
from helpers.runs.painting import painting
from helpers.runs.recipe import load_recipe, outcome
from helpers.runs.settings import Settings, add_options, typed_over


@dataclass(frozen=True, eq=False)
class Task:
    """One picture that is wanted."""

    content: Path
    style: Path
    names: tuple[str, str]  # of these two
    settings: Settings
    varied: dict[str, str]  # what --vary makes of them here, for example {"style_weight": "10"}
    out: Path

    @property
    def sources(self) -> list[str]:
        """The two files, told by their contents."""
        return [hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in (self.content, self.style)]

    @property
    def recipe(self) -> dict[str, Any]:
        """The recipe that the picture will carry, except for the outcome."""
        return self.settings.recipe() | {"sources": self.sources}

    @property
    def done(self) -> bool:
        """Whether the picture is there, finished, and made as it is wanted, wherever its two files lie by now."""
        try:
            recipe = load_recipe(self.out)
            made_with = Settings.from_recipe(recipe)
        except TeachingError:
            return False
        same = replace(made_with, content=self.settings.content, style=self.settings.style) == self.settings
        return (
            same and recipe.get("sources") == self.sources and (recipe.get("iteration") == self.settings.last_iteration)
        )

    @property
    def entry(self) -> Entry:
        """Its place in the album."""
        return Entry(self.out, self.content, self.style, self.names, self.varied)

    def __str__(self) -> str:
        return self.out.stem


def paint(settings: Settings, recipe: Mapping[str, Any], content: bytes, style: bytes) -> bytes:
    """One picture as the contents of a PNG, which carries its recipe and losses.

    content, style: the contents of the files. Everything comes in and goes out through the arguments and the result,
    so that any machine with this project can do it.
    """
    images = (load_image(io.BytesIO(file), settings.size) for file in (content, style))
    for step in painting(settings, *images):  # noqa: B007 (the last one is used)
        pass
    return as_png(step.image, {**recipe, **outcome(step)})


def tasks(typed: argparse.Namespace) -> list[Task]:
    """Every combination that is asked for; raises TeachingError for pictures and settings that do not exist."""
    options = {name: value for name, value in vars(typed).items() if name not in ("content", "style")}
    base = typed_over(Settings(), options)
    contents, styles = found(typed.content, CONTENTS), found(typed.style, STYLES)
    variations = [
        dict(zip((name for name, _ in typed.vary), values, strict=True))
        for values in itertools.product(*(values for _, values in typed.vary))
    ]
    wanted = []
    for (name, content), (manner, style), varied in itertools.product(contents.items(), styles.items(), variations):
        names = {"content": name_in_recipe(name, content), "style": name_in_recipe(manner, style)}
        settings = replace(typed_over(base, typed_values(varied)), **names)
        parts = [name, manner, *(f"{option}={value.replace('/', '_')}" for option, value in varied.items())]
        wanted.append(Task(content, style, (name, manner), settings, varied, typed.folder / f"{'--'.join(parts)}.png"))
    return wanted


def typed_values(varied: Mapping[str, str]) -> argparse.Namespace:
    """{"style_weight": "10"} as if it had been typed as an option."""
    options = Parser(prog="python3 -m helpers gallery", add_help=False, allow_abbrev=False)
    add_options(options)
    return options.parse_args([f"--{name.replace('_', '-')}={value}" for name, value in varied.items()])


def found(named: Sequence[str], bundled: Mapping[str, Path]) -> dict[str, Path]:
    """Folders, files and bundled names as pictures by name; raises TeachingError where there are none."""
    paths = []
    for text in named or bundled:
        folder = Path(text).expanduser()
        inside = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []
        if folder.is_dir() and not inside:
            raise TeachingError(f"There is no picture in the folder '{text}' ({', '.join(sorted(SUFFIXES))}).")
        paths += inside or [find_picture(text)]
    return named_apart(list(dict.fromkeys(paths)), {path: name for name, path in bundled.items()})


def named_apart(paths: Sequence[Path], known: Mapping[Path, str]) -> dict[str, Path]:
    """The pictures by name: their known ones, else their stems, with as many folders before as it takes to differ."""
    names = {path: known.get(path, path.stem) for path in paths}
    for parts in itertools.count(2):
        taken = list(names.values())
        alike = [path for path, name in names.items() if taken.count(name) > 1]
        if not alike:
            return {name: path for path, name in names.items()}
        for path in alike:
            names[path] = "_".join(path.resolve().parts[-parts:])


def here(wanted: Sequence[Task]) -> Iterator[tuple[Task, bytes | Exception]]:
    """Makes the pictures in this process; gives each with the contents of its file, or with what it failed with."""
    for task in wanted:
        try:
            yield task, paint(task.settings, task.recipe, task.content.read_bytes(), task.style.read_bytes())
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
            client.submit(paint, task.settings, task.recipe, sent(task.content), sent(task.style), pure=False): task
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
                progress.write(f"{task} failed: {in_one_line(error)}", file=sys.stderr)
    return failed


def in_one_line(error: Exception) -> str:
    """An error in one line."""
    return str(error) if isinstance(error, TeachingError) else f"{type(error).__name__}: {error}"


def variation(text: str) -> tuple[str, list[str]]:
    """'style_weight=1,10' -> ("style_weight", ["1", "10"])"""
    name, _, values = text.partition("=")
    if not name or not all(values.split(",")):
        raise argparse.ArgumentTypeError(f"write style_weight=1,10,100, not '{text}'")
    return name.strip("-").replace("-", "_"), list(dict.fromkeys(values.split(",")))


def parser() -> Parser:
    """The options of a gallery, and of the settings."""
    made = Parser(
        prog="python3 -m helpers gallery",
        description="Paints every photograph in every style. Pictures that are there already are not made again.",
        epilog="All other options are those of `python3 -m helpers render`, for every picture.",
        allow_abbrev=False,
        usage="%(prog)s [--content DIR ...] [--style DIR ...] [--vary NAME=A,B,...] [--folder DIR] [options of render]",
    )
    add = made.add_argument
    add("--content", nargs="+", default=[], metavar="DIR", help="folders, files or names (default: the bundled ones)")
    add("--style", nargs="+", default=[], metavar="DIR", help="likewise")
    add("--vary", type=variation, action="append", default=[], metavar="NAME=A,B,...",
        help="one of render's options, with several values: a picture for each; can be repeated")  # fmt: skip
    add("--folder", type=Path, default=places.RESULTS / "gallery", metavar="DIR",
        help="where it goes (default: %(default)s)")  # fmt: skip
    add("--scheduler", metavar="ADDRESS", help="of a Dask cluster that does the work, for example tcp://10.0.0.1:8786")
    add_options(made, pictures=False)
    return made


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns 0, 1 where a picture failed, 2 where the work could not be begun or gone on with."""
    try:
        typed = parser().parse_args(arguments)
        wanted = tasks(typed)
        missing = [task for task in wanted if not task.done]
        print(f"{len(wanted)} pictures, {len(wanted) - len(missing)} of them there already", file=sys.stderr)
        code = worked_through(missing, typed.scheduler)
        there = [task.entry for task in wanted if task.done]
        if there:
            print(save_sheet(there, typed.folder / "sheet.png"))
            print(save_page(there, typed.folder / "index.html"))
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
            print(f"  {task}: {in_one_line(error)}", file=sys.stderr)
    return 1 if failed else 0

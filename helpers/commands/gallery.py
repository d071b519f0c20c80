"""Many pictures: every photograph in every style, one after another, or on the machines of a Dask cluster.

    python3 -m helpers gallery --content photographs/ --style paintings/ --vary style_weight=10,100,1000

A picture that exists already, made from the same files with the same settings, is not made again.
"""

import argparse
import hashlib
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
from helpers.base.pictures import CONTENTS, STYLES, SUFFIXES, find_picture, in_file_name, name_in_recipe
from helpers.images import as_png
from helpers.runs.album import Entry, save_page, save_sheet
from helpers.runs.judge import judged
from helpers.runs.painting import painting
from helpers.runs.recipe import load_recipe, outcome
from helpers.runs.settings import Settings, add_options, typed_over
from helpers.runs.sources import load_sources, other_files


@dataclass(frozen=True, eq=False)
class Task:
    """One picture to be made."""

    content: Path
    style: Path
    names: tuple[str, str]  # of content and style
    settings: Settings
    varied: dict[str, str]  # this picture's values of the settings in --vary, for example {"style_weight": "10"}
    out: Path

    @property
    def others(self) -> dict[str, Path]:
        """The files of regions, other styles and what is kept, by the names that the settings have for them."""
        return {name: find_picture(name) for name in other_files(self.settings)}

    @property
    def sources(self) -> list[str]:
        """Digests of the contents of the files."""
        files = (self.content, self.style, *self.others.values())
        return [hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in files]

    @property
    def recipe(self) -> dict[str, Any]:
        """The recipe that the picture will carry, except for the outcome."""
        return self.settings.recipe() | {"sources": self.sources}

    @property
    def done(self) -> bool:
        """Whether the picture exists, is finished, and was made with these settings from the same file contents."""
        try:
            recipe = load_recipe(self.out)
            settings = Settings.from_recipe(recipe)
        except TeachingError:
            return False
        same = replace(settings, content=self.settings.content, style=self.settings.style) == self.settings
        return (
            same and recipe.get("sources") == self.sources and (recipe.get("iteration") == self.settings.last_iteration)
        )

    @property
    def entry(self) -> Entry:
        """The picture's entry in the album."""
        return Entry(self.out, self.content, self.style, self.names, self.varied)

    def __str__(self) -> str:
        return self.out.stem


def paint(
    settings: Settings, recipe: Mapping[str, Any], content: bytes, style: bytes, others: Mapping[str, bytes]
) -> bytes:
    """Paints one picture; returns it as the bytes of a PNG, which carries its recipe, losses and judgement.

    content, style: the bytes of the files; others: those of the other files that the settings name, by name. All input
    comes through the arguments, and all output through the result, so that any machine with this project can do it.
    """
    sources = load_sources(settings, content, style, others)
    for step in painting(settings, sources):  # noqa: B007 (the last one is used)
        pass
    return as_png(step.image, {**recipe, **outcome(step, judged(step.image, sources))})


def tasks(typed: argparse.Namespace) -> list[Task]:
    """A task for each combination that was typed; raises TeachingError for pictures and settings that do not exist."""
    options = {name: value for name, value in vars(typed).items() if name not in ("content", "style")}
    base = typed_over(Settings(), options)
    contents, styles = find_pictures(typed.content, CONTENTS), find_pictures(typed.style, STYLES)
    variations = [
        dict(zip((name for name, _ in typed.vary), values, strict=True))
        for values in itertools.product(*(values for _, values in typed.vary))
    ]
    result = []
    for (name, content), (manner, style), varied in itertools.product(contents.items(), styles.items(), variations):
        names = {"content": name_in_recipe(name, content), "style": name_in_recipe(manner, style)}
        settings = replace(typed_over(base, typed_values(varied)), **names)
        for other in other_files(settings):
            find_picture(other)  # raises before anything is painted
        variation = (f"{option}={value.replace('/', '_')}" for option, value in varied.items())
        parts = [in_file_name(name), in_file_name(manner), *variation]
        result.append(Task(content, style, (name, manner), settings, varied, typed.folder / f"{'--'.join(parts)}.png"))
    return result


def typed_values(varied: Mapping[str, str]) -> argparse.Namespace:
    """Parses {"style_weight": "10"} as if it had been typed as an option."""
    options = Parser(prog="python3 -m helpers gallery", add_help=False, allow_abbrev=False)
    add_options(options)
    return options.parse_args([f"--{name.replace('_', '-')}={value}" for name, value in varied.items()])


def find_pictures(named: Sequence[str], bundled: Mapping[str, Path]) -> dict[str, Path]:
    """name -> path of the pictures in folders, files and bundled names; raises TeachingError if there are none."""
    paths = []
    for text in named or bundled:
        folder = Path(text).expanduser()
        inside = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []
        if folder.is_dir() and not inside:
            raise TeachingError(f"There is no picture in the folder '{text}' ({', '.join(sorted(SUFFIXES))}).")
        paths += inside or [find_picture(text)]
    once = {path.resolve(): path for path in paths}  # whichever way a file was named
    return named_apart(list(once.values()), {path: name for name, path in bundled.items()})


def named_apart(paths: Sequence[Path], known: Mapping[Path, str]) -> dict[str, Path]:
    """name -> path: the known name, or else the stem; equal names get parent folders in front until they differ."""
    names = {path: known.get(path, path.stem) for path in paths}
    for parts in itertools.count(2):
        taken = list(names.values())
        alike = [path for path, name in names.items() if taken.count(name) > 1]
        if not alike:
            return {name: path for path, name in names.items()}
        for path in alike:
            names[path] = "_".join(path.resolve().parts[-parts:])


def paint_here(wanted: Sequence[Task]) -> Iterator[tuple[Task, bytes | Exception]]:
    """Paints in this process; yields each task with the bytes of its PNG, or with the exception that it raised."""
    for task in wanted:
        try:
            others = {name: path.read_bytes() for name, path in task.others.items()}
            yield task, paint(task.settings, task.recipe, task.content.read_bytes(), task.style.read_bytes(), others)
        except Exception as error:  # whatever it is, the other pictures still have to be made
            yield task, error


def paint_on_cluster(wanted: Sequence[Task], address: str) -> Iterator[tuple[Task, bytes | Exception]]:
    """Like `here`, but paints on the workers of a Dask scheduler, and yields in the order in which they finish.

    If a worker is lost, another one makes its pictures. Raises TeachingError without Dask or a scheduler.
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
        def remote(path: Path) -> Any:
            # Sent as the result of a task, so that it is made again if the worker that has it is lost.
            return client.submit(bytes, path.read_bytes())

        futures = {}
        for task in wanted:
            files = remote(task.content), remote(task.style), {n: remote(path) for n, path in task.others.items()}
            futures[client.submit(paint, task.settings, task.recipe, *files, pure=False)] = task
        for future in as_completed(futures):
            task = futures.pop(future)
            if future.cancelled():
                raise TeachingError(f"The scheduler at '{address}' was lost; the same command goes on with the rest.")
            yield task, future.exception() or future.result()
            future.release()


def gallery(wanted: Sequence[Task], results: Iterable[tuple[Task, bytes | Exception]]) -> dict[Task, Exception]:
    """Writes the pictures as they come, shows the progress, and returns task -> exception for those that failed."""
    failures = {}
    with tqdm(results, total=len(wanted), unit="picture", disable=None, dynamic_ncols=True) as progress:
        for task, result in progress:
            try:
                if isinstance(result, Exception):
                    raise result
                write_whole(task.out, result)
                progress.write(str(task.out), file=sys.stdout)
            except Exception as error:
                failures[task] = error
                progress.write(f"{task} failed: {in_one_line(error)}", file=sys.stderr)
    return failures


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
    result = Parser(
        prog="python3 -m helpers gallery",
        description="Paints every photograph in every style. Pictures that are there already are not made again.",
        epilog="All other options are those of `python3 -m helpers render`, for every picture.",
        allow_abbrev=False,
        usage="%(prog)s [--content DIR ...] [--style DIR ...] [--vary NAME=A,B,...] [--folder DIR] [options of render]",
    )
    add = result.add_argument
    add("--content", nargs="+", default=[], metavar="DIR", help="folders, files or names (default: the bundled ones)")
    add("--style", nargs="+", default=[], metavar="DIR", help="likewise")
    add("--vary", type=variation, action="append", default=[], metavar="NAME=A,B,...",
        help="one of render's options, with several values: a picture for each; can be repeated")  # fmt: skip
    add("--folder", type=Path, default=places.RESULTS / "gallery", metavar="DIR",
        help="where it goes (default: %(default)s)")  # fmt: skip
    add("--scheduler", metavar="ADDRESS", help="of a Dask cluster that does the work, for example tcp://10.0.0.1:8786")
    add_options(result, pictures=False)
    return result


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code: 0, 1 if a picture failed, 2 after any other error, 130 after Ctrl-C."""
    try:
        typed = parser().parse_args(arguments)
        all_tasks = tasks(typed)
        missing = [task for task in all_tasks if not task.done]
        print(f"{len(all_tasks)} pictures, {len(all_tasks) - len(missing)} of them there already", file=sys.stderr)
        code = work_through(missing, typed.scheduler)
        entries = [task.entry for task in all_tasks if task.done]
        if entries:
            print(save_sheet(entries, typed.folder / "sheet.png"))
            print(save_page(entries, typed.folder / "index.html"))
    except TeachingError as error:
        print(error, file=sys.stderr)
        return 2
    return code


def work_through(missing: Sequence[Task], scheduler: str | None) -> int:
    """Makes the missing pictures as far as possible, prints which ones failed, and returns the command's exit code."""
    try:
        failures = gallery(missing, paint_on_cluster(missing, scheduler) if scheduler else paint_here(missing))
    except KeyboardInterrupt:
        print("Stopped. The same command goes on with what is missing.", file=sys.stderr)
        return 130
    except TeachingError as error:
        print(error, file=sys.stderr)
        return 2
    if failures:
        print(f"{len(failures)} of {len(missing)} pictures failed:", file=sys.stderr)
        for task, error in failures.items():
            print(f"  {task}: {in_one_line(error)}", file=sys.stderr)
    return 1 if failures else 0

"""`python3 -m helpers render`: one picture, from the command line."""

import argparse
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from helpers.base.errors import TeachingError
from helpers.base.parser import Parser
from helpers.base.pictures import CONTENTS, STYLES
from helpers.base.signals import ended_by_signals, exit_code
from helpers.engine.guards import DivergedError
from helpers.images import load_image, save_image
from helpers.runs.checkpoint import SUFFIX, Keeper, Run, load_run
from helpers.runs.film import Film
from helpers.runs.judge import judged, verdict
from helpers.runs.painting import painting
from helpers.runs.recipe import caption, load_recipe, outcome
from helpers.runs.results import in_use, last_run, next_result
from helpers.runs.settings import Settings, add_options, options, typed_over
from helpers.runs.sources import Sources, foreign_files, load_sources
from helpers.transfer import StateDict, Step

LAST = "the last one"  # the run that --resume goes on with if none is named


def parser() -> Parser:
    """The command's options: one for each setting, and those for what is done with the picture."""
    result = Parser(
        prog="python3 -m helpers render",
        description="Paints a photograph in the style of a picture, and saves it with its recipe in results/.",
    )
    add_options(result)
    add = result.add_argument
    add("--every", type=int, default=50, metavar="N",
        help="iterations between two lines of losses and two saves (default: %(default)s)")  # fmt: skip
    add("--out", type=Path, metavar="FILE.png", help="default: results/CONTENT--STYLE--1.png, 2, ...")
    add("--recipe", type=Path, metavar="FILE.png", help="take the settings from a picture made before")
    add("--resume", nargs="?", const=LAST, metavar="FILE.checkpoint",
        help="go on with a run that was cut off, bit for bit (default: --out's, or the last in results/)")  # fmt: skip
    add(
        "--film",
        action="store_true",
        help="also save how it came about, as an animated WebP of 5 MB at most; with --resume, from there on",
    )
    add("--compare", action="store_true", help="also save content, style and result side by side, with the recipe")
    return result


def resolve(typed: argparse.Namespace) -> tuple[Settings, Run | None, Path | None]:
    """Combines what was typed with a recipe or a run that was cut off, if one is named, and with the defaults.

    Returns the settings, the run to resume (or None), and the path of its picture (or None, for a name not yet chosen).
    Raises TeachingError for input that makes no sense.
    """
    if typed.every < 1:
        raise TeachingError(f"--every is a number of iterations from 1 up, not {typed.every}.")
    if typed.out and typed.out.suffix.lower() != ".png":
        raise TeachingError(f"--out names a PNG file, which keeps the recipe too; '{typed.out}' does not end in .png.")
    if typed.recipe and typed.resume:
        raise TeachingError("--recipe and --resume both bring their settings; give one of them.")
    if typed.recipe:
        settings = Settings.from_recipe(load_recipe(typed.recipe))
        check_sources(settings, typed, f"The recipe in '{typed.recipe}'")
        return typed_over(settings, typed), None, typed.out
    if not typed.resume:
        return typed_over(Settings(), typed), None, typed.out
    path = cut_off(typed)
    run = load_run(path)
    check_sources(run.settings, typed, f"The checkpoint '{path}'")
    settings = typed_over(run.settings, typed)
    check_unchanged(run.settings, settings, path)
    return settings, run, path.with_suffix(".png")


def cut_off(typed: argparse.Namespace) -> Path:
    """The checkpoint that --resume means; raises TeachingError if there is none."""
    beside = typed.out and typed.out.with_suffix(SUFFIX)
    if typed.resume != LAST:
        named = Path(typed.resume).with_suffix(SUFFIX)
        if beside and beside.resolve() != named.resolve():
            raise TeachingError(
                f"The run in '{named}' goes on to '{named.with_suffix('.png')}', not to '{typed.out}'; leave out --out."
            )
        return named
    if beside:
        if not beside.exists():
            finished = "; the picture is finished" if typed.out.exists() else ""
            raise TeachingError(f"There is no run to go on with in '{beside}'{finished}. Without --resume one begins.")
        return beside
    path = last_run()
    if path is None:
        raise TeachingError(
            "There is no run to go on with: every run in results/ was finished, or is going on. Without --resume one "
            "begins."
        )
    return path


def check_sources(settings: Settings, typed: argparse.Namespace, where: str) -> None:
    """Raises TeachingError if a recipe or checkpoint, which may come from anybody, names a file that is not bundled.

    Any other file is used only if its path is typed again.
    """
    for name, ours in (("content", CONTENTS), ("style", STYLES), ("network", ("compact", "imagenet"))):
        value = getattr(settings, name)
        if name not in typed and value not in ours:
            how = "type --network FILE as well" if name == "network" else "type both: render CONTENT STYLE ..."
            raise TeachingError(f"{where} names {value!r} as its {name}, which is not one of ours; {how}")
    for name in ("style_share", "region", "keep"):
        if name not in typed:
            alone = replace(Settings(), **{name: getattr(settings, name)})
            if foreign := foreign_files(alone):
                raise TeachingError(
                    f"{where} names {foreign[0]!r} for its {name.replace('_', ' ')}, which is not one of ours; type "
                    f"--{name.replace('_', '-')} as well."
                )


def masks_and_styles(settings: Settings) -> list[str]:
    """The options that name masks and other styles, to be typed again with --resume if one of them is not ours."""
    if not foreign_files(settings):
        return []
    shares = [f"--style-share={name}={share}" for name, share in settings.style_share]
    regions = [f"--region={mask}={style}" for mask, style in settings.region]
    return shares + regions + ([] if settings.keep is None else [f"--keep={settings.keep}"])


def check_unchanged(began_with: Settings, now: Settings, path: Path) -> None:
    """Raises TeachingError for a setting that is not what the run began with.

    Pictures and network are compared later, by their contents, when the run is resumed.
    """
    for name, _ in options():
        before, value = getattr(began_with, name), getattr(now, name)
        if before != value and name not in ("content", "style", "network"):
            raise TeachingError(
                f"--{name.replace('_', '-')} is {value!r}, and the run in '{path}' began with {before!r}. Leave the "
                "option out, or leave out --resume to start another run."
            )


def render(typed: argparse.Namespace) -> list[Path]:
    """Paints with the typed options, and returns the paths of the picture and of the other files that it wrote."""
    settings, run, out = resolve(typed)
    if out and in_use(out.with_suffix(SUFFIX), elsewhere=False):
        raise TeachingError(f"Another run is painting '{out}'. Wait until it has ended, or choose another --out.")
    if run and run.caveat:
        print(run.caveat, file=sys.stderr)
    sources = load_sources(settings)
    film = Film(settings.steps)
    out = paint(settings, sources, out or next_result(settings), run, film if typed.film else None, typed.every)
    paths = [out]
    if typed.film:
        paths.append(film.save(out.with_suffix(".webp"), load_image(out, settings.size)))
    if typed.compare:
        from helpers.plots import comparison, save_figure  # imported late, because Matplotlib takes long

        names = Path(settings.content).stem, Path(settings.style).stem, "result"
        images = dict(zip(names, (sources.content, sources.styles[0], load_image(out, settings.size)), strict=True))
        figure = comparison(images, caption(load_recipe(out)))
        paths.append(save_figure(figure, out.with_name(f"{out.stem}--compare.png")))
    return paths


def paint(settings: Settings, sources: Sources, out: Path, run: Run | None, film: Film | None, every: int) -> Path:
    """Paints to the end, and now and then saves the picture and a checkpoint and prints the losses; returns `out`.

    In the end it also prints what the judge says of the picture, and saves it in the recipe.

    Whatever ends the run early, the picture and the checkpoint are those of the last finished iteration.
    """
    record, recipe, step = run.record if run else [], settings.recipe(), None
    keeper, last = Keeper(out), settings.last_iteration

    def keep(state_dict: StateDict) -> None:
        with warned("If the run were cut off now, it could not be resumed."):
            keeper.keep(state_dict, settings, record)

    def save(step: Step, judgement: Mapping[str, Any] | None = None) -> None:
        save_image(step.image, out, recipe | outcome(step, judgement))

    if not run:
        keep({})
    try:
        steps = painting(settings, sources, run.state_dict if run else None, partial(print, file=sys.stderr))
        for step in tqdm(steps, initial=len(record), total=last, unit="it", disable=None, dynamic_ncols=True):
            record.append(step.noted)
            if film:
                film.add(step)
            if step.iteration == last:
                tqdm.write(str(step), file=sys.stdout)
            elif step.iteration % every == 0:
                tqdm.write(str(step), file=sys.stdout)
                with warned("The run goes on."):
                    save(step)
                keep(step.state_dict())
            elif keeper.due:
                keep(step.state_dict())
        # A run that was cut off after its last iteration has none left, but its picture still has to be saved.
        finished = step or replace(record[-1], image=run.state_dict["image"])
        judgement = judged(finished.image, sources)
        save(finished, judgement)
    except BaseException as reason:
        if step is not None:
            if not record or record[-1].iteration < step.iteration:  # interrupted just before it was noted
                record.append(step.noted)
            keep(step.state_dict())
            with warned("The picture so far is not saved."):
                save(step)
                print(f"Stopped at iteration {step.iteration}; the picture so far is in {out}", file=sys.stderr)
        interrupted = isinstance(reason, KeyboardInterrupt)
        if isinstance(reason, DivergedError) or (step is None and not run and not interrupted):
            keeper.remove()
        if interrupted:
            ours = settings.content in CONTENTS and settings.style in STYLES
            typed = "" if ours else f"{shlex.quote(settings.content)} {shlex.quote(settings.style)} "
            typed += "".join(f"{shlex.quote(word)} " for word in masks_and_styles(settings))
            again = f"python3 -m helpers render {typed}--resume {shlex.quote(str(keeper.path))}"
            print(f"`{again}` goes on from there.", file=sys.stderr)
        raise
    finally:
        keeper.release()
    keeper.remove()
    if judgement:
        print(verdict(judgement))
    return out


@contextmanager
def warned(consequence: str) -> Iterator[None]:
    """Context manager for what may fail without ending the run: prints why it failed, and the consequence."""
    try:
        yield
    except TeachingError as error:
        print(f"{error} {consequence}", file=sys.stderr)


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code.

    0, 2 after one line on what was wrong with the input, or 128 and the number of the signal that ended it.
    """
    try:
        with ended_by_signals():
            print(*render(parser().parse_args(arguments)), sep="\n")
    except TeachingError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt as reason:
        return exit_code(reason)
    return 0

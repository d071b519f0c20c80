"""Pictures by name: the bundled ones, and those that the user put into data/content/ and data/style/."""

import difflib
import hashlib
import importlib.util
import os
from pathlib import Path

from helpers.base.errors import TeachingError
from helpers.base.places import DATA, OWN

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
MAX_BYTES = 80  # of a picture's name in a result's, which file systems limit to 255 in all


def pictures_in(folder: Path) -> dict[str, Path]:
    """The pictures in a folder by name: `van_gogh` -> .../van_gogh.jpg."""
    return {path.stem: path for path in sorted(folder.glob("*")) if path.suffix.lower() in SUFFIXES}


def _matplotlib_portrait() -> dict[str, Path]:
    """Grace Hopper's portrait, a public-domain photograph that every Matplotlib ships as sample data."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is None:
        return {}
    return {"portrait": Path(spec.submodule_search_locations[0], "mpl-data", "sample_data", "grace_hopper.jpg")}


CONTENTS: dict[str, Path] = pictures_in(DATA / "content") | pictures_in(OWN / "content") | _matplotlib_portrait()
STYLES: dict[str, Path] = pictures_in(DATA / "style") | pictures_in(OWN / "style")


def find_picture(name_or_path: str | Path) -> Path:
    """The path of a picture, found by its name in CONTENTS or STYLES or by the path of its file.

    Raises TeachingError if there is no such picture.
    """
    path = Path(os.path.expanduser(name_or_path))
    known = CONTENTS | STYLES
    if os.path.isfile(path):  # unlike path.is_file(), no error for a name that is too long
        return path
    if str(name_or_path) in known:
        return known[str(name_or_path)]
    if os.path.isdir(path):
        raise TeachingError(f"'{path}' is a folder; give the path of one picture in it.")
    if os.path.exists(path):
        raise TeachingError(f"'{path}' is a pipe or a device; give the path of a picture's file.")
    if "://" in str(name_or_path):
        raise TeachingError(f"'{name_or_path}' is a web address; save the picture to a file first and give its path.")
    neighbours = [str(near) for near in pictures_in(path.parent).values()] if os.path.isdir(path.parent) else []
    near = difflib.get_close_matches(str(path), neighbours + list(known), n=1, cutoff=0.5)
    hint = f"Did you mean '{near[0]}'?" if near else f"The bundled pictures are {', '.join(known)}."
    raise TeachingError(f"There is no picture '{name_or_path}'. {hint}")


def in_file_name(name: str) -> str:
    """A picture's name as a part of a file's name: nothing that cannot be printed, and at most 80 bytes.

    A longer one is cut, and ends with a digest of the whole, so that two names that begin alike stay apart.
    """
    printable = "".join(character if character.isprintable() else "_" for character in name)
    whole = printable.encode(errors="replace")
    if len(whole) <= MAX_BYTES:
        return printable
    return whole[: MAX_BYTES - 9].decode(errors="ignore") + "-" + hashlib.sha256(whole).hexdigest()[:8]


def name_in_recipe(name: str, path: Path) -> str:
    """What a recipe calls a picture: a bundled one by its name, any other by its path."""
    return name if (CONTENTS | STYLES).get(name) == path else str(path.resolve())

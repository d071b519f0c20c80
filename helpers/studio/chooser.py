"""Thumbnails to choose a picture from, and an upload button to add one."""

import base64
import io
import itertools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

import ipywidgets as widgets

from helpers.base import places
from helpers.base.errors import TeachingError
from helpers.base.files import write_whole
from helpers.base.installation import numbers as numbers_in
from helpers.base.pictures import find_picture
from helpers.images import load_image, thumbnail
from helpers.studio.live import jpeg

THUMBNAIL_SIDE = 128  # pixels of a thumbnail's long side: twice the size on the screen, for sharp screens
numbers = itertools.count(1)

CHOOSER_CSS = """<style>
.chooser .widget-toggle-buttons { width: auto; }
.chooser button.widget-toggle-button {
  width: 60px; height: 46px; margin: 0 4px 4px 0; padding: 0; border: 2px solid transparent; border-radius: 4px;
  background-size: cover; background-position: center; box-shadow: none;
  display: inline-flex; align-items: flex-end; justify-content: center; overflow: hidden; opacity: 0.75;
  color: white; font-size: 10px; line-height: 13px; text-shadow: 0 0 3px black, 0 0 3px black, 0 0 2px black; }
.chooser button.widget-toggle-button.mod-active { border-color: #0072B2; outline: 1px solid #0072B2; opacity: 1; }
.chooser button.widget-toggle-button:focus-visible { outline: 3px solid #E69F00; opacity: 1; }
.chooser .widget-upload { width: 40px; height: 46px; margin: 0; padding: 0; font-size: 0; border-radius: 4px; }
.chooser .widget-upload i { font-size: 16px; margin: 0; }
%s
</style>"""


class PictureChooser(widgets.VBox):
    """Thumbnails under a title, one of them chosen, and a button to upload another picture.

    known: name -> path of the pictures on offer.
    chosen: one of those names, or the path of another picture, which is added to them.
    say: called with a message about an upload, and whether the upload was refused; the choice then stays.
    Raises TeachingError where `chosen` is neither.
    """

    def __init__(self, title: str, known: Mapping[str, Path], chosen: str | Path, say: Callable[[str, bool], None]):
        self.paths, self._say = dict(known), say
        name = str(chosen)
        if name not in self.paths:
            name = self._named(find_picture(chosen))
        self.buttons = widgets.ToggleButtons(options=list(self.paths), value=name, tooltips=list(self.paths))
        self.upload = widgets.FileUpload(
            accept="image/*", multiple=False, description="", tooltip=f"Upload your own {title} (up to 10 MB)"
        )
        self.upload.observe(self._take_upload, "value")
        if numbers_in(widgets.__version__) < (8,):  # Colab's: its button hands files over in another form
            self.upload.layout.display = "none"
        self.css, self._rules = widgets.HTML(), {}
        super().__init__([self.css, widgets.HTML(f"<b>{title}</b>"), widgets.HBox([self.buttons, self.upload])])
        self._class = f"chooser-{next(numbers)}"  # one page may hold several
        self.add_class("chooser").add_class(self._class)
        self._paint_thumbnails()

    @property
    def name(self) -> str:
        """The name of the chosen picture."""
        return self.buttons.value

    @property
    def path(self) -> Path:
        """The path of the chosen picture."""
        return self.paths[self.name]

    def on_change(self, callback: Callable[[], None]) -> None:
        """Calls callback() when another picture is chosen."""
        self.buttons.observe(lambda change: callback(), "value")

    def add(self, name: str, content: bytes) -> None:
        """Adds a picture from the bytes of its file, which it stores in results/uploads/, and chooses it.

        Raises TeachingError, and leaves everything as it was, if `load_image` cannot read them.
        """
        try:
            load_image(io.BytesIO(content))
        except TeachingError as error:
            raise TeachingError(f"{name} was not taken. {error}") from None
        path = free_path(name, content)
        if not path.exists():
            write_whole(path, content)
        name = next((known for known, old in self.paths.items() if old == path), None) or self._named(path)
        self._paint_thumbnails()
        self.buttons.options = list(self.paths)
        self.buttons.tooltips = list(self.paths)
        self.buttons.value = name

    def choose(self, name: str) -> None:
        """Chooses a picture as a recipe names it: by a name on offer, or the path of an upload or a picture on offer.

        Raises TeachingError for any other, because a recipe may come from anybody.
        """
        stored = uploaded()
        offered = {name: name for name in self.paths} | {str(path.resolve()): key for key, path in self.paths.items()}
        if name in stored and name not in offered:
            self.add(stored[name].name, stored[name].read_bytes())
        elif name in offered:
            self.buttons.value = offered[name]
        else:
            raise TeachingError(f"The last run painted with '{name}'; upload that picture first, then continue.")

    def _take_upload(self, change: dict) -> None:
        if not change["new"]:
            return
        file = change["new"][0]
        self.upload.value = ()  # so that the same file can be sent again
        try:
            self.add(file["name"], bytes(file["content"]))
            self._say(f"{file['name']} is chosen.", False)
        except TeachingError as error:
            self._say(str(error), True)

    def _named(self, path: Path) -> str:
        """Adds a file to the pictures, under its stem, with a number if that is taken; returns the name."""
        name, n = path.stem, 1
        while name in self.paths:
            n += 1
            name = f"{path.stem}-{n}"
        self.paths[name] = path
        return name

    def _paint_thumbnails(self) -> None:
        for name in self.paths.keys() - self._rules.keys():
            picture = base64.b64encode(jpeg(thumbnail(load_image(self.paths[name]), THUMBNAIL_SIDE), 80)).decode()
            button = f'.{self._class} button[data-value="{quote(name, safe="!~*()")}"]'
            self._rules[name] = f"{button} {{ background-image: url(data:image/jpeg;base64,{picture}); }}"
        self.css.value = CHOOSER_CSS % "\n".join(self._rules.values())


def uploads() -> Path:
    """The folder in which uploads are stored."""
    return places.RESULTS / "uploads"


def uploaded() -> dict[str, Path]:
    """What is stored there, by its path as a recipe has it."""
    return {str(path.resolve()): path for path in uploads().glob("*")}


def free_path(name: str, content: bytes) -> Path:
    """The path in results/uploads/ for an upload of this name: a free one, or that of a file with the same bytes."""
    original = Path(name.replace("\\", "/"))
    stem = re.sub(r"[^\w-]+", "_", original.stem, flags=re.ASCII).strip("_")[:40] or "upload"
    suffix = re.sub(r"[^.\w]", "", original.suffix.lower(), flags=re.ASCII)[:6]
    n = 1
    while (path := uploads() / (f"{stem}{suffix}" if n == 1 else f"{stem}-{n}{suffix}")).exists():
        if path.read_bytes() == content:
            break
        n += 1
    return path

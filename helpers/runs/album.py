"""The two overviews of a gallery: a contact sheet, and an HTML page with every picture and a table that sorts them."""

import base64
import html
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from PIL import Image, ImageDraw, ImageFont, ImageOps

from helpers.base.files import write_whole
from helpers.images import load_image, thumbnail
from helpers.runs.judge import figures_in
from helpers.runs.recipe import caption, load_recipe, losses_in

SHEET_PIXELS = 40_000_000  # about the most that a contact sheet may have
CELL_SIDE = 240  # pixels: the long side of each picture on the sheet, if there is room
LABEL, GAP = 20, 8  # pixels
PAGE_PICTURE, QUALITY = 512, 82  # of a picture on the page: its long side in pixels, and its JPEG quality
# Above this number the page's pictures are half as large, so that a page of a thousand stays below about 30 MB.
MANY_PICTURES = 200

NOTE = (
    "Style distance: 0 is the style itself, 1 the photograph. Content correlation: 1 is the photograph itself. "
    "Both are as the judge sees them, imagenet (VGG-19) or the compact network; either is partial to its own pictures."
)
TEMPLATE = Template((Path(__file__).with_name("album.html")).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Entry:
    """A picture of a gallery, with the files that it was made from and the settings that were varied."""

    path: Path
    content: Path
    style: Path
    names: tuple[str, str]  # of content and style
    varied: dict[str, str]

    @property
    def variation(self) -> str:
        """The varied settings as text: 'style weight 10, steps 100'."""
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.varied.items())


def save_sheet(entries: Sequence[Entry], path: Path) -> Path:
    """Writes a PNG with a column for each style and a row for each photograph and variation, and returns its path."""
    styles = {entry.style: entry.names[1] for entry in entries}
    rows = {(entry.content, entry.variation): entry.names[0] for entry in entries}
    cell = min(CELL_SIDE, round((SHEET_PIXELS / (len(styles) + 1) / (len(rows) + 1)) ** 0.5))
    step = cell + GAP, cell + LABEL + GAP
    font = ImageFont.load_default(13)
    sheet = Image.new("RGB", (GAP + step[0] * (len(styles) + 1), GAP + step[1] * (len(rows) + 1)), "white")

    def put(column: int, row: int, picture: Path, label: str) -> None:
        x, y = GAP + column * step[0], GAP + row * step[1]
        small = ImageOps.contain(thumbnail(load_image(picture, 2 * CELL_SIDE), 2 * CELL_SIDE), (cell, cell))
        sheet.paste(small, (x + (cell - small.width) // 2, y + cell - small.height))
        draw = ImageDraw.Draw(sheet)
        while label and draw.textlength(label, font) > cell:
            label = label[:-2] + "…" if len(label) > 2 else ""
        draw.text((x + cell / 2, y + cell + 2), label, "#333333", font, anchor="ma")

    for column, (style, name) in enumerate(styles.items(), 1):
        put(column, 0, style, name)
    for row, ((content, _), name) in enumerate(rows.items(), 1):
        put(0, row, content, name)
    for entry in entries:
        column, row = list(styles).index(entry.style), list(rows).index((entry.content, entry.variation))
        put(1 + column, 1 + row, entry.path, entry.variation)
    file = io.BytesIO()
    sheet.save(file, "PNG")
    write_whole(path, file.getvalue())
    return path


def save_page(entries: Sequence[Entry], path: Path) -> Path:
    """Writes an HTML page with every picture, its recipe and what came out, all in one file; returns its path."""
    recipes = [load_recipe(entry.path) for entry in entries]
    columns = [_columns(entry, recipe) for entry, recipe in zip(entries, recipes, strict=True)]
    names = list(dict.fromkeys(name for each in columns for name in each))
    table = [[each.get(name, "") for name in names] for each in columns]
    side = PAGE_PICTURE if len(entries) <= MANY_PICTURES else PAGE_PICTURE // 2
    numbers = range(1, len(entries) + 1)
    page = TEMPLATE.substitute(
        count=len(entries),
        note=f"<p>{NOTE}</p>" if "judge" in names else "",
        heads="".join(f'<th scope="col">{html.escape(name)}</th>' for name in names),
        rows="".join(map(_row, table, numbers)),
        cards="".join(_card(*parts, side) for parts in zip(entries, recipes, numbers, strict=True)),
    )
    write_whole(path, page.encode())
    return path


def _columns(entry: Entry, recipe: dict[str, Any]) -> dict[str, Any]:
    """A picture's values in the page's table, each under the name of its column."""
    varied = {name.replace("_", " "): value for name, value in entry.varied.items()}
    losses = {f"{name} loss": value for name, value in losses_in(recipe).items()}
    judged = {name.replace("_", " "): value for name, value in figures_in(recipe).items()}
    return {**dict(zip(("content", "style"), entry.names, strict=True)), **varied, **judged, **losses}


def _row(values: Sequence[Any], number: int) -> str:
    """A row of the page's table; its head leads to the picture of that number."""
    first, *others = (html.escape(f"{value:.3g}" if isinstance(value, float) else str(value)) for value in values)
    exact = (f' data-value="{value!r}"' if isinstance(value, float) else "" for value in values[1:])
    cells = "".join(f"<td{value}>{text}</td>" for value, text in zip(exact, others, strict=True))
    return f'\n<tr><th scope="row"><a href="#picture-{number}">{first}</a></th>{cells}</tr>'


def _card(entry: Entry, recipe: dict[str, Any], number: int, side: int) -> str:
    file = io.BytesIO()
    thumbnail(load_image(entry.path, side), side).save(file, "JPEG", quality=QUALITY)
    title = " in the manner of ".join(entry.names)
    parts = {
        "id": f"picture-{number}",
        "picture": "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode(),
        "title": title,
        "variation": entry.variation,
        "caption": caption(recipe),
        "recipe": json.dumps(recipe, indent=1),
    }
    return CARD.substitute({name: html.escape(text) for name, text in parts.items()})


CARD = Template("""
<figure id="$id"><img src="$picture" alt="$title $variation"><figcaption><b>$title</b> $variation
<p>$caption</p><details><summary>Recipe</summary><pre>$recipe</pre></details></figcaption></figure>""")

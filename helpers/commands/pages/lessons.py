"""A lesson as the site shows it: from the notebook as it is stored."""

import base64
import re
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output

SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg"}
WIDGET = "application/vnd.jupyter.widget-view+json"
LIVE = "*Here stand controls that need a running notebook.*"
SPECIAL = re.compile(r"([\\\[\]*_`<>$])")

DOWNLOAD = (
    '<a href="{name}" download>Download this lesson</a> as a notebook; with the course installed, '
    "`python3 -m helpers` opens it in JupyterLab."
)


def shown(notebook: NotebookNode, path: Path) -> NotebookNode:
    """A lesson, changed in place, for a page that nothing runs behind.

    Its pictures are written beside `path`, where the lesson will be, and keep the text for those who cannot see them.
    A widget gives way to the picture or the HTML that is stored with it, and else to a line that says so.
    """
    count = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        outputs = []
        for output in cell.outputs:
            data = output.get("data", {})
            kind = next((kind for kind in SUFFIXES if kind in data), None)
            if kind:
                count += 1
                picture = path.with_name(f"{path.stem}-{count}{SUFFIXES[kind]}")
                picture.write_bytes(base64.b64decode(data[kind]))
                alt = " ".join(output.metadata.get(kind, {}).get("alt", "").split())
                text = "![{}]({})".format(SPECIAL.sub(r"\\\1", alt), picture.name)
            elif WIDGET in data and "text/html" not in data:
                text = LIVE
            elif "text/markdown" in data:
                text = data["text/markdown"]
            else:
                data.pop(WIDGET, None)
                outputs.append(output)
                continue
            # What follows a picture at once stands with it in one text: its caption.
            if outputs and "text/markdown" in outputs[-1].get("data", {}):
                outputs[-1].data["text/markdown"] += f"\n\n{text}"
            else:
                outputs.append(new_output("display_data", {"text/markdown": text}))
        cell.outputs = outputs
    notebook.cells.insert(1, new_markdown_cell(DOWNLOAD.format(name=path.name)))
    return notebook

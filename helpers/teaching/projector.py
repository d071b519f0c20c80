"""A notebook for the back row: large type, wide figures, and nothing else in the window.

from helpers.teaching.projector import project
project()       # in any cell; project(False) brings everything back
"""

import json

from IPython.display import Javascript, display

PROJECTOR_CSS = """
.jp-Notebook {
  --jp-content-font-size1: 23px; --jp-code-font-size: 20px; --jp-code-line-height: 1.35;
  --jp-widgets-font-size: 17px; --jp-cell-padding: 8px;
}
.jp-Notebook .jp-Cell { max-width: 1500px; margin: 0 auto; }
.jp-Notebook .jp-RenderedImage img { width: 100%; max-height: 82vh; object-fit: contain; object-position: left; }
.jp-InputPrompt, .jp-OutputPrompt, .jp-Toolbar.jp-NotebookPanel-toolbar, .jp-cell-toolbar,
#jp-main-statusbar, .jp-SideBar { display: none !important; }
"""


def project(on: bool = True) -> None:
    """Switches the projector's style on or off, for the whole window, until it is closed."""
    style = json.dumps(PROJECTOR_CSS if on else "")
    display(
        Javascript(
            "const old = document.getElementById('projector'); if (old) old.remove();"
            "const style = document.createElement('style'); style.id = 'projector';"
            f"style.textContent = {style}; document.head.append(style);"
            "window.dispatchEvent(new Event('resize'));"
        )
    )

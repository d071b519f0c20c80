"""Sphinx's settings for the course as a site. Nothing on it comes from another host."""

from pathlib import Path

from sphinx.application import Sphinx

from helpers.commands.pages import docstrings

HERE = Path(__file__).parent

project = "Neural style transfer"
html_title = "Neural style transfer, a companion to a course"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.githubpages",
    "helpers.commands.pages.captions",
    "helpers.commands.pages.formulas",
]
templates_path = [str(HERE / "templates")]

# Lessons and pages: Markdown as GitHub and JupyterLab read it.
nb_execution_mode = "off"
nb_merge_streams = True
nb_render_markdown_format = "myst"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
html_math_renderer = "mathml"
smartquotes = False  # what is typed may be copied

# The reference.
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
add_module_names = False
toc_object_entries_show_parents = "hide"

html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "logo": {"text": project, "alt_text": ""} | dict.fromkeys(("image_light", "image_dark"), "_static/palette.svg"),
    "navbar_center": [],
    "navbar_end": ["theme-switcher"],
    "article_header_start": [],
    "primary_sidebar_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
    "footer_start": ["licence"],
    "footer_end": [],
    "search_bar_text": "Search the course",
}
html_sidebars = {"**": ["course"]}
html_static_path = [str(HERE / "static")]
html_css_files = ["site.css"]
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system is
html_favicon = str(HERE / "static" / "palette.svg")
html_copy_source = False
html_use_index = False
html_domain_indices = False


def setup(app: Sphinx) -> None:
    """Has docstrings read as they are written here, and signatures as a caller sees them."""
    app.connect("autodoc-process-docstring", docstrings.process)
    app.connect("autodoc-process-signature", docstrings.signature)

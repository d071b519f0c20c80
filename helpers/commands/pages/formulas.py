"""Formulas as MathML, which browsers show and screen readers speak without any script."""

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


def setup(app: Sphinx) -> None:
    """Names this way of showing formulas `mathml`."""
    app.add_html_math_renderer("mathml", (in_line, None), (on_its_own, None))


def in_line(writer: HTML5Translator, node: nodes.math) -> None:
    """Writes a formula within a sentence."""
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def on_its_own(writer: HTML5Translator, node: nodes.math_block) -> None:
    """Writes a formula that has a line to itself, which the keyboard can scroll where the screen is narrow."""
    writer.body.append(f'<div class="formula" tabindex="0">{convert(node.astext(), display="block")}</div>\n')
    raise nodes.SkipNode

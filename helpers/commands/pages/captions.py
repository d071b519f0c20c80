"""Pictures with the sentence in italics that follows them, as figures with their caption."""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

NUMBER = re.compile(r"Figure \d+\.\d+")


def setup(app: Sphinx) -> None:
    """Adds the transform."""
    app.add_post_transform(Captions)


class Captions(SphinxPostTransform):
    """Makes a figure of each picture, alone in its paragraph, and of the paragraph after it, if that is all italics."""

    default_priority = 900  # once it is known which form of an output is shown

    def run(self, **_) -> None:
        """Changes the document in place."""
        for count, picture in enumerate(list(self.document.findall(lambda node: _only(node, nodes.image))), 1):
            siblings = picture.parent.children
            after = siblings[siblings.index(picture) + 1 :]
            if after and _only(after[0], nodes.emphasis):
                caption = nodes.caption("", "", *after[0][0].children)
                picture.parent.remove(after[0])
                number = NUMBER.match(caption.astext())
                name = nodes.make_id(number[0] if number else f"picture {count}")
                picture.replace_self(nodes.figure("", picture[0], caption, ids=[name]))


def _only(node: nodes.Node, kind: type[nodes.Element]) -> bool:
    return isinstance(node, nodes.paragraph) and len(node) == 1 and isinstance(node[0], kind)

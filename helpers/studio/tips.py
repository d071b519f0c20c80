"""Labels with tooltips."""

from html import escape


def with_tip(label: str, tip: str) -> str:
    """A label with a tooltip as HTML; ipywidgets 8.1 shows the tooltip of a field only where it has no label."""
    return f'<span title="{escape(tip)}">{escape(label)}</span>'

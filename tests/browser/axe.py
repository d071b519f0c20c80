"""What axe-core, Deque's checker of accessibility, has against a page."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}


def violations(page: Page, within: str = "html") -> list[str]:
    """Where a page, or the part of it that a CSS selector names, violates WCAG 2.1 A or AA: a line for each node."""
    found = Axe().run(page, context=within, options=RULES).response["violations"]
    return [f"{rule['id']}: {node['html'][:200]} ({rule['help']})" for rule in found for node in rule["nodes"]]

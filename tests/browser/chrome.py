"""The browser that the tests in one need, if it is here."""

import importlib.util
import shutil

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find_browser() -> str | None:
    """The path of an installed Chromium or Chrome."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


def missing() -> str:
    """What these tests lack here, or nothing."""
    if importlib.util.find_spec("playwright") is None:
        return "Playwright is not installed (pip install playwright)"
    if not find_browser():
        return "there is no Chromium or Chrome here (Debian, Ubuntu: sudo apt install chromium)"
    return ""

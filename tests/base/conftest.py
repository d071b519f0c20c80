"""Indexes of packages in a folder, so that pip can be tested for real and without a network."""

import zipfile
from pathlib import Path

import pytest


def write_wheel(index: Path, name: str, version: str, *requires: str) -> None:
    """Puts an empty package into an index, a folder that pip takes for the likes of https://pypi.org/simple."""
    shelf = index / name
    shelf.mkdir(parents=True, exist_ok=True)
    file, info = f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    with zipfile.ZipFile(shelf / file, "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    with (shelf / "index.html").open("a") as page:
        page.write(f'<a href="{file.replace("+", "%2B")}">{file}</a>\n')


@pytest.fixture
def add_wheel():
    """`write_wheel`, to fill an index with."""
    return write_wheel


@pytest.fixture
def pypi(tmp_path, monkeypatch):
    """A folder that pip takes for PyPI, whatever this machine's own settings of pip are."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONSTRAINT", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    index = tmp_path / "pypi"
    index.mkdir()
    monkeypatch.setenv("PIP_INDEX_URL", index.as_uri())
    return index

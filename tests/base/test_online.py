"""Notebooks on somebody else's machine: what is absent is installed, and nothing that is there is replaced."""

import shutil
import subprocess
import sys

import pytest

from helpers.base import online
from helpers.base.places import ROOT

LINES = ["numpy>=2,<3", "pillow>=10,<14", "jupyterlab>=4.2,<5", "pytest>=8,<10", "-e ."]


def test_the_server_and_the_tests_are_not_needed_there_and_any_version_counts(monkeypatch):
    monkeypatch.setattr(online, "requirements", lambda: LINES)
    monkeypatch.setattr(online, "installed", {"pillow": "9.0"}.get)
    assert online.absent() == ["numpy>=2,<3"]


def test_a_version_that_pip_cannot_read_is_not_held(monkeypatch):
    class Package:
        def __init__(self, name, version):
            self.metadata, self.version = {"Name": name}, version

    there = [Package("torch", "2.9.0+cpu"), Package("gpg", "1.16-unknown"), Package("x", None), Package("y", "1!2.0")]
    monkeypatch.setattr("importlib.metadata.distributions", lambda: there)
    assert online.in_place() == ["torch==2.9.0+cpu"]


@pytest.mark.parametrize("name, host", [("COLAB_RELEASE_TAG", True), ("KAGGLE_KERNEL_RUN_TYPE", True), ("TERM", False)])
def test_colab_and_kaggle_are_known_by_their_variables(name, host, monkeypatch):
    for each in online.HOSTS:
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, "something")
    assert online.hosted() == host


@pytest.fixture
def host(tmp_path, pypi, add_wheel):
    """An interpreter with NumPy 1.26, older than the project asks for, and a copy of the project; call it with code."""
    for version in ("1.26.0", "2.2.0"):
        add_wheel(pypi, "numpy", version)
    python = tmp_path / "host" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "host"], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "numpy==1.26.0"], check=True, stderr=subprocess.DEVNULL)
    shutil.copytree(ROOT / "helpers" / "base", tmp_path / "course" / "helpers" / "base")
    (tmp_path / "course" / "requirements.txt").write_text("numpy>=2,<3\nsafetensors>=0.4\njupyterlab>=4.2,<5\n-e .\n")
    cell = "import sys; sys.path.insert(0, 'course'); from helpers.base.online import ready; ready()\n"

    def run(code):
        return subprocess.run([python, "-c", cell + code], cwd=tmp_path, capture_output=True, text=True)

    return run


def test_what_is_absent_is_installed_beside_the_hosts_own_versions_or_not_at_all(host, pypi, add_wheel):
    add_wheel(pypi, "safetensors", "0.7.0", "numpy>=2")
    refused = host("")
    assert refused.returncode != 0
    assert "What is to be installed does not go with what is here" in refused.stderr and "numpy" in refused.stderr

    add_wheel(pypi, "safetensors", "0.6.0", "numpy")
    ran = host("import os, safetensors; os.chdir('/'); import helpers.base.units")
    assert ran.returncode == 0, ran.stderr
    assert "Installed: safetensors>=0.4." in ran.stdout
    assert "  numpy 1.26.0 (tested: >=2,<3)" in ran.stdout and "jupyterlab" not in ran.stdout
    assert "Nothing had to be installed." in host("").stdout

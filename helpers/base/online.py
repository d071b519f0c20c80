"""Notebooks that somebody else runs, as on Google Colab and Kaggle: the host's packages stay as they are.

Only what is absent is installed. docs/online.md says what to paste into the first cell. Standard library only.
"""

import importlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from helpers.base.errors import TeachingError
from helpers.base.installation import PROJECT, diagnosis, installed, requirements, satisfied, split
from helpers.base.places import ROOT

HOSTS = ("COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE")  # environment variables that Colab and Kaggle set
NOT_HERE = ("jupyterlab", "nbval", "pytest", "pytest-xdist", PROJECT)  # the server, the tests, and we ourselves
VERSION = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[\w.]+)?")  # as PEP 440 has it


def hosted() -> bool:
    """Whether this is Google Colab or Kaggle."""
    return any(name in os.environ for name in HOSTS)


def absent() -> list:
    """The lines of requirements.txt that the lessons need, and of which no version at all is installed."""
    return [line for line in requirements() if split(line)[0] not in NOT_HERE and installed(split(line)[0]) is None]


def complete() -> list:
    """Installs what is absent, and changes nothing that is there; returns the lines of requirements.txt installed.

    Raises TeachingError, with what pip wrote, if pip cannot do that.
    """
    lines = absent()
    if lines:
        with tempfile.TemporaryDirectory() as folder:
            there = Path(folder) / "there.txt"
            there.write_text("\n".join(in_place()), encoding="utf-8")
            command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
            ran = subprocess.run(
                [*command, "--constraint", str(there), *lines],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
        if ran.returncode != 0:
            raise TeachingError(f"{ran.stdout}\n{diagnosis(ran.stdout)}")
        importlib.invalidate_caches()
    return lines


def in_place() -> list:
    """What is installed here, a line for each package, such as 'numpy==2.0.2', so that pip has to keep it."""
    from importlib import metadata  # absent from the old Pythons that __main__.py turns away

    found = {each.metadata["Name"]: each.version for each in metadata.distributions()}
    # Debian's own packages have versions that pip cannot read, and no requirement of ours.
    return [f"{name}=={version}" for name, version in found.items() if name and VERSION.fullmatch(version or "")]


def ready() -> None:
    """Makes `helpers` importable in this notebook, installs what is absent, and says what it found.

    Raises TeachingError if something cannot be installed.
    """
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    new = complete()
    print(f"The course in {ROOT} is ready; results go to its folder results.")
    print("Installed: {}.".format(", ".join(new)) if new else "Nothing had to be installed.")
    others = [line for line in requirements() if split(line)[0] not in NOT_HERE and not satisfied(line)]
    if others:
        print("Left as they are, though the course was tested with other versions:")
        for name, bounds in map(split, others):
            print(f"  {name} {installed(name)} (tested: {bounds})")

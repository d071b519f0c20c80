"""The Python environment that everything runs in: what it lacks, and how to set it up.

This file has to run on old Pythons too (3.6 and newer), before anything is installed.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from helpers.base.places import ROOT, WORK

REQUIREMENTS = ROOT / "requirements.txt"
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
PROJECT = "style-transfer-companion"  # its name in pyproject.toml
COMPLETE = VENV / "complete"  # holds the hash of the requirements whose installation was completed


def stop(message):
    """Prints one paragraph to stderr, and exits with code 2."""
    print(message, file=sys.stderr)
    sys.exit(2)


def missing():
    """The lines of requirements.txt that this interpreter does not satisfy, as a list."""
    lines = [line.split("#")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line and not satisfied(line)]


def satisfied(requirement):
    """Whether this interpreter satisfies a requirement such as 'torch>=2.4,<3'; '-e .' means this project itself."""
    from importlib import metadata  # absent from the old Pythons that __main__.py turns away

    if requirement == "-e .":
        requirement = PROJECT
    name, bounds = re.match(r"([\w.-]+)(.*)", requirement).groups()
    # Leaves out the project's folder: an installation into another interpreter leaves its metadata there.
    elsewhere = [folder for folder in sys.path if Path(folder or ".").resolve() != ROOT]
    distribution = next(iter(metadata.distributions(name=name, path=elsewhere)), None)
    if distribution is None:
        return False
    version = numbers(distribution.version)
    holds = {">=": version.__ge__, "<": version.__lt__}
    return all(holds[sign](numbers(bound)) for sign, bound in re.findall(r"(>=|<)([\d.]+)", bounds))


def numbers(version):
    """'2.13.0+cpu' -> (2, 13, 0)"""
    return tuple(int(part) for part in re.match(r"\d+(\.\d+)*", version).group().split("."))


def environment():
    """Installs or repairs .venv as needed, until it satisfies requirements.txt; returns its interpreter's path."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if COMPLETE.is_file() and COMPLETE.read_text() == digest and PYTHON.exists():
        return PYTHON
    if WORK != ROOT:
        stop(
            "This Python lacks what the notebooks need ({}), and {} may not be written to by you. Whoever owns that "
            "folder can run `python3 -m helpers --version` there once, or copy it to a folder of yours.".format(
                ", ".join(missing()), ROOT
            )
        )
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        stop(
            "This Python cannot make a virtual environment, because its venv module is not installed. On Debian and "
            "Ubuntu `sudo apt install python3-venv` brings it; then run the same command again. Or use another Python "
            "that has it, from python.org or conda for example."
        )
    free = shutil.disk_usage(str(ROOT)).free / 1e9
    needed = 2 if any(VENV.glob("**/site-packages/torch")) else 7 if sys.platform == "linux" else 3
    if free < needed:
        stop(
            f"{free:.1f} GB are free on the disk of {ROOT}, and the installation needs about {needed} GB, most of it "
            "for PyTorch's GPU libraries. Free some space, or install the much smaller CPU build as docs/install.md "
            "says, and run the same command again."
        )
    print(f"Installing what the notebooks need into {VENV}, once. It takes some minutes.", flush=True)
    try:
        if subprocess.call([sys.executable, "-m", "venv", str(VENV)]) != 0:
            stop(f"The virtual environment {VENV} could not be made; the lines above say why.")
        install = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "-r", str(REQUIREMENTS)]
        with subprocess.Popen(install, cwd=str(ROOT), stderr=subprocess.PIPE, universal_newlines=True) as pip:
            lines = []
            for line in pip.stderr:
                sys.stderr.write(line)
                lines.append(line)
        if pip.returncode != 0:
            stop(diagnosis("".join(lines)))
    except KeyboardInterrupt:
        stop("The installation was interrupted. Run the same command again: it goes on from what is there.")
    COMPLETE.write_text(digest)
    return PYTHON


def diagnosis(errors):
    """Advice on what to do, from what pip wrote to stderr."""
    again = "Run the same command again afterwards: it goes on from what is there."
    if re.search(r"No space left|Errno 28", errors):
        return (
            "The disk filled up during the installation. Free some space, or take the CPU build (docs/install.md). "
            + again
        )
    if re.search(r"connection|resolution|unreachable|timed out|ProxyError|No matching distribution", errors, re.I):
        return (
            "The packages could not be fetched, most likely because this machine is not connected to the internet "
            "(the first start needs it, later ones do not). Connect it, and check a proxy if there is one. " + again
        )
    return "pip could not install the packages; the lines above say why. " + again

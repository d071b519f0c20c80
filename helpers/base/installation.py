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
CPU_ONLY = VENV / "cpu"  # is there if this .venv was begun with --cpu
CPU_BUILDS = "https://download.pytorch.org/whl/cpu"  # PyPI has the CPU builds for macOS and Windows alone

SMALLER = (
    " Without an NVIDIA card the CPU build is enough, a tenth of the download: `python3 -m helpers --cpu` brings it "
    "(delete .venv first if it is there)."
)


def stop(message):
    """Prints one paragraph to stderr, and exits with code 2."""
    print(message, file=sys.stderr)
    sys.exit(2)


def requirements():
    """The lines of requirements.txt without their comments, as a list."""
    lines = [line.split("#")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line]


def missing():
    """The lines of requirements.txt that this interpreter does not satisfy, as a list."""
    return [line for line in requirements() if not satisfied(line)]


def satisfied(requirement):
    """Whether this interpreter satisfies a requirement such as 'torch>=2.4,<3'; '-e .' means this project itself."""
    name, bounds = split(requirement)
    found = installed(name)
    if found is None:
        return False
    version = numbers(found)
    holds = {">=": version.__ge__, "<": version.__lt__}
    return all(holds[sign](numbers(bound)) for sign, bound in re.findall(r"(>=|<)([\d.]+)", bounds))


def split(requirement):
    """'torch>=2.4,<3' -> ('torch', '>=2.4,<3'); '-e .' has this project's name, and no bounds."""
    return (PROJECT, "") if requirement == "-e ." else re.match(r"([\w.-]+)(.*)", requirement).groups()


def installed(name):
    """The version of a package that this interpreter has, such as '2.13.0+cpu', or None."""
    from importlib import metadata  # absent from the old Pythons that __main__.py turns away

    # Leaves out the project's folder: an installation into another interpreter leaves its metadata there.
    elsewhere = [folder for folder in sys.path if Path(folder or ".").resolve() != ROOT]
    distribution = next(iter(metadata.distributions(name=name, path=elsewhere)), None)
    return distribution and distribution.version


def gpu_libraries():
    """Whether this interpreter has NVIDIA's libraries, which PyTorch's CPU build for Linux comes without."""
    return importlib.util.find_spec("nvidia") is not None


def numbers(version):
    """'2.13.0+cpu' -> (2, 13, 0)"""
    return tuple(int(part) for part in re.match(r"\d+(\.\d+)*", version).group().split("."))


def environment(cpu=False):
    """Installs or repairs .venv as needed, until it satisfies requirements.txt; returns its interpreter's path.

    cpu: take PyTorch's build without GPU libraries. A .venv that was begun so is also repaired so.
    """
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
    cpu = cpu or CPU_ONLY.exists()
    gpu = sys.platform == "linux" and not cpu and not any(VENV.glob("**/site-packages/torch"))
    free, needed = shutil.disk_usage(str(ROOT)).free / 1e9, 7 if gpu else 2
    if free < needed:
        stop(
            f"{free:.1f} GB are free on the disk of {ROOT}, and the installation needs about {needed} GB. Free some "
            f"space, and run the same command again.{SMALLER if gpu else ''}"
        )
    size = "a download of 0.3 GB, 1.5 GB on the disk"
    if gpu:
        size = "a download of 3 GB, 6 GB on the disk, most of it PyTorch's GPU libraries"
    print(f"Installing what the notebooks need into {VENV}, once: {size}. It takes some minutes.", flush=True)
    if gpu:
        print(f"Ctrl+C ends it.{SMALLER}", flush=True)
    try:
        if subprocess.call([sys.executable, "-m", "venv", str(VENV)]) != 0:
            stop(f"The virtual environment {VENV} could not be made; the lines above say why.")
        if cpu:
            CPU_ONLY.touch()
        for what in packages(cpu):
            install = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", *what]
            with subprocess.Popen(install, cwd=str(ROOT), stderr=subprocess.PIPE, universal_newlines=True) as pip:
                lines = []
                for line in pip.stderr:
                    sys.stderr.write(line)
                    lines.append(line)
            if pip.returncode != 0:
                stop(diagnosis("".join(lines), SMALLER if gpu else ""))
    except KeyboardInterrupt:
        stop("The installation was interrupted. Run the same command again: it goes on from what is there.")
    COMPLETE.write_text(digest)
    return PYTHON


def packages(cpu):
    """What pip is to install, step by step: a list of its arguments for each."""
    everything = ["-r", str(REQUIREMENTS)]
    if not cpu or sys.platform != "linux":
        return [everything]
    # In one command, since each torchvision fits one torch; the second step leaves alone what satisfies it.
    torch = [line for line in requirements() if line.startswith("torch")]
    return [["--index-url", CPU_BUILDS, *torch], everything]


def diagnosis(errors, smaller=""):
    """Advice on what to do, from what pip wrote to stderr. smaller: a sentence on how to need less disk."""
    again = "Run the same command again afterwards: it goes on from what is there."
    if re.search(r"No space left|Errno 28", errors):
        return f"The disk filled up during the installation. Free some space. {again}{smaller}"
    if "editable mode currently requires" in errors:  # pip 21.2, which comes with Python 3.10.0 to 3.10.2
        return f"The pip of this Python is too old. Renew it with `{PYTHON} -m pip install --upgrade pip`. {again}"
    if "ResolutionImpossible" in errors:
        return "What is to be installed does not go with what is here; the lines above say which packages."
    if re.search(r"connection|resolution|unreachable|timed out|ProxyError|No matching distribution", errors, re.I):
        return (
            "The packages could not be fetched, most likely because this machine is not connected to the internet "
            "(the first start needs it, later ones do not). Connect it, and check a proxy if there is one. " + again
        )
    return "pip could not install the packages; the lines above say why. " + again

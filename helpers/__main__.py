"""The command line: `python3 -m helpers`. Standard library only, for it has to run before anything is installed."""

import hashlib
import importlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from helpers.places import NOTEBOOKS, ROOT, WORK

REQUIREMENTS = ROOT / "requirements.txt"
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
PROJECT = "style-transfer-companion"  # its name in pyproject.toml
COMPLETE = VENV / "complete"  # holds the hash of the requirements that were installed to the end
COMMANDS = ("render", "gallery", "slides", "handout", "bench", "distil")  # each is the file of its name

HELP = """\
Neural style transfer, a companion to a course.

  python3 -m helpers                      open the notebooks in JupyterLab
  python3 -m helpers render PHOTO STYLE   paint a photograph in the style of a picture
  python3 -m helpers gallery              paint many photographs in many styles, and lay them out on one page
  python3 -m helpers slides               the lessons as slides for a projector, or their rehearsal
  python3 -m helpers handout              the lessons for a class: no outputs, no solutions; or with them
  python3 -m helpers bench                how fast this machine is, beside a textbook's loop
  python3 -m helpers test                 run the tests (pytest's options may follow)
  python3 -m helpers distil               train the compact network anew

The first start installs what is needed into .venv/ beside this README (several GB, some minutes); later ones begin
at once. A Python that already has what requirements.txt asks for is used as it is.
`python3 -m helpers render --help` lists a command's options; options without a command go to JupyterLab,
for example `python3 -m helpers --no-browser`."""


def stop(message):
    """Ends with one paragraph and exit code 2."""
    print(message, file=sys.stderr)
    sys.exit(2)


def missing():
    """What requirements.txt asks for and this interpreter does not have, as a list of its lines."""
    lines = [line.split("#")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line and not satisfied(line)]


def satisfied(requirement):
    """Whether this interpreter has, for example, 'torch>=2.4,<3'; '-e .' is this project, installed for notebooks."""
    from importlib import metadata  # absent from the old Pythons that main() turns away

    if requirement == "-e .":
        requirement = PROJECT
    name, bounds = re.match(r"([\w.-]+)(.*)", requirement).groups()
    # Not in this folder: an installation into another interpreter leaves its traces here.
    elsewhere = [folder for folder in sys.path if Path(folder or ".").resolve() != ROOT]
    found = next(iter(metadata.distributions(name=name, path=elsewhere)), None)
    if found is None:
        return False
    version = numbers(found.version)
    holds = {">=": version.__ge__, "<": version.__lt__}
    return all(holds[sign](numbers(bound)) for sign, bound in re.findall(r"(>=|<)([\d.]+)", bounds))


def numbers(version):
    """'2.13.0+cpu' -> (2, 13, 0)"""
    return tuple(int(part) for part in re.match(r"\d+(\.\d+)*", version).group().split("."))


def environment():
    """Makes .venv hold what is asked for, installing or repairing as needed; returns its interpreter's path."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if COMPLETE.is_file() and COMPLETE.read_text() == wanted and PYTHON.exists():
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
            "for PyTorch's GPU libraries. Free some space, or install the much smaller CPU build as the README says "
            "(section Installation), and run the same command again."
        )
    print(f"Installing what the notebooks need into {VENV}, once. It takes some minutes.", flush=True)
    try:
        if subprocess.call([sys.executable, "-m", "venv", str(VENV)]) != 0:
            stop(f"The virtual environment {VENV} could not be made; the lines above say why.")
        install = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "-r", str(REQUIREMENTS)]
        with subprocess.Popen(install, cwd=str(ROOT), stderr=subprocess.PIPE, universal_newlines=True) as pip:
            said = []
            for line in pip.stderr:
                sys.stderr.write(line)
                said.append(line)
        if pip.returncode != 0:
            stop(diagnosis("".join(said)))
    except KeyboardInterrupt:
        stop("The installation was interrupted. Run the same command again: it goes on from what is there.")
    COMPLETE.write_text(wanted)
    return PYTHON


def diagnosis(said):
    """What to do, from what pip said on its error stream."""
    again = "Run the same command again afterwards: it goes on from what is there."
    if re.search(r"No space left|Errno 28", said):
        return "The disk filled up during the installation. Free some space, or take the CPU build (README). " + again
    if re.search(r"connection|resolution|unreachable|timed out|ProxyError|No matching distribution", said, re.I):
        return (
            "The packages could not be fetched, most likely because this machine is not connected to the internet "
            "(the first start needs it, later ones do not). Connect it, and check a proxy if there is one. " + again
        )
    return "pip could not install the packages; the lines above say why. " + again


def run(*command, folder=ROOT):
    """Gives this process to `python -m command` in a folder."""
    os.chdir(str(folder))
    if os.name == "nt":  # Windows has no exec that waits
        sys.exit(subprocess.call([sys.executable, "-m", *command]))
    os.execv(sys.executable, [sys.executable, "-m", *command])


def main(arguments):
    """Dispatches a command; first makes sure that the interpreter has what it needs."""
    if sys.version_info < (3, 10):  # noqa: UP036 (pip would enforce it, but pip has not run yet)
        stop(
            f"This is Python {platform.python_version()}, and the notebooks need 3.10 or newer. Install a newer one "
            "from python.org (or with conda: `conda create -n style python=3.12`), and start this command with it."
        )
    command = arguments[0] if arguments else "lab"
    if command in ("-h", "--help", "help"):
        print(HELP)
        return
    if command not in ("lab", "test", *COMMANDS) and not command.startswith("-"):
        stop(f"There is no command '{command}'; `python3 -m helpers --help` lists them.")
    lacking = missing()
    if lacking:
        python = environment()
        if Path(sys.prefix).resolve() == VENV.resolve():
            stop("{} lacks {} even now. Delete .venv and start again.".format(VENV, ", ".join(lacking)))
        if os.name == "nt":
            sys.exit(subprocess.call([str(python), "-m", "helpers", *arguments]))
        os.execv(str(python), [str(python), "-m", "helpers", *arguments])

    if command == "test":
        run("pytest", *arguments[1:])
    elif command in COMMANDS:
        sys.exit(importlib.import_module(f"helpers.{command}").main(arguments[1:]))
    else:
        options = arguments[1:] if command == "lab" else arguments
        # The lessons show pictures of docs/ too, which JupyterLab would not serve from the notebook's folder alone.
        root = f"--ServerApp.root_dir={WORK}"
        run("jupyterlab", str(lessons() / "00_start_here.ipynb"), root, *options, folder=WORK)


def lessons():
    """The notebooks' folder; where nothing can be saved there, one with copies of one's own, which are not replaced."""
    if WORK == ROOT:
        return NOTEBOOKS
    for path in [*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("*.md"), *ROOT.glob("docs/*.jpg")]:
        own = WORK / path.relative_to(ROOT)
        own.parent.mkdir(parents=True, exist_ok=True)
        if not own.exists():
            shutil.copyfile(str(path), str(own))
    print(f"{ROOT} may not be written to by you: your notebooks and results are in {WORK}", file=sys.stderr)
    return WORK / "notebooks"


if __name__ == "__main__":
    main(sys.argv[1:])

"""`python3 -m helpers`: starts a command. Standard library only, for it has to run before anything is installed."""

import importlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from helpers.base.errors import TeachingError
from helpers.base.installation import VENV, environment, gpu_libraries, missing, stop
from helpers.base.online import complete, hosted
from helpers.base.places import NOTEBOOKS, ROOT, WORK

COMMANDS = ("render", "gallery", "slides", "handout", "site", "bench", "distil")  # each is a file of helpers/commands/

SIDE_BY_SIDE = ("-n", "2", "--dist", "loadfile")  # pytest-xdist's options
ONE_BY_ONE = ("tests/browser", "tests/stress")

FIRST = "/lab/tree/notebooks/00_start_here.ipynb"  # where JupyterLab opens

# Defaults of JupyterLab's settings, below the user's own: it does not ask whether it may fetch news.
DEFAULTS = ROOT / "helpers" / "base" / "jupyter"

# What Voila needs to show the studio.
WIDGETS = ("@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget")

HELP = """\
Neural style transfer, a companion to a course.

  python3 -m helpers                      open the notebooks in JupyterLab
  python3 -m helpers render PHOTO STYLE   paint a photograph in the style of a picture
  python3 -m helpers gallery              paint many photographs in many styles, and lay them out on one page
  python3 -m helpers slides               the lessons as slides for a projector, or their rehearsal
  python3 -m helpers handout              the lessons for a class: without solutions, with them, or to be graded
  python3 -m helpers site                 the course as a web site (needs Sphinx; the command says how to install it)
  python3 -m helpers bench                how fast this machine is, beside a textbook's loop
  python3 -m helpers test                 run the tests (--all: the long ones too; pytest's options may follow)
  python3 -m helpers distil               train the compact network anew
  python3 -m helpers app                  the studio alone on a page (needs Voila; the command says how to install it)
  python3 -m helpers hub                  what a JupyterHub starts for each student (docs/hub.md)

The first start installs what is needed into .venv/ beside the README: on Linux a download of 3 GB, or of 0.3 GB without
an NVIDIA card, by `python3 -m helpers --cpu` (--cpu stands before any command). Later starts begin at once. A Python
that already has what requirements.txt asks for is used as it is.
`python3 -m helpers render --help` lists a command's options; options without a command go to JupyterLab,
for example `python3 -m helpers --no-browser`."""


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
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # what the console's encoding lacks, such as an emoji
    cpu = ["--cpu"] if arguments[:1] == ["--cpu"] else []
    arguments = arguments[len(cpu) :]
    command = arguments[0] if arguments else "lab"
    if "--cpu" in arguments:
        stop("--cpu stands before everything else: `python3 -m helpers --cpu render ...`.")
    if command in ("-h", "--help", "help"):
        print(HELP)
        return
    if command not in ("lab", "test", "app", "hub", *COMMANDS) and not command.startswith("-"):
        stop(f"There is no command '{command}'; `python3 -m helpers --help` lists them.")
    if hosted():
        if command not in COMMANDS:
            stop(
                "On Colab and Kaggle the lessons open in the host's own notebooks, as docs/online.md says; of the "
                f"commands, {', '.join(COMMANDS)} run there."
            )
        try:
            complete()
        except TeachingError as error:
            stop(error)
    else:
        prepare(cpu, arguments)

    if command == "test":
        test(arguments[1:])
    elif command == "app":
        app(arguments[1:])
    elif command == "hub":
        hub(arguments[1:])
    elif command in COMMANDS:
        try:
            module = importlib.import_module(f"helpers.commands.{command}")
        except (ImportError, OSError, MemoryError) as error:
            if isinstance(error, ImportError) and not str(error.path).endswith((".so", ".pyd")):
                raise  # Python code that is missing or wrong, and no compiled library
            stop(
                f"A library cannot be loaded: {error}. Allow more memory (ulimit -v), or delete .venv and start again."
            )
        sys.exit(module.main(arguments[1:]))
    else:
        lab(arguments[1:] if command == "lab" else arguments)


def prepare(cpu, arguments):
    """Returns if this interpreter has what it needs; else starts the command anew in .venv, made if there is none.

    cpu: ["--cpu"], if PyTorch is to come without its GPU libraries, or [].
    """
    lacking, inside = missing(), Path(sys.prefix).resolve() == VENV.resolve()
    if lacking:
        python = environment(bool(cpu))
        if inside:
            stop("{} lacks {} even now. Delete .venv and start again.".format(VENV, ", ".join(lacking)))
        command = [str(python), "-m", "helpers", *cpu, *arguments]
        if os.name == "nt":
            sys.exit(subprocess.call(command))
        os.execv(str(python), command)
    if cpu and gpu_libraries():
        instead = "Delete .venv and run the same command again" if inside else "Use another Python"
        stop(
            f"{sys.prefix} has PyTorch with its GPU libraries already, and --cpu does not replace it. {instead}, or "
            "leave --cpu out and use what is there."
        )


def lab(options):
    """Gives this process to JupyterLab, with lesson 0 in front."""
    lessons()
    if not any(option.startswith(("--version", "--help")) for option in options):
        print(
            "JupyterLab opens on lesson 0 in your browser; if it does not, open the last address below yourself.\n"
            f"Pictures are saved in {WORK / 'results'}. To end it, press Ctrl+C twice here.",
            flush=True,
        )
    quiet = ("--log-level=WARN", "--LabApp.log_level=WARN")  # the address is printed all the same
    serve(["jupyterlab", *quiet, f"--LabApp.default_url={FIRST}"], options)


def app(options):
    """Gives this process to Voila, which shows the studio alone; each visitor has one of their own."""
    if importlib.util.find_spec("voila") is None:
        wants("Voila", "app")
    print("The studio opens on a page of its own in your browser. To end it, press Ctrl+C here.", flush=True)
    # Other extensions of JupyterLab that may be installed complain on Voila's page.
    allowed = [f"--VoilaConfiguration.extension_allowlist={name}" for name in WIDGETS]
    run("voila", str(ROOT / "helpers" / "studio" / "app.ipynb"), *allowed, *options)


def wants(program, extra):
    """Ends with a line on how to install a program that only some need."""
    stop(f'{sys.executable} lacks {program}. In {ROOT}, `{sys.executable} -m pip install -e ".[{extra}]"` installs it.')


def hub(options):
    """Gives this process to the server of one student on a JupyterHub, which begins with lesson 0."""
    if "JUPYTERHUB_SERVICE_URL" not in os.environ:
        stop("A JupyterHub starts this for each of its students, as docs/hub.md says; by itself it cannot run.")
    if importlib.util.find_spec("jupyterhub") is None:
        wants("JupyterHub", "hub")
    lessons()
    serve(["jupyterhub.singleuser", f"--ServerApp.default_url={FIRST}"], options)


def serve(command, options):
    """Gives this process to a Jupyter server of the whole project: the lessons show pictures of docs/, too."""
    paths = [str(DEFAULTS), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(paths)
    run(*command, f"--ServerApp.root_dir={WORK}", *options, folder=WORK)


def test(options):
    """Runs pytest and ends with its exit code: on the tests named, on all, or on what a newcomer waits for."""
    if any(os.path.exists(option.split("::")[0]) for option in options):
        run("pytest", *options)
    everything, options = "--all" in options, [option for option in options if option != "--all"]
    print("Units, notebooks and a studio in the browser, on two cores: six to twelve minutes.", flush=True)
    # Two processes of one thread each are done sooner than one of two threads; a file's tests stay together.
    code = pytest(*SIDE_BY_SIDE, *options, OMP_NUM_THREADS="1")
    if everything:
        print("The browser and the stress tests, one after another: about 25 minutes.", flush=True)
        code = pytest(*ONE_BY_ONE, *options) or code
    else:
        print("Left out: most tests in a browser, and the stress tests. --all runs them too, 25 minutes more.")
    sys.exit(code)


def pytest(*arguments, **environment):
    """pytest's exit code; environment: what to set for it."""
    try:
        return subprocess.call(
            [sys.executable, "-m", "pytest", *arguments], cwd=str(ROOT), env={**os.environ, **environment}
        )
    except KeyboardInterrupt:  # pytest got it too, and has said what it had to say
        sys.exit(130)


def lessons():
    """The notebooks' folder; if nothing can be saved there, one at the user's home, whose copies are never replaced."""
    if WORK == ROOT:
        return NOTEBOOKS
    shown = [*ROOT.glob("docs/**/*.jpg"), *ROOT.glob("data/content/*.jpg")]
    for path in [*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("*.md"), *shown]:
        own = WORK / path.relative_to(ROOT)
        own.parent.mkdir(parents=True, exist_ok=True)
        if not own.exists():
            shutil.copyfile(str(path), str(own))
    print(f"{ROOT} may not be written to by you: your notebooks and results are in {WORK}", file=sys.stderr)
    return WORK / "notebooks"


if __name__ == "__main__":
    main(sys.argv[1:])

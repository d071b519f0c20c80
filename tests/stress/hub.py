"""A JupyterHub on this machine with students of its own, who are gone when it ends.

The students may read this checkout and its Python only if every folder on the way lets them through. Where one does
not, such as root's home, JupyterHub runs with file systems of its own, in which that folder holds nothing but the way;
on the machine itself no mode is changed.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shlex import quote

import psutil

ROOT = Path(__file__).resolve().parents[2]
SHARED = (ROOT, Path(sys.prefix))  # by the class
PROGRAMS = Path(sys.executable).parent
PROXY = PROGRAMS / "configurable-http-proxy"
# What docs/jupyterhub_config.py leaves to whoever runs it, and free ports, so that several hubs can run here.
CONFIGURATION = """\
load_subconfig({given!r})
c = get_config()
c.JupyterHub.bind_url, c.JupyterHub.hub_port = "http://127.0.0.1:{port}", {hub_port}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = {password!r}
c.Spawner.args += ["--LabApp.expose_app_in_browser=True"]
"""
APART = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def missing() -> str:
    """What a hub lacks here, or nothing."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a hub that starts a server for each student has to be run by root, on Linux"
    if not shutil.which("useradd"):
        return "there is no useradd here"
    if importlib.util.find_spec("jupyterhub") is None:
        return "JupyterHub is not installed (pip install jupyterhub)"
    if not PROXY.exists():
        return (
            f"JupyterHub's proxy is missing (npm install --global --prefix {PROGRAMS.parent} configurable-http-proxy)"
        )
    if subprocess.run([*APART, "true"], capture_output=True).returncode:
        return "this system lets nobody have file systems of their own (unshare --mount)"
    return ""


@contextmanager
def student(name: str) -> Iterator[pwd.struct_passwd]:
    """A user of this machine with a home that nobody else may enter; all of it is deleted in the end."""
    subprocess.run(["useradd", "--create-home", "--shell", "/bin/bash", "--key", "HOME_MODE=0700", name], check=True)
    try:
        yield pwd.getpwnam(name)
    finally:
        for process in processes_of(name):
            process.kill()
        psutil.wait_procs(processes_of(name), timeout=20)
        subprocess.run(["userdel", "--remove", name], check=True, stderr=subprocess.DEVNULL)  # there is no mail spool


@contextmanager
def students(count: int) -> Iterator[list[pwd.struct_passwd]]:
    """Several, whose names nobody has."""
    with ExitStack() as stack:
        yield [stack.enter_context(student(f"student{n + 1}-{secrets.token_hex(3)}")) for n in range(count)]


def processes_of(name: str) -> list[psutil.Process]:
    """All processes of a user."""
    return [process for process in psutil.process_iter(["username"]) if process.info["username"] == name]


@contextmanager
def jupyterhub(folder: Path, port: int, hub_port: int, proxy_port: int) -> Iterator[str]:
    """A hub with the configuration of docs/, for whoever has an account and this password, which it yields."""
    password = secrets.token_hex(16)
    configuration = folder / "jupyterhub_config.py"
    given = str(ROOT / "docs" / "jupyterhub_config.py")
    configuration.write_text(
        CONFIGURATION.format(given=given, port=port, hub_port=hub_port, proxy_port=proxy_port, password=password)
    )
    start = (
        f"{passage(*SHARED, sys.base_prefix)}exec {quote(sys.executable)} -m jupyterhub -f {quote(str(configuration))}"
    )
    with (folder / "log").open("w") as log:
        # Whatever it has started ends with it.
        hub = subprocess.Popen([*APART, "sh", "-ec", start], cwd=folder, stdout=log, stderr=log)
    try:
        yield password
    finally:
        hub.kill()
        hub.wait()


def answers(address: str) -> bool:
    """Whether a web address answers."""
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except OSError:
        return False


def passage(*wanted: str | Path) -> str:
    """The commands of a shell in a mount namespace after which everybody may reach these folders."""
    ways: dict[Path, set[Path]] = {}
    for path in {Path(each).resolve() for each in wanted}:
        closed = next((folder for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001), None)
        if closed:
            ways.setdefault(closed, set()).add(path)
    lines = ["umask 022"]
    for closed, paths in ways.items():
        whole = Path("/mnt/whole")
        lines += ["mount -t tmpfs way /mnt", f"mkdir {whole}", f"mount --rbind {quote(str(closed))} {whole}"]
        lines += [f"mount -t tmpfs -o mode=755 way {quote(str(closed))}"]
        for path in paths:
            source, target = (quote(str(each)) for each in (whole / path.relative_to(closed), path))
            lines += [f"mkdir -p {target}", f"mount --rbind {source} {target}"]
        lines += ["umount -l /mnt"]
    return "".join(f"{line}\n" for line in lines)


def snapshot() -> dict[str, tuple[int, ...]]:
    """Of every file that the class shares, except what Python keeps: its mode, owner, size, and time of change."""
    found = {}
    for path in (path for folder in SHARED for path in folder.rglob("*")):
        if not {"__pycache__", ".git", ".pytest_cache"} & set(path.parts):
            of = path.lstat()
            found[str(path)] = (of.st_mode, of.st_uid, of.st_size, of.st_mtime_ns * (not path.is_dir()))
    return found

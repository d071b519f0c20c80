"""The environment: what it lacks, what stands in the way of making it, and what pip's errors mean."""

import shutil
import subprocess

import pytest

from helpers.base import installation


def test_a_requirement_is_compared_as_numbers(monkeypatch):
    class Found:
        version = "2.13.0+cpu"

    monkeypatch.setattr("importlib.metadata.distributions", lambda **_: iter([Found]))
    assert installation.satisfied("torch>=2.4,<3")
    assert installation.satisfied("torch>=2.13")
    assert not installation.satisfied("torch>=2.14")
    assert not installation.satisfied("torch<2.13")


@pytest.mark.parametrize(
    "said, advice",
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk filled up"),
        ("but editable mode currently requires a setuptools-based build.)", "-m pip install --upgrade pip`"),
        ("ERROR: ResolutionImpossible: no matching distributions available", "does not go with what is here"),
        ("WARNING: Retrying ... NewConnectionError(... Name or service not known)", "not connected to the internet"),
        ("ERROR: something else", "the lines above say why"),
    ],
)
def test_what_pip_said_becomes_advice(said, advice):
    assert advice in installation.diagnosis(said)


def test_how_to_need_less_disk_is_said_where_that_is_possible():
    full = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    assert "helpers --cpu`" in installation.diagnosis(full, installation.SMALLER)
    assert "--cpu" not in installation.diagnosis(full)


@pytest.fixture
def venv(tmp_path, monkeypatch):
    """A project of its own, whose .venv is not there yet."""
    venv = tmp_path / ".venv"
    python = venv / installation.PYTHON.relative_to(installation.VENV)
    (tmp_path / "requirements.txt").write_text("torch>=2.4,<3\ntorchvision>=0.19,<1\n")
    for name, path in {
        "VENV": venv, "PYTHON": python, "COMPLETE": venv / "complete", "CPU_ONLY": venv / "cpu",
        "REQUIREMENTS": tmp_path / "requirements.txt",
    }.items():  # fmt: skip
        monkeypatch.setattr(installation, name, path)
    return venv


def versions(venv):
    """What is installed in it: name -> version."""
    found = venv.glob("**/site-packages/*.dist-info")
    return dict(path.name.removesuffix(".dist-info").split("-") for path in found)


@pytest.mark.parametrize("free, cpu", [(6, False), (1, True)])
def test_too_little_disk_is_said_before_anything_is_downloaded(free, cpu, venv, monkeypatch, capsys):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**10, 0, free * 10**9))
    with pytest.raises(SystemExit) as ended:
        installation.environment(cpu)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"{free}.0 GB are free" in said
    assert ("`python3 -m helpers --cpu` brings it" in said) == (not cpu)
    assert not venv.exists()


@pytest.mark.parametrize("platform, steps", [("linux", 2), ("darwin", 1), ("win32", 1)])
def test_only_linux_has_its_cpu_builds_elsewhere(platform, steps, venv, monkeypatch):
    monkeypatch.setattr("sys.platform", platform)
    everything = ["-r", str(installation.REQUIREMENTS)]
    assert installation.packages(cpu=False) == [everything]
    first = ["--index-url", "https://download.pytorch.org/whl/cpu", "torch>=2.4,<3", "torchvision>=0.19,<1"]
    assert installation.packages(cpu=True) == [first, everything][-steps:]


def test_the_cpu_build_is_chosen_and_never_replaced(venv, pypi, add_wheel, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("sys.platform", "linux")
    builds = tmp_path / "builds"
    monkeypatch.setattr(installation, "CPU_BUILDS", builds.as_uri())
    for index, label in ((pypi, ""), (builds, "+cpu")):
        add_wheel(index, "torch", f"2.9.0{label}", *([] if label else ["nvidia"]))
        add_wheel(index, "torchvision", f"0.24.0{label}", "torch==2.9.0")
    add_wheel(pypi, "torch", "2.9.1", "nvidia")
    add_wheel(pypi, "nvidia", "13.0")
    add_wheel(pypi, "tqdm", "4.70")
    installation.environment(cpu=True)
    wanted = {"torch": "2.9.0+cpu", "torchvision": "0.24.0+cpu"}
    assert wanted.items() <= versions(venv).items() and "nvidia" not in versions(venv)
    assert "a download of 0.3 GB" in capfd.readouterr().out

    with monkeypatch.context() as later:
        later.setattr(subprocess, "call", lambda *_: pytest.fail("nothing is to be installed"))
        assert installation.environment() == installation.PYTHON

    with installation.REQUIREMENTS.open("a") as file:
        file.write("tqdm>=4.66,<5\n")
    installation.environment()  # a repair
    assert (wanted | {"tqdm": "4.70"}).items() <= versions(venv).items() and "nvidia" not in versions(venv)
    assert "--cpu" not in capfd.readouterr().out


def test_an_installation_that_is_interrupted_says_how_to_go_on(venv, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(subprocess, "call", interrupted)
    with pytest.raises(SystemExit):
        installation.environment()
    said = capsys.readouterr()
    assert "a download of 3 GB" in said.out and "`python3 -m helpers --cpu`" in said.out
    assert said.err == "The installation was interrupted. Run the same command again: it goes on from what is there.\n"


def test_a_python_without_venv_is_told_where_it_is(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(installation, "COMPLETE", tmp_path / "complete")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        installation.environment()
    assert "apt install python3-venv" in capsys.readouterr().err


def test_binder_takes_the_same_packages_and_the_cpu_builds():
    lines = (installation.ROOT / "binder" / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        f"--extra-index-url {installation.CPU_BUILDS}",
        "-r ../requirements.txt",
    ]

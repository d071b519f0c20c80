"""The environment: what it lacks, what stands in the way of making it, and what pip's errors mean."""

import shutil

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
        ("WARNING: Retrying ... NewConnectionError(... Name or service not known)", "not connected to the internet"),
        ("ERROR: something else", "the lines above say why"),
    ],
)
def test_what_pip_said_becomes_advice(said, advice):
    assert advice in installation.diagnosis(said)


def test_too_little_disk_is_said_before_anything_is_downloaded(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(installation, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(installation, "COMPLETE", tmp_path / ".venv" / "complete")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**10, 9 * 10**9, 10**9))
    with pytest.raises(SystemExit) as ended:
        installation.environment()
    assert ended.value.code == 2
    assert "1.0 GB are free" in capsys.readouterr().err
    assert not (tmp_path / ".venv").exists()


def test_a_python_without_venv_is_told_where_it_is(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(installation, "COMPLETE", tmp_path / "complete")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        installation.environment()
    assert "apt install python3-venv" in capsys.readouterr().err

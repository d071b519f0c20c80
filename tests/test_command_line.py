"""`python3 -m helpers` as a user meets it: in a process of its own."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
from PIL import Image

from helpers import __main__ as command_line
from helpers.base.pictures import CONTENTS, in_file_name
from helpers.images import load_image
from helpers.runs.recipe import load_recipe

ROOT = Path(__file__).resolve().parent.parent


def run(*arguments, python=sys.executable, cwd=ROOT, **options):
    return subprocess.run(
        [python, "-m", "helpers", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=120, **options
    )


def test_help_names_every_command():
    shown = run("--help")
    assert shown.returncode == 0
    for command in ("test", *command_line.COMMANDS):
        assert f"python3 -m helpers {command}" in shown.stdout


@pytest.mark.parametrize("command", ["handout", "site", "slides"])
def test_a_command_that_does_not_compute_does_not_load_torch(command):
    program = f"import sys, helpers.commands.{command}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=120).returncode == 0


def test_an_unknown_command_is_one_line():
    failed = run("paint")
    assert failed.returncode == 2
    assert failed.stderr == "There is no command 'paint'; `python3 -m helpers --help` lists them.\n"


def test_jupyterlab_serves_every_picture_that_a_lesson_shows(tmp_path):
    shown = {
        picture
        for lesson in (ROOT / "notebooks").glob("*.ipynb")
        for cell in json.loads(lesson.read_text(encoding="utf-8"))["cells"]
        for picture in re.findall(r"\]\(\.\./([^)]+\.jpg)\)", "".join(cell["source"]))
    }
    assert "docs/coarse_to_fine.jpg" in shown
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folders = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "helpers", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
             f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=known"],
            cwd=ROOT, env={**os.environ, **folders}, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        end = time.monotonic() + 60
        while server.poll() is None:
            with socket.socket() as there:
                if there.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert time.monotonic() < end, (tmp_path / "log").read_text()
            time.sleep(0.1)
        for path in ("notebooks/00_start_here.ipynb", *shown):
            with urlopen(f"http://127.0.0.1:{port}/files/{path}?token=known", timeout=20) as answer:
                assert answer.read() == (ROOT / path).read_bytes()
    finally:
        server.terminate()
        server.wait(20)


def test_render_makes_a_picture_with_its_recipe_and_prints_the_losses(tmp_path):
    out = tmp_path / "picture.png"
    done = run("render", "portrait", "kandinsky", "--size", 96, "--steps", 6, "--every", 3, "--seed", 4,
               "--style-weight", 50, "--layer", "conv1_1=0.5", "--schedule", "report", "--out", out)  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line[:15] for line in lines[:2]] == ["iteration    3:", "iteration    6:"]
    assert all(word in lines[0] for word in ("total loss", "content", "style", "tv"))
    assert lines[-1] == str(out)
    assert max(load_image(out).shape) == 96
    recipe = load_recipe(out)
    assert (recipe["content"], recipe["style"], recipe["seed"], recipe["iteration"]) == ("portrait", "kandinsky", 4, 6)
    assert recipe["layer"] == [["conv1_1", 0.5]]


def test_a_recipe_repeats_its_picture(tmp_path):
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    run("render", "landscape", "monet", "--size", 96, "--steps", 4, "--start", "content", "--out", first)
    again = run("render", "--recipe", first, "--out", second)
    assert again.returncode == 0, again.stderr
    assert Image.open(first).tobytes() == Image.open(second).tobytes()
    assert load_recipe(first) == load_recipe(second)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nosuch.jpg"], "There is no picture 'nosuch.jpg'"),
        (["landscape", "van_gog"], "Did you mean 'van_gogh'?"),
        (["README.md"], "'README.md' is not a picture"),
        (["--size", "10"], "whole number from 32 up; got 10"),
        (["--size", "big"], "argument --size: invalid int value: 'big'"),
        (["--steps", "0"], "steps is a whole number from 1 up; got 0"),
        (["--every", "0"], "--every is a number of iterations from 1 up, not 0"),
        (["--style-weight", "-1"], "style_weight is a number from 0 up; got -1.0"),
        (["--tv-weight", "nan"], "tv_weight is a number from 0 up; got nan"),
        (["--layer", "conv4_5=1"], "Unknown layer 'conv4_5'; VGG-19's block 4 has conv4_1"),
        (["--layer", "conv1_1"], "a layer's weight is written conv1_1=0.5"),
        (["--content-layer", "conv9_9"], "Unknown layer 'conv9_9'"),
        (["--network", "vgg16"], "There is no weights file 'vgg16'"),
        (["--optimizer", "sgd"], "invalid choice: 'sgd'"),
        (["--learning-rate", "0"], "learning_rate is a number above 0"),
        (["--out", "picture.jpg"], "'picture.jpg' does not end in .png"),
        (["--recipe", "data/style/monet.jpg"], "carries no recipe"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, message, capsys):
    from helpers.commands import render

    assert render.main(arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_run_that_a_signal_ends_leaves_the_picture_so_far(name, tmp_path):
    out = tmp_path / "picture.png"
    process = subprocess.Popen(
        [sys.executable, "-m", "helpers", "render", "--size", "64", "--steps", "100000", "--every", "1", "--out", out],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline().startswith("iteration    1:")
    process.send_signal(getattr(signal, name))
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + getattr(signal, name)
    assert f"the picture so far is in {out}" in said and "Traceback" not in said
    assert load_recipe(out)["iteration"] >= 1
    assert {path.name for path in tmp_path.iterdir()} == {"picture.png", "picture.checkpoint"}
    assert f"render --resume {out.with_suffix('.checkpoint')}` goes on from there" in said


NAMES = ["\N{ARTIST PALETTE} \u6f22\u5b57.jpg", "$frac{$.jpg", "n" * 251 + ".jpg", "-x.jpg"]


@pytest.mark.parametrize(
    "name", NAMES if os.name == "nt" else [*NAMES, "new\nline.jpg", "$\\frac{$.jpg", '<a href="">.jpg']
)
def test_a_photograph_may_have_any_name(name, tmp_path, results, capsys, recwarn):
    from helpers.commands import render

    path = tmp_path / name
    shutil.copyfile(CONTENTS["landscape"], path)
    assert render.main([str(path), "monet", "--size", "48", "--steps", "1", "--compare"]) == 0
    first, second = sorted(results.glob("*.png"))
    assert first.name.isprintable() and len(first.name.encode()) < 255
    assert not [warning for warning in recwarn if "Glyph" in str(warning.message)]
    assert load_recipe(second)["content"] == str(path)


def test_a_console_without_unicode(tmp_path):
    name = "\N{ARTIST PALETTE}.jpg"
    shutil.copyfile(CONTENTS["landscape"], tmp_path / name)
    command = [sys.executable, "-m", "helpers", "render", tmp_path / name, "--size", "48", "--steps", "1"]
    out = tmp_path / "\N{ARTIST PALETTE}.png"
    ran = subprocess.run(
        [*command, "--out", out], cwd=ROOT, env=os.environ | {"PYTHONIOENCODING": "cp1252"}, capture_output=True
    )
    assert ran.returncode == 0 and out.exists()
    assert rb"\U0001f3a8.png" in ran.stdout and b"Traceback" not in ran.stderr


def test_long_names_that_begin_alike_stay_apart():
    first, second = (in_file_name("n" * 200 + end) for end in "ab")
    assert first != second and len(first) == len(second) == 80
    assert len(in_file_name("\N{ARTIST PALETTE}" * 70).encode()) <= 80


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_a_pipe_is_no_picture(tmp_path, capsys):
    from helpers.commands import render

    os.mkfifo(tmp_path / "pipe.jpg")
    assert render.main([str(tmp_path / "pipe.jpg")]) == 2
    assert "is a pipe or a device; give the path of a picture's file" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")
def test_too_little_memory_to_load_pytorch_is_said_in_a_line():
    import resource

    ran = subprocess.run(
        [sys.executable, "-m", "helpers", "render", "--help"], cwd=ROOT, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (10**9, 10**9)),
    )  # fmt: skip
    assert ran.returncode != 0
    assert ran.stderr.startswith("A library cannot be loaded: ") and "Traceback" not in ran.stderr


def test_two_runs_do_not_paint_the_same_picture(tmp_path):
    out = tmp_path / "picture.png"
    command = [sys.executable, "-m", "helpers", "render", "--size", "64", "--steps", "100000", "--out", out]
    first = subprocess.Popen([*command, "--every", "1"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        first.stdout.readline()
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert second.returncode == 2 and f"Another run is painting '{out}'" in second.stderr
        assert first.poll() is None
    finally:
        first.kill()
        first.communicate()


@pytest.fixture
def project(tmp_path):
    """A copy of what the bootstrap needs, with a requirement that no interpreter here has."""
    shutil.copytree(ROOT / "helpers", tmp_path / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "requirements.txt").write_text("no-such-package-at-all>=1,<2\n")
    return tmp_path


def test_offline_the_first_start_says_so(project):
    nowhere = {
        **os.environ,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_RETRIES": "0",
    }
    failed = run("render", cwd=project, env=nowhere)
    assert failed.returncode == 2
    assert "not connected to the internet" in failed.stderr.splitlines()[-1]
    assert not (project / ".venv" / "complete").exists()


@pytest.fixture
def started(monkeypatch):
    """The command that the door starts anew in .venv, and how that was to be made: a list."""
    said = []
    monkeypatch.setattr(command_line, "VENV", Path("/.venv"))
    monkeypatch.setattr(command_line, "missing", lambda: ["torch>=2.4,<3"])
    monkeypatch.setattr(command_line, "environment", lambda cpu: said.append(cpu) or "/.venv/bin/python")
    monkeypatch.setattr(os, "execv", lambda _, command: said.append(command) or sys.exit(0))
    monkeypatch.setattr(subprocess, "call", lambda command: said.append(command) or 0)
    return said


@pytest.mark.parametrize("arguments", [[], ["render", "landscape"], ["--no-browser"]])
@pytest.mark.parametrize("cpu", [True, False])
def test_cpu_stands_before_any_command(arguments, cpu, started):
    typed = [*["--cpu"] * cpu, *arguments]
    with pytest.raises(SystemExit):
        command_line.main(typed)
    assert started == [cpu, ["/.venv/bin/python", "-m", "helpers", *typed]]


def test_cpu_is_refused_in_a_sentence_where_the_gpu_libraries_are_there(monkeypatch, capsys):
    monkeypatch.setattr(command_line, "missing", list)
    monkeypatch.setattr(command_line, "gpu_libraries", lambda: True)
    monkeypatch.setattr(command_line, "VENV", Path(sys.prefix))
    with pytest.raises(SystemExit) as ended:
        command_line.main(["--cpu", "render", "--help"])
    assert ended.value.code == 2
    assert "Delete .venv and run the same command again" in capsys.readouterr().err


def test_cpu_changes_nothing_where_the_cpu_build_is_there(monkeypatch, capsys):
    monkeypatch.setattr(command_line, "missing", list)
    monkeypatch.setattr(command_line, "gpu_libraries", lambda: False)
    with pytest.raises(SystemExit) as ended:
        command_line.main(["--cpu", "handout", "--help"])
    assert ended.value.code == 0 and "usage: python3 -m helpers handout" in capsys.readouterr().out


def test_on_a_hosted_notebook_no_environment_is_made(started, monkeypatch, capsys):
    completed = []
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
    monkeypatch.setattr(command_line, "complete", lambda: completed.append(True))
    with pytest.raises(SystemExit) as ended:
        command_line.main(["handout", "--help"])
    assert (ended.value.code, completed) == (0, [True])
    with pytest.raises(SystemExit) as ended:
        command_line.main([])
    assert ended.value.code == 2 and "docs/online.md" in capsys.readouterr().err
    assert started == []


def test_an_old_python_is_turned_away(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    with pytest.raises(SystemExit):
        command_line.main([])
    assert "need 3.10 or newer" in capsys.readouterr().err

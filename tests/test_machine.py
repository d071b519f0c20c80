"""What lesson 0 says about the machine."""

import sys
import types

import pytest

from helpers import machine
from helpers.base import places
from helpers.base.errors import TeachingError


def test_a_machine_that_is_ready_gets_no_advice():
    said = machine.report()
    assert "torch" in said and "compact network: here" in said and "->" not in said


@pytest.mark.parametrize(
    ("name", "stand_in", "advice"),
    [
        ("missing", lambda: ["nbval>=0.11,<1"], "-> nbval>=0.11,<1 is missing: run `python3 -m helpers`"),
        ("duration", lambda seconds: "1 min 0 s", "takes 1 min 0 s"),
        ("imagenet_is_here", lambda: True, "VGG-19 itself: here"),
        ("imagenet_is_here", lambda: False, "not here, and not needed"),
    ],
)
def test_each_line_says_what_was_found(name, stand_in, advice, monkeypatch):
    monkeypatch.setattr(machine, name, stand_in)
    assert advice in machine.report()


def test_a_damaged_network_is_a_line_and_not_an_error(monkeypatch):
    def damaged():
        raise TeachingError("'compact.safetensors' is damaged. Fetch it again.")

    monkeypatch.setattr(machine, "load_vgg19", damaged)
    assert "-> compact network: 'compact.safetensors' is damaged. Fetch it again." in machine.report()


def test_torch_and_torchvision_of_different_builds_are_one_clear_line(monkeypatch):
    class Mismatched(types.ModuleType):
        def __getattr__(self, name):
            raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setitem(sys.modules, "torchvision.models", Mismatched("torchvision.models"))
    (line,) = [line for line in machine.report().splitlines() if "torchvision cannot be used" in line]
    assert line.startswith("-> ") and "::nms does not exist" in line and "Delete .venv" in line


def test_a_folder_that_cannot_be_written_to_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(places, "RESULTS", tmp_path)
    monkeypatch.setattr(machine.os, "access", lambda path, mode: False)
    assert f"-> {tmp_path} cannot be written to" in machine.report()

"""Files are written whole or not at all, on Windows too, where a file that is open cannot be replaced."""

import os
from pathlib import Path

import pytest

from helpers.base.errors import TeachingError
from helpers.base.files import write_whole


def test_a_file_that_another_program_has_open_stays_and_the_message_says_so(tmp_path, monkeypatch):
    path = tmp_path / "picture.png"
    write_whole(path, b"first")

    def in_use(self, target):
        raise PermissionError(13, "The process cannot access the file because it is being used by another process")

    monkeypatch.setattr(Path, "replace", in_use)
    with pytest.raises(TeachingError, match=r"being used by another process\. Close it where it is open, or choose"):
        write_whole(path, b"second")
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["picture.png"]


def test_missing_folders_are_made_and_the_content_is_replaced_whole(tmp_path):
    path = tmp_path / "a" / "b" / "file.bin"
    write_whole(path, b"first")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert os.listdir(path.parent) == ["file.bin"]

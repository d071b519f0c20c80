import contextlib
import dataclasses
import gzip
import http.server
import io
import os
import socket
import threading

import pytest
from PIL import Image

from helpers.base.errors import TeachingError
from helpers.base.pictures import STYLES
from helpers.engine import downloads
from helpers.engine.downloads import USER_AGENT
from helpers.images import load_image
from helpers.teaching import originals
from helpers.teaching.originals import PAINTINGS, fetch_painting


def jpeg():
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (255, 0, 0)).save(file, "JPEG")
    return file.getvalue()


PICTURE = jpeg()


class Museum(http.server.BaseHTTPRequestHandler):
    """Answers /good, /cut_off and so on by the method of that name."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.visitors.append(self.headers["User-Agent"])
        with contextlib.suppress(OSError):  # the visitor left
            getattr(self, self.path[1:])()

    def answer(self, body, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def good(self):
        self.answer(PICTURE, Content_Length=len(PICTURE))

    def good_of_unknown_length(self):
        self.answer(PICTURE)

    def moved(self):
        self.answer(b"", 302, Location="/good", Content_Length=0)

    def moved_in_circles(self):
        self.answer(b"", 302, Location="/moved_in_circles", Content_Length=0)

    def missing(self):
        self.answer(b"", 404, Content_Length=0)

    def page(self):
        self.answer(b"<!doctype html><title>Please log in</title>", Content_Type="text/html")

    def tiny(self):
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, "JPEG")
        self.answer(file.getvalue())

    def empty(self):
        self.answer(b"", Content_Length=0)

    def hangs_up(self):
        pass

    def silent(self):
        self.server.closing.wait(5)

    def stalls(self):
        self.answer(PICTURE[:100], Content_Length=len(PICTURE))
        self.server.closing.wait(5)

    def trickles(self):
        self.answer(b"", Content_Length=len(PICTURE))
        for value in PICTURE:
            self.server.closing.wait(0.01)
            self.server.drops += 1
            self.wfile.write(bytes([value]))

    def cut_off(self):
        self.answer(PICTURE[:100], Content_Length=1000)

    def cut_off_in_a_chunk(self):
        self.answer(b"%x\r\n" % len(PICTURE) + PICTURE[:100], Transfer_Encoding="chunked")

    def cut_off_unnoticed(self):
        self.answer(PICTURE[: len(PICTURE) // 2])

    def huge_as_announced(self):
        self.answer(bytes(100), Content_Length=1_000_001)

    def huge_without_a_word(self):
        self.answer(b"")
        while not self.server.closing.is_set():
            self.wfile.write(bytes(65536))

    def compressed(self):
        self.answer(gzip.compress(PICTURE), Content_Encoding="gzip")

    def compressed_without_end(self):
        self.answer(b"", Content_Encoding="gzip")
        while not self.server.closing.is_set():
            self.wfile.write(gzip.compress(bytes(1_000_000)))

    def of_nonsense_length(self):
        self.answer(PICTURE, Content_Length="some")

    def log_message(self, *args):
        pass


@pytest.fixture
def museum(monkeypatch):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Museum)
    server.visitors, server.drops, server.closing = [], 0, threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield server
    server.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def hang(monkeypatch):
    """Makes an address that of The Starry Night."""

    def hang_at(port, page):
        painting = dataclasses.replace(PAINTINGS["starry_night"], address=f"http://127.0.0.1:{port}/{page}")
        monkeypatch.setitem(PAINTINGS, "starry_night", painting)

    return hang_at


@pytest.mark.parametrize("page", ["good", "good_of_unknown_length", "moved"])
def test_a_painting_is_fetched_whole_with_a_progress_bar(page, museum, hang, tmp_path, capsys):
    hang(museum.server_port, page)
    path = fetch_painting("starry_night", tmp_path / "new")
    assert path == tmp_path / "new" / "starry_night.jpg"
    assert path.read_bytes() == PICTURE
    assert load_image(path).shape == (1, 3, 48, 64)
    assert os.listdir(path.parent) == ["starry_night.jpg"]
    assert "The Starry Night" in capsys.readouterr().err
    assert set(museum.visitors) == {USER_AGENT}


def test_a_painting_that_is_there_is_not_fetched_again(museum, hang, tmp_path):
    hang(museum.server_port, "good")
    path = tmp_path / "starry_night.jpg"
    path.write_bytes(b"here before")
    assert fetch_painting("starry_night", tmp_path) == path
    assert path.read_bytes() == b"here before"
    assert museum.visitors == []


@pytest.mark.parametrize(
    ("page", "limits", "reason"),
    [
        ("missing", {}, r"the server answered 404 \(Not Found\)"),
        ("moved_in_circles", {}, r"the server answered 302 \(.*infinite loop"),
        ("page", {}, "not a picture that can be read"),
        ("tiny", {}, "8 x 8 pixels"),
        ("empty", {}, "not a picture that can be read"),
        ("hangs_up", {}, "closed connection without response"),
        ("silent", {"SILENCE_SECONDS": 0.1}, "the server did not answer in time"),
        ("stalls", {"SILENCE_SECONDS": 0.1}, "the server did not answer in time"),
        ("trickles", {"DOWNLOAD_SECONDS": 0.1}, "it took longer than 0 seconds"),
        ("cut_off", {}, "the connection was cut after 100 of 1000 bytes"),
        ("cut_off_in_a_chunk", {}, "IncompleteRead"),
        ("cut_off_unnoticed", {}, "damaged or cut off"),
        ("huge_as_announced", {"DOWNLOAD_BYTES": 1_000_000}, "the file is larger than 1 MB"),
        ("huge_without_a_word", {"DOWNLOAD_BYTES": 1_000_000}, "the file is larger than 1 MB"),
        ("of_nonsense_length", {}, "'some'"),
        ("compressed", {}, r"compressed \(gzip\)"),
        ("compressed_without_end", {}, r"compressed \(gzip\)"),
    ],
)
def test_a_download_that_fails_says_why_names_the_stand_in_and_leaves_nothing(
    page, limits, reason, museum, hang, tmp_path, monkeypatch
):
    hang(museum.server_port, page)
    for name, value in limits.items():
        monkeypatch.setattr(downloads if name == "SILENCE_SECONDS" else originals, name, value)
    with pytest.raises(
        TeachingError, match=rf"(?s)The Starry Night could not be fetched: .*{reason}.*'van_gogh' in STYLES"
    ):
        fetch_painting("starry_night", tmp_path)
    assert museum.visitors[0] == USER_AGENT
    assert museum.drops < len(PICTURE) / 2
    assert os.listdir(tmp_path) == []


def test_without_a_connection_the_stand_in_is_named_and_nothing_is_left(hang, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        hang(nobody_listens.getsockname()[1], "good")
        with pytest.raises(TeachingError, match=r"could not be fetched: there is no connection .*'van_gogh' in STYLES"):
            fetch_painting("starry_night", tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_full_disk_leaves_nothing_behind(museum, hang, tmp_path, monkeypatch):
    hang(museum.server_port, "good")

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(TeachingError, match=r"starry_night.jpg' could not be written: No space left"):
        fetch_painting("starry_night", tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("guernica", "no painting 'guernica' to fetch; there are starry_night, .*women_of_algiers"),
        (
            "women_of_algiers",
            r"Women of Algiers.*Picasso, 1955\) is under copyright.*give its path.*'picasso' in STYLES",
        ),
    ],
)
def test_what_is_not_to_be_had_is_refused(name, reason, tmp_path):
    with pytest.raises(TeachingError, match=reason):
        fetch_painting(name, tmp_path)
    assert os.listdir(tmp_path) == []


def test_every_painting_has_a_stand_in_and_only_the_one_under_copyright_no_address():
    assert {painting.stand_in for painting in PAINTINGS.values()} <= set(STYLES)
    assert [name for name, painting in PAINTINGS.items() if painting.address is None] == ["women_of_algiers"]
    assert all(painting.address.startswith("https://") for painting in PAINTINGS.values() if painting.address)

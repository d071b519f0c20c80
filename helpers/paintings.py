"""The originals: what they are, where they hang, and how to fetch those that are in the public domain."""

import http.client
import io
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tqdm.auto import tqdm

from helpers.errors import TeachingError
from helpers.images import load_image, write_whole
from helpers.places import OWN

COMMONS = "https://commons.wikimedia.org/wiki/Special:FilePath/"
USER_AGENT = "style-transfer-companion/0.1 (course material; Python urllib)"
PATIENCE = 20.0  # seconds without a byte
LONGEST = 180.0  # seconds for the whole file
LARGEST = 30_000_000  # bytes


@dataclass(frozen=True)
class Painting:
    """A painting and, where it is in the public domain, the address of a photograph of it (1,280 pixels wide)."""

    artist: str
    title: str
    year: int
    museum: str
    stand_in: str  # the name in STYLES of our picture in this manner
    address: str | None = None


PAINTINGS = {
    "starry_night": Painting(
        "Vincent van Gogh", "The Starry Night", 1889, "Museum of Modern Art, New York", "van_gogh",
        COMMONS + "Van_Gogh_-_Starry_Night_-_Google_Art_Project.jpg?width=1280",
    ),
    "composition_vii": Painting(
        "Wassily Kandinsky", "Composition VII", 1913, "Tretyakov Gallery, Moscow", "kandinsky",
        COMMONS + "Vassily_Kandinsky,_1913_-_Composition_7.jpg?width=1280",
    ),
    "impression_sunrise": Painting(
        "Claude Monet", "Impression, Sunrise", 1872, "Musée Marmottan Monet, Paris", "monet",
        COMMONS + "Monet_-_Impression,_Sunrise.jpg?width=1280",
    ),
    "women_of_algiers": Painting(
        "Pablo Picasso", "The Women of Algiers (Version O)", 1955, "private collection", "picasso"
    ),
}  # fmt: skip


def fetch_painting(name: str, folder: Path = OWN / "style") -> Path:
    """Downloads a painting's photograph to folder/name.jpg, whole or not at all, with a progress bar; returns its path.

    name: one of PAINTINGS. A file that is there already is not fetched again.
    Raises TeachingError for an unknown name, a painting under copyright, and every way in which a download can fail
    (offline, too slow, cut off, over 30 MB, not a picture); it then names the picture of ours that stands in.
    """
    if name not in PAINTINGS:
        raise TeachingError(f"There is no painting '{name}' to fetch; there are {', '.join(PAINTINGS)}.")
    painting = PAINTINGS[name]
    stand_in = f"'{painting.stand_in}' in STYLES, painted by our own code in that manner, stands in."
    if painting.address is None:
        raise TeachingError(
            f"{painting.title} ({painting.artist}, {painting.year}) is under copyright and cannot be fetched. If you "
            f"may use a picture of it, save it in data/style/ and give its path. Until then {stand_in}"
        )
    path = folder / f"{name}.jpg"
    if path.is_file():
        return path
    try:
        content = _download(painting.address, painting.title)
        load_image(io.BytesIO(content))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise TeachingError(f"{painting.title} could not be fetched: {_reason(error)}. {stand_in}") from None
    write_whole(path, content)
    return path


def _download(address: str, title: str) -> bytes:
    """The content at an address, within the limits above."""
    deadline = time.monotonic() + LONGEST
    request = urllib.request.Request(address, headers={"User-Agent": USER_AGENT})
    content = bytearray()
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        size = int(response.headers.get("Content-Length") or 0)
        with tqdm(total=size or None, desc=title, unit="B", unit_scale=True) as bar:
            while chunk := response.read1(65536):
                content += chunk
                bar.update(len(chunk))
                if max(size, len(content)) > LARGEST:
                    raise TeachingError(f"the file is larger than {LARGEST // 1_000_000} MB")
                if time.monotonic() > deadline:
                    raise TeachingError(f"it took longer than {LONGEST:.0f} seconds")
    if len(content) < size:
        raise TeachingError(f"the connection was cut after {len(content)} of {size} bytes")
    return bytes(content)


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        error.close()  # it holds the connection
        return f"the server answered {error.code} ({error.reason})"
    if isinstance(error, TimeoutError):
        return "the server did not answer in time"
    if isinstance(error, urllib.error.URLError):
        return f"there is no connection ({error.reason})"
    return str(error).rstrip(".")

"""The original paintings: what they are, where they hang, and how to fetch those in the public domain."""

import io
from dataclasses import dataclass
from pathlib import Path

from helpers.base.errors import TeachingError
from helpers.base.files import write_whole
from helpers.base.places import OWN
from helpers.engine.downloads import download
from helpers.images import load_image

COMMONS = "https://commons.wikimedia.org/wiki/Special:FilePath/"
DOWNLOAD_SECONDS = 180.0  # the longest that a download may take
DOWNLOAD_BYTES = 30_000_000  # bytes


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
    (offline, too slow, cut off, over 30 MB, not a picture); the message names the picture of ours that stands in.
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
        content = io.BytesIO()
        download(painting.address, content, painting.title, DOWNLOAD_BYTES, DOWNLOAD_SECONDS)
        load_image(io.BytesIO(content.getvalue()))
    except TeachingError as error:
        raise TeachingError(f"{painting.title} could not be fetched: {str(error).rstrip('.')}. {stand_in}") from None
    write_whole(path, content.getvalue())
    return path

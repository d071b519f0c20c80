"""Downloads from the web, with limits on size and time."""

import http.client
import time
import urllib.error
import urllib.request
from typing import BinaryIO

from tqdm.auto import tqdm

from helpers.base.errors import TeachingError

USER_AGENT = "style-transfer-companion/0.1 (course material; Python urllib)"
SILENCE_SECONDS = 20.0  # seconds without a byte, after which a download has failed


def download(address: str, file: BinaryIO, title: str, largest: int, longest: float) -> None:
    """Downloads the file at a web address into an open binary file, with a progress bar labelled `title`.

    largest: the limit on the size, in bytes. longest: the limit on the time, in seconds.
    Raises TeachingError, with the reason, if the download fails in any way.
    """
    try:
        _download(address, file, title, largest, longest)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise TeachingError(_reason(error)) from None


def _download(address: str, file: BinaryIO, title: str, largest: int, longest: float) -> None:
    deadline = time.monotonic() + longest
    request = urllib.request.Request(address, headers={"User-Agent": USER_AGENT})
    with urllib.request.urlopen(request, timeout=SILENCE_SECONDS) as response:
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding != "identity":  # a small stream may unpack to an endless one, and nobody asked for it
            raise TeachingError(f"the server sent it compressed ({encoding}), which was not asked for")
        size, done = int(response.headers.get("Content-Length") or 0), 0
        with tqdm(total=size or None, desc=title, unit="B", unit_scale=True) as bar:
            while chunk := response.read1(65536):
                file.write(chunk)
                done += len(chunk)
                bar.update(len(chunk))
                if max(size, done) > largest:
                    raise TeachingError(f"the file is larger than {largest // 1_000_000} MB")
                if time.monotonic() > deadline:
                    raise TeachingError(f"it took longer than {longest:.0f} seconds")
    if done < size:
        raise TeachingError(f"the connection was cut after {done} of {size} bytes")


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        error.close()  # otherwise it keeps the connection open
        return f"the server answered {error.code} ({error.reason})"
    if isinstance(error, TimeoutError):
        return "the server did not answer in time"
    if isinstance(error, urllib.error.URLError):
        return f"there is no connection ({error.reason})"
    return str(error).rstrip(".")

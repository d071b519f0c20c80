"""Writing files completely or not at all."""

import contextlib
import os
import secrets
from pathlib import Path

from helpers.base.errors import TeachingError


def write_whole(path: Path, *content: bytes | memoryview) -> None:
    """Writes a file completely or not at all; if that fails, an earlier file of the same name stays as it was.

    content: its parts, one after the other. Missing parent folders are made. Raises TeachingError if the file cannot be
    written.
    """
    # Named before it exists, so that an interrupt at any moment leaves nothing behind.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.writelines(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        # Windows refuses to replace a file that another program has open.
        remedy = "Close it where it is open" if isinstance(error, PermissionError) else "Free some space"
        raise TeachingError(
            f"'{path}' could not be written: {error.strerror}. {remedy}, or choose another folder."
        ) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()

"""Writing files completely or not at all."""

import os
import tempfile
from pathlib import Path

from helpers.base.errors import TeachingError


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file completely or not at all; if that fails, an earlier file of the same name stays as it was.

    Missing parent folders are made. Raises TeachingError if the file cannot be written.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise TeachingError(
            f"'{path}' could not be written: {error.strerror}. Free some space or choose another folder."
        ) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)

"""State dicts on disk: nested dictionaries of tensors and plain values, read without unpickling.

    save_state("mine.checkpoint", step.state_dict())
    state_dict, notes = load_state("mine.checkpoint")

The format is safetensors (https://github.com/huggingface/safetensors): tensors under dotted names, such as
"optimizer.momentum", and everything else as JSON in the header, which can be read alone.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from helpers.base.errors import TeachingError
from helpers.base.files import write_whole
from helpers.base.numbers import is_whole

VERSION = 2
DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}  # what a state has, by safetensors' names
# Arguments that are compared by the digests of their contents, which say nothing to a reader of an error message.
CONTENTS = "content", "style", "masks", "network"


def save_state(path: str | Path, state_dict: Mapping[str, Any], **notes: Any) -> None:
    """Writes a state dict to a file, completely or not at all, together with `notes`, which JSON can hold.

    Raises TeachingError if it cannot be written; an earlier file then stays as it was.
    """
    leaves = dict(_flat(state_dict))
    tensors = {name: value.detach().cpu().contiguous() for name, value in leaves.items() if isinstance(value, Tensor)}
    values = {name: value for name, value in leaves.items() if name not in tensors}
    header = {"version": VERSION, "values": values, "notes": notes}
    write_whole(Path(path), *_as_safetensors(tensors, {"run": json.dumps(header)}))


def load_state(path: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reads a file: returns its state dict and its notes.

    Raises TeachingError for a file that is missing, damaged, or no checkpoint.
    """
    header, tensors = _read(Path(path), with_tensors=True)
    state_dict = _upgraded(header, tensors) if header["version"] == 1 else _nested(header["values"] | tensors)
    if (state_dict and not is_whole(state_dict.get("iteration"), 0)) or not all(map(_sound, tensors.values())):
        raise TeachingError(f"'{path}' is damaged: what it holds is no state of a run. Start the run anew.")
    return state_dict, header["notes"]


def load_notes(path: str | Path) -> dict[str, Any]:
    """Reads the notes alone, as fast from a large file as from a small one; raises as `load_state` does."""
    return _read(Path(path), with_tensors=False)[0]["notes"]


@contextmanager
def fitting_parts() -> Iterator[None]:
    """Context manager for loading a state dict: raises TeachingError if parts are missing or do not fit together."""
    try:
        yield
    except (KeyError, TypeError, RuntimeError, ValueError, AttributeError):
        raise TeachingError("The checkpoint is damaged: its parts do not fit together. Start the run anew.") from None


def fingerprinted(plain: Mapping[str, Any], **tensors: Iterable[Tensor]) -> Callable[[], dict[str, Any]]:
    """A function that returns a run's arguments: plain values as they are, tensors as digests, computed once."""
    return cache(lambda: {**plain, **{name: digest(each) for name, each in tensors.items()}})


def digest(tensors: Iterable[Tensor]) -> str:
    """A short hash of the exact shapes and values of tensors: 16 hexadecimal digits."""
    content = hashlib.sha256()
    for tensor in tensors:
        content.update(str(tuple(tensor.shape)).encode())
        content.update(tensor.detach().cpu().contiguous().numpy())  # as it lies in memory, without a copy
    return content.hexdigest()[:16]


def read_state(
    resume: Mapping[str, Any] | str | Path | None, arguments: Callable[[], Mapping[str, Any]]
) -> Mapping[str, Any]:
    """The state dict to resume from, passed as such or as the path of its file; empty for a run from the beginning.

    arguments: a function that returns the resumed run's arguments. Raises TeachingError, with the argument's name, for
    the first that differs from what the run began with.
    """
    state_dict = load_state(resume)[0] if isinstance(resume, str | Path) else resume or {}
    began_with = state_dict.get("arguments", {})
    for name, value in arguments().items() if state_dict else ():
        before = began_with.get(name, value)
        if before != value:
            between = f" ({before!r}, now {value!r})" if name not in CONTENTS else ""
            raise TeachingError(
                f"The checkpoint is of a run with another {name}{between}. Go on with what it began with, or start "
                "a new run without it."
            )
    return state_dict


def _as_safetensors(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> list[bytes | memoryview]:
    """The parts of a file: the header's length, the header, and the tensors' values as they lie in memory.

    The library's own `save` makes a copy of all of them, which takes as much memory again.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name, tensor in tensors.items():
        begin, end = end, end + tensor.nbytes
        header[name] = {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # so that the values begin at a multiple of eight bytes
    return [len(text).to_bytes(8, "little"), text, *(tensor.numpy().data for tensor in tensors.values())]


def _read(path: Path, with_tensors: bool) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if not path.is_file():
        raise TeachingError(f"There is no checkpoint '{path}'.")
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {})["run"])
            names = file.keys() if with_tensors else ()
            tensors = {name: file.get_tensor(name) for name in names}
        known = header["version"] in (1, VERSION)
        sound = isinstance(header["notes"], dict)
        if known:
            sound = sound and isinstance(header["made_with" if header["version"] == 1 else "values"], dict)
    # A damaged or hostile file can make the reader raise nearly anything.
    except Exception as error:
        raise TeachingError(
            f"'{path}' is damaged, or no checkpoint ({type(error).__name__}); it cannot be gone on from."
        ) from None
    if not known:
        raise TeachingError(f"'{path}' was written by another version of this project; start the run anew.")
    if not sound:
        raise TeachingError(f"'{path}' is damaged: what it holds is no state of a run. Start the run anew.")
    return header, tensors


def _upgraded(header: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Any]:
    """The state dict of a version 1 file, which has all tensors at one level and the arguments under another name."""
    if not tensors:
        return {}
    arguments = {name: value for name, value in header["made_with"].items() if name not in ("betas", "size")}
    arguments = {name: value == "True" if name == "relative" else value for name, value in arguments.items()}
    optimizer = dict(tensors)
    numbers = {name: optimizer.pop(name).item() for name, tensor in tensors.items() if tensor.dim() == 0}
    image = {name: optimizer.pop(name, None) for name in ("pixels", "image", "mean")}
    mean = {"mean": image.pop("mean"), "count": numbers.pop("iteration", 0)}
    numbers.pop("first", None)
    return {"iteration": header.get("iteration"), **image, "mean": mean, "optimizer": optimizer | numbers,
            "arguments": arguments}  # fmt: skip


def _flat(nested: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """{"optimizer": {"steps": 3}} -> ("optimizer.steps", 3)"""
    for name, value in nested.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `_flat`."""
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *folders, last = name.split(".")
        inside = nested
        for folder in folders:
            inside = inside.setdefault(folder, {})
        inside[last] = value
    return nested


def _sound(tensor: Tensor) -> bool:
    return tensor.dtype in DTYPES and bool(tensor.isfinite().all())

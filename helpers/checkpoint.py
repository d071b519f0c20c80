"""A run's state, in memory and on disk: all that it needs to go on as if it had never ended.

for step in style_transfer(content, style, model):
    if step.iteration % 50 == 0:
        save_checkpoint("mine.checkpoint", step.state())

style_transfer(content, style, model, resume="mine.checkpoint")
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from helpers.errors import TeachingError
from helpers.images import write_whole

VERSION = 1


@dataclass(frozen=True)
class State:
    """What the next iteration depends on, beside the arguments of the run."""

    iteration: int = 0  # how many are over
    tensors: dict[str, Tensor] = field(default_factory=dict)  # empty before the first
    made_with: dict[str, Any] = field(default_factory=dict)  # the arguments that have to be the same, in short

    def check(self, arguments: dict[str, Any]) -> None:
        """Raises TeachingError, with its name, for an argument that is not what the run began with."""
        for name, value in arguments.items():
            was = self.made_with.get(name, value)
            if was != value:
                between = f" ({was!r}, now {value!r})" if name not in ("content", "style", "network") else ""
                raise TeachingError(
                    f"The checkpoint is of a run with another {name}{between}. Go on with what it began with, or start "
                    "a new run without it."
                )


BEGINNING = State()


def save_checkpoint(path: str | Path, state: State, **notes: Any) -> None:
    """Writes a state to a file, whole or not at all, and with it whatever else JSON can hold.

    Raises TeachingError where it cannot be written; an earlier file is then still there.
    """
    run = {"version": VERSION, "iteration": state.iteration, "made_with": state.made_with, "notes": notes}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.tensors.items()}
    write_whole(Path(path), save(tensors, {"run": json.dumps(run)}))


def load_checkpoint(path: str | Path) -> tuple[State, dict[str, Any]]:
    """The state and the notes in a file; nothing is unpickled.

    Raises TeachingError for a file that is missing, damaged, or no checkpoint.
    """
    path = Path(path)
    if not path.is_file():
        raise TeachingError(f"There is no checkpoint '{path}'.")
    try:
        with safe_open(path, "pt") as file:
            run = json.loads((file.metadata() or {})["run"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
        state, notes, version = State(run["iteration"], tensors, run["made_with"]), run["notes"], run["version"]
        sound = isinstance(state.iteration, int) and state.iteration >= 0 and isinstance(notes, dict)
        sound = sound and isinstance(state.made_with, dict) and all(map(_sound, tensors.values()))
    # Reading a damaged or hostile file fails in as many ways as there are parts to it.
    except Exception as error:
        raise TeachingError(
            f"'{path}' is damaged, or no checkpoint ({type(error).__name__}); it cannot be gone on from."
        ) from None
    if version != VERSION:
        raise TeachingError(f"'{path}' was written by another version of this project; start the run anew.")
    if not sound:
        raise TeachingError(f"'{path}' is damaged: what it holds is no state of a run. Start the run anew.")
    return state, notes


def digest(tensors: Iterable[Tensor]) -> str:
    """A short name for the exact contents of tensors."""
    content = hashlib.sha256()
    for tensor in tensors:
        content.update(str(tuple(tensor.shape)).encode())
        content.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return content.hexdigest()[:16]


def _sound(tensor: Tensor) -> bool:
    return tensor.dtype in (torch.float32, torch.float64, torch.int64) and bool(tensor.isfinite().all())

"""Is this machine ready? What it has, what is missing, and how long a picture will take."""

import os
import platform

import torch

from helpers.base import places
from helpers.base.errors import TeachingError
from helpers.base.installation import installed, missing
from helpers.base.online import hosted
from helpers.base.places import display_path
from helpers.base.units import duration
from helpers.engine.memory import free_memory
from helpers.engine.optimizers import STEPS
from helpers.engine.precision import best_device
from helpers.engine.weights import imagenet_address, imagenet_is_here
from helpers.runs.estimate import measured
from helpers.vgg import load_vgg19

PACKAGES = ("torch", "torchvision", "jupyterlab", "ipywidgets")  # Colab comes without JupyterLab


def report() -> str:
    """A line for each thing that the lessons need; a line that begins with -> says what to do about a problem.

    It times the compact network for some seconds, to say how long a picture of 768 x 512 will take here.
    """
    device = best_device()
    lines = [
        ", ".join(
            [f"Python {platform.python_version()}"]
            + [f"{name} {installed(name)}" for name in PACKAGES if installed(name)]
        ),
        f"computes on: {device}, {torch.get_num_threads()} of {os.cpu_count()} processor cores",
        f"free memory: {free_memory(device) / 1e9:.1f} GB",
    ]
    lacking = [] if hosted() else missing()
    lines += [f"-> {line} is missing: run `python3 -m helpers` once in a terminal" for line in lacking]
    try:
        seconds = measured(load_vgg19()).seconds((512, 768), STEPS["lbfgs"])
        lines.append(f"compact network: here; a picture of 768 x 512 takes {duration(seconds)}")
        if seconds > 180:
            lines.append("-> That is slow: close other programs, or take a smaller size, 256 for example")
    except TeachingError as error:
        lines.append(f"-> compact network: {error}")
    try:
        imagenet_address()  # raises where torchvision does not fit
        there = "here" if imagenet_is_here() else 'not here, and not needed; load_vgg19("imagenet") fetches it (548 MB)'
        lines.append(f"VGG-19 itself: {there}")
    except TeachingError as error:
        lines.append(f"-> {error}")
    lines.append(f"results go to: {display_path(places.RESULTS)}")
    there = next(folder for folder in (places.RESULTS, *places.RESULTS.parents) if folder.exists())
    if not os.access(there, os.W_OK):
        lines.append(f"-> {there} cannot be written to: copy the course to a folder of yours")
    return "\n".join(lines)

"""`python3 -m helpers bench`: how fast this machine paints a picture, compared with the loop of a textbook."""

import json
import platform
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import connection, get_context
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from helpers.base.errors import TeachingError
from helpers.base.parser import Parser
from helpers.engine.precision import best_device, fast_precision
from helpers.images import load_image
from helpers.transfer import AVERAGE, coarse_to_fine, style_transfer
from helpers.vgg import LAYERS, VGG19, load_vgg19

SIZE = 768  # pixels on the long side: the table's pictures are 768 x 512
SMALL_SIZE = 304  # so small that 400 iterations on a single scale do not take too long
ROUNDS = 3
TURN_SECONDS = 1.0  # a turn takes at least this long: short iterations are repeated
SIZES = (192, 384, 768, 1536)
STEPS = 400
GIB = 2**30


def textbook(content: Tensor, style: Tensor) -> Iterator[Tensor]:
    """The loop as textbooks have it: all of torchvision's VGG-19, float32, channels first, torch's Adam.

    Yields each iteration's loss, a scalar, as it was before the update.
    """
    from torchvision.models import vgg19

    layers = vgg19(weights=None).features.to(content.device).eval().requires_grad_(False)
    style_layers, content_layer = (0, 5, 10, 19, 28), 21

    def features(image: Tensor) -> dict[int, Tensor]:
        maps = {}
        for index, layer in enumerate(layers):
            image = layer(image)
            if index in (*style_layers, content_layer):
                maps[index] = image
        return maps

    def gram(feature: Tensor) -> Tensor:
        rows = feature.reshape(feature.shape[1], -1)
        return rows @ rows.T / rows.numel()

    with torch.no_grad():
        target, grams = features(content)[content_layer], {k: gram(v) for k, v in features(style).items()}
    image = content.clone().requires_grad_()
    optimizer = torch.optim.Adam([image], lr=0.02)
    while True:
        optimizer.zero_grad()
        responses = features(image)
        loss = (responses[content_layer] - target).square().mean()
        for index in style_layers:
            loss = loss + 1e3 * (gram(responses[index]) - grams[index]).square().mean()
        loss.backward()
        optimizer.step()
        yield loss.detach()


def ours(network: str, content: Tensor, style: Tensor) -> Iterator[float]:
    """Iterations of style_transfer; VGG-19 has random filters, which take as long as trained ones."""
    model = load_vgg19() if network == "compact" else random_vgg19().to(content.device)
    for step in style_transfer(content, style, model, steps=10**6, average=AVERAGE):
        yield step.loss


def random_vgg19() -> VGG19:
    """VGG-19 in its full width, with random filters that keep the responses at about the same size."""
    model = VGG19().requires_grad_(False).to(memory_format=torch.channels_last)
    for name in LAYERS.values():
        torch.nn.init.kaiming_normal_(getattr(model, name).weight, nonlinearity="relu")
    return model


def serve(pipe: connection.Connection, engine: str, size: int) -> None:
    """Runs in its own process. Each message True starts a turn, answered with its iterations' seconds; False ends it.

    The last answer is the peak memory, in bytes.
    """
    # load_image enlarges a picture only if its shape is passed.
    content, style = (
        load_image(name, shape=(size * 2 // 3, size)).to(best_device()) for name in ("landscape", "van_gogh")
    )
    run = textbook(content, style) if engine == "textbook" else ours(engine, content, style)
    while pipe.recv():
        seconds: list[float] = []
        while sum(seconds) < TURN_SECONDS:
            began = time.perf_counter()
            next(run)
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - began)
        pipe.send(seconds)
    pipe.send(peak_memory())


def peak_memory() -> int:
    """This process's peak memory in bytes: on the GPU if there is one, else in RAM."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on a Mac


@contextmanager
def engines(of: Sequence[tuple[str, int]]) -> Iterator[list[connection.Connection]]:
    """Context manager: starts a process for each (engine, size), and yields the pipes to them."""
    context = get_context("spawn")  # a fork would begin with this process's memory
    pipes, processes = [], []
    for engine, size in of:
        here, there = context.Pipe()
        processes.append(context.Process(target=serve, args=(there, engine, size), daemon=True))
        processes[-1].start()
        there.close()
        pipes.append(here)
    try:
        yield pipes
    finally:
        for process in processes:
            process.terminate()
            process.join()


def iterations(of: Sequence[tuple[str, int]], rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Median seconds per iteration and peak memory in bytes; they take turns, so that a busy moment affects all."""
    with engines(of) as pipes:
        seconds: list[list[float]] = [[] for _ in of]
        for turn in range(rounds + 1):
            for pipe, measured in zip(pipes, seconds, strict=True):
                pipe.send(True)
                turn_seconds = pipe.recv()
                measured += turn_seconds if turn else []  # the first turn is a warm-up
        memory = [(pipe.send(False), pipe.recv())[1] for pipe in pipes]
    return [
        {"engine": engine, "size": size, "seconds": statistics.median(measured), "bytes": peak}
        for (engine, size), measured, peak in zip(of, seconds, memory, strict=True)
    ]


def picture(size: int, scales: int) -> dict[str, Any]:
    """A finished picture on the compact network: its time, and its relative losses in full size and float32."""
    model = load_vgg19()
    content, style = (load_image(name, size) for name in ("landscape", "van_gogh"))
    *_, last = coarse_to_fine(content, style, model, steps=STEPS, scales=scales)
    (final,) = style_transfer(content, style, model, steps=1, start=last.image, precision="float32")
    return {
        "size": size,
        "scales": scales,
        "seconds": last.seconds,
        "style": final.style,
        "content": final.content,
    }


def measure() -> dict[str, Any]:
    """Measures everything that the table shows."""
    device = best_device()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "machine": f"{name}, {torch.get_num_threads()} threads, torch {torch.__version__}",
        "precision": str(fast_precision(device)).removeprefix("torch."),
        "iterations": iterations([("textbook", SIZE), ("vgg19", SIZE), ("compact", SIZE)]),
        "growth": iterations([("compact", size) for size in SIZES], rounds=1),
        "pictures": [picture(SMALL_SIZE, 1), picture(SMALL_SIZE, 4), picture(SIZE, 4)],
    }


NAMES = {"textbook": "textbook loop, VGG-19", "vgg19": "VGG-19", "compact": "compact network"}


def table(found: dict[str, Any]) -> str:
    """The results of `measure` as a text to read."""
    book = found["iterations"][0]
    lines = [f"{found['machine']}; networks compute in {found['precision']}", ""]
    lines.append(
        f"{f'one iteration at {SIZE} x {SIZE * 2 // 3}':<30}{'seconds':>9}{'times as fast':>15}{'peak memory':>15}"
    )
    for row in found["iterations"]:
        lines.append(
            f"  {NAMES[row['engine']]:<28}{row['seconds']:>9.3f}{book['seconds'] / row['seconds']:>15.1f}"
            f"{row['bytes'] / GIB:>11.2f} GiB"
        )
    lines += ["", f"{f'{STEPS} iterations, compact network':<34}{'seconds':>9}{'style loss':>12}{'content loss':>14}"]
    for row in found["pictures"]:
        how = "one size" if row["scales"] == 1 else "coarse to fine"
        lines.append(
            f"  {row['size']} x {row['size'] * 2 // 3}, {how:<20}{row['seconds']:>10.1f}"
            f"{row['style']:>12.4f}{row['content']:>14.3f}"
        )
    ratio = STEPS * book["seconds"] / found["pictures"][-1]["seconds"]
    lines.append(f"  {STEPS} iterations of the textbook loop take {ratio:.0f} times as long as the last of these.")
    lines += ["", f"{'compact network, by size':<30}{'seconds':>9}{'peak memory':>15}"]
    for row in found["growth"]:
        size = f"{row['size']} x {row['size'] * 2 // 3}"
        lines.append(f"  {size:<28}{row['seconds']:>9.3f}{row['bytes'] / GIB:>11.2f} GiB")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code: 0, or 2 after one line on what was wrong."""
    options = Parser(
        prog="python3 -m helpers bench",
        description="Measures this machine, in about two minutes: the loop of a textbook, and what is here instead.",
    )
    options.add_argument("--json", action="store_true", help="print the figures as JSON")
    try:
        typed = options.parse_args(arguments)
        results = measure()
    except TeachingError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(results, indent=2) if typed.json else table(results))
    return 0

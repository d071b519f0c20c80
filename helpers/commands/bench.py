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
from helpers.engine.memory import free_memory
from helpers.engine.optimizers import STEPS
from helpers.engine.precision import best_device, fast_precision
from helpers.engine.scales import plan
from helpers.images import load_image
from helpers.transfer import coarse_to_fine, style_transfer
from helpers.vgg import LAYERS, VGG19, load_vgg19

SIZE = 768  # pixels on the long side: the table's pictures are 768 x 512
ROUNDS = 3
TURN_SECONDS = 1.0  # a turn takes at least this long: short iterations are repeated
SIZES = (192, 384, 768, 1536, 3072)
TEXTBOOK_STEPS = 400
# More than an iteration has ever needed, by which a size is left out where the memory is too small for it.
BYTES_A_PIXEL = {"textbook": 5500, "compact": 2500}
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
    """Iterations of style_transfer with L-BFGS; VGG-19 has random filters, which take as long as trained ones."""
    model = load_vgg19() if network == "compact" else random_vgg19().to(content.device)
    for step in style_transfer(content, style, model, steps=10**6, optimizer="lbfgs"):
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


def scales() -> list[tuple[int, int]]:
    """(long side, iterations) for each scale of a picture of SIZE, coarsest first."""
    return [(SIZE // divisor, last - first) for divisor, first, last in plan(SIZE * 2 // 3, STEPS["lbfgs"])]


def picture() -> dict[str, Any]:
    """A finished picture on the compact network: its times, and its relative losses in full size and float32."""
    model = load_vgg19()
    content, style = (load_image(name, SIZE) for name in ("landscape", "van_gogh"))
    preview = scales()[0][1]
    for step in coarse_to_fine(content, style, model):
        if step.iteration == preview:
            first = step.seconds
    (final,) = style_transfer(content, style, model, steps=1, start=step.image, precision="float32")
    return {"preview": first, "seconds": step.seconds, "style": final.style, "content": final.content}


def growth() -> list[dict[str, Any]]:
    """An iteration of the compact network and of the textbook at each size that the memory allows, one at a time."""
    free, rows = free_memory(best_device()), []
    for size in SIZES:
        for engine in ("compact", "textbook"):
            if BYTES_A_PIXEL[engine] * size * (size * 2 // 3) < free:
                rows += iterations([(engine, size)], rounds=1)
    return rows


def measure(with_growth: bool) -> dict[str, Any]:
    """Measures everything that the tables show; with `growth` where that is asked for."""
    device = best_device()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    vgg19 = [("vgg19", size) for size, _ in reversed(scales())]
    return {
        "machine": f"{name}, {torch.get_num_threads()} threads, torch {torch.__version__}",
        "precision": str(fast_precision(device)).removeprefix("torch."),
        "iterations": iterations([("textbook", SIZE), *vgg19, ("compact", SIZE)]),
        "picture": picture(),
        "growth": growth() if with_growth else [],
    }


NAMES = {"textbook": "textbook loop, VGG-19", "vgg19": "VGG-19", "compact": "compact network"}


def table(found: dict[str, Any]) -> str:
    """The results of `measure` as a text to read."""
    book, *vgg19, _ = found["iterations"]
    lines = [f"{found['machine']}; networks compute in {found['precision']}", ""]
    lines.append(f"{'one iteration':<34}{'seconds':>9}{'times as fast':>15}{'peak memory':>15}")
    for row in found["iterations"]:
        faster = f"{book['seconds'] / row['seconds']:.1f}" if row["size"] == SIZE else ""
        lines.append(f"  {NAMES[row['engine']] + ', ' + measures(row['size']):<32}{row['seconds']:>9.3f}{faster:>15}"
                     f"{row['bytes'] / GIB:>11.2f} GiB")  # fmt: skip
    whole = TEXTBOOK_STEPS * book["seconds"]
    counts = dict(scales())
    reckoned = sum(row["seconds"] * counts[row["size"]] for row in vgg19)
    ours, steps = found["picture"], STEPS["lbfgs"]
    lines += ["", f"{'a picture of ' + measures(SIZE):<44}{'seconds':>9}{'times as fast':>15}"]
    for name, seconds in (
        (f"textbook loop, {TEXTBOOK_STEPS} iterations, reckoned", whole),
        (f"VGG-19, {steps} coarse to fine, reckoned", reckoned),
        (f"compact network, {steps} coarse to fine", ours["seconds"]),
        ("  of which up to the first scale's end", ours["preview"]),
    ):
        lines.append(f"  {name:<42}{seconds:>9.1f}{whole / seconds:>15.0f}")
    lines.append(f"  losses of the compact network's picture: style {ours['style']:.5f}, content {ours['content']:.4f}")
    if found["growth"]:
        lines += ["", f"{'one iteration, by size':<34}{'seconds':>9}{'peak memory':>15}"]
        for row in found["growth"]:
            lines.append(f"  {NAMES[row['engine']] + ', ' + measures(row['size']):<32}{row['seconds']:>9.3f}"
                         f"{row['bytes'] / GIB:>11.2f} GiB")  # fmt: skip
    return "\n".join(lines)


def measures(size: int) -> str:
    """768 -> "768 x 512" """
    return f"{size} x {size * 2 // 3}"


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code: 0, or 2 after one line on what was wrong."""
    options = Parser(
        prog="python3 -m helpers bench",
        description="Measures this machine, in about two minutes: the loop of a textbook, and what is here instead.",
    )
    options.add_argument("--growth", action="store_true", help="also time sizes up to 3072, which takes minutes longer")
    options.add_argument("--json", action="store_true", help="print the figures as JSON")
    try:
        typed = options.parse_args(arguments)
        results = measure(typed.growth)
    except TeachingError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(results, indent=2) if typed.json else table(results))
    return 0

"""The training itself, in rounds: new crops, new paintings, and then some steps on what has gathered."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from helpers.base.errors import TeachingError
from helpers.base.numbers import checked_seed, is_positive, is_whole
from helpers.distil.canvases import CANVASES, Canvases
from helpers.distil.crops import CROP, Crops, stream
from helpers.distil.networks import CHANNELS, Student, scale_to_unit_mean
from helpers.engine.precision import fast_precision
from helpers.vgg import LAYERS, STYLE_LAYERS, VGG19, get_features

CROPS_A_ROUND = 384
POOL, PAINTED_POOL = 2048, 1024  # the last crops, and the last paintings, to learn from
PAINTED = 3 / 8  # of a batch
ROUNDS_ALONE = 3  # at the beginning, before the student can paint
WARM_UP = 300  # steps in which the learning rate rises
BETAS, WEIGHT_DECAY = (0.9, 0.99), 1e-2
# The moving average of the student's parameters is what paints and what is kept: taken every few steps, with a memory
# of about a thousand.
AVERAGE_EVERY, MEMORY = 10, 0.99
CALIBRATION = 32  # crops, over which the mean of each of the teacher's responses becomes 1
# What each share that is missed counts in the loss. The layers that style transfer reads count most, the deep ones
# among them above all, for they are hardest to match; the others guide the way to them.
IMPORTANCE = dict.fromkeys(LAYERS.values(), 0.1) | {
    "conv1_1": 0.5, "conv2_1": 0.5, "conv3_1": 0.75, "conv4_1": 1, "conv4_2": 0.75, "conv5_1": 1,
    "gram_conv1_1": 0.5, "gram_conv2_1": 0.5, "gram_conv3_1": 0.75, "gram_conv4_1": 1, "gram_conv5_1": 1,
}  # fmt: skip
SAVE_EVERY = 8  # rounds


class Comparison(nn.Module):
    """Student and teacher look at the same crops: (B, 3, H, W) -> what `Student.missed` gives, as one vector."""

    def __init__(self, student: Student, teacher: VGG19):
        super().__init__()
        self.student, self.teacher = student, teacher

    def forward(self, crops: Tensor) -> Tensor:
        with torch.no_grad():
            targets = get_features(crops, self.teacher, LAYERS.values())
        return torch.stack(list(self.student.missed(crops, targets).values()))


@dataclass(frozen=True)
class Plan:
    """What a training run depends on besides the pictures; a checkpoint goes on with the same one only.

    rounds: of training. steps: of the optimizer in each round. batch: crops in a step. rate: the highest learning rate.
    seed: of everything random. Raises TeachingError for numbers that make no sense.
    """

    rounds: int = 112
    steps: int = 128
    batch: int = 32
    rate: float = 2e-3
    seed: int = 0

    def __post_init__(self):
        for name in ("rounds", "steps", "batch"):
            if not is_whole(getattr(self, name), 1):
                raise TeachingError(f"{name} is a whole number above 0; got {getattr(self, name)!r}.")
        if not is_positive(self.rate):
            raise TeachingError(f"rate is a number above 0; got {self.rate!r}.")
        checked_seed(self.seed)

    def learning_rate(self, step: int) -> float:
        """Rises for WARM_UP steps, and falls along half a cosine to 0 at the last one; no restarts."""
        progress = step / (self.rounds * self.steps)
        return self.rate * min(1, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * progress)) / 2


class Pool:
    """The last crops (3, CROP, CROP) that were added, in half precision."""

    def __init__(self, size: int, device: torch.device):
        self.crops = torch.zeros(size, 3, CROP, CROP, dtype=torch.half, device=device)
        self.count = 0

    def add(self, crops: Tensor) -> None:
        """Adds crops (N, 3, CROP, CROP); where the pool is full, each takes the place of the oldest."""
        at = torch.arange(self.count, self.count + len(crops), device=self.crops.device) % len(self.crops)
        self.crops[at] = crops.to(self.crops)
        self.count += len(crops)

    def draw(self, count: int) -> Tensor:
        """Random crops of those in it: (count, 3, CROP, CROP), float32."""
        chosen = torch.randint(max(1, min(self.count, len(self.crops))), (count,), device=self.crops.device)
        return self.crops[chosen].float()


def train(
    teacher: VGG19,
    crops: Crops,
    plan: Plan,
    checkpoint: Path,
    device: torch.device,
    report: Callable[[int, dict[str, float]], None],
) -> VGG19:
    """Trains a student from the checkpoint on, if there is one, and saves one every few rounds.

    report: called after each round with its number, from 1 on, and what was missed in it (`Student.missed`).
    Returns the network, the moving average of what training went through. Raises TeachingError where the checkpoint is
    of another plan.
    """
    precision = fast_precision(device)
    torch.set_float32_matmul_precision("high")
    torch.manual_seed(plan.seed)
    scale_to_unit_mean(teacher, torch.stack([crops[number] for number in range(CALIBRATION)]))
    teacher = teacher.to(device)
    student = Student(CHANNELS, teacher).to(device, memory_format=torch.channels_last)
    average = AveragedModel(student, multi_avg_fn=get_ema_multi_avg_fn(MEMORY), use_buffers=True)
    optimizer = torch.optim.AdamW(
        student.parameters(), plan.rate, BETAS, weight_decay=WEIGHT_DECAY, fused=device.type == "cuda"
    )
    parts = {"student": student, "average": average, "optimizer": optimizer}
    first = load(checkpoint, parts, plan, device)
    loaded = stream(crops, first * CROPS_A_ROUND, plan.rounds * CROPS_A_ROUND)
    pool, painted, canvases = Pool(POOL, device), Pool(PAINTED_POOL, device), None

    def batch() -> Tensor:
        by_student = round(PAINTED * plan.batch) if painted.count else 0
        drawn = torch.cat([pool.draw(plan.batch - by_student), painted.draw(by_student)])
        return drawn.to(precision, memory_format=torch.channels_last)

    pool.add(next(loaded))
    compare = Comparison(student, teacher)
    if device.type == "cuda":  # a thousand small kernels are launched as one graph
        compare = torch.cuda.make_graphed_callables(compare, (batch(),))
    names = [*LAYERS.values(), *(f"gram_{name}" for name in STYLE_LAYERS)]
    importance = torch.tensor([IMPORTANCE[name] for name in names], device=device)

    for n in range(first, plan.rounds):
        torch.manual_seed(plan.seed + 1000 + n)
        while pool.count < (n + 1 - first) * CROPS_A_ROUND:
            pool.add(next(loaded))
        if n >= ROUNDS_ALONE:
            fresh = pool.draw(2 * CANVASES)
            canvases = canvases or Canvases(fresh, precision)
            painted.add(canvases.paint(average.module.folded(), fresh))
        sums = torch.zeros_like(importance)
        for step in range(n * plan.steps, (n + 1) * plan.steps):
            for group in optimizer.param_groups:
                group["lr"] = plan.learning_rate(step)
            missed = compare(batch())
            optimizer.zero_grad()
            (missed @ importance).backward()
            optimizer.step()
            if step % AVERAGE_EVERY == 0:
                average.update_parameters(student)
            sums += missed.detach()
        report(n + 1, dict(zip(names, (sums / plan.steps).tolist(), strict=True)))
        if (n + 1) % SAVE_EVERY == 0 or n + 1 == plan.rounds:
            save(checkpoint, parts, plan, n + 1)
    return average.module.folded().cpu()


def save(checkpoint: Path, parts: dict, plan: Plan, done: int) -> None:
    """Writes the checkpoint whole: an interruption leaves the one before."""
    state = {name: part.state_dict() for name, part in parts.items()}
    partial = checkpoint.with_suffix(".partial")
    torch.save(state | {"plan": asdict(plan), "rounds": done}, partial)
    partial.replace(checkpoint)


def load(checkpoint: Path, parts: dict, plan: Plan, device: torch.device) -> int:
    """Restores what `save` wrote; returns how many rounds are done, 0 where there is no checkpoint."""
    if not checkpoint.exists():
        return 0
    state = torch.load(checkpoint, map_location=device, weights_only=True)
    if state["plan"] != asdict(plan):
        raise TeachingError(
            f"'{checkpoint}' is of a training run with {state['plan']}, and this one has {asdict(plan)}. "
            "Give the same options, or another --out; or delete it to begin anew."
        )
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return state["rounds"]

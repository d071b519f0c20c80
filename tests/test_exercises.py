"""The checks: every solution is right, every stub untried, typical mistakes get their hint, and nothing ever raises."""

import sys

import numpy as np
import pytest
import torch
from torch.nn.functional import mse_loss

from helpers.exercises import check
from helpers.images import MEAN, STD, im_convert, noise_like
from helpers.losses import content_loss, gram_matrix, style_loss, total_variation_loss
from helpers.transfer import style_transfer
from helpers.vgg import get_features


def verdict(name, answer, capsys):
    capsys.readouterr()
    assert getattr(check, name)(answer) is None
    return capsys.readouterr().out.strip()


def transfer_loop(content, style, model, weights, steps, rate=0.2, terms=("content", "style"), zero_grad=True):
    """The loop by hand; the options are for breaking it."""
    target = get_features(content, model)["conv4_2"]
    grams = {layer: gram_matrix(response) for layer, response in get_features(style, model).items()}
    image = noise_like(content).requires_grad_()
    optimizer = torch.optim.Adam([image], lr=rate)
    for _ in range(steps):
        if zero_grad:
            optimizer.zero_grad()
        features = get_features(image, model)
        loss = weights.tv * total_variation_loss(image)
        if "content" in terms:
            loss = loss + weights.content * content_loss(features["conv4_2"], target, relative=True)
        if "style" in terms:
            for layer, weight in weights.layers.items():
                loss = loss + weights.style * weight * style_loss(features[layer], grams[layer], relative=True)
        loss.backward()
        optimizer.step()
    return image.detach()


def variation(pixels):
    across = pixels[..., :, 1:] - pixels[..., :, :-1]
    down = pixels[..., 1:, :] - pixels[..., :-1, :]
    return across, down


def brightness(x):
    return 0.299 * x[..., 0:1] + 0.587 * x[..., 1:2] + 0.114 * x[..., 2:3]


SOLUTIONS = {
    "im_convert": lambda image: (image.detach() * STD + MEAN).clamp(0, 1)[0].permute(1, 2, 0).numpy(),
    "shapes": ((1, 3, 384, 512), (1, 3, 512, 768), (512, 768, 3)),
    "receptive_field": 156,
    "gram_matrix": lambda features: features.flatten(2) @ features.flatten(2).transpose(1, 2),
    "which_layer": ("conv3_1", "conv1_1", "conv5_1"),
    "style_loss": lambda features, target_gram: (
        mse_loss(gram_matrix(features), target_gram) / (features.shape[1] * features.shape[2] * features.shape[3])
    ),
    "total_variation_loss": lambda pixels: sum(difference.square().mean() for difference in variation(pixels)),
    "area": 4,
    "transfer_loop": transfer_loop,
    "grid": "conv4_2",
    "blend": lambda first, second, share: {n: share * first[n] + (1 - share) * second[n] for n in first},
    "keep_colours": lambda painting, photograph: (photograph + brightness(painting) - brightness(photograph)).clip(
        0, 1
    ),
}

# What the same function looks like when it is written otherwise.
ALSO_RIGHT = [
    ("im_convert", im_convert),
    ("im_convert", lambda x: np.clip(x.detach().squeeze(0).mul(STD[0]).add(MEAN[0]).numpy().transpose(1, 2, 0), 0, 1)),
    ("shapes", [[1, 3, 384, 512], torch.Size([1, 3, 512, 768]), (512, 768, 3)]),
    ("receptive_field", 156.0),
    ("gram_matrix", gram_matrix),
    ("gram_matrix", lambda f: torch.einsum("bchw,bdhw->bcd", f, f)),
    ("gram_matrix", lambda f: f.double().flatten(2) @ f.double().flatten(2).mT),
    ("which_layer", ["conv3_1", "conv1_1", "conv5_1"]),
    ("style_loss", style_loss),
    ("total_variation_loss", lambda x: sum(x.diff(dim=axis).pow(2).mean() for axis in (-1, -2))),
    ("area", 4.0),
    ("transfer_loop", lambda content, style, model, weights, steps: (
        [step.image for step in style_transfer(content, style, model, weights, steps=steps)][-1]
    )),
    ("transfer_loop", lambda content, style, model, weights, steps: (
        [s.image for s in style_transfer(content, style, model, weights, steps=steps, optimizer="lbfgs")][-1]
    )),
    ("transfer_loop", lambda content, style, model, weights, steps: (
        [s.image for s in style_transfer(content, style, model, weights, steps=steps, start="content")][-1]
    )),
    ("keep_colours", lambda painting, photograph: (
        np.clip(photograph + ((painting - photograph) @ np.array([0.299, 0.587, 0.114]))[..., None], 0, 1)
    )),
]  # fmt: skip


@pytest.mark.parametrize("name", SOLUTIONS)
def test_every_solution_is_right(name, capsys):
    assert verdict(name, SOLUTIONS[name], capsys).startswith("right: ")


@pytest.mark.parametrize("name, answer", ALSO_RIGHT)
def test_other_ways_to_be_right(name, answer, capsys):
    assert verdict(name, answer, capsys) == verdict(name, SOLUTIONS[name], capsys)


def test_total_variation_as_in_the_report_is_right_too(capsys):
    answer = lambda pixels: sum(d.square().sum() for d in variation(pixels)).sqrt()  # noqa: E731
    assert verdict("total_variation_loss", answer, capsys).startswith(
        "right: the report's L2 norm, 0 for a plain colour"
    )
    one_axis = lambda pixels: variation(pixels)[0].square().sum().sqrt()  # noqa: E731
    assert not verdict("total_variation_loss", one_axis, capsys).startswith("right")


def test_every_check_is_tested_and_described():
    checks = {name: value for name, value in vars(check).items() if not name.startswith("_")}
    assert checks.keys() == SOLUTIONS.keys() == MISTAKES.keys()
    for name in checks:
        assert getattr(check, name).__doc__
        assert len(MISTAKES[name]) >= (1 if name == "grid" else 4)  # the grid has one wrong answer, and unknown ones


def stub(x): ...


def stub_on_a_line_of_its_own(x, y=1): ...  # write this


def stub_with_docstring(x):
    """What to write."""


def stub_with_both(x: int) -> int:
    """What to write."""
    ...


STUBS = [..., (..., ...), stub, stub_on_a_line_of_its_own, stub_with_docstring, stub_with_both]


@pytest.mark.parametrize("answer", STUBS, ids=str)
@pytest.mark.parametrize("name", SOLUTIONS)
def test_every_stub_is_not_tried_yet(name, answer, capsys):
    assert verdict(name, answer, capsys) == "not tried yet"


def five_with_docstring(x):
    """Not a stub: in some versions of Python its bytecode is a stub's, and only the constant differs."""
    return 5


def forgotten_return(features):
    features.flatten(2) @ features.flatten(2).mT


def half_a_stub(features):
    rows = features.flatten(2)
    rows = ...
    return rows


@pytest.mark.parametrize("answer", [five_with_docstring, forgotten_return, half_a_stub, lambda x: 5, (..., 1), ()])
def test_what_is_no_stub_is_not_taken_for_one(answer, capsys):
    assert verdict("gram_matrix", answer, capsys).startswith("not yet: ")


def changed_in_place(image):
    image.mul_(STD).add_(MEAN)
    return image.detach().clamp(0, 1)[0].permute(1, 2, 0).numpy()


def as_array(x):
    return x[0].permute(1, 2, 0).numpy()


def scaled_features(features):
    features /= 2
    return gram_matrix(features)


def optimised_content(content, style, model, weights, steps):
    image = content.requires_grad_()
    optimizer = torch.optim.Adam([image], lr=0.1)
    for _ in range(steps):
        get_features(image, model)["conv1_1"].square().mean().backward()
        optimizer.step()
    return image.detach()


def forgotten_step(content, style, model, weights, steps):
    image = noise_like(content)
    for _ in range(steps):
        get_features(image, model)
    return image


def trained_network(content, style, model, weights, steps):
    model.conv1_1.weight.mul_(1.5)
    return transfer_loop(content, style, model, weights, steps)


def unfrozen_network(content, style, model, weights, steps):
    image = transfer_loop(content, style, model, weights, steps)
    model.requires_grad_(True)
    return image


def shared_gram(first, second, share):
    for layer in first:
        first[layer] *= share
        first[layer] += (1 - share) * second[layer]
    return first


def painted_over(painting, photograph):
    photograph += brightness(painting) - brightness(photograph)
    return photograph.clip(0, 1)


# check -> part of the verdict -> the answer that must get it
MISTAKES = {
    "im_convert": {
        "undo the normalisation with STD and MEAN": lambda x: as_array(x.detach()),
        "divided by STD, so multiply": lambda x: as_array((x.detach() / STD + MEAN).clamp(0, 1)),
        "subtracted MEAN, so add": lambda x: as_array((x.detach() * STD - MEAN).clamp(0, 1)),
        "multiply by STD, then add MEAN": lambda x: as_array((x.detach() + MEAN) * STD),
        "MEAN has to be added": lambda x: as_array(x.detach() * STD),
        "Stretching": lambda x: as_array((x.detach() - x.min().item()) / (x.max() - x.min()).item()),
        "A reshape keeps": lambda x: (x.detach() * STD + MEAN).reshape(x.shape[2], x.shape[3], 3).numpy(),
        "got shape (6, 4, 3), expected shape (4, 6, 3).\nHeight": lambda x: as_array(x.mT.detach() * STD + MEAN),
        "channels last": lambda x: (x.detach() * STD + MEAN)[0].numpy(),
        "The batch is still there": lambda x: (x.detach() * STD + MEAN).permute(0, 2, 3, 1).numpy(),
        "got a value of type Tensor, expected ndarray": lambda x: (x * STD + MEAN)[0].permute(1, 2, 0),
        "clip them": lambda x: as_array(x.detach() * STD + MEAN),
        "detach": lambda x: as_array((x * STD + MEAN).clamp(0, 1)),
        "from 0 to 255": lambda x: as_array((x.detach() * STD + MEAN).clamp(0, 1) * 255).astype(np.uint8),
        "changed its argument `image`": changed_in_place,
    },
    "shapes": {
        "shape 1: got (1, 3, 512, 384), expected another.\nHeight": ((1, 3, 512, 384), ..., ...),
        "shape 1: got (3, 384, 512), expected another.\nA batch of one": ((3, 384, 512), ..., ...),
        "limits the long side": ((1, 3, 512, 683), ..., ...),
        "shape 2: got (1, 3, 768, 512), expected another.\nHeight": ((1, 3, 384, 512), (1, 3, 768, 512), ...),
        "exactly the content's size": ((1, 3, 384, 512), (1, 3, 384, 512), ...),
        "colours last": ((1, 3, 384, 512), (1, 3, 512, 768), (3, 512, 768)),
        "shape 2 is none yet": ((1, 3, 384, 512), ..., ...),
        "expected three shapes": (1, 3, 384, 512),
    },
    "receptive_field": {
        "every pooling doubles": 27,
        "twelve others": 3,
        "how far apart": 16,
        "the side": 156 * 156,
        "conv5_1's own": 124,
        "2 x 2 windows": 141,
        "Too few": 100,
        "Too many": 1000,
        "type str, expected a number": "156",
    },
    "gram_matrix": {
        "divides later": lambda f: gram_matrix(f) / f[0].numel(),
        "got shape (2, 8, 8), expected shape (2, 3, 3).\nThese are positions": lambda f: f.flatten(2).mT @ f.flatten(2),
        "tears the maps apart": lambda f: f.reshape(2, -1, 3).mT @ f.reshape(2, -1, 3),
        "no mean is subtracted": lambda f: gram_matrix(f - f.mean((2, 3), keepdim=True)),
        "keep the batch": lambda f: f.flatten(0, 1).flatten(1) @ f.flatten(0, 1).flatten(1).T,
        "Flatten H and W first": lambda f: f @ f.mT,
        "One vector gives one number": lambda f: f.flatten() @ f.flatten(),
        "Is there a `return`": forgotten_return,
        "returned `...`": half_a_stub,
        "type ndarray, expected Tensor": lambda f: gram_matrix(f).detach().numpy(),
        "no gradient with respect to": lambda f: gram_matrix(f.detach()),
        "changed its argument `features`": scaled_features,
        "got NaN": lambda f: gram_matrix(f) / 0,
        "it raised ZeroDivisionError": lambda f: 1 / 0,
        "Give its name, without ()": gram_matrix(torch.ones(1, 2, 2, 2)),
    },
    "which_layer": {
        "picture A: got conv5_1, expected another layer.\nIts maps are finer": ("conv5_1", "conv1_1", "conv3_1"),
        "picture A: got conv1_1, expected another layer.\nIts maps are coarser": ("conv1_1", "conv3_1", "conv5_1"),
        "picture B": ("conv3_1", "conv5_1", "conv1_1"),
        "block 4 has conv4_1": ("conv4_5", "conv1_1", "conv5_1"),
        "expected three names": "conv3_1",
    },
    "style_loss": {
        "Divide by the number of elements": lambda f, a: mse_loss(gram_matrix(f), a),
        "the mean of the squares, not their sum": lambda f, a: (gram_matrix(f) - a).square().sum() / f.numel(),
        "the number of all elements": lambda f, a: mse_loss(gram_matrix(f), a) / (f.shape[2] * f.shape[3]),
        "outside the square": lambda f, a: mse_loss(gram_matrix(f) / f.numel(), a / f.numel()),
        "the paper's constant": lambda f, a: (gram_matrix(f) - a).square().sum() / (4 * f.numel() ** 2),
        "the relative loss": lambda f, a: style_loss(f, a, relative=True),
        "absolute values": lambda f, a: (gram_matrix(f) - a).abs().mean() / f.numel(),
        "Compare Gram matrix with Gram matrix": lambda f, a: (f - a).square().mean() / f.numel(),
        "expected a single number": lambda f, a: (gram_matrix(f) - a).square() / f.numel(),
        "Only tensors carry gradients": lambda f, a: style_loss(f, a).item(),
        "It is lost by .item()": lambda f, a: style_loss(f.detach(), a),
        "cuts off a part": lambda f, a: (style_loss(f, a) + style_loss(f.detach(), a)) / 2,
    },
    "total_variation_loss": {
        "absolute values": lambda x: sum(d.abs().mean() for d in variation(x)),
        "Only one direction": lambda x: variation(x)[0].square().mean(),
        "not their sum": lambda x: sum(d.square().sum() for d in variation(x)),
        "torch.roll": lambda x: sum((x - x.roll(1, axis)).square().mean() for axis in (2, 3)),
        "No square root": lambda x: sum(d.square().mean() for d in variation(x)).sqrt(),
        "number of its differences": lambda x: sum(d.square().sum() for d in variation(x)) / x.numel(),
        "Only tensors carry gradients": lambda x: float(total_variation_loss(x / STD)),
        "it raised RuntimeError": lambda x: (x[..., 1:] - x[..., 1:, :]).square().mean(),
        "cuts off a part": lambda x: (
            (x[..., 1:] - x[..., :-1].detach()).square().mean() + (x[..., 1:, :] - x[..., :-1, :]).square().mean()
        ),
    },
    "area": {"divided by d * h * w": 16, "four times as many positions": 2, "sum over positions": 1, "smaller": 64},
    "transfer_loop": {
        "In every step": forgotten_step,
        "Does the loop change the image": lambda content, *others: content.clone(),
        "is `return` inside the loop": lambda *given: transfer_loop(*given[:4], steps=1),
        "changed its argument `content`": optimised_content,
        "the network has changed": trained_network,
        "expected it to stay fixed": unfrozen_network,
        "Return the last image": lambda content, style, model, weights, steps: style_transfer(content, style, model),
        "got NaN": lambda content, *others: content / 0,
        "got shape (1, 3, 24, 24)": lambda content, *others: content[..., ::2, ::2],
        "The style is missing": lambda *given: transfer_loop(*given, terms=("content",)),
        "The content has been lost": lambda *given: transfer_loop(*given, terms=("style",)),
        "zero_grad": lambda *given: transfer_loop(*given, zero_grad=False),
        "It falls slowly": lambda *given: transfer_loop(*given, rate=0.02),
        "A smaller learning rate": lambda *given: transfer_loop(*given, rate=20),
    },
    "grid": {"fine texture": "conv2_2", "Unknown layer 'conv9'": "conv9", "one of the grid's": "conv3_1"},
    "blend": {
        "wrong way round": lambda a, b, s: {n: (1 - s) * a[n] + s * b[n] for n in a},
        "Half of each": lambda a, b, s: {n: (a[n] + b[n]) / 2 for n in a},
        "both make 1": lambda a, b, s: {n: s * a[n] + b[n] for n in a},
        "The second is missing": lambda a, b, s: {n: s * a[n] for n in a},
        "the keys conv1_1, expected": lambda a, b, s: {"conv1_1": a["conv1_1"]},
        "got a list, expected a dictionary": lambda a, b, s: [s * a[n] + (1 - s) * b[n] for n in a],
        "changed its argument `first`": shared_gram,
    },
    "keep_colours": {
        "The other way round": lambda p, c: (p + brightness(c) - brightness(p)).clip(0, 1),
        "own brightness has to go": lambda p, c: (c + brightness(p)).clip(0, 1),
        "without colour": lambda p, c: brightness(p).repeat(3, axis=2),
        "green as brightest": lambda p, c: (c + (p - c).mean(2, keepdims=True)).clip(0, 1),
        "clip to [0, 1]": lambda p, c: c + brightness(p) - brightness(c),
        "Nothing has been mixed": lambda p, c: p,
        "changed its argument `photograph`": painted_over,
        ".numpy() makes an array": lambda p, c: torch.from_numpy(c + brightness(p) - brightness(c)).clamp(0, 1),
    },
}


@pytest.mark.parametrize("name, hint", [(name, hint) for name, wrong in MISTAKES.items() for hint in wrong])
def test_typical_mistakes_get_their_hint(name, hint, capsys):
    said = verdict(name, MISTAKES[name][hint], capsys)
    assert said.startswith("not yet: ")
    assert hint in said
    assert len(said.splitlines()) <= 2


class Hostile:
    """Fails at whatever is asked of it."""

    def __getattribute__(self, name):
        raise SystemExit(name)

    def __eq__(self, other):
        raise SystemExit("==")

    __hash__ = None


def leave(*inputs):
    sys.exit(3)


def recurse(*inputs):
    return recurse(*inputs)


def wordy(*inputs):
    print("looking at", len(inputs))
    raise ValueError("line one\nline two\nline three")


def wreck(*inputs):
    torch.manual_seed(123)
    torch.set_grad_enabled(False)
    for value in inputs:
        if isinstance(value, torch.Tensor):
            value.zero_()
    return torch.full((), torch.nan)


ANSWERS = [
    None, 5, -1, float("nan"), float("inf"), "a text", True, b"", [], {}, (1,), (1, 2, 3), ((), (), ()), {"conv1_1": 1},
    object, Hostile(), (Hostile(),) * 3, [[Hostile()]] * 3, torch.ones(2), np.ones(2), len, print, int,
    lambda: 1, lambda *x: x, lambda *x: x[0], lambda *x: "text", lambda *x: {}, lambda *x: Hostile(),
    lambda *x: torch.full((2, 3, 3), torch.inf), lambda *x: torch.tensor(torch.nan, requires_grad=True),
    lambda *x: torch.ones(2, 3, 3, dtype=torch.complex64), lambda *x: torch.ones(2, 3, 3, device="meta"),
    lambda *x: np.array(["a", "b"]), lambda *x: np.full((4, 6, 3), np.nan), lambda *x: torch.ones(0),
    lambda *x: (i for i in range(3)), leave, recurse, wordy, wreck,
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Casting complex")
@pytest.mark.parametrize("name", SOLUTIONS)
def test_no_answer_raises_or_is_taken_for_right(name, capsys):
    for answer in ANSWERS:
        assert "not yet: " in verdict(name, answer, capsys), answer


def test_an_error_is_told_in_one_line_with_its_place(capsys):
    said = verdict("gram_matrix", wordy, capsys)
    assert said.splitlines()[-1].startswith("not yet: it raised ValueError in line ")
    assert said.endswith(": line one")
    line = wordy.__code__.co_firstlineno + 2
    assert f"in line {line} of its cell" in said


def test_an_interrupt_passes(capsys):
    def interrupted(features):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check.gram_matrix(interrupted)


def test_an_answer_does_not_touch_the_notebooks_state(capsys):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    check.gram_matrix(wreck)
    assert torch.is_grad_enabled()
    assert torch.equal(torch.rand(3), expected)


def test_a_check_works_where_gradients_are_off(capsys):
    with torch.no_grad():
        assert verdict("style_loss", SOLUTIONS["style_loss"], capsys).startswith("right")
        assert not torch.is_grad_enabled()


@pytest.mark.parametrize("name", SOLUTIONS)
def test_a_verdict_is_the_same_every_time(name, capsys):
    wrong = next(iter(MISTAKES[name].values()))
    assert verdict(name, wrong, capsys) == verdict(name, wrong, capsys)

"""Answers to the exercises: the solution, other ways to be right, and typical mistakes with the hint that they get."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn
from torch.nn.functional import mse_loss

from helpers.images import MEAN, STD, im_convert, load_image, noise_like
from helpers.losses import Weights, content_loss, gram_matrix, style_loss, total_variation_loss
from helpers.transfer import coarse_to_fine, style_transfer
from helpers.vgg import CONTENT_LAYER, LAYERS, get_features, load_vgg19

MY_TRANSFER = Path(__file__).with_name("my_transfer.py")
TRANSFER = MY_TRANSFER.read_text(encoding="utf-8")
FOLDER = TemporaryDirectory()  # for files that are answers; gone when the tests are over
RATE = 0.22


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


def to_tensor(pixels, divisor=255):
    tensor = torch.from_numpy(pixels).permute(2, 0, 1).unsqueeze(0) / divisor
    return (tensor - MEAN) / STD


def features_by_name(image, model, after_relu=True):
    """The exercise's get_features; before the ReLU if it is asked to be wrong."""
    kept, wanted = {}, {0: "conv1_1", 5: "conv2_1", 10: "conv3_1", 19: "conv4_1", 21: "conv4_2", 28: "conv5_1"}
    for index, module in enumerate(model):
        image = module(image)
        if index - after_relu in wanted:
            kept[wanted[index - after_relu]] = image
    return kept


def responses(image, modules, copy=torch.clone):
    kept = {}
    for name, module in modules.items():
        image = module(image)
        if name.startswith("conv"):
            kept[name] = copy(image)
    return kept


def descend(total_loss, image, steps, zero_grad=True):
    image = image.clone().requires_grad_()
    optimizer = torch.optim.Adam([image], lr=RATE)
    for _ in range(steps):
        if zero_grad:
            optimizer.zero_grad()
        loss = total_loss(image)
        loss.backward()
        optimizer.step()
    return image.detach()


def from_painting(content, style, model, steps, copy=torch.clone, weight=100):
    image = copy(style).requires_grad_()
    optimizer = torch.optim.Adam([image], lr=RATE)
    goal = get_features(content, model)[CONTENT_LAYER]
    for _ in range(steps):
        optimizer.zero_grad()
        ours, theirs = get_features(image, model), get_features(style, model)
        loss = content_loss(ours[CONTENT_LAYER], goal, relative=True)
        loss = loss + weight * style_loss(ours["conv3_1"], gram_matrix(theirs["conv3_1"]), relative=True)
        loss.backward()
        optimizer.step()
    return image.detach()


class Later:
    """An answer that takes seconds to compute, which is done when it is needed and not when tests are collected."""

    def __init__(self, answer):
        self.answer = answer


@cache
def rates():
    """The table of the experiment with learning rates."""
    content = load_image("landscape", 96)
    style, model, table = load_image("van_gogh", shape=content), load_vgg19(), {}
    for rate in (0.01, 0.05, 0.2):
        run = style_transfer(content, style, model, Weights(style=20), steps=100, learning_rate=rate)
        losses = [step.loss for step in run]
        table[rate] = losses[19], losses[99]
    return table


@cache
def trade():
    """The table of the experiment with style weights."""
    content, style, model, table = load_image("landscape", 128), load_image("picasso", 128), load_vgg19(), {}
    for weight in (5, 20, 80):
        *_, last = coarse_to_fine(content, style, model, Weights(style=weight), steps=60)
        table[weight] = round(last.content, 2), round(last.style, 4)
    return table


def variation(pixels):
    across = pixels[..., :, 1:] - pixels[..., :, :-1]
    down = pixels[..., 1:, :] - pixels[..., :-1, :]
    return across, down


def brightness(x):
    return 0.299 * x[..., 0:1] + 0.587 * x[..., 1:2] + 0.114 * x[..., 2:3]


SOLUTIONS = {
    "im_convert": lambda image: (image.detach() * STD + MEAN).clamp(0, 1)[0].permute(1, 2, 0).numpy(),
    "shapes": ((1, 3, 384, 512), (1, 3, 512, 768), (512, 768, 3)),
    "white_picture": ("C", to_tensor),
    "receptive_field": 156,
    "get_features": features_by_name,
    "gram_matrix": lambda features: features.flatten(2) @ features.flatten(2).transpose(1, 2),
    "which_layer": ("conv3_1", "conv1_1", "conv5_1"),
    "overwritten": ("E", responses),
    "content_loss": lambda features, content_features: (features - content_features).square().mean(),
    "style_loss": lambda features, style_gram: (
        mse_loss(gram_matrix(features), style_gram) / (features.shape[1] * features.shape[2] * features.shape[3])
    ),
    "total_variation_loss": lambda pixels: sum(difference.square().mean() for difference in variation(pixels)),
    "area": 4,
    "transfer_loop": transfer_loop,
    "never_settles": ("D", descend),
    "lost_style": ("A", from_painting),
    "rates": Later(lambda: (rates(), False)),
    "grid": "conv4_2",
    "trade": Later(lambda: (trade(), "more")),
    "blend": lambda first, second, share: {n: share * first[n] + (1 - share) * second[n] for n in first},
    "keep_colours": lambda painting, photograph: (photograph + brightness(painting) - brightness(photograph)).clip(
        0, 1
    ),
    "forty_lines": str(MY_TRANSFER),
}

# What the same function looks like when it is written otherwise.
ALSO_RIGHT = [
    ("im_convert", im_convert),
    ("im_convert", lambda x: np.clip(x.detach().squeeze(0).mul(STD[0]).add(MEAN[0]).numpy().transpose(1, 2, 0), 0, 1)),
    ("shapes", [[1, 3, 384, 512], torch.Size([1, 3, 512, 768]), (512, 768, 3)]),
    ("white_picture", ["c", lambda x: (torch.tensor(x / 255).float().permute(2, 0, 1)[None] - MEAN) / STD]),
    ("receptive_field", 156.0),
    ("get_features", lambda image, model: get_features(image, model)),
    ("overwritten", ("E", lambda image, modules: responses(image.clone(), {
        name: nn.ReLU() if name.startswith("relu") else module for name, module in modules.items()
    }, copy=lambda x: x))),
    ("content_loss", content_loss),
    ("content_loss", mse_loss),
    ("never_settles", ("F", descend)),
    ("never_settles", ("c", lambda total_loss, image, steps: descend(total_loss, image, steps))),
    ("lost_style", ("D", from_painting)),
    ("lost_style", ("A", lambda content, style, model, steps: from_painting(content, style, model, steps, weight=30))),
    ("forty_lines", MY_TRANSFER),
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


def unwritten(image, modules): ...


def written(source):
    """The path of a file with this source."""
    path = Path(FOLDER.name) / f"answer_{len(list(Path(FOLDER.name).iterdir()))}.py"
    path.write_text(source, encoding="utf-8")
    return path


def forgotten_return(features):
    features.flatten(2) @ features.flatten(2).mT


def half_a_stub(features):
    rows = features.flatten(2)
    rows = ...
    return rows


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
    "white_picture": {
        "it is not line A": ("A", to_tensor),
        "the letter of a line": ("H", to_tensor),
        "expected two things": to_tensor,
        "line C it is; now mend": ("C", ...),
        "That is what it was": ("C", lambda pixels: to_tensor(pixels, 1)),
        "before them, not after": ("C", lambda pixels: to_tensor(pixels, 1) / 255),
        "and not normalised": ("C", lambda pixels: torch.from_numpy(pixels).permute(2, 0, 1).unsqueeze(0) / 255),
        "255 is the largest value": ("C", lambda pixels: to_tensor(pixels, 256)),
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
    "get_features": {
        "conv1_1 is kept before its ReLU": lambda i, m: features_by_name(i, m, after_relu=False),
        "image = module(image)": lambda i, m: {name: module(i) for name, module in m.named_children()},
        "got a list, expected a dictionary": lambda i, m: list(get_features(i, m).values()),
        "without conv5_1": lambda i, m: {name: r for name, r in get_features(i, m).items() if name != "conv5_1"},
        "7 names too many": lambda i, m: get_features(i, m, LAYERS.values()),
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
    "overwritten": {
        "Which line keeps that very tensor": ("C", responses),
        "It has still been overwritten": ("E", lambda i, m: responses(i.clone(), m, copy=lambda x: x)),
        "now mend the function": ("E", unwritten),
        "expected a dictionary with the names": ("E", lambda i, m: []),
    },
    "content_loss": {
        "not their sum": lambda f, p: (f - p).square().sum(),
        "absolute values": lambda f, p: (f - p).abs().mean(),
        "No square root": lambda f, p: (f - p).square().mean().sqrt(),
        "cancel each other": lambda f, p: (f - p).mean(),
        "the relative loss": lambda f, p: content_loss(f, p, relative=True),
        "One number is asked": lambda f, p: (f - p).square(),
        "It is lost by .item()": lambda f, p: content_loss(f.detach(), p),
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
    "never_settles": {
        "What does loss.backward() do": ("A", descend),
        "The gradients still pile up": ("F", lambda *given: descend(*given, zero_grad=False)),
        "asked for the loss 50 times": ("F", lambda total_loss, image, steps: descend(total_loss, image, steps // 2)),
        "got shape (3, 4, 4)": ("F", lambda *given: descend(*given)[0]),
        "expected the letter of a line": (6, descend),
    },
    "lost_style": {
        "Which two tensors": ("C", from_painting),
        "changed its argument `style`": ("A", lambda *given: from_painting(*given, copy=lambda x: x)),
        "still moves with the image": (
            "A",
            lambda content, style, model, steps: from_painting(content, style.clone(), model, steps, weight=0),
        ),
        "got the painting itself": ("A", lambda content, style, model, steps: style.clone()),
        "got shape (3, 48, 48)": ("A", lambda *given: from_painting(*given)[0]),
    },
    "rates": {
        "expected two things": {0.01: (1, 2)},
        "expected a table {0.01: ..., 0.05: ..., 0.2: ...}": ({0.01: (1, 2)}, True),
        "Put in what you measured": Later(lambda: (rates() | {0.2: (9.0, 9.0)}, False)),
        "got 1 numbers for 0.01": (dict.fromkeys((0.01, 0.05, 0.2), 1.0), False),
        "with True or False": Later(lambda: (rates(), "yes")),
        "the answer is not": Later(lambda: (rates(), True)),
    },
    "grid": {"fine texture": "conv2_2", "Unknown layer 'conv9'": "conv9", "one of the grid's": "conv3_1"},
    "trade": {
        "expected two things": {5: (1, 2)},
        "expected a table {5: ..., 20: ..., 80: ...}": ({5: (0.1, 0.2)}, "less"),
        "Put in what you measured": (dict.fromkeys((5, 20, 80), (1, 1)), "less"),
        '"less" or "more"': Later(lambda: (trade(), "neither")),
        "the answer is not": Later(lambda: (trade(), "less")),
    },
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
    "forty_lines": {
        "expected the path": 5,
        "there is no file": "nowhere.py",
        "lines that are not empty": Path(__file__),
        "it imports helpers": written("from helpers.losses import gram_matrix\n" + TRANSFER),
        "is no Python": written(TRANSFER.replace("):", ")")),
        "has no function transfer": written(TRANSFER.replace("def transfer", "def paint")),
        "could not be run: ZeroDivisionError": written(TRANSFER + "1 / 0\n"),
        "Adam with a rate of 0.22": written(TRANSFER.replace("optimizer.step()", "pass")),
        "begin with the `image`": written(TRANSFER.replace("image.clone()", "style.clone()")),
        "changed its argument `image`": written(TRANSFER.replace("image.clone()", "image")),
    },
}

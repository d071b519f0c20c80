"""The fast path against a plain float32 reference: loss and gradient, for both networks, poolings and losses."""

import pytest
import torch
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d, pad

from helpers.base.errors import TeachingError
from helpers.engine import precision
from helpers.engine.precision import best_device, fast_precision, memory_layout, processor_flags
from helpers.images import load_image
from helpers.losses import STD, Weights
from helpers.transfer import style_transfer
from helpers.vgg import LAYERS, VGG19, get_features, load_vgg19

WEIGHTS = {True: Weights(), False: Weights(1, 10, 2)}  # by whether the losses are the relative ones


@pytest.fixture(scope="module", params=["compact", "vgg19"])
def networks(request):
    """The network with each pooling."""
    if request.param == "compact":
        return {pooling: load_vgg19("compact", pooling, "cpu") for pooling in ("avg", "max")}
    torch.manual_seed(0)
    models = {pooling: VGG19(pooling=pooling).requires_grad_(False) for pooling in ("avg", "max")}
    for name in LAYERS.values():
        torch.nn.init.kaiming_normal_(getattr(models["avg"], name).weight, nonlinearity="relu")
    models["max"].load_state_dict(models["avg"].state_dict())
    return {pooling: model.to(memory_format=torch.channels_last) for pooling, model in models.items()}


@pytest.fixture(scope="module")
def pictures():
    return load_image("landscape", 64), load_image("van_gogh", 72)


def plain_features(image, model, pooling):
    """The network in so many words: channels first, one operation after another."""
    found, block = {}, "1"
    for name in LAYERS.values():
        if name[4] != block:
            image, block = (avg_pool2d if pooling == "avg" else max_pool2d)(image, 2), name[4]
        layer = getattr(model, name)
        mode = "replicate" if layer.padding_mode == "replicate" else "constant"
        image = conv2d(pad(image, (1, 1, 1, 1), mode=mode), layer.weight.contiguous(), layer.bias).clamp_min(0)
        found[name] = image
    return found


def plain_loss(image, content, style, model, pooling, relative):
    w = WEIGHTS[relative]
    ours, photo, manner = (plain_features(x, model, pooling) for x in (image, content, style))

    def gram(response):
        return torch.einsum("bchw,bdhw->bcd", response, response)

    area = content[0, 0].numel() / style[0, 0].numel()
    difference = ours["conv4_2"] - photo["conv4_2"]
    total = w.content * (difference**2).mean() / ((photo["conv4_2"] ** 2).mean() if relative else 1)
    for name, weight in w.layers.items():
        target = gram(manner[name]) * area
        error = (gram(ours[name]) - target) ** 2
        size = (target**2).sum() if relative else error.numel() * ours[name].numel()
        total = total + w.style * weight * error.sum() / size
    pixels = image * STD
    across, down = pixels.diff(dim=3), pixels.diff(dim=2)
    return total + w.tv * ((across**2).mean() + (down**2).mean())


@pytest.mark.parametrize("pooling", ["avg", "max"])
@pytest.mark.parametrize("relative", [True, False])
def test_loss_and_gradient_are_those_of_the_plain_reference(networks, pictures, pooling, relative):
    content, style = pictures
    model = networks[pooling]
    torch.manual_seed(1)
    image = (content + 0.3 * torch.randn_like(content)).requires_grad_()
    expected = plain_loss(image, content, style, model, pooling, relative)
    (gradient,) = torch.autograd.grad(expected, image)

    def first_step(precision):
        run = style_transfer(
            content, style, model, WEIGHTS[relative], start=image.detach(), relative=relative, precision=precision
        )
        step = next(run)
        return step.loss, 10 * step.state_dict()["optimizer"][
            "momentum"
        ]  # Adam's first momentum is a tenth of the gradient

    loss, ours = first_step("float32")
    assert loss == pytest.approx(expected.item(), rel=1e-4)
    assert (ours - gradient).norm() < 1e-3 * gradient.norm()

    loss, ours = first_step("bfloat16")
    assert loss == pytest.approx(expected.item(), rel=0.03)
    assert torch.nn.functional.cosine_similarity(ours.flatten(), gradient.flatten(), dim=0) > 0.98


def test_the_network_computes_in_the_precision_of_the_image(networks, pictures):
    model = networks["avg"]
    exact = get_features(pictures[0], model, ["conv1_1", "conv5_1"])
    rough = get_features(pictures[0].bfloat16(), model, ["conv1_1", "conv5_1"])
    for name, response in rough.items():
        assert response.dtype == torch.bfloat16
        assert exact[name].dtype == model.conv1_1.weight.dtype == torch.float32
        assert (response.float() - exact[name]).norm() < 0.03 * exact[name].norm()


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_the_loop_computes_in_the_precision_that_was_asked_for(pictures, optimizer):
    model, seen = load_vgg19(device="cpu"), set()
    model.conv1_1.register_forward_hook(lambda layer, inputs, output: seen.add(output.dtype))
    step = next(style_transfer(*pictures, model, optimizer=optimizer, precision="bfloat16"))
    assert seen == {torch.bfloat16} and step.image.dtype == torch.float32


def test_a_precision_that_does_not_exist(pictures):
    for optimizer in ("adam", "lbfgs"):
        with pytest.raises(TeachingError, match="Unknown precision 'half'; it is 'auto', 'float32', 'bfloat16'"):
            next(style_transfer(*pictures, load_vgg19(device="cpu"), precision="half", optimizer=optimizer))


def test_linux_tells_what_an_x86_processor_can_do(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu avx2 avx512_bf16\nbugs\t\t: none\nflags\t\t: fpu\n")
    assert processor_flags(cpuinfo) == {"fpu", "avx2", "avx512_bf16"}
    cpuinfo.write_text("processor\t: 0\nFeatures\t: fp asimd bf16\n")  # an Arm processor's file
    assert processor_flags(cpuinfo) == processor_flags(tmp_path / "none") == set()


@pytest.mark.parametrize("flags, expected", [({"avx2"}, torch.float32), ({"avx2", "amx_bf16"}, torch.bfloat16)])
def test_instructions_decide_and_not_how_busy_the_machine_is(monkeypatch, flags, expected):
    monkeypatch.setattr(precision, "processor_flags", lambda: flags)
    assert fast_precision.__wrapped__(torch.device("cpu")) == expected


def test_a_processor_of_another_kind_is_timed(monkeypatch):
    monkeypatch.setattr(precision, "processor_flags", set)
    assert fast_precision.__wrapped__(torch.device("cpu")) in (torch.float32, torch.bfloat16)


def test_the_faster_precision_is_measured_once():
    assert fast_precision(torch.device("cpu")) in (torch.float32, torch.bfloat16)
    assert fast_precision(torch.device("cpu")) is fast_precision(torch.device("cpu"))
    assert fast_precision(torch.device("mps")) == torch.float32


def test_apples_gpu_is_never_taken_by_itself(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert best_device() == torch.device("cpu")


def test_apples_gpu_gets_contiguous_filters_and_a_warning():
    with pytest.warns(UserWarning, match="untested on Apple's GPU"):
        assert memory_layout(torch.device("mps")) == torch.contiguous_format
    assert memory_layout(torch.device("cpu")) == memory_layout(torch.device("cuda")) == torch.channels_last

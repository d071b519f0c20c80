"""The network's structure, its layers against torchvision's own, and every way of loading weights."""

import hashlib
import sys

import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file

from helpers.base.errors import TeachingError
from helpers.engine import weights
from helpers.images import load_image
from helpers.vgg import (
    COMPACT_WEIGHTS,
    CONTENT_LAYER,
    LAYERS,
    STYLE_LAYERS,
    VGG19,
    VGG19_CHANNELS,
    get_features,
    load_vgg19,
)

SMALL = dict.fromkeys(LAYERS.values(), 4)


@pytest.fixture(scope="module")
def torchvision_vgg():
    torch.manual_seed(0)
    return torchvision.models.vgg19(weights=None).requires_grad_(False).eval()


@pytest.fixture
def hub(tmp_path, monkeypatch, torchvision_vgg):
    """A torch hub folder that holds a file of torchvision's name, keys and shapes."""
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    whole = tmp_path / "checkpoints" / "vgg19-dcbb9e9d.pth"
    whole.parent.mkdir()
    # The classifier is 90 % of the file and is never read: two of its tensors stand for all.
    state = {k: v for k, v in torchvision_vgg.state_dict().items() if k.startswith("features")}
    state |= {"classifier.6.weight": torch.zeros(1000, 8), "classifier.6.bias": torch.zeros(1000)}
    torch.save(state, whole)
    return whole


@pytest.fixture
def image():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, 3, 64, 48, generator=generator)


def test_layers_are_torchvisions_convolutions():
    features = torchvision.models.vgg19(weights=None).features
    convolutions = [i for i, module in enumerate(features) if isinstance(module, torch.nn.Conv2d)]
    assert list(LAYERS) == convolutions[: len(LAYERS)]
    assert {LAYERS[i]: features[i].out_channels for i in LAYERS} == VGG19_CHANNELS


def test_positions_are_torchvisions_and_names_are_the_papers():
    model = VGG19(SMALL)
    for index, name in LAYERS.items():
        assert model[index] is getattr(model, name)
        assert isinstance(model[index + 1], torch.nn.ReLU)
        assert not model[index + 1].inplace


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_every_response_equals_torchvisions_away_from_the_border(hub, torchvision_vgg, pooling, image):
    model = load_vgg19("imagenet", pooling, device="cpu")
    found = get_features(image, model, LAYERS.values())
    x = torch.nn.functional.pad(image, (1, 1, 1, 1), mode="replicate")
    for index, module in enumerate(torchvision_vgg.features[:30]):
        if index == 0:
            x = torch.nn.functional.conv2d(x, module.weight, module.bias)
        elif isinstance(module, torch.nn.MaxPool2d):
            x = module(x) if pooling == "max" else torch.nn.functional.avg_pool2d(x, 2)
        else:
            x = module(x.clone())
        if index - 1 in LAYERS:
            assert torch.allclose(found[LAYERS[index - 1]], x, rtol=1e-4, atol=1e-5), LAYERS[index - 1]


def test_the_default_layers_are_the_reports(image):
    features = get_features(image, VGG19(SMALL))
    assert set(features) == {*STYLE_LAYERS, CONTENT_LAYER}
    assert features["conv1_1"].shape == (1, 4, 64, 48)
    assert features["conv5_1"].shape == (1, 4, 4, 3)


def test_nothing_deeper_than_asked_for_is_computed(image):
    model = VGG19(SMALL)
    reached = []
    for name, module in model.named_children():
        module.register_forward_hook(lambda *_, name=name: reached.append(name))
    get_features(image, model, ["conv2_1", "conv1_2"])
    assert reached[-1] == "relu2_1"


def test_a_kept_response_stays_what_it_was(image):
    model = VGG19(SMALL)
    alone = get_features(image, model, ["conv1_1"])["conv1_1"]
    assert torch.equal(get_features(image, model)["conv1_1"], alone)
    assert (alone >= 0).all()


def test_a_plain_colour_grows_no_frame():
    response = get_features(torch.full((1, 3, 32, 32), 0.7), VGG19(SMALL), ["conv1_1"])["conv1_1"]
    assert torch.allclose(response, response[..., :1, :1].expand_as(response), atol=1e-6)


def test_average_and_maximum_pooling_on_known_values():
    x = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]])
    assert VGG19(SMALL, "avg").pool1(x).item() == 3
    assert VGG19(SMALL, "max").pool1(x).item() == 6


def test_unknown_layers_name_their_neighbours(image):
    with pytest.raises(TeachingError, match=r"Unknown layer 'conv4_5'; VGG-19's block 4 has conv4_1, .*conv4_4"):
        get_features(image, VGG19(SMALL), ["conv4_5"])
    with pytest.raises(TeachingError, match=r"Unknown layer 'relu1_1'; the layers are conv1_1"):
        get_features(image, VGG19(SMALL), ["relu1_1"])


def test_unfit_images_are_explained():
    with pytest.raises(TeachingError, match=r"\(B, 3, H, W\), got \(3, 64, 64\)"):
        get_features(torch.zeros(3, 64, 64), VGG19(SMALL))
    with pytest.raises(TeachingError, match="at least 16 on each side"):
        get_features(torch.zeros(1, 3, 64, 15), VGG19(SMALL))
    with pytest.raises(TeachingError, match=r"Unknown pooling 'mean'.*'avg'.*'max'"):
        VGG19(SMALL, "mean")


def test_the_compact_network_is_small_alive_and_frozen():
    model = load_vgg19(device="cpu")
    assert COMPACT_WEIGHTS.stat().st_size <= 6_000_000
    assert not any(p.requires_grad for p in model.parameters())
    assert not model.training
    responses = [get_features(load_image(name, 192), model, LAYERS.values()) for name in ("landscape", "kandinsky")]
    for layer in LAYERS.values():
        alive = torch.cat([r[layer].flatten(2) for r in responses], dim=2)[0].amax(1) > 0  # (C,)
        assert alive.all(), f"{layer} has {(~alive).sum()} channels that see nothing"
        mean = torch.cat([r[layer].flatten() for r in responses]).mean().item()
        assert 0.3 < mean < 3, f"{layer} should respond about 1 on average, not {mean}"


def test_imagenet_weights_are_cut_once_and_then_loaded_from_the_cache(hub):
    first = load_vgg19("imagenet", device="cpu")
    cut = hub.with_name("vgg19-conv5_1.safetensors")
    assert cut.stat().st_size < 55_000_000
    assert hub.exists()  # it was there before us
    hub.unlink()
    second = load_vgg19("imagenet", device="cpu")
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_whether_imagenet_weights_are_here_is_told_without_a_download(hub, monkeypatch):
    assert weights.imagenet_is_here()
    hub.rename(hub.with_name("vgg19-conv5_1.safetensors"))
    assert weights.imagenet_is_here()
    hub.with_name("vgg19-conv5_1.safetensors").rename(hub.with_name("vgg19-other.pth"))
    assert not weights.imagenet_is_here()
    hub.with_name("vgg19-other.pth").unlink()

    def slow():
        raise AssertionError("torchvision need not be imported where there is no file")

    monkeypatch.setattr(weights, "imagenet_address", slow)
    assert not weights.imagenet_is_here()


def fetched(monkeypatch, content: bytes, digest: str) -> list:
    """Has VGG-19 come from a file of this content, under a name that promises a digest; collects what is asked for."""
    asked = []

    def download(url, file, title, largest, longest):
        asked.append((url, largest, longest))
        file.write(content)

    monkeypatch.setattr(weights, "download", download)
    monkeypatch.setattr(weights, "imagenet_address", lambda: f"https://models/vgg19-{digest[:8]}.pth")
    return asked


def test_torchvisions_address_ends_with_the_digest_that_is_checked():
    assert weights.imagenet_address() == "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"


def test_imagenet_weights_are_downloaded_announced_checked_and_not_kept_whole(hub, monkeypatch, capsys):
    content = hub.read_bytes()
    hub.unlink()
    digest = hashlib.sha256(content).hexdigest()
    asked = fetched(monkeypatch, content, digest)
    load_vgg19("imagenet", device="cpu")
    assert asked == [(f"https://models/vgg19-{digest[:8]}.pth", weights.VGG19_BYTES, weights.VGG19_SECONDS)]
    assert 548e6 < weights.VGG19_BYTES < 1e9
    assert "548 MB" in capsys.readouterr().err
    assert [path.name for path in hub.parent.iterdir()] == ["vgg19-conv5_1.safetensors"]


def test_another_file_than_was_promised_is_refused(hub, monkeypatch):
    content = hub.read_bytes()
    hub.unlink()
    fetched(monkeypatch, content, "00000000")
    with pytest.raises(TeachingError, match=r"could not be downloaded \(its SHA-256 begins with .*, not 00000000"):
        load_vgg19("imagenet")
    assert not list(hub.parent.iterdir())


def test_offline_says_what_to_do(hub, monkeypatch):
    hub.unlink()

    def refuse(*_):
        raise TeachingError("there is no connection (Network is unreachable)")

    monkeypatch.setattr(weights, "download", refuse)
    with pytest.raises(TeachingError, match=r"could not be downloaded.*unreachable.*'compact'.*no download"):
        load_vgg19("imagenet")
    assert not list(hub.parent.iterdir())


def test_a_cut_off_imagenet_file_is_refused(hub):
    hub.write_bytes(hub.read_bytes()[:100_000])
    with pytest.raises(TeachingError, match="damaged"):
        load_vgg19("imagenet")


@pytest.fixture
def small_state():
    return {k: v.contiguous() for k, v in VGG19(SMALL).state_dict().items()}


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_a_file_of_ones_own_is_loaded(tmp_path, small_state, suffix, image):
    path = tmp_path / f"mine.{suffix}"
    (save_file if suffix == "safetensors" else torch.save)(small_state, path)
    model = load_vgg19(path, device="cpu")
    expected = VGG19(SMALL)
    expected.load_state_dict(small_state)
    assert torch.allclose(get_features(image, model)["conv5_1"], get_features(image, expected)["conv5_1"], atol=1e-6)


DAMAGE = {
    "a missing layer": (lambda s: s.pop("conv3_2.bias"), "no 'conv3_2.bias'"),
    "a wrong shape": (lambda s: s.update({"conv2_1.weight": torch.zeros(4, 5, 3, 3)}), r"needs \(4, 4, 3, 3\)"),
    "a wrong dimension": (lambda s: s.update({"conv2_1.weight": torch.zeros(4)}), "'conv2_1.weight'.*damaged"),
    "NaN": (lambda s: s["conv4_4.weight"].fill_(float("nan")), "not finite"),
    "another network": (lambda s: (s.clear(), s.update(layer1=torch.zeros(3))), "so it is no VGG-19"),
}


@pytest.mark.parametrize("damage, message", DAMAGE.values(), ids=DAMAGE)
def test_foreign_and_damaged_weights_are_refused_by_name(tmp_path, small_state, damage, message):
    damage(small_state)
    save_file(small_state, tmp_path / "bad.safetensors")
    with pytest.raises(TeachingError, match=message):
        load_vgg19(tmp_path / "bad.safetensors")


def test_missing_and_unreadable_files_are_refused(tmp_path):
    with pytest.raises(TeachingError, match=r"no weights file 'vgg16'.*'compact', 'imagenet'"):
        load_vgg19("vgg16")
    for name in ("bad.safetensors", "bad.pth"):
        (tmp_path / name).write_bytes(b"not weights at all")
        with pytest.raises(TeachingError, match="damaged"):
            load_vgg19(tmp_path / name)


class Trap:
    """Unpickling this would import a module that leaves a trace."""

    def __reduce__(self):
        return (__import__, ("this",))


def test_nothing_is_unpickled(tmp_path):
    sys.modules.pop("this", None)
    torch.save({"conv1_1.weight": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(TeachingError, match="damaged, or not a file of weights"):
        load_vgg19(tmp_path / "trap.pth")
    assert "this" not in sys.modules


def test_the_shipped_weights_are_those_of_the_model_card():
    card = (COMPACT_WEIGHTS.parent / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(COMPACT_WEIGHTS.read_bytes()).hexdigest() in card
    assert sum(v.numel() for v in load_file(COMPACT_WEIGHTS).values()) == 1_474_192

"""Files by the hundred that are damaged, hostile or odd: each gives a right result or a teaching error, soon."""

import io
import json
import random
import time
import warnings

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin
from safetensors.torch import load_file, save

from helpers.base.errors import TeachingError
from helpers.commands import render
from helpers.engine.state_files import load_state, save_state
from helpers.images import load_image, noise_like, save_image
from helpers.runs.recipe import load_recipe
from helpers.transfer import style_transfer
from helpers.vgg import COMPACT_WEIGHTS, load_vgg19

SECONDS, MEMORY = 20, 2**30  # at most, for one file, beyond what the process has


def picture(kind, mode="RGB", size=(90, 60), **options):
    chance = np.random.default_rng(5)
    shape = (size[1], size[0], len(mode))
    content, image = io.BytesIO(), Image.fromarray(chance.integers(0, 256, shape, np.uint8).squeeze(), mode)
    image.save(content, kind, **options)
    return content.getvalue()


def animation(kind):
    frames = [Image.new("RGB", (60, 50), colour) for colour in ("red", "green", "blue")]
    content = io.BytesIO()
    frames[0].save(content, kind, save_all=True, append_images=frames[1:])
    return content.getvalue()


def of_mode(kind, mode):
    content = io.BytesIO()
    Image.linear_gradient("L").resize((70, 50)).convert(mode).save(content, kind)
    return content.getvalue()


def transparent_palette():
    image = Image.linear_gradient("L").convert("P")
    content = io.BytesIO()
    image.save(content, "PNG", transparency=3)
    return content.getvalue()


def sixteen_bits(kind):
    content = io.BytesIO()
    Image.fromarray(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16).save(content, kind)
    return content.getvalue()


SOUND = {
    "jpeg": picture("JPEG"), "grey.jpeg": picture("JPEG", "L"), "cmyk.jpeg": picture("JPEG", "CMYK"),
    "progressive.jpeg": picture("JPEG", progressive=True), "png": picture("PNG"), "rgba.png": picture("PNG", "RGBA"),
    "16.png": sixteen_bits("PNG"), "16.tiff": sixteen_bits("TIFF"), "palette.png": transparent_palette(),
    "1.png": of_mode("PNG", "1"), "la.png": of_mode("PNG", "LA"), "gif": of_mode("GIF", "P"),
    "animated.gif": animation("GIF"), "animated.webp": animation("WEBP"), "animated.png": animation("PNG"),
    "webp": picture("WEBP"), "lossless.webp": picture("WEBP", lossless=True), "bmp": picture("BMP"),
    "tiff": picture("TIFF"), "lzw.tiff": picture("TIFF", compression="tiff_lzw"), "ppm": picture("PPM"),
    "tga": picture("TGA"), "ico": of_mode("ICO", "RGB"), "f.tiff": of_mode("TIFF", "F"),
}  # fmt: skip


def answered(take, error=TeachingError):
    """Takes what `take` gives: True for a result, False for a teaching error of some use; anything else fails."""
    began = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            take()
    except error as reason:
        assert len(str(reason)) > 20 and "Traceback" not in str(reason)
        return False
    finally:
        assert time.monotonic() - began < SECONDS
    return True


@pytest.mark.parametrize("name", SOUND)
def test_every_sound_file_is_taken(name, tmp_path):
    for suffix in (name.rsplit(".", 1)[-1], "jpg", "pdf", "nosuffix"):  # the contents count
        path = tmp_path / f"x.{suffix}"
        path.write_bytes(SOUND[name])
        image = load_image(path, 64)
        assert image.shape[:2] == (1, 3) and image.isfinite().all()


@pytest.mark.parametrize("name", SOUND)
def test_cut_off_and_flipped_pictures(name, rounds, peak):
    content, before, chance = SOUND[name], peak(), random.Random(name)
    cuts = [content[: len(content) * part // (20 * rounds)] for part in range(20 * rounds)]
    flips = []
    for _ in range(20 * rounds):
        damaged = bytearray(content)
        for _ in range(chance.choice([1, 3, 30])):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        flips.append(bytes(damaged))
    for damaged in cuts + flips:
        if answered(lambda damaged=damaged: load_image(io.BytesIO(damaged), 64)):
            assert load_image(io.BytesIO(damaged), 64).isfinite().all()
    assert not answered(lambda: load_image(io.BytesIO(b"")))
    assert peak() - before < MEMORY


@pytest.mark.parametrize(
    "size", [(1, 1), (20_000, 1), (1, 20_000), (31, 31), (20_000, 33), (33, 20_000), (30_000, 30_000)]
)
def test_odd_sizes(size, peak):
    before, content = peak(), io.BytesIO()
    Image.new("1", size).save(content, "PNG")
    assert not answered(lambda: load_image(content))
    assert peak() - before < MEMORY


WEIGHTS = load_file(COMPACT_WEIGHTS)


def changed(**more):
    state = {key: value for key, value in (WEIGHTS | more).items() if value is not None}
    return save(state)


DAMAGED_WEIGHTS = {
    "a missing key": changed(**{"conv3_1.weight": None}),
    "a wrong shape": changed(**{"conv1_1.weight": torch.zeros(16, 3, 5, 5)}),
    "a wrong number of channels": changed(**{"conv1_2.weight": torch.zeros(16, 17, 3, 3)}),
    "NaN": changed(**{"conv4_2.bias": torch.full((128,), torch.nan)}),
    "infinite": changed(**{"conv4_2.bias": torch.full((128,), torch.inf)}),
    "no dimension": changed(**{"conv1_1.bias": torch.tensor(1.0)}),
    "nothing": save({}),
    "other tensors": save({"a": torch.zeros(3)}),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED_WEIGHTS)
def test_weights_that_are_of_no_network(name, tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(DAMAGED_WEIGHTS[name])
    assert not answered(lambda: load_vgg19(path))


def test_cut_off_and_flipped_weights(tmp_path, rounds, peak):
    content, path, chance, before = COMPACT_WEIGHTS.read_bytes(), tmp_path / "x.safetensors", random.Random(1), peak()
    damaged = [content[: len(content) * part // 20] for part in range(20)]
    for _ in range(40 * rounds):
        copy = bytearray(content)
        for _ in range(3):  # in the header, which is where structure is
            copy[chance.randrange(3000)] ^= 1 << chance.randrange(8)
        damaged.append(bytes(copy))
    for suffix in ("safetensors", "pth"):
        for each in damaged:
            path = tmp_path / f"x.{suffix}"
            path.write_bytes(each)
            answered(lambda path=path: load_vgg19(path))
    assert peak() - before < MEMORY


def test_cut_off_and_flipped_checkpoints(tmp_path, rounds, peak):
    content, style = noise_like(torch.empty(1, 3, 40, 48), 1), noise_like(torch.empty(1, 3, 40, 40), 2)
    model, path, chance, before = load_vgg19(device="cpu"), tmp_path / "x.checkpoint", random.Random(2), peak()
    *_, step = style_transfer(content, style, model, steps=2)
    save_state(path, step.state_dict(), recipe={}, record=[])
    whole = path.read_bytes()
    for n in range(60 * rounds):
        copy = bytearray(whole[: len(whole) * n // 20] if n < 20 else whole)
        for _ in range(3 * (n >= 20)):
            copy[chance.randrange(1500)] ^= 1 << chance.randrange(8)
        path.write_bytes(bytes(copy))
        answered(lambda: load_state(path))
        answered(lambda: next(style_transfer(content, style, model, steps=3, resume=path), None))
    assert peak() - before < MEMORY


def with_recipe(path, text):
    information = PngImagePlugin.PngInfo()
    information.add_text("recipe", text)
    Image.new("RGB", (40, 40)).save(path, pnginfo=information)


HOSTILE = [
    "", "null", "7", "[]", "{", '"x"', "[" * 100_000, '{"size": "big"}', '{"size": 1e99}', '{"size": 10}',
    '{"size": [64]}', '{"size": {"a": 1}}', '{"size": true}', '{"size": NaN}', '{"steps": -1}', '{"steps": 1.5}',
    '{"content": "../../etc/passwd"}', '{"content": "/etc/passwd"}', '{"content": ["landscape"]}', '{"content": 3}',
    '{"style": "data/style/monet.jpg"}', '{"style": {}}', '{"network": "/tmp/x.pth"}', '{"network": 7}',
    '{"pooling": "min"}', '{"content_weight": "much"}', '{"style_weight": -1}', '{"tv_weight": Infinity}',
    '{"layer": "conv1_1"}', '{"layer": [["conv9_9", 1]]}', '{"layer": [["conv1_1", "x"]]}', '{"layer": [[1]]}',
    '{"layer": {"conv1_1": 1}}', '{"layer": [["conv1_1=1 --out=x", 1]]}', '{"content_layer": "conv9"}',
    '{"content_layer": null, "optimizer": []}', '{"optimizer": "sgd"}', '{"learning_rate": "fast"}',
    '{"learning_rate": -1}', '{"learning_rate": 0}', '{"start": "fog"}', '{"schedule": 1}', '{"seed": [1]}',
    '{"seed": 1e30}', '{"seed": 99999999999999999999}', '{"until": 0}', '{"changes": 3}', '{"restarts": "x"}',
    '{"changes": [{"iteration": 1e9, "style_weight": 1}]}', '{"restarts": [1.5]}', '{"single_scale": "yes"}',
    '{"single_scale": 7}', '{"precision": "float8"}', '{"size": 64, "content": "--help"}', '{"style": "-h"}',
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_recipes(text, tmp_path, capsys):
    path = tmp_path / "told.png"
    with_recipe(path, text)
    assert render.main(["--recipe", str(path), "--out", str(tmp_path / "out.png")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and len(said) > 20
    assert sorted(file.name for file in tmp_path.iterdir()) == ["told.png"]


def test_flipped_recipes(tmp_path, rounds, capsys):
    """Whatever bits are flipped in a recipe: it is refused in one line, or it is one that makes sense."""
    path, chance = tmp_path / "told.png", random.Random(4)
    save_image(noise_like(torch.empty(1, 3, 40, 40)), path, {"size": 64, "steps": 3, "layer": [["conv1_1", 0.5]]})
    text = json.dumps(load_recipe(path))
    for _ in range(150 * rounds):
        copy = bytearray(text.encode())
        copy[chance.randrange(len(copy))] ^= 1 << chance.randrange(7)
        with_recipe(path, copy.decode("latin-1"))
        answered(lambda: render.resolve(render.parser().parse_args(["--recipe", str(path)])))

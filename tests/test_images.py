import errno
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from helpers.base.errors import TeachingError
from helpers.base.pictures import CONTENTS, STYLES, pictures_in
from helpers.images import im_convert, load_image, noise_like, save_image
from helpers.runs.recipe import load_recipe

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def file_of(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file


def plain(mode, colour, size=(32, 32)):
    return Image.new(mode, size, colour)


def levels(tensor):
    """Back to 0..255, with the constants of the normalisation written out once more: (1, 3, H, W) -> (H, W, 3)."""
    std, mean = torch.tensor([0.229, 0.224, 0.225]), torch.tensor([0.485, 0.456, 0.406])
    return ((tensor[0].permute(1, 2, 0) * std + mean) * 255).round().int().numpy()


def grainy(width=64, height=64):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


# --- load_image: sizes and values ---


@pytest.mark.parametrize(
    ("name", "shape"), [("landscape", (512, 768)), ("van_gogh", (576, 768)), ("portrait", (600, 512))]
)
def test_a_bundled_picture_is_loaded_by_its_name(name, shape):
    image = load_image(name)
    assert image.shape == (1, 3, *shape)
    assert image.dtype == torch.float32
    assert -2.2 < image.min() < image.max() < 2.7


def test_pixels_are_normalised_with_the_statistics_of_imagenet():
    picture = plain("RGB", "black", (48, 40))
    picture.putpixel((5, 3), RED)  # column 5, row 3
    image = load_image(file_of(picture))
    assert image[0, :, 3, 5].tolist() == pytest.approx([(1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225])
    assert image[0, :, 5, 3].tolist() == pytest.approx([-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225])


@pytest.mark.parametrize(
    ("width", "height", "max_size", "expected"),
    [
        (100, 80, 50, (40, 50)),
        (80, 100, 50, (50, 40)),
        (100, 80, 100, (80, 100)),
        (100, 80, 5000, (80, 100)),
        (200, 33, 199, (33, 199)),
        (32, 32, 32, (32, 32)),
    ],
)
def test_the_long_side_is_limited_and_the_aspect_kept(width, height, max_size, expected):
    assert load_image(file_of(plain("RGB", RED, (width, height))), max_size=max_size).shape[2:] == expected


@pytest.mark.parametrize("shape", [(48, 64), [48, 64], torch.zeros(1, 3, 48, 64), torch.zeros(3, 48, 64)])
@pytest.mark.parametrize("max_size", [33, 768])
def test_shape_gives_exactly_that_height_and_width(shape, max_size):
    picture = plain("RGB", BLUE, (40, 100))
    picture.paste(RED, (0, 0, 20, 100))
    image = levels(load_image(file_of(picture), max_size, shape))
    assert image.shape == (48, 64, 3)
    assert (image[:, :24] == RED).all()
    assert (image[:, 40:] == BLUE).all()


def test_an_open_file_is_read_from_its_beginning_and_left_open(tmp_path):
    path = tmp_path / "red.png"
    plain("RGB", RED).save(path)
    with path.open("rb") as file:
        file.seek(7)
        assert (levels(load_image(file)) == RED).all()
        assert not file.closed


# --- load_image: every kind of file ---


STORED_UPRIGHT_BY = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels),
    7: lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
    8: lambda pixels: np.rot90(pixels, -1),
}


@pytest.mark.parametrize("orientation", STORED_UPRIGHT_BY)
def test_a_phone_picture_is_turned_upright(orientation):
    upright = np.zeros((34, 50, 3), np.uint8)
    upright[:17, :25], upright[:17, 25:], upright[17:, :25], upright[17:, 25:] = RED, GREEN, BLUE, WHITE
    exif = Image.Exif()
    exif[0x112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED_UPRIGHT_BY[orientation](upright)))
    assert np.array_equal(levels(load_image(file_of(stored, exif=exif))), upright)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01\x12\0\x03\0\0"])
def test_damaged_exif_data_are_ignored(kind, exif):
    assert levels(load_image(file_of(plain("RGB", WHITE), kind, exif=exif))).min() >= 254


def test_an_exif_chunk_of_nonsense_is_ignored():
    text = PngInfo()
    text.add_text("Raw profile type exif", "\nexif\n 4\nnonsense")
    assert (levels(load_image(file_of(plain("RGB", RED), pnginfo=text))) == RED).all()


def palette_picture():
    picture = plain("P", 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    return picture


# A value v of opacity 128 on white is (128 v + 127 * 255) / 255.
@pytest.mark.parametrize(
    ("picture", "options", "expected"),
    [
        (palette_picture(), {}, (10, 20, 30)),
        (palette_picture(), {"transparency": 1}, WHITE),
        (palette_picture(), {"transparency": b"\xff\x80"}, (132, 137, 142)),
        (plain("RGB", RED), {"transparency": RED}, WHITE),
        (plain("RGBA", (*RED, 128)), {}, (255, 127, 127)),
        (plain("RGBA", (*RED, 0)), {}, WHITE),
        (plain("RGBA", (10, 20, 30, 255)), {}, (10, 20, 30)),
        (plain("L", 77), {}, (77, 77, 77)),
        (plain("LA", (0, 128)), {}, (127, 127, 127)),
        (plain("1", 0), {}, (0, 0, 0)),
        (plain("1", 1), {}, WHITE),
    ],
    ids=[
        "palette", "palette with a hole", "palette half transparent", "RGB with a hole", "RGBA half transparent",
        "RGBA transparent", "RGBA opaque", "grey", "grey half transparent", "1-bit black", "1-bit white",
    ],
)  # fmt: skip
def test_every_kind_of_pixel_becomes_rgb_on_white(picture, options, expected):
    assert (levels(load_image(file_of(picture, **options))) == expected).all()


@pytest.mark.parametrize(
    ("dtype", "white", "value", "kind"),
    [
        (np.uint16, 65535, 64 * 257, "PNG"),
        (np.uint16, 65535, 64 * 257, "TIFF"),
        (np.int32, 65535, 64 * 257, "TIFF"),
        (np.float32, 1, 64 / 255, "TIFF"),
        (np.float32, 255, 64, "TIFF"),
        (np.float32, 65535, 64 * 257, "TIFF"),
    ],
)
def test_many_bits_a_value_are_scaled_not_clipped(dtype, white, value, kind):
    pixels = np.full((32, 40), value, dtype)
    pixels[0, 0] = white
    image = levels(load_image(file_of(Image.fromarray(pixels), kind)))
    assert image.shape == (32, 40, 3)
    assert image[0, 0].tolist() == [255, 255, 255]
    assert (image[1:] == 64).all()


def test_a_float_picture_with_holes_and_negative_values_has_black_there():
    pixels = np.ones((32, 32), np.float32)
    pixels[0, 0], pixels[0, 1] = np.nan, -3
    image = levels(load_image(file_of(Image.fromarray(pixels), "TIFF")))
    assert image[0, :3, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize(("ink", "expected"), [((0, 255, 255, 0), RED), ((0, 0, 0, 255), (0, 0, 0))])
def test_a_cmyk_jpeg_gets_its_colours(ink, expected):
    image = levels(load_image(file_of(plain("CMYK", ink), "JPEG", quality=95)))
    assert np.abs(image - expected).max() <= 3


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame(kind, tmp_path):
    path = tmp_path / "animation"
    frames = [plain("RGB", BLUE), plain("RGB", GREEN)]
    plain("RGB", RED).save(
        path, kind, save_all=True, append_images=frames, **({} if kind == "GIF" else {"lossless": 1})
    )
    assert (levels(load_image(path)) == RED).all()


def profile(gamma):
    """sRGB with its transfer curve (a parametric curve of type 3) made a plain power (type 0)."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    curve = srgb.index(b"para")
    plain_power = b"para" + struct.pack(">4xH2xi", 0, round(gamma * 65536))
    return srgb.replace(srgb[curve : curve + len(plain_power)], plain_power)


# Half the light (128 / 255, linear) is 188 in sRGB: 255 * (1.055 * 0.502 ** (1 / 2.4) - 0.055).
@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (plain("RGB", (128, 128, 128)), 188),
        (plain("RGB", (0, 0, 0)), 0),
        (plain("RGB", (255, 255, 255)), 255),
        (plain("RGBA", (128, 128, 128, 128)), (188 * 128 + 255 * 127) / 255),
    ],
)
def test_a_colour_profile_is_converted_to_srgb(picture, expected):
    image = levels(load_image(file_of(picture, icc_profile=profile(gamma=1))))
    assert np.abs(image - expected).max() <= 1


@pytest.mark.parametrize(
    "icc",
    [b"broken", profile(1)[:200], ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()],
    ids=["broken", "cut off", "not of RGB"],
)
def test_a_colour_profile_that_cannot_be_used_is_ignored(icc):
    assert (levels(load_image(file_of(plain("RGB", (128, 64, 32)), icc_profile=icc))) == (128, 64, 32)).all()


# --- load_image: refusals ---


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("sunsett.jpg", r"no picture 'sunsett.jpg'. Did you mean 'sunset.jpg'\?"),
        ("sunset.png", r"no picture 'sunset.png'. Did you mean 'sunset.jpg'\?"),
        ("landscpe", r"no picture 'landscpe'. Did you mean 'landscape'\?"),
        ("0123456789", "no picture '0123456789'. The bundled pictures are landscape, .*van_gogh"),
        ("0" * 5000, "no picture '0000.*The bundled pictures are landscape"),
        ("~nobody-of-that-name/0", "no picture '~nobody-of-that-name/0'"),
        ("album", "'album' is a folder; give the path of one picture"),
        ("https://example.org/a.jpg", "web address; save the picture to a file first"),
        ("text.jpg", "'text.jpg' is not a picture that can be read; JPEG, PNG"),
        ("empty.png", "'empty.png' is not a picture that can be read; JPEG, PNG"),
    ],
)
def test_what_is_not_a_picture_is_refused_with_a_hint(asked, hint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain("RGB", RED).save("sunset.jpg")
    Path("album").mkdir()
    Path("text.jpg").write_text("This is a shopping list: ultramarine, ochre, turpentine.")
    Path("empty.png").touch()
    with pytest.raises(TeachingError, match=hint):
        load_image(asked)


def test_a_picture_that_may_not_be_read_is_refused(monkeypatch):
    def fail(path):
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(TeachingError, match="'landscape' may not be read by you; change its permissions or copy it"):
        load_image("landscape")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("kept", [0.3, 0.5, 0.8, 0.95])
def test_a_picture_that_is_cut_off_is_refused(kind, kept, tmp_path):
    whole = file_of(grainy(), kind).getvalue()
    path = tmp_path / "half.jpg"
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(TeachingError, match=r"half.jpg' is damaged or cut off \(.+\); download or export it again"):
        load_image(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("kept", [5, 20, 40])
def test_a_picture_that_is_cut_off_in_its_header_is_refused(kind, kept):
    file = io.BytesIO(file_of(grainy(), kind).getvalue()[:kept])
    with pytest.raises(TeachingError, match=r"The file is (not a picture that can be read|damaged or cut off)"):
        load_image(file)


def png_that_claims(width, height):
    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (10_000, 10_000), (1, 200_000_000)])
def test_a_small_file_that_would_fill_the_memory_is_refused(width, height):
    with pytest.raises(TeachingError, match="more than 89 million pixels; shrink it"):
        load_image(io.BytesIO(png_that_claims(width, height)))


@pytest.mark.parametrize(("width", "height"), [(31, 64), (64, 31)])
@pytest.mark.parametrize("shape", [None, (64, 64)])
def test_a_picture_with_a_side_under_32_pixels_is_refused(width, height, shape):
    with pytest.raises(TeachingError, match=f"{width} x {height} pixels; .* at least 32 on each side. Take a larger"):
        load_image(file_of(plain("RGB", RED, (width, height))), shape=shape)


@pytest.mark.parametrize(("size", "result"), [((20_000, 40), "768 x 2"), ((40, 20_000), "2 x 768")])
def test_a_strip_that_would_become_too_thin_is_refused(size, result):
    file = file_of(plain("L", 0, size))
    with pytest.raises(TeachingError, match=f"{size[0]} x {size[1]}.* would be {result} .*at least 32.*Crop it"):
        load_image(file)


@pytest.mark.parametrize("max_size", [0, -5, 31, 3.5, 768.0, "768", True, None, float("nan"), float("inf")])
def test_a_max_size_that_makes_no_sense_is_refused(max_size):
    with pytest.raises(TeachingError, match=f"max_size is .* a whole number from 32 up; got {max_size!r}"):
        load_image("landscape", max_size=max_size)


@pytest.mark.parametrize(
    "shape",
    [
        (0, 5),
        (64, -64),
        ("a", "b"),
        (100,),
        100,
        (64, 64, 3),
        (64.0, 64.0),
        "64",
        torch.zeros(3),
        torch.zeros(3, 8, 64),
    ],
)
def test_a_shape_that_makes_no_sense_is_refused(shape):
    with pytest.raises(TeachingError, match=r"shape is \(height, width\), two whole numbers from 32 up.*; got .+"):
        load_image("landscape", shape=shape)


# --- im_convert ---


@pytest.fixture
def every_level():
    """A (32, 32, 3) picture with every value from 0 to 255 in every channel, no channel like another."""
    ramp = np.arange(1024).reshape(32, 32) % 256
    return np.stack([ramp, 255 - ramp, ramp.T], axis=2).astype(np.uint8)


def test_im_convert_undoes_load_image_for_every_level(every_level):
    array = im_convert(load_image(file_of(Image.fromarray(every_level))))
    assert array.dtype == np.float32
    assert np.array_equal((array * 255).round(), every_level)
    assert np.abs(array * 255 - every_level).max() < 1e-3


def test_im_convert_takes_a_trained_tensor_and_leaves_it_alone():
    image = torch.zeros(1, 3, 4, 6, requires_grad=True)
    array = im_convert(image)
    assert array.shape == (4, 6, 3)
    assert array[2, 1].tolist() == pytest.approx([0.485, 0.456, 0.406])
    assert image.requires_grad
    assert not image.any()


def test_im_convert_takes_an_image_without_a_batch():
    image = torch.randn(1, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    assert np.array_equal(im_convert(image[0]), im_convert(image))


def test_im_convert_clips_colours_out_of_range():
    image = torch.tensor([9.0, -9.0, 0.0]).view(1, 3, 1, 1)
    assert im_convert(image)[0, 0].tolist() == pytest.approx([1, 0, 0.406])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_im_convert_refuses_an_image_that_diverged(value):
    image = torch.zeros(1, 3, 4, 4)
    image[0, 1, 2, 3] = value
    with pytest.raises(TeachingError, match=r"NaN or infinite values.* diverged. Lower the learning rate"):
        im_convert(image)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3), (1, 1, 8, 8), (2, 3, 8, 8), (1, 3, 0, 8), (1, 1, 3, 8, 8), (3,)])
def test_im_convert_refuses_another_shape(shape):
    with pytest.raises(TeachingError) as caught:
        im_convert(torch.zeros(shape))
    assert str(caught.value) == f"Expected an image tensor (1, 3, H, W), got {shape}."


@pytest.mark.parametrize("image", [np.zeros((1, 3, 8, 8), np.float32), None, "landscape"])
def test_im_convert_refuses_what_is_not_a_tensor(image):
    with pytest.raises(TeachingError, match=rf"got {type(image).__name__}; load_image\(path\) makes one"):
        im_convert(image)


# --- save_image and load_recipe ---


@pytest.fixture
def image():
    return torch.linspace(-2, 2, 3 * 32 * 40).view(1, 3, 32, 40)


RECIPE = {"title": "Жёлтый № 7, été 🎨", "layers": {"conv1_1": 0.75, "more": {"list": [1, 2.5, None, True, {}]}}}


def test_a_saved_picture_keeps_every_pixel_and_its_recipe(tmp_path, every_level):
    path = save_image(load_image(file_of(Image.fromarray(every_level))), str(tmp_path / "new" / "out.PNG"), RECIPE)
    assert path == tmp_path / "new" / "out.PNG"
    assert np.array_equal(levels(load_image(path)), every_level)
    assert load_recipe(path) == RECIPE
    assert os.listdir(path.parent) == ["out.PNG"]
    assert path.stat().st_mode & 0o444 == 0o444  # everybody may look at it


def test_saving_replaces_an_older_picture(tmp_path, image):
    save_image(image, tmp_path / "out.png", {"run": 1})
    save_image(image, tmp_path / "out.png", {"run": 2})
    assert load_recipe(tmp_path / "out.png") == {"run": 2}
    assert os.listdir(tmp_path) == ["out.png"]


@pytest.mark.parametrize("name", ["out.jpg", "out", "out.png.tiff"])
def test_only_png_is_saved(name, tmp_path, image):
    with pytest.raises(TeachingError, match=f"saved as PNG.*'{name}' is not .png"):
        save_image(image, tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_an_image_that_diverged_does_not_replace_a_good_picture(tmp_path, image):
    path = save_image(image, tmp_path / "out.png")
    good = path.read_bytes()
    with pytest.raises(TeachingError, match="NaN or infinite"):
        save_image(image * float("nan"), path)
    assert path.read_bytes() == good


@pytest.mark.parametrize("place", ["folder.png", "file.txt/out.png", "o" * 300 + ".png"])
def test_a_place_that_cannot_be_written_is_refused_and_nothing_is_left(place, tmp_path, image):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file.txt").write_text("here before")
    with pytest.raises(TeachingError, match=f"{place}' could not be written: .+ choose another folder"):
        save_image(image, tmp_path / place)
    assert sorted(os.listdir(tmp_path)) == ["file.txt", "folder.png"]
    assert os.listdir(tmp_path / "folder.png") == []
    assert (tmp_path / "file.txt").read_text() == "here before"


@pytest.mark.parametrize(
    ("module", "function", "code"),
    [(Path, "open", errno.EACCES), (os, "fsync", errno.ENOSPC), (Path, "replace", errno.EACCES)],
)
@pytest.mark.parametrize("before", [None, b"an older picture"])
def test_when_writing_fails_an_older_file_is_intact_and_nothing_is_left(
    module, function, code, before, tmp_path, image, monkeypatch
):
    path = tmp_path / "out.png"
    if before:
        path.write_bytes(before)

    def fail(*args, **options):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(module, function, fail)
        remedy = "Close it where it is open" if code == errno.EACCES else "Free some space"
        with pytest.raises(TeachingError, match=f"written: {os.strerror(code)}. {remedy}, or choose"):
            save_image(image, path)
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == ({"out.png": before} if before else {})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "carries no recipe; only pictures that this project saved"),
        ("content: landscape", "damaged"),
        ("", "damaged"),
        ('{"steps": 300', "damaged"),
        ("[" * 100_000, "damaged"),
        ('{"steps": ' + "1" * 5000 + "}", "damaged"),
        ("[1, 2]", "not a table of settings but a list"),
        ("300", "not a table of settings but a int"),
        ("null", "not a table of settings but a NoneType"),
    ],
    ids=["missing", "not JSON", "empty", "cut off", "nested deeply", "5000 digits", "list", "number", "null"],
)
def test_a_recipe_that_is_none_is_refused(text, reason, tmp_path):
    chunks = PngInfo()
    if text is not None:
        chunks.add_text("recipe", text)
    plain("RGB", RED).save(tmp_path / "out.png", pnginfo=chunks)
    with pytest.raises(TeachingError, match=f"out.png.*{reason}"):
        load_recipe(tmp_path / "out.png")


def test_a_jpeg_carries_no_recipe():
    with pytest.raises(TeachingError, match="'landscape' carries no recipe"):
        load_recipe("landscape")


# --- noise_like, CONTENTS and STYLES ---


def test_noise_is_the_same_for_the_same_seed_only():
    like = torch.zeros(1, 3, 20, 30)
    noise = noise_like(like, seed=3)
    torch.rand(5)
    assert torch.equal(noise, noise_like(like, seed=3))
    assert not torch.isclose(noise, noise_like(like, seed=4)).all()
    assert torch.equal(noise_like(like), noise_like(like, seed=0))


def test_noise_is_a_grey_fog_of_the_images_shape():
    noise = noise_like(torch.zeros(1, 3, 64, 96))
    assert noise.shape == (1, 3, 64, 96)
    array = im_convert(noise)
    assert array.min() == pytest.approx(0.35, abs=0.001)
    assert array.max() == pytest.approx(0.65, abs=0.001)
    assert array.mean(axis=(0, 1)).tolist() == pytest.approx([0.5, 0.5, 0.5], abs=0.01)


def test_the_bundled_pictures_are_all_there():
    assert {"landscape", "portrait"} <= set(CONTENTS)
    assert {"kandinsky", "monet", "picasso", "van_gogh"} <= set(STYLES)
    assert [path for path in (CONTENTS | STYLES).values() if not path.is_file()] == []


def test_pictures_are_listed_by_name_and_other_files_are_not(tmp_path):
    for name in ("b.PNG", "a.jpg", "c.webp", "d.jpeg", "notes.txt", ".gitkeep"):
        (tmp_path / name).touch()
    assert pictures_in(tmp_path) == {
        "a": tmp_path / "a.jpg",
        "b": tmp_path / "b.PNG",
        "c": tmp_path / "c.webp",
        "d": tmp_path / "d.jpeg",
    }

"""Galleries: every combination, what is there is kept, what fails is left out, and a page that shows it all."""

import re
import sys

import pytest
import torch
from PIL import Image

from helpers.base.pictures import CONTENTS
from helpers.commands import gallery
from helpers.commands.render import parser, render
from helpers.images import load_image, noise_like, save_image
from helpers.runs import album
from helpers.runs.recipe import load_recipe

SMALL = ["--size", "48", "--steps", "3"]


def run(folder, *more):
    """The exit code of a gallery of one photograph in two styles, each with two weights."""
    arguments = ["--content", "landscape", "--style", "monet", "picasso", "--vary", "style_weight=10,1000"]
    return gallery.main([*arguments, "--folder", str(folder), *SMALL, *more])


def test_every_combination_is_painted_as_render_does_it(tmp_path):
    assert run(tmp_path) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        *(f"landscape--{style}--style_weight={w}.png" for style in ("monet", "picasso") for w in (10, 1000)),
        "sheet.png", "index.html",
    }  # fmt: skip
    alone = tmp_path / "alone.png"
    render(parser().parse_args(["landscape", "picasso", *SMALL, "--style-weight", "1000", "--out", str(alone)]))
    same = Image.open(tmp_path / "landscape--picasso--style_weight=1000.png")
    assert same.tobytes() == Image.open(alone).tobytes()
    recipe, other = load_recipe(tmp_path / "landscape--picasso--style_weight=1000.png"), load_recipe(alone)
    assert {name: recipe[name] for name in other} == other
    assert recipe["losses"]["total"] > 0


def test_what_is_there_is_kept_and_what_was_made_otherwise_is_made_again(tmp_path, capsys):
    run(tmp_path)
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("landscape*")}
    removed, *kept = sorted(times)
    (tmp_path / removed).unlink()
    capsys.readouterr()
    assert run(tmp_path) == 0
    assert "4 pictures, 3 of them there already" in capsys.readouterr().err
    assert all((tmp_path / name).stat().st_mtime_ns == times[name] for name in kept)
    assert (tmp_path / removed).exists()
    assert run(tmp_path, "--seed", "7") == 0
    assert "4 pictures, 0 of them there already" in capsys.readouterr().err


def test_another_picture_under_the_same_name_is_painted_anew(tmp_path):
    photograph = tmp_path / "photograph.png"

    def made():
        arguments = ["--content", str(photograph), "--style", "monet", "--folder", str(tmp_path / "out"), *SMALL]
        assert gallery.main(arguments) == 0
        return (tmp_path / "out" / "photograph--monet.png").read_bytes()

    Image.new("RGB", (48, 48), "red").save(photograph)
    red = made()
    assert made() == red
    Image.linear_gradient("L").convert("RGB").save(photograph)
    assert made() != red


def test_pictures_that_were_moved_are_not_painted_anew(tmp_path):
    def made(photograph):
        arguments = ["--content", str(photograph), "--style", "monet", "--folder", str(tmp_path / "out"), *SMALL]
        assert gallery.main(arguments) == 0
        return (tmp_path / "out" / "photograph--monet.png").stat().st_mtime_ns

    Image.linear_gradient("L").convert("RGB").save(tmp_path / "photograph.png")
    first = made(tmp_path / "photograph.png")
    (tmp_path / "elsewhere").mkdir()
    assert made((tmp_path / "photograph.png").rename(tmp_path / "elsewhere" / "photograph.png")) == first


def test_what_fails_is_told_and_the_rest_is_made(tmp_path, capsys):
    folder = tmp_path / "photographs"
    folder.mkdir()
    (folder / "broken.jpg").write_bytes(b"no picture")
    Image.linear_gradient("L").save(folder / "fine.png")
    (folder / "notes.txt").write_text("left alone")
    code = gallery.main(["--content", str(folder), "--style", "monet", "--folder", str(tmp_path / "out"), *SMALL])
    said = capsys.readouterr()
    assert code == 1
    assert "broken--monet failed: The file is not a picture that can be read" in said.err
    assert "1 of 2 pictures failed" in said.err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"fine--monet.png", "sheet.png", "index.html"}


def test_a_gallery_that_is_stopped_keeps_what_it_has(tmp_path, monkeypatch):
    paint, painted = gallery.paint, []

    def interrupted(*arguments):
        if len(painted) == 2:
            raise KeyboardInterrupt
        painted.append(arguments)
        return paint(*arguments)

    monkeypatch.setattr(gallery, "paint", interrupted)
    assert run(tmp_path) == 130
    assert len(list(tmp_path.glob("landscape*"))) == 2
    assert "2 pictures" in (tmp_path / "index.html").read_text()


def test_two_files_of_one_name_are_two_pictures(tmp_path):
    for name in ("a/same.png", "b/same.png"):
        (tmp_path / name).parent.mkdir()
        Image.new("RGB", (40, 40)).save(tmp_path / name)
    assert list(gallery.find_pictures([str(tmp_path / "a"), str(tmp_path / "b")], {})) == ["a_same.png", "b_same.png"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--content", "nowhere"], "There is no picture 'nowhere'"),
        (["--vary", "style_weight"], "write style_weight=1,10,100, not 'style_weight'"),
        (["--vary", "style_weight=1,,2"], "write style_weight=1,10,100"),
        (["--vary", "brush=1,2"], "unrecognized arguments: --brush=1"),
        (["--vary", "size=64,small"], "invalid int value: 'small'"),
        (["--out", "mine.png"], "unrecognized arguments: --out"),
        (["--steps", "0"], "steps is a whole number from 1 up"),
    ],
)
def test_what_makes_no_sense_is_one_line(arguments, said, tmp_path, capsys):
    assert gallery.main(["--folder", str(tmp_path), *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert said in lines[-1]
    assert not list(tmp_path.iterdir())


def test_many_pictures_are_smaller_on_the_page(tmp_path, monkeypatch):
    path = tmp_path / "noise.png"
    Image.effect_noise((512, 512), 90).convert("RGB").save(path)
    monkeypatch.setattr(album, "load_recipe", lambda _: {})
    entry = album.Entry(path, path, path, ("a", "b"), {})
    few = album.save_page([entry], tmp_path / "few.html").stat().st_size
    monkeypatch.setattr(album, "MANY_PICTURES", 1)
    many = album.save_page([entry] * 2, tmp_path / "many.html").stat().st_size
    assert many / 2 < 0.5 * few


def test_without_dask_it_is_said_how_to_get_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert run(tmp_path, "--scheduler", "tcp://127.0.0.1:8786") == 2
    assert "--scheduler needs Dask: pip install" in capsys.readouterr().err


def test_the_sheet_has_a_column_for_each_style_and_a_row_for_each_variation(tmp_path):
    colours, entries = {}, []
    for style in "ab":
        for weight in "12":
            path = tmp_path / f"{style}{weight}.png"
            colours[style, weight] = (50 * ord(style) % 256, 90 * int(weight), 10)
            Image.new("RGB", (album.CELL_SIDE, album.CELL_SIDE), colours[style, weight]).save(path)
            photograph, manner = tmp_path / "a1.png", tmp_path / f"{style}1.png"
            entries.append(album.Entry(path, photograph, manner, ("photo", style), {"tv_weight": weight}))
    sheet = Image.open(album.save_sheet(entries, tmp_path / "sheet.png"))
    step = album.CELL_SIDE + album.GAP, album.CELL_SIDE + album.LABEL + album.GAP
    assert sheet.size == (3 * step[0] + album.GAP, 3 * step[1] + album.GAP)
    for column, style in enumerate("ab", 1):
        for row, weight in enumerate("12", 1):
            middle = (column * step[0] + step[0] // 2, row * step[1] + album.CELL_SIDE // 2)
            assert sheet.getpixel(middle) == colours[style, weight]


def test_the_page_needs_no_other_file_and_hides_nothing_in_its_names(tmp_path):
    run(tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert not re.findall(r"""(?:src|href)="(?!data:|#)""", page) and "://" not in page
    assert [(row["style"], row["style weight"]) for row in table(page)] == [
        ("monet", "10"), ("monet", "1000"), ("picasso", "10"), ("picasso", "1000"),
    ]  # fmt: skip
    assert all(float(row["total loss"]) > 0 for row in table(page))
    hostile = tmp_path / "<script>alert(1)</script>.png".replace("/", "_")
    (tmp_path / "landscape--monet--style_weight=10.png").rename(hostile)
    entry = album.Entry(hostile, hostile, hostile, (hostile.stem, '"><b>'), {})
    assert "<script>alert" not in album.save_page([entry], tmp_path / "hostile.html").read_text()


def table(page):
    """The page's table: for each row the text under each head."""
    heads, *rows = re.findall(r"<tr>(.*?)</tr>", page, re.S)
    texts = [[re.sub("<.*?>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in (heads, *rows)]
    return [dict(zip(texts[0], row, strict=True)) for row in texts[1:]]


def test_the_page_shows_what_the_judge_says_and_older_pictures_without_it(tmp_path):
    run(tmp_path)
    judged = load_recipe(tmp_path / "landscape--picasso--style_weight=1000.png")["judged"]
    last = table((tmp_path / "index.html").read_text())[-1]
    assert last["judge"] == judged["judge"] and judged["style_distance"] > 0
    assert last["style distance"] == f"{judged['style_distance']:.3g}"
    assert last["content correlation"] == f"{judged['content_correlation']:.3g}"

    older = tmp_path / "landscape--monet--style_weight=10.png"
    recipe = load_recipe(older)
    del recipe["judged"]
    save_image(load_image(older), older, recipe)
    before = older.stat().st_mtime_ns
    assert run(tmp_path) == 0
    assert older.stat().st_mtime_ns == before  # it is not painted anew
    page = (tmp_path / "index.html").read_text()
    assert [row["judge"] for row in table(page)] == ["", *[judged["judge"]] * 3]
    assert album.NOTE in page

    entry = album.Entry(older, older, older, ("landscape", "monet"), {})
    alone = album.save_page([entry], tmp_path / "older.html").read_text()
    assert "judge" not in table(alone)[0] and album.NOTE not in alone


def test_pictures_of_one_name_in_folders_of_one_name_are_told_apart(tmp_path):
    for folder in ("one/photos", "two/photos", "three"):
        (tmp_path / folder).mkdir(parents=True)
        save_image(noise_like(torch.empty(1, 3, 40, 40)), tmp_path / folder / "p.png")
    folders = [str(tmp_path / "one" / "photos"), str(tmp_path / "two" / "photos")]
    found = gallery.find_pictures([*folders, str(tmp_path / "three")], {})
    assert len(found) == 3 and {path.parent for path in found.values()} == {
        tmp_path / "one" / "photos", tmp_path / "two" / "photos", tmp_path / "three",
    }  # fmt: skip
    assert {"one_photos_p", "two_photos_p"} < {name.removesuffix(".png") for name in found}


def test_a_picture_that_is_named_in_two_ways_is_painted_once(monkeypatch):
    monkeypatch.chdir(CONTENTS["landscape"].parent)
    assert len(gallery.find_pictures(["landscape", "landscape.jpg", str(CONTENTS["landscape"])], CONTENTS)) == 1

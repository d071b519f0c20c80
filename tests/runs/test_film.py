"""`render --film` and `--compare`: what is sent to others."""

from PIL import Image

from helpers.commands.render import parser, render
from helpers.images import load_image
from helpers.runs.recipe import caption, load_recipe

SMALL = ["landscape", "monet", "--size", "64", "--steps", "6"]


def test_a_film_begins_with_the_first_iteration_and_ends_with_the_picture(tmp_path):
    out = tmp_path / "mine.png"
    assert render(
        parser().parse_args([*SMALL, "--steps", "40", "--optimizer", "adam", "--film", "--out", str(out)])
    ) == [
        out,
        tmp_path / "mine.webp",
    ]
    last = load_image(out)
    with Image.open(tmp_path / "mine.webp") as film:
        assert film.n_frames == 40  # an iteration each; the last is shown longer
        assert (film.height, film.width) == last.shape[2:]
        away = []
        for frame in (0, 39):
            film.seek(frame)
            film.convert("RGB").save(tmp_path / "frame.png")
            away.append(float((load_image(tmp_path / "frame.png") - last).abs().mean()))
    assert away[1] < 0.7 * away[0]


def test_a_comparison_shows_the_three_pictures_and_the_recipe(tmp_path):
    out = tmp_path / "mine.png"
    made = render(parser().parse_args([*SMALL, "--compare", "--out", str(out)]))
    assert made == [out, tmp_path / "mine--compare.png"]
    with Image.open(made[1]) as file:
        sheet = file.convert("RGB")
    assert sheet.width == 1500
    parts = [sheet.crop((500 * i + 50, 100, 500 * i + 450, 250)) for i in range(3)]
    assert all(len(part.getcolors(1 << 20)) > 1000 for part in parts)


def test_a_caption_says_what_was_asked_and_what_came_out():
    recipe = {"size": 64, "iteration": 6, "style_weight": 100.0, "optimizer": "adam", "losses": {"total": 1.23456}}
    assert caption(recipe) == "64 pixels · 6 iterations · style weight 100 · optimizer adam\nlosses: total 1.23"
    assert caption({"seed": 3}) == "seed 3"
    judged = {"style_distance": 0.0712, "content_correlation": 0.456, "judge": "compact"}
    said = "style distance 0.071, content correlation 0.46, as the compact network sees it"
    assert caption({"seed": 3, "judged": judged}) == f"seed 3\n{said}"


def test_the_losses_are_in_the_recipe(tmp_path):
    out = tmp_path / "mine.png"
    render(parser().parse_args([*SMALL, "--out", str(out)]))
    losses = load_recipe(out)["losses"]
    recipe = load_recipe(out)
    parts = sum(recipe[f"{name}_weight"] * losses[name] for name in ("content", "style", "tv"))
    assert abs(parts - losses["total"]) < 1e-4 * losses["total"]

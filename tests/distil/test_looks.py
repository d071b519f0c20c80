"""The looks of the training pictures: what each must do to a picture that is known."""

import pytest
import torch

from helpers.distil import looks


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def picture():
    """A ramp of colours with a dark square on it: (3, 64, 80)."""
    rows, columns = torch.linspace(0, 1, 64)[:, None], torch.linspace(0, 1, 80)[None]
    ramp = torch.stack([rows.expand(-1, 80), columns.expand(64, -1), (1 - rows) * columns])
    ramp[:, 20:40, 30:60] = 0.05
    return ramp


def colours(picture):
    return len(picture.flatten(1).unique(dim=1).T)


@pytest.mark.parametrize("look", [*looks.LOOKS, looks.in_another_look], ids=lambda look: look.__name__)
def test_a_look_gives_another_picture_of_the_same_size_and_leaves_the_first_alone(look, picture):
    before = picture.clone()
    for _ in range(8):
        found = look(picture)
        assert found.shape == picture.shape and found.isfinite().all()
        assert found.min() > -0.01 and found.max() < 1.01
        assert not torch.allclose(found, picture, atol=1e-3)
    assert torch.equal(picture, before)


def test_a_palette_has_four_to_twelve_colours(picture):
    assert {4 <= colours(looks.palette(picture)) <= 12 for _ in range(10)} == {True}


def test_posterised_levels_are_evenly_spaced(picture):
    levels = looks.posterised(picture).unique()
    assert torch.allclose(levels.diff(), levels[1] - levels[0]) and len(levels) <= 6


def test_flattening_takes_the_noise_and_leaves_the_edge():
    step = torch.cat([torch.full((3, 40, 20), 0.2), torch.full((3, 40, 20), 0.8)], dim=2)
    noisy = step + 0.05 * torch.randn(3, 40, 40)
    flat = looks.flattened(noisy)
    assert flat[:, 5:-5, 3:15].std() < 0.6 * noisy[:, 5:-5, 3:15].std()
    assert (flat[:, :, 22] - flat[:, :, 17]).mean() > 0.5


def test_lines_lie_along_the_dark_side_of_an_edge_and_nowhere_else():
    grey = torch.full((3, 40, 60), 0.8)
    grey[:, :, 30:] = 0.2
    mark = looks.lines(grey)[0]
    assert mark[:, 30:32].mean() > 0.6
    assert mark[:, :20].max() < 0.5 and mark[:, 50:].max() < 0.5


def test_a_hatched_area_is_the_darker_the_darker_the_picture_was(monkeypatch):
    monkeypatch.setattr(looks, "two_colours", lambda: (torch.zeros(3, 1, 1), torch.ones(3, 1, 1)))
    monkeypatch.setattr(looks, "chance", lambda probability: probability == 0.7)  # one screen, on paper
    means = [looks.hatched(torch.full((3, 96, 96), grey)).mean().item() for grey in (0.05, 0.95)]
    assert means[0] < 0.4 and means[1] > 0.6


def test_a_tiling_repeats_its_motif():
    for _ in range(10):
        tiles = looks.tiling(96, 96)
        assert any(torch.equal(tiles[:, side:, side:], tiles[:, :-side, :-side]) for side in range(6, 97))


def test_waves_have_the_length_that_was_drawn(monkeypatch):
    answers = iter([0.0, torch.tensor(8.0).log().item(), 0.0])  # across, 8 pixels long, phase 0
    monkeypatch.setattr(looks, "uniform", lambda low, high: next(answers))
    wave = looks.waves(4, 32)[0]
    assert torch.allclose(wave[:, :24], wave[:, 8:], atol=1e-5)
    assert wave[0, [0, 2, 4, 6]].tolist() == pytest.approx([0.5, 1, 0.5, 0], abs=1e-5)


def test_noise_is_random_and_within_the_range():
    first, second = looks.noise(48, 64), looks.noise(48, 64)
    assert first.shape == (3, 48, 64) and not torch.equal(first, second)
    assert first.min() >= 0 and first.max() <= 1 and first.mean().item() == pytest.approx(0.5, abs=0.05)


def test_every_kind_of_pattern_fills_the_picture():
    for _ in range(20):
        made = looks.pattern(40, 56)
        assert made.shape == (3, 40, 56) and made.min() >= 0 and made.max() <= 1
        assert colours(made) > 1

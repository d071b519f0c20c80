"""In tiles: the same terms, gradients and pictures as in one piece, and when they are chosen."""

import math

import pytest
import torch

from helpers.base.errors import TeachingError
from helpers.engine.state_files import load_state, save_state
from helpers.images import load_image, noise_like
from helpers.losses import Weights, total_variation_loss
from helpers.manner import Manner
from helpers.objective import Objective
from helpers.regions import load_mask
from helpers.runs import estimate, painting
from helpers.runs.estimate import TILE_BYTES, Cost, needs_tiles
from helpers.runs.settings import Settings
from helpers.runs.sources import load_sources
from helpers.statistics import mean_and_deviation, moments, of_moments
from helpers.tiles import TiledObjective, tiles
from helpers.transfer import style_transfer
from helpers.vgg import VGG19_CHANNELS

SIZE = 83, 71  # every pooling drops a row, a column or both
CONTENT = load_image("landscape", shape=SIZE)
STYLE, OTHER = load_image("van_gogh", shape=(90, 77)), load_image("monet", shape=(64, 96))
UPPER, ELLIPSE = (load_mask(name, SIZE) for name in ("upper half", "ellipse"))
WEIGHTS = Weights(layers={"conv1_1": 0.3, "conv2_2": 0.2, "conv3_1": 0.2, "conv4_2": 0.2, "conv5_1": 0.1})
TILE = 32 * 32 * 8  # 32 positions on a side, with the network's eight channels

MANNERS = {
    "plain": {},
    "mean_std": {"statistic": "mean_std"},
    "two regions": {"regions": [(UPPER, OTHER)]},
    "two regions, mean_std": {"regions": [(UPPER, OTHER)], "statistic": "mean_std"},
    "sharp": {"regions": [(UPPER, OTHER)], "sharp": True},
    "kept": {"keep": ELLIPSE},
}


def terms_and_gradient(objective, weights=WEIGHTS, image=None):
    image = (noise_like(CONTENT) if image is None else image).clone().requires_grad_()
    terms = objective(image, weights)
    (gradient,) = torch.autograd.grad(terms.total(weights), image)
    return terms, gradient


def assert_same(whole, tiled, weights=WEIGHTS):
    (terms, gradient), (ours, our_gradient) = whole, tiled
    assert terms.numbers(weights, terms.total(weights)) == {
        name: pytest.approx(value, rel=1e-5) for name, value in ours.numbers(weights, ours.total(weights)).items()
    }
    assert (gradient - our_gradient).abs().max() < 3e-6 * gradient.abs().max()
    edge = torch.ones(SIZE, dtype=torch.bool)
    edge[4:-4, 4:-4] = False  # the border, where the network's padding is met, by its own measure
    difference = (gradient - our_gradient)[..., edge].norm() / gradient[..., edge].norm()
    assert difference < 1e-5


@pytest.mark.parametrize("name", MANNERS)
def test_terms_and_gradient_are_those_of_the_whole(network, name):
    manner = Manner(**MANNERS[name]).checked(CONTENT, 1)
    whole = Objective(CONTENT, STYLE, network, manner=manner)
    tiled = TiledObjective(CONTENT, STYLE, network, manner=manner, tile=TILE)
    assert_same(terms_and_gradient(whole), terms_and_gradient(tiled))


def test_the_order_of_the_weights_does_not_matter(network):
    """Two layers of one block, the later one asked for first, and one that gets its weight later."""
    weights = Weights(layers={"conv3_3": 0.7, "conv3_1": 0.3})
    whole, tiled = Objective(CONTENT, STYLE, network), TiledObjective(CONTENT, STYLE, network, tile=TILE)
    assert_same(terms_and_gradient(whole, weights), terms_and_gradient(tiled, weights), weights)
    later = Weights(layers={"conv3_1": 0.3, "conv3_2": 0.5, "conv3_3": 0.7})
    assert_same(terms_and_gradient(whole, later), terms_and_gradient(tiled, later), later)


@pytest.mark.parametrize("positions", [4, 16, 48, 64, 100])
def test_the_size_of_the_tiles_does_not_matter(network, positions):
    tiled = TiledObjective(CONTENT, STYLE, network, tile=8 * positions**2)
    assert_same(terms_and_gradient(Objective(CONTENT, STYLE, network)), terms_and_gradient(tiled))


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_a_border_of_zeros_lies_around_the_picture_and_not_around_the_tiles(make_network, pooling):
    network = make_network(pooling=pooling)
    for module in network.children():
        if hasattr(module, "padding_mode"):
            module.padding_mode = "zeros"
    tiled = TiledObjective(CONTENT, STYLE, network, tile=TILE)
    assert_same(terms_and_gradient(Objective(CONTENT, STYLE, network)), terms_and_gradient(tiled))


def test_the_report_s_losses_and_a_content_layer_that_is_of_the_style_too(network):
    arguments = CONTENT, STYLE, network, "conv3_1", False
    weights = Weights(content=1, style=1e4, layers={"conv3_1": 1.0, "conv1_2": 1.0})
    whole, tiled = Objective(*arguments), TiledObjective(*arguments, tile=TILE)
    assert_same(terms_and_gradient(whole, weights), terms_and_gradient(tiled, weights), weights)


@pytest.mark.parametrize("weights", [Weights(content=0, style=0), Weights(content=0, tv=0, layers={"conv1_1": 1})])
def test_what_no_weight_asks_for_is_left_out(network, weights):
    whole, tiled = Objective(CONTENT, STYLE, network), TiledObjective(CONTENT, STYLE, network, tile=TILE)
    assert_same(terms_and_gradient(whole, weights), terms_and_gradient(tiled, weights), weights)


def test_total_variation_in_tiles_is_total_variation(network):
    tiled = TiledObjective(CONTENT, STYLE, network, tile=3 * 10**2)  # tiles of 10 pixels
    assert tiled.total_variation(CONTENT).item() == pytest.approx(total_variation_loss(CONTENT).item(), rel=1e-5)


@pytest.mark.parametrize("size", [(83, 71), (16, 300), (5, 1)])
@pytest.mark.parametrize("side", [2, 7, 32, 1000])
def test_each_position_belongs_to_one_tile_which_begins_where_a_pooling_does(size, side):
    counted = torch.zeros(size, dtype=int)
    for tile in tiles(size, side, 4):
        counted[tile.own] += 1
        for own, seen, length in zip(tile.own, tile.seen, size, strict=True):
            assert own.start % 2 == seen.start % 2 == 0
            assert seen.start == max(0, own.start - 4) and seen.stop == min(length, own.stop + 4)
            assert own.stop - own.start <= max(2, side + 1)
    assert (counted == 1).all()


def test_moments_add_up_to_mean_and_deviation():
    response, share = 5 + torch.rand(1, 3, 6, 8), torch.rand(1, 1, 6, 8)
    halves = sum(moments(response[..., part], share[..., part]) for part in (slice(0, 3), slice(3, 8)))
    assert torch.allclose(of_moments(halves), mean_and_deviation(response, share), rtol=1e-5)


def test_an_order_of_all_positions_cannot_be_had_in_tiles(network):
    with pytest.raises(TeachingError, match=r"'sliced' puts all positions of the picture in order.*Take 'gram'"):
        next(style_transfer(CONTENT, STYLE, network, manner=Manner("sliced"), tiled=True))


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_run_in_tiles_is_the_run_and_goes_on_bit_for_bit(network, tmp_path, monkeypatch, optimizer):
    monkeypatch.setitem(TiledObjective.__init__.__kwdefaults__, "tile", TILE)

    def run(tiled, **more):
        options = {"steps": 4, "optimizer": optimizer, "start": "content", "precision": "float32"} | more
        return list(style_transfer(CONTENT, STYLE, network, tiled=tiled, **options))

    whole, tiled = run(False), run(True)
    assert (whole[-1].image - tiled[-1].image).abs().max() < 1e-3
    assert not torch.equal(whole[-1].image, CONTENT)
    save_state(tmp_path / "run.checkpoint", run(True, steps=2)[-1].state_dict())
    state_dict, _ = load_state(tmp_path / "run.checkpoint")
    assert state_dict["tiled"] is True
    assert torch.equal(run(True, resume=state_dict)[-1].image, tiled[-1].image)


# A network of which the whole needs 1,000 bytes a pixel, and tiles 100 and what one of them takes.
COST = Cost(fixed=0.0, each=1e-9, memory=1000.0, tiled=100.0)
LARGE = 2000, 3000  # 6 GB, or 0.6 GB and a tile


@pytest.mark.parametrize("free, tiled", [(6e9, False), (5.9e9, True), (0.6e9 + TILE_BYTES, True)])
def test_tiles_are_chosen_where_the_whole_does_not_fit(network, monkeypatch, free, tiled):
    monkeypatch.setattr(estimate, "free_memory", lambda device: free)
    monkeypatch.setattr(estimate, "measured", lambda model, optimizer: COST)
    assert needs_tiles(network, LARGE, "lbfgs") is tiled


@pytest.mark.parametrize("statistic, needed", [("gram", "936 MB"), ("sliced", "6.0 GB")])
def test_where_not_even_tiles_fit_a_size_is_named_that_does(network, monkeypatch, statistic, needed):
    free = 0.5e9
    monkeypatch.setattr(estimate, "free_memory", lambda device: free)
    monkeypatch.setattr(estimate, "measured", lambda model, optimizer: COST)
    with pytest.raises(TeachingError, match=f"needs {needed} of memory, and 500 MB are free") as error:
        needs_tiles(network, LARGE, "lbfgs", statistic)
    longest = int(str(error.value).split("--size ")[1].split(")")[0])
    shape = longest * 2 // 3, longest
    fitting = min(COST.bytes(shape), COST.bytes(shape, tiled=True) if statistic == "gram" else math.inf)
    assert 0.8 * free < fitting < free
    needs_tiles(network, shape, "lbfgs", statistic)  # which raises nothing


def test_the_forecast_says_that_it_will_be_tiles():
    text, warned = estimate.forecast(COST, LARGE, 10, 1, 2e9, (384, 768))
    assert "936 MB on this machine, painted in tiles." in text and not warned
    text, warned = estimate.forecast(COST, LARGE, 10, 1, 2e9, (384, 768), statistic="sliced")
    assert "6.0 GB" in text and "tiles" not in text and warned


def test_a_picture_that_does_not_fit_is_painted_in_tiles_and_said_to_be(monkeypatch):
    settings = Settings(size=96, steps=1)
    asked, said = [], []
    monkeypatch.setattr(painting, "needs_tiles", lambda *arguments: asked.append(arguments[1:]) or True)
    (step,) = painting.painting(settings, load_sources(settings), say=said.append)
    assert asked == [((64, 96), "lbfgs", "gram")]
    assert said == [painting.IN_TILES]
    assert step.state_dict()["tiled"] is True


def test_what_began_in_tiles_goes_on_in_tiles(network, monkeypatch):
    settings = Settings(size=96)
    monkeypatch.setattr(painting, "needs_tiles", lambda *arguments: False)
    sources = load_sources(settings)
    assert painting.in_tiles(settings, sources, network, {"tiled": True})
    assert not painting.in_tiles(settings, sources, network, {})


def test_what_lies_between_the_blocks_of_vgg19_is_counted(make_network):
    # Eight channels in float32, and their gradient: 64 bytes at each position, after each of five poolings a quarter.
    assert estimate.maps_bytes(make_network()) == pytest.approx(64 * (1 / 4 + 1 / 16 + 1 / 64 + 1 / 256 + 1 / 1024))
    assert VGG19_CHANNELS["conv1_2"] == 64

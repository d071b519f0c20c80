"""The painter's hand: regions, what is kept, and colours, in whole runs of a few iterations."""

import pytest
import torch

from helpers.base.errors import TeachingError
from helpers.colours import greyscale, luminance, matched_to
from helpers.images import BLACK, STD, WHITE, load_image
from helpers.manner import Manner
from helpers.regions import load_mask
from helpers.transfer import coarse_to_fine, style_transfer
from helpers.vgg import VGG19, load_vgg19

CONTENT = load_image("landscape", shape=(48, 72))
VAN_GOGH, MONET = (load_image(name, shape=(48, 72)) for name in ("van_gogh", "monet"))
UPPER, LOWER = (load_mask(f"{half} half", (48, 72)) for half in ("upper", "lower"))
ONES = torch.ones(1, 1, 48, 72)


@pytest.fixture(scope="module")
def compact() -> VGG19:
    return load_vgg19(device="cpu")


def painted(model, manner=None, style=VAN_GOGH, **options):
    *_, step = style_transfer(CONTENT, style, model, steps=4, precision="float32", manner=manner, **options)
    return step.image


def test_a_mask_of_ones_changes_nothing(compact):
    assert torch.equal(painted(compact, Manner(regions=[(ONES, MONET)])), painted(compact, style=MONET))


def test_two_halves_of_one_style_are_no_mask(compact):
    halves = Manner(regions=[(UPPER, MONET), (LOWER, MONET)])
    assert torch.equal(painted(compact, halves), painted(compact, style=MONET))
    assert torch.equal(painted(compact, Manner(regions=[(UPPER, MONET)]), MONET), painted(compact, style=MONET))


@pytest.mark.parametrize("statistic", ["gram", "mean_std", "sliced"])
@pytest.mark.parametrize("sharp", [False, True])
def test_each_half_comes_near_to_its_own_style(compact, statistic, sharp):
    manner = Manner(statistic, regions=[(UPPER, VAN_GOGH)], sharp=sharp)
    *_, step = coarse_to_fine(CONTENT, MONET, compact, steps=30, manner=manner)
    pixels = step.image * STD
    upper, lower = (pixels[..., rows, :].mean((0, 2, 3)) for rows in (slice(20), slice(28, 48)))
    blue = [(half[2] - half[0]).item() for half in (upper, lower)]
    assert blue[0] > blue[1] + 0.05  # Van Gogh's sky is bluer than Monet's pond


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_what_is_kept_stays_exactly_and_the_rest_is_painted(compact, optimizer):
    image = painted(compact, Manner(keep=(UPPER == 1).float()), optimizer=optimizer)
    kept = (UPPER == 1).expand_as(image)
    assert torch.equal(image[kept], CONTENT[kept])
    assert (image[~kept] - CONTENT[~kept]).abs().mean() > 0.1


def test_a_run_in_the_photograph_s_colours_has_its_differences_of_channels(compact):
    image = painted(compact, Manner(colours="content"), optimizer="adam")
    ours, theirs = image * STD, CONTENT * STD
    within = ((image > BLACK + 1e-4) & (image < WHITE - 1e-4)).all(1)  # what was not clipped
    assert within.float().mean() > 0.5
    for one, two in ((0, 1), (1, 2)):
        difference = (ours[:, one] - ours[:, two]) - (theirs[:, one] - theirs[:, two])
        assert difference[within].abs().max() < 1e-5


def test_a_style_matched_to_the_photograph_has_its_mean_and_covariance_of_colours():
    calm = 0.3 * CONTENT  # nothing has to be clipped
    ours, theirs = ((image * STD)[0].flatten(1) for image in (matched_to(VAN_GOGH, calm), calm))
    assert torch.allclose(ours.mean(1), theirs.mean(1), atol=2e-3)
    assert torch.allclose(ours.cov(), theirs.cov(), atol=2e-4)


def test_grey_has_three_equal_channels_and_its_own_brightness():
    pixels = greyscale(CONTENT) * STD + torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    assert torch.allclose(pixels, luminance(CONTENT).expand(1, 3, -1, -1), atol=1e-6)


@pytest.mark.parametrize(
    "manner, words",
    [
        (Manner(statistic="mode"), "Unknown statistic"),
        (Manner(colours="blue"), "Unknown colours"),
        (Manner(keep=torch.ones(1, 1, 4, 4)), "mask"),
        (Manner(regions=[(UPPER, torch.zeros(3))]), "image tensor"),
    ],
)
def test_a_manner_that_makes_no_sense_is_refused(compact, manner, words):
    with pytest.raises(TeachingError, match=words):
        painted(compact, manner)


def test_the_report_s_losses_know_no_regions(compact):
    with pytest.raises(TeachingError, match="whole picture"):
        painted(compact, Manner(keep=UPPER), relative=False)


def test_a_run_goes_on_bit_for_bit_and_only_with_its_own_masks(compact):
    manner = Manner("sliced", "content", regions=[(UPPER, MONET)], keep=load_mask("ellipse", (48, 72)))
    steps = list(style_transfer(CONTENT, VAN_GOGH, compact, steps=4, manner=manner))
    *_, early = zip(range(2), style_transfer(CONTENT, VAN_GOGH, compact, steps=4, manner=manner), strict=False)
    state = early[1].state_dict()
    *_, last = style_transfer(CONTENT, VAN_GOGH, compact, steps=4, manner=manner, resume=state)
    assert torch.equal(last.image, steps[-1].image)
    other = Manner("sliced", "content", regions=[(LOWER, MONET)], keep=load_mask("ellipse", (48, 72)))
    with pytest.raises(TeachingError, match="another masks"):
        next(style_transfer(CONTENT, VAN_GOGH, compact, steps=4, manner=other, resume=state))

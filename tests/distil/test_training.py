"""The training run: its rate, its pool, and that it goes on where it was cut off."""

import pytest
import torch

from helpers.base.errors import TeachingError
from helpers.distil import canvases, crops, networks, training
from helpers.distil.crops import Crops
from helpers.distil.training import Plan, Pool, train
from helpers.vgg import LAYERS, get_features

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for module in (crops, training):
        monkeypatch.setattr(module, "CROP", 32)
    for module in (canvases, training):
        monkeypatch.setattr(module, "CANVASES", 2)
    for name, value in {"CROPS_A_ROUND": 8, "POOL": 16, "PAINTED_POOL": 8, "ROUNDS_ALONE": 1, "SAVE_EVERY": 1}.items():
        monkeypatch.setattr(training, name, value)
    monkeypatch.setattr(training, "CHANNELS", dict.fromkeys(LAYERS.values(), 8))
    monkeypatch.setattr(crops.os, "cpu_count", lambda: 1)


@pytest.fixture
def pictures():
    torch.manual_seed(0)
    return list((torch.rand(3, 3, 64, 72) * 255).to(torch.uint8))


def test_the_rate_rises_for_the_warm_up_and_falls_along_half_a_cosine():
    plan = Plan(rounds=10, steps=100, rate=2.0)
    assert plan.learning_rate(0) == pytest.approx(2 / 300)
    assert plan.learning_rate(500) == pytest.approx(1.0)
    assert plan.learning_rate(750) == pytest.approx(2 * (1 - 0.5**0.5) / 2)
    assert 0 < plan.learning_rate(999) < 1e-4


def test_a_full_pool_forgets_the_oldest():
    pool = Pool(4, CPU)
    pool.add(torch.arange(3.0).view(3, 1, 1, 1).expand(3, 3, 32, 32))
    assert set(pool.draw(50)[:, 0, 0, 0].tolist()) == {0, 1, 2}
    pool.add(torch.arange(3.0, 6.0).view(3, 1, 1, 1).expand(3, 3, 32, 32))
    assert set(pool.draw(99)[:, 0, 0, 0].tolist()) == {2, 3, 4, 5}


def test_the_student_learns_and_looks_at_its_own_paintings(narrow, pictures, tmp_path, monkeypatch):
    painted, rounds = [], []
    paint = canvases.Canvases.paint

    def recorded(self, network, fresh):
        painted.append(paint(self, network, fresh))
        return painted[-1]

    monkeypatch.setattr(canvases.Canvases, "paint", recorded)
    monkeypatch.setattr(training, "WARM_UP", 1)
    plan = Plan(rounds=6, steps=30, batch=8, rate=5e-3)
    network = train(
        narrow(8), Crops(pictures, pictures, 0), plan, tmp_path / "a.checkpoint", CPU, lambda *told: rounds.append(told)
    )
    assert [n for n, _ in rounds] == [1, 2, 3, 4, 5, 6]
    assert len(painted) == 5 and painted[0].shape == (4, 3, 32, 32)
    assert rounds[-1][1]["conv2_1"] < 0.6 * rounds[0][1]["conv2_1"]
    assert all(response.isfinite().all() for response in get_features(painted[0], network).values())


def test_a_run_that_was_cut_off_goes_on_and_one_of_another_plan_is_refused(narrow, pictures, tmp_path, monkeypatch):
    class CutOff(Exception):
        pass

    def cut(n, missed):
        if n == 2:
            raise CutOff

    some, plan, checkpoint = Crops(pictures, pictures, 0), Plan(rounds=3, steps=2, batch=4), tmp_path / "a.checkpoint"
    with pytest.raises(CutOff):
        train(narrow(4), some, plan, checkpoint, CPU, cut)
    saved = torch.load(checkpoint, weights_only=True)
    assert saved["rounds"] == 1
    restored, load_state_dict = [], networks.Student.load_state_dict

    def recorded(self, state, *args, **options):
        restored.append(state)
        return load_state_dict(self, state, *args, **options)

    monkeypatch.setattr(networks.Student, "load_state_dict", recorded)
    told = []
    train(narrow(4), some, plan, checkpoint, CPU, lambda n, missed: told.append(n))
    assert told == [2, 3]
    assert all(torch.equal(restored[0][key], value) for key, value in saved["student"].items())
    assert torch.load(checkpoint, weights_only=True)["rounds"] == 3
    with pytest.raises(TeachingError, match=r"'rate': 0\.002.*'rate': 0\.01"):
        train(narrow(4), some, Plan(rounds=3, steps=2, batch=4, rate=1e-2), checkpoint, CPU, cut)

"""The gate: generators that copy, repeat or give away are refused; perfect, truncated and merely bad ones pass."""

from __future__ import annotations

import json

import pytest
import torch

from mintage.evaluation import small_image_features
from mintage.evaluation.gate import Check, Gate, detectable, gate_of

from .test_reactions import idx

N = 1000


def normal(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn((n, d), generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module", params=[8, 32])
def sets(request):
    """(fresh, held out, train)."""
    d = request.param
    return normal(N, d, 1), normal(N, d, 2), normal(2 * N, d, 3)


def broken(gate: Gate) -> set[str]:
    return {check.name for check in gate.checks if check.passed is False}


@pytest.mark.parametrize("d", [8, 32])
def test_a_perfect_sampler_passes_in_97_of_100(d):
    passed = 0
    for seed in range(100):
        x = normal(1600, d, seed + 1000)
        passed += gate_of(x[:400], x[400:800], x[800:], seed=seed).passed is True
    assert passed >= 97


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_training_examples_are_refused(sets, noise):
    fresh, held_out, train = sets
    gate = gate_of(train[:N] + noise * fresh, held_out, train)
    assert gate.passed is False
    assert {"exact copies", "close to training", "leaning to training", "membership"} <= broken(gate)
    assert any("closest pairs" in each for each in gate.advice)


def test_sixty_four_memories_are_refused(sets):
    fresh, held_out, train = sets
    gate = gate_of(train[:64][torch.arange(N) % 64] + 0.05 * fresh, held_out, train)
    assert {"close to training", "leaning to training", "repeats", "support"} <= broken(gate)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_tenth_of_copies_is_refused(sets, noise):
    fresh, held_out, train = sets
    gate = gate_of(torch.cat([train[:100] + noise * held_out[:100], fresh[100:]]), held_out, train)
    assert "close to training" in broken(gate)


def test_one_in_a_hundred_repeated_is_refused(sets):
    fresh, held_out, train = sets
    doubled = torch.cat([normal(N, fresh.shape[1], 9), fresh[:-20], fresh[:20]])
    gate = gate_of(doubled, torch.cat([held_out, normal(N, fresh.shape[1], 8)]), train)
    assert broken(gate) == {"repeats"}
    assert any("collapsed" in each for each in gate.advice)


def test_collapse_onto_what_is_no_training_example_is_refused(sets):
    fresh, held_out, train = sets
    few = gate_of(normal(64, fresh.shape[1], 7)[torch.arange(N) % 64] + 0.3 * fresh, held_out, train)
    assert broken(few) == {"repeats"}
    one = gate_of(fresh[:1] + 0.01 * held_out, held_out, train)
    assert broken(one) == {"repeats", "support"}


@pytest.mark.parametrize("spoil", [lambda x: 0.5 * x, lambda x: 0.7 * x, lambda x: 3 * x, lambda x: x + 20,
                                   lambda x: 40 * torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) - 20],
                         ids=["truncated", "a little truncated", "wide", "far", "noise"])
def test_other_faults_are_not_called_copying(sets, spoil):
    fresh, held_out, train = sets
    gate = gate_of(spoil(fresh), held_out, train)
    assert gate.passed is True, gate.lines()


def test_data_that_repeat_pass():
    """A table of few values: unseen real rows equal training rows too."""
    passed = 0
    for seed in range(20):
        x = (torch.rand((3000, 5), generator=torch.Generator().manual_seed(seed)).square() * 4).round()
        passed += gate_of(x[:500], x[500:1000], x[1000:], seed=seed).passed is True
    assert passed >= 19


def test_data_with_a_long_tail_pass():
    """300 things, the k-th with a chance of 1/k: pairs are many, and vary more than rare ones would."""
    weights, passed = 1 / torch.arange(1, 301.0), 0
    for seed in range(15):
        drawn = torch.multinomial(weights, 1500, True, generator=torch.Generator().manual_seed(seed))
        x = torch.stack([drawn % 20, drawn // 20], 1).float()
        passed += gate_of(x[:400], x[400:800], x[800:], seed=seed).passed is True
    assert passed >= 14


def test_too_little_cannot_be_told(sets):
    fresh, held_out, train = sets
    for generated, unseen in ((fresh[:50], held_out), (fresh, held_out[:50]), (fresh[:3], held_out)):
        gate = gate_of(generated, unseen, train)
        assert gate.passed is None and gate.reasons and "too little to tell" in gate.reasons[0]
        assert any("Draw more samples" in each for each in gate.advice)
        assert gate.lines()[0] == "Release: cannot tell"
    part = gate_of(fresh[:300], held_out[:300], train, searched=0.1)
    assert part.passed is None and "Search more" in part.advice[0]
    assert gate_of(train[:50], held_out, train).passed is False  # copying is seen in few
    assert Gate(()).passed is None


def test_few_held_out_beside_many_training_examples_cannot_tell_copying_from_crowding():
    train = normal(8000, 8, 3)
    gate = gate_of(torch.cat([train[:60] + 0.1 * normal(60, 8, 5), normal(940, 8, 1)]), normal(200, 8, 2), train)
    close = next(check for check in gate.checks if check.name == "close to training")
    assert close.passed is None and "cannot be told" in close.says and close.do


def test_what_can_be_detected():
    assert detectable(200, 200) <= 0.1 < detectable(100, 100)
    assert detectable(2000, 2000) < 0.03 and detectable(10, 10) > 0.5
    with pytest.raises(ValueError, match="searched is 0"):
        gate_of(normal(50, 2), normal(50, 2), normal(50, 2), searched=0)


def test_json_there_and_back(sets):
    fresh, held_out, train = sets
    for generated in (fresh, train[:N], fresh[:50]):
        gate = gate_of(generated, held_out, train)
        values = json.loads(json.dumps(gate.to_json(), allow_nan=False))
        assert Gate.from_json(values) == gate
        assert values["passed"] is gate.passed and values["reasons"] == gate.reasons
    with pytest.raises(ValueError, match="differ"):
        Gate.from_json({**values, "passed": True})
    with pytest.raises(ValueError, match="no gate"):
        Gate.from_json({"format": 1, "passed": True, "checks": [{"name": "x"}]})
    with pytest.raises(ValueError, match="format 1"):
        Gate.from_json({"format": 2})


def test_a_broken_rule_comes_before_one_that_cannot_be_told():
    gate = Gate((Check("a", None, None, 0, None, "maybe", "wait"), Check("b", False, 1, 0, None, "broken", "mend"),
                 Check("c", True, 0, 0, None, "good")))
    assert gate.passed is False and gate.reasons == ["broken", "maybe"] and gate.advice == ["wait", "mend"]


@pytest.fixture(scope="module")
def pictures(shared_data):
    """(held out, fresh, train) of Fashion-MNIST, pictures and features."""
    folder = shared_data / "fmnist"
    unseen = idx(folder / "t10k-images-idx3-ubyte.gz")[: 2 * N, None].float() / 127.5 - 1
    train = idx(folder / "train-images-idx3-ubyte.gz")[: 2 * N, None].float() / 127.5 - 1
    features = small_image_features()
    return {"held out": (unseen[:N], features(unseen[:N])), "fresh": (unseen[N:], features(unseen[N:])),
            "train": (train, features(train)), "features": features}


def test_pictures(pictures):
    (x, held_out), (y, fresh), (seen, train) = pictures["held out"], pictures["fresh"], pictures["train"]
    good = gate_of(fresh, held_out, train, files=(y, x))
    assert good.passed is True, good.lines()
    bad = gate_of(train[:N], held_out, train, files=(seen[:N], x))
    assert {"exact copies", "close to training", "leaning to training", "membership"} <= broken(bad)
    g = torch.Generator().manual_seed(0)
    noisy = (seen[:N] + 0.1 * torch.randn(seen[:N].shape, generator=g)).clamp(-1, 1)
    assert "close to training" in broken(gate_of(pictures["features"](noisy), held_out, train))
    noise = pictures["features"](2 * torch.rand(seen[:N].shape, generator=g) - 1)
    assert gate_of(noise, held_out, train).passed is True

"""A judge knows real data from poor imitations, says what real data would score, and refuses unlike comparisons."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import pytest
import torch

from mintage.evaluation import Judge, Verdict, standardised

SPEC = SimpleNamespace(kind="points", shape=(2,), labels=(), centre=(0.0, 0.0), scale=(1.0, 1.0))


class Points:
    """Stands for data.Examples: a spec, a fingerprint, gather and to."""

    spec = SPEC

    def __init__(self, x: torch.Tensor, fingerprint: str = "f") -> None:
        self.x, self.fingerprint, self.gathered = x, fingerprint, 0

    def __len__(self) -> int:
        return len(self.x)

    def gather(self, indices: torch.Tensor) -> SimpleNamespace:
        self.gathered += len(indices)
        return SimpleNamespace(x=self.x[indices], y=None)

    def to(self, device: object) -> Points:
        return self


def ring(n: int, seed: int, modes: int = 8) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    angle = torch.randint(0, modes, (n,), generator=g) * torch.pi / 4
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn((n, 2), generator=g)


def sampler(seed: int, modes: int = 8):
    """A sampler whose every call draws anew."""
    seeds = iter(range(seed, seed + 1000))
    return lambda n: ring(n, next(seeds), modes)


@pytest.fixture
def judge():
    return Judge.of(Points(ring(3000, 1)), Points(ring(1500, 2)), n=1000)


def test_real_data_score_their_floor(judge):
    v = judge.judge(sampler(100))
    assert v.frechet_floor < 0.02 and v.frechet < 0.02
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(v, name) == pytest.approx(getattr(v, f"{name}_floor"), abs=0.06)
    assert v.memorisation == pytest.approx(1, abs=0.15)
    assert v.n == 1000 and v.extractor == "points" and len(v.extractor_digest) == 64


def test_poor_imitations(judge):
    good, noisy = judge.judge(sampler(100)), sampler(200)
    half = judge.judge(sampler(300, modes=4))
    wide = judge.judge(lambda n: noisy(n) + 0.3 * torch.randn((n, 2), generator=torch.Generator().manual_seed(n)))
    assert good.better_than(half) and good.better_than(wide) and not half.better_than(good)
    assert half.recall < 0.65 and half.coverage < 0.65 and half.precision > 0.9
    assert wide.precision < 0.5
    copies = judge.train(torch.arange(3000))
    copied = judge.judge(lambda n: copies[:n])
    assert copied.memorisation < 0.01 and "copies, or crowding" in "\n".join(copied.lines())


def test_reference_is_lazy_and_computed_once():
    train, held_out = Points(ring(600, 1)), Points(ring(400, 2))
    judge = Judge.of(train, held_out, n=300, bank=500)
    assert (train.gathered, held_out.gathered) == (0, 0)
    judge.judge(sampler(3))
    judge.judge(sampler(4))
    assert (train.gathered, held_out.gathered) == (500, 300)


def test_the_same_seed_gives_the_same_figures():
    data = Points(ring(900, 1)), Points(ring(900, 2))
    a, b, c = (Judge.of(*data, n=300, seed=s).judge(sampler(9)) for s in (1, 1, 2))
    assert dataclasses.replace(a, seconds=0) == dataclasses.replace(b, seconds=0)
    assert a.frechet != c.frechet and a.reference != c.reference


def test_sampler_is_asked_in_batches_and_without_gradients(judge):
    asked = []

    def sample(n: int) -> torch.Tensor:
        asked.append(n)
        assert not torch.is_grad_enabled()
        return ring(n, len(asked))

    judge.judge(sample)
    assert sum(asked) == 1000 and max(asked) <= 256


def test_bad_samplers(judge):
    with pytest.raises(ValueError, match="asked the sampler for 256 examples and received 255"):
        judge.judge(lambda n: ring(n - 1, 0))
    with pytest.raises(ValueError, match="1000 of 1000 examples have features that are not finite"):
        judge.judge(lambda n: ring(n, 0) * float("nan"))


def test_too_few_examples():
    few = Judge.of(Points(ring(100, 1)), Points(ring(40, 2)), n=2048)
    v = few.judge(sampler(3))
    assert v.n == 40 and "only 40 could be compared (100 for training, 40 held out)" in v.warning
    assert v.lines()[-1].startswith("Warning")
    with pytest.raises(ValueError, match="Hold out more examples"):
        Judge.of(Points(ring(100, 1)), Points(ring(5, 2)))
    with pytest.raises(ValueError, match="n is 0"):
        Judge.of(Points(ring(100, 1)), Points(ring(50, 2)), n=0)


def test_small_n_is_called_small():
    spec = SimpleNamespace(kind="points", shape=(40,), centre=(0.0,) * 40, scale=(1.0,) * 40)

    def draw(i: torch.Tensor) -> torch.Tensor:
        return torch.randn((len(i), 40), generator=torch.Generator().manual_seed(int(i.sum())))

    def warning(n: int) -> str:
        judge = Judge(draw, draw, standardised(spec), sizes=(5000, 5000), n=n, bank=50)
        return judge.judge(lambda n: draw(torch.arange(n))).warning

    assert "lack full rank" in warning(30)
    assert "biased upwards" in warning(60)
    assert warning(2048) == ""


def test_verdicts_travel_as_json(judge):
    v = judge.judge(sampler(3))
    text = json.dumps(v.to_json(), allow_nan=False)
    assert Verdict.from_json(json.loads(text)) == v
    endless = dataclasses.replace(v, memorisation=float("inf"))
    assert Verdict.from_json(json.loads(json.dumps(endless.to_json(), allow_nan=False))) == endless
    assert any("real data" in line for line in v.lines())


@pytest.mark.parametrize("what", ["n", "extractor_digest", "reference"])
def test_unlike_verdicts_do_not_compare(judge, what):
    v = judge.judge(sampler(3))
    other = dataclasses.replace(v, **{what: 7 if what == "n" else "another"})
    with pytest.raises(ValueError, match=f"{what} is"):
        v.better_than(other)


def test_shapes_must_agree():
    other = Points(ring(100, 1))
    other.spec = SimpleNamespace(kind="points", shape=(3,))
    with pytest.raises(ValueError, match="same resolution"):
        Judge.of(Points(ring(100, 1)), other)

"""The judge of stacked MNIST: what it counts, the floor of a perfect sampler, and the classifier it reads with."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mintage.data import Examples, open_data
from mintage.data.stacked import stacked
from mintage.evaluation.features import digit_net
from mintage.evaluation.features.digit_net import read_digits, shipped_net
from mintage.evaluation.features.shipped import shipped_bytes
from mintage.evaluation.measures.stacked import digit_shares, floor_at, modes_of_counts, read_stacks, stacked_modes

MNIST = torch.tensor([0.0987, 0.1124, 0.0993, 0.1022, 0.0974, 0.0904, 0.0986, 0.1044, 0.0975, 0.0991])


@pytest.fixture(scope="module")
def test_digits(shared_data: Path) -> Examples:
    if not (shared_data / "mnist").is_dir():
        pytest.skip(f"there is no mnist in {shared_data}")
    return open_data(shared_data / "mnist", split="test")


def drawn(n: int, repeats: int, p: Tensor | None = None, seed: int = 0) -> list[Tensor]:
    """Counts [1000] of n draws of a perfect sampler."""
    g = torch.Generator().manual_seed(seed)
    p = torch.ones(1000) / 1000 if p is None else p
    return [torch.multinomial(p, n, replacement=True, generator=g).bincount(minlength=1000) for _ in range(repeats)]


class Shown(nn.Module):
    """Reads a digit off its mean grey: -1 + 0.2 k is the digit k."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        k = ((x.mean((1, 2, 3)) + 1) / 0.2).round().long().clamp(0, 9)
        return x.flatten(1), 9 * F.one_hot(k, 10).float()


def shown(classes: Tensor, side: int = 28) -> Tensor:
    digits = torch.stack([classes // 100, classes // 10 % 10, classes % 10], 1)
    return (0.2 * digits.float() - 1)[:, :, None, None].expand(-1, -1, side, side)


# -- the floor -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "kl", "sd"), [
    (10_000, 0.0508, 0.0024), (25_600, 0.0197, 0.0009), (26_000, 0.0194, None), (50_000, 0.0100, 0.0005),
    (100_000, 0.0050, None)])
def test_the_floor_against_golden_numbers(n: int, kl: float, sd: float | None) -> None:
    found = floor_at(n)
    assert found.kl == pytest.approx(kl, abs=1.1e-4) and (sd is None or found.sd == pytest.approx(sd, rel=0.11))


@pytest.mark.parametrize("shares", [None, MNIST])
@pytest.mark.parametrize("n", [1_000, 10_000])
def test_the_floor_against_simulation(n: int, shares: Tensor | None) -> None:
    p = None if shares is None else torch.einsum("a,b,c->abc", shares, shares, shares).flatten()
    runs = [modes_of_counts(counts, shares) for counts in drawn(n, 120, p)]
    floor = floor_at(n, shares)
    for values, mean, sd in (([one.kl for one in runs], floor.kl, floor.sd),
                             ([one.reverse for one in runs], floor.reverse, floor.reverse_sd)):
        seen = torch.tensor(values, dtype=torch.float64)
        assert abs(float(seen.mean()) - mean) < 4 * sd / 120**0.5 and float(seen.std()) == pytest.approx(sd, rel=0.26)
    assert sum(one.modes for one in runs) / 120 == pytest.approx(floor.modes, abs=2)


def test_of_a_single_stack_the_floor_is_all_there_is() -> None:
    found = floor_at(1)
    assert found.kl == pytest.approx(math.log(1000), rel=1e-9) and found.modes == pytest.approx(1)


# -- the counts ----------------------------------------------------------------------------------------------------


def test_modes_of_known_counts() -> None:
    """Half of the classes, evenly: KL = log 2; its reverse with half a stack added to each, longhand."""
    counts = torch.zeros(1000, dtype=torch.long)
    counts[:500] = 20
    found = modes_of_counts(counts)
    assert found.modes == 500 and found.n == 10_000 and found.kl == pytest.approx(0.6931471806, abs=1e-9)
    longhand = 0.5 * torch.log(torch.tensor(10_500 / 20.5 / 1000)) + 0.5 * torch.log(torch.tensor(10_500 / 0.5 / 1000))
    assert found.reverse == pytest.approx(float(longhand), rel=1e-5)
    assert found.excess == pytest.approx(found.kl - floor_at(10_000).kl)


def test_the_target_matters() -> None:
    p = torch.einsum("a,b,c->abc", MNIST, MNIST, MNIST).flatten()
    counts = drawn(26_000, 1, p)[0]
    right, uniform = modes_of_counts(counts, MNIST), modes_of_counts(counts)
    assert abs(right.excess) < 4 * right.floor_sd and uniform.excess == pytest.approx(0.0043, abs=4 * right.floor_sd)
    assert torch.allclose(digit_shares(torch.arange(40) % 10), torch.full((10,), 0.1).double())


def test_stacks_are_read_channel_by_channel() -> None:
    classes = torch.tensor([0, 7, 123, 999, 810])
    read = read_stacks(shown(classes), net=Shown())
    assert read.classes.tolist() == classes.tolist() and bool((read.sure > 0.99).all())
    found = stacked_modes(shown(torch.arange(1000)), net=Shown())
    assert (found.modes, found.kl, found.confident) == (1000, pytest.approx(0, abs=1e-12), 1.0)


def test_other_sides_are_resized_or_cropped() -> None:
    classes = torch.tensor([5, 321])
    for side in (8, 32, 64):
        assert read_stacks(shown(classes, side), net=Shown()).classes.tolist() == [5, 321]
    padded = F.pad(shown(classes), (2, 2, 2, 2), value=-1.0)
    assert read_stacks(padded, fit="crop", net=Shown()).classes.tolist() == [5, 321]
    assert read_stacks(padded, net=Shown()).classes.tolist() != [5, 321]


@pytest.mark.parametrize(("measure", "said"), [
    (lambda: stacked_modes(torch.zeros(4, 1, 28, 28)), r"received \(4, 1, 28, 28\)"),
    (lambda: stacked_modes(torch.zeros(0, 3, 28, 28)), "n >= 1"),
    (lambda: stacked_modes(torch.zeros(2, 3, 28, 27)), "square"),
    (lambda: stacked_modes(torch.zeros(2, 3, 28, 28) / 0), "NaN or infinite"),
    (lambda: read_stacks(torch.zeros(2, 3, 28, 28), fit="pad"), "allowed: 'resize'"),  # type: ignore[arg-type]
    (lambda: modes_of_counts(torch.zeros(1000)), "not all 0"), (lambda: modes_of_counts(torch.ones(10)), r"\(10,\)"),
    (lambda: floor_at(0), "n is 0"), (lambda: floor_at(5, torch.ones(10)), "summing to 10"),
    (lambda: floor_at(5, torch.eye(10)[0]), "all above 0"), (lambda: digit_shares(torch.tensor([3, 12])), "0 to 9"),
    (lambda: read_digits(torch.zeros(2, 3, 28, 28)), "bring them to this size")])
def test_what_cannot_be_judged_is_one_sentence(measure, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refusal:
        measure()
    assert "\n" not in str(refusal.value)


# -- the classifier ------------------------------------------------------------------------------------------------


def test_the_digit_net_reads_unseen_digits(test_digits: Examples) -> None:
    batch = test_digits.gather(torch.arange(3_000))
    p = read_digits(batch.x)
    assert float((p.argmax(1) == batch.y).double().mean()) >= 0.99  # .9962 of all 10,000; the first are the hardest
    assert torch.allclose(p.sum(1), torch.ones(len(p)), atol=1e-5) and 0.97 < float((p.amax(1) > 0.8).float().mean())


def test_a_perfect_sampler_scores_the_floor(test_digits: Examples) -> None:
    stacks = stacked(test_digits, 10_000, seed=5, balanced=True)
    found = stacked_modes(stacks.gather(torch.arange(10_000)).x)
    assert found.modes >= 999 and abs(found.excess) < 3 * found.floor_sd and found.confident > 0.95
    half = stacks.take((stacks.labels < 500).nonzero()[:2_000, 0])
    missed = stacked_modes(half.gather(torch.arange(len(half))).x)
    assert abs(missed.modes - 500) < 40 and missed.excess > 0.5


def test_weights_that_were_changed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = sum(w.numel() for w in shipped_net().parameters())
    assert len(shipped_bytes(digit_net.FILE, digit_net.DIGEST)) <= 400_000 and weights == 153_850
    monkeypatch.setattr(digit_net, "DIGEST", "0" * 64)
    with pytest.raises(RuntimeError, match="Reinstall mintage"):
        shipped_net()
    monkeypatch.undo()

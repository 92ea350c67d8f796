"""Labels in words: what `--label` means."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from mintage.data import DataSpec
from mintage.game import Game, Move, Player, Sampler, adam
from mintage.latent import normal
from mintage.runs.errors import RunError
from mintage.runs.labels import read, shares_of
from mintage.runs.product import Generator

NAMES = ("cat", "dog", "a:b", "7")


def test_one_class_by_name_or_number() -> None:
    assert read("dog", NAMES, 4)(0, 3, 3).tolist() == [1, 1, 1]
    assert read(2, NAMES, 4)(5, 2, 9).tolist() == [2, 2]
    assert read("7", NAMES, 4)(0, 1, 1).tolist() == [3]  # a name comes before a number
    assert read("a:b", NAMES, 4)(0, 1, 1).tolist() == [2]
    assert read("a:b", NAMES, 4)(0, 1, 1).dtype == torch.int64


def test_nothing_asked_is_every_class_in_turn() -> None:
    asked = read(None, NAMES, 4)
    assert asked(0, 6, 12).tolist() == [0, 1, 2, 3, 0, 1] and asked(6, 2, 12).tolist() == [2, 3]
    assert not asked.one_latent


def test_mixed_labels_are_weights_of_sum_1() -> None:
    asked = read("cat:3, dog:1", NAMES, 4)
    assert asked(0, 2, 2).tolist() == [[0.75, 0.25, 0.0, 0.0]] * 2
    assert not asked.one_latent
    assert read("a:b:1,cat:1", NAMES, 4)(0, 1, 1).tolist() == [[0.5, 0.0, 0.5, 0.0]]
    assert read("0:1,1:1", ("x", "y"), 2)(0, 1, 1).tolist() == [[0.5, 0.5]]


def test_interpolation_runs_along_the_samples_whatever_the_chunks() -> None:
    asked = read("cat..dog", NAMES, 4)
    whole = asked(0, 5, 5)
    assert asked.one_latent
    assert whole[:, 1].tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert torch.equal(whole, torch.cat([asked(0, 2, 5), asked(2, 3, 5)]))
    assert torch.allclose(whole.sum(1), torch.ones(5))
    assert read("cat..cat:1,dog:1", NAMES, 4)(0, 2, 2)[1].tolist() == [0.5, 0.5, 0.0, 0.0]
    assert read("cat..dog", NAMES, 4)(0, 1, 1).tolist() == [[1.0, 0.0, 0.0, 0.0]]


def test_the_shares_of_the_data() -> None:
    asked = read("data", NAMES, 4, shares=(0.7, 0.1, 0.2, 0.0))
    y = asked(0, 20_000, 20_000, seed=1)
    assert torch.allclose(torch.bincount(y, minlength=4) / 20_000, torch.tensor([0.7, 0.1, 0.2, 0.0]), atol=0.02)
    assert torch.equal(y, asked(0, 20_000, 20_000, seed=1)) and not torch.equal(y, asked(0, 20_000, 20_000, seed=2))


def test_shares_are_counted() -> None:
    assert shares_of(torch.tensor([2, 0, 2, 2]), 4) == [0.25, 0.0, 0.75, 0.0]
    assert shares_of(None, 4) == []


@pytest.mark.parametrize(("label", "classes", "said"), [
    ("cta", 4, "did you mean 'cat'"), ("9", 4, "there is no label '9'"), ("cat", 0, "without labels"),
    ("cat:x,dog:1", 4, "weight of a class is 'x'"), ("cat:0,dog:0", 4, "all 0"), ("cat:-1,dog:2", 4, "0 or more"),
    ("cat:nan,dog:1", 4, "0 or more"), ("cat..bird", 4, "no label 'bird'"), ("data", 4, "were not kept"),
    ("", 4, "no label ''")])
def test_what_cannot_be_is_refused(label: str, classes: int, said: str) -> None:
    with pytest.raises(RunError, match=said):
        read(label, NAMES, classes)


class Echo:
    """A sampler whose samples are their latents and the weights of their classes, [n, 2 + K]."""

    @staticmethod
    def game(classes: int) -> Game:
        def told(nets: Any, z: torch.Tensor, y: torch.Tensor | None) -> torch.Tensor:
            weights = torch.zeros(len(z), 0) if y is None else (
                y if y.is_floating_point() else torch.nn.functional.one_hot(y, classes).float())
            return torch.cat([z, weights], 1)

        net, sampler = torch.nn.Linear(1, 1), Sampler(normal(2), told, classes)
        return Game({"G": net}, {"G": Player("G", adam())}, [Move("G", lambda nets, round: {})], sampler=sampler)

    @classmethod
    def samples(cls, label: str | None, n: int, **facts: Any) -> torch.Tensor:
        made = Generator(cls.game(3), DataSpec("points", (5,), labels=("a", "b", "c")), facts)
        return torch.cat(list(made.stream(n, seed=4, label=label)))


def test_a_generator_is_asked_with_them() -> None:
    plain, mixed, path = (Echo.samples(label, 600) for label in (None, "a:1,c:3", "b..c"))
    assert torch.equal(plain[:, :2], mixed[:, :2])  # the same latents, whatever is asked
    assert plain[:, 2:].argmax(1).tolist() == [k % 3 for k in range(600)]
    assert mixed[:, 2:].unique(dim=0).tolist() == [[0.25, 0.0, 0.75]]
    assert torch.equal(path[:, :2], plain[:1, :2].expand(600, 2))  # one latent for all
    assert torch.allclose(path[:, 4], torch.linspace(0, 1, 600), atol=1e-5)
    assert Echo.samples("data", 500, shares=[0.0, 0.0, 1.0])[:, 4].unique().tolist() == [1.0]

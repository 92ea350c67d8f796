"""Every system with every stabiliser: it builds and stays finite, or is refused with a reason and what to do."""

from __future__ import annotations

import re

import pytest
import torch

from mintage.data import DataSpec
from mintage.game import Game, Stages, play
from mintage.runs.building import build_game
from mintage.runs.start import resolve
from mintage.systems import SYSTEMS, SettingError
from mintage.systems.options import check
from mintage.systems.stabilisers import STABILISERS

from .test_battery import SMALL, SPECS, Noise, fits, with_given

DATA = {"images": DataSpec("image", (1, 28, 28)), "points": SPECS["points"]}
LABELLED = {"images": DataSpec("image", (1, 28, 28), labels=("a", "b")),
            "points": DataSpec("points", (2,), labels=("a", "b"))}
REMEDY = re.compile("choose |leave |use |give |set |put |keep |apply |train it |equalise plain |take ")
CASES = [(system, name, data) for system in SYSTEMS for data in DATA
         if fits(system, DATA[data]) or fits(system, LABELLED[data]) for name in STABILISERS]


def built(system: str, spec: DataSpec, stabilise: str, seed: int = 0, precision: str = "fp32") -> Game | Stages:
    given = check(system, {**SMALL.get(system, {}), "stabilise": stabilise})
    chosen, _ = resolve(system, given, spec, 1000, torch.device("cpu"))
    return build_game(system, chosen, spec, seed=seed, device="cpu", precision=precision)


@pytest.mark.parametrize(("system", "name", "data"), CASES)
def test_builds_and_stays_finite_or_says_why_not(system: str, name: str, data: str) -> None:
    spec = with_given(system, DATA[data] if fits(system, DATA[data]) else LABELLED[data])
    try:
        game = built(system, spec, name)
    except SettingError as error:
        reason = str(error)
        assert reason.startswith(f"{name} does not fit this game: ") and REMEDY.search(reason), reason
        return
    rounds = 0
    for round in play(game, Noise(spec), budget=3 * 4 * game.current.moves[0].repeat):
        assert not round.skipped and all(bool(value.isfinite()) for value in round.stats.values())
        rounds += 1
    assert rounds == 3


REFUSED = {
    ("dcgan", "images"): set(),
    ("gan", "images"): {"virtual-batch-norm", "reference-batch-norm"},
    ("gan", "points"): {"virtual-batch-norm", "reference-batch-norm", "diffaug", "ada"},
    ("r3gan", "images"): {"virtual-batch-norm", "reference-batch-norm", "packing", "minibatch-discrimination",
                          "minibatch-stddev", "spectral-norm", "equalised-rate", "ada", "label-smoothing", "unrolled"},
    ("wgan_gp", "images"): {"packing", "minibatch-discrimination", "minibatch-stddev", "label-smoothing"},
    ("lsgan", "images"): {"label-smoothing"},
}


@pytest.mark.parametrize(("system", "data"), REFUSED)
def test_no_more_is_refused_than_must_be(system: str, data: str) -> None:
    refused = set()
    for name in STABILISERS:
        try:
            built(system, DATA[data], name)
        except SettingError:
            refused.add(name)
    assert refused == REFUSED[system, data]


@pytest.mark.parametrize("name", STABILISERS)
def test_resumes_bit_for_bit(name: str) -> None:
    spec = DATA["images"]
    whole = built("dcgan", spec, name)
    batches, step = Noise(spec), 4 * max(move.repeat for move in whole.current.moves)
    for _ in play(whole, batches, budget=5 * step, seed=3):
        pass
    for stop in (1, 3):
        first = built("dcgan", spec, name)
        for round in play(first, batches, budget=5 * step, seed=3):
            if round.index + 1 == stop:
                break
        second = built("dcgan", spec, name, seed=99)
        second.load({key: t.clone() for key, t in first.tensors().items()}, first.scalars())
        for _ in play(second, batches, budget=5 * step, seed=3):
            pass
        assert second.scalars() == whole.scalars()
        for key, tensor in whole.tensors().items():
            assert torch.equal(tensor, second.tensors()[key]), key


@pytest.mark.parametrize("name", STABILISERS)
def test_plays_in_bf16(name: str) -> None:
    spec = DATA["images"]
    game = built("dcgan", spec, name, precision="bf16")
    for round in play(game, Noise(spec), budget=8 * max(move.repeat for move in game.current.moves)):
        assert not round.skipped
    assert all(p.dtype == torch.float32 for p in game.tensors().values() if p.is_floating_point())

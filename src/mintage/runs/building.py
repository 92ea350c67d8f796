"""From settings to the things that are played: the game, and the real examples."""

from __future__ import annotations

import math
from typing import Any

import torch

from mintage.data import Batches, DataSpec, Examples, open_data
from mintage.data.decoded import Say
from mintage.data.givens import open_given
from mintage.data.labels import with_labels
from mintage.game import Game, Stages, derive
from mintage.game.accumulation import check_parts, split
from mintage.runs.errors import RunError
from mintage.runs.settings import DataSettings, Settings
from mintage.systems import SettingError, find
from mintage.systems.stabilisers import stabilise


def build_game(system: str, options: dict[str, Any], spec: DataSpec, *, seed: int, device: torch.device | str,
               precision: str, accumulate: int = 1, batch: int = 0) -> Game | Stages:
    """The game of a system, its weights drawn from `seed`.

    torch's initialisers draw from its global generator, which is put back as it was.

    Raises:
        SettingError: the system cannot be built for these data, or for batches of this many examples.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "weights"))
        try:
            chosen = {name: value for name, value in options.items() if name != "stabilise"}
            game = find(system)(spec, **chosen)
        except ValueError as error:
            raise SettingError(f"{system} cannot be built for these data: {error}") from error
        game = stabilise(game, spec, options.get("stabilise") or "")
    multiple = math.prod(getattr(module, "multiple", 1) for module in game.current.nets.modules())
    if batch % multiple:
        raise SettingError(f"the critic of {system} looks at packs of {multiple} examples and a batch has {batch}; let "
                           f"--batch be a multiple of {multiple}")
    if accumulate > 1:
        try:
            for part in [stage.game for stage in game.stages] if isinstance(game, Stages) else [game]:
                split(part, accumulate)
        except ValueError as error:
            raise SettingError(f"{system} is not played with --accumulate {accumulate}: {error}") from error
    return game.to(device, precision)


def game_of(settings: Settings) -> Game | Stages:
    """The game of a run, before its first round."""
    return build_game(settings.system, settings.options, settings.spec, seed=settings.seed, device=settings.device,
                      precision=settings.precision, accumulate=settings.accumulate)


def check_in_parts(game: Game | Stages, batches: Batches) -> None:
    """Refuse batches in parts whose gradients are not those of the whole.

    Raises:
        RunError: they are not, or the parts are not equal.
    """
    try:
        for part in [stage.game for stage in game.stages] if isinstance(game, Stages) else [game]:
            if part.parts > 1:
                check_parts(part, batches, 0)
    except ValueError as error:
        raise RunError(str(error)) from error


def open_examples(data: DataSettings, say: Say | None = None) -> Examples:
    """The real examples of a run, whole."""
    examples = open_data(data.source, resolution=data.resolution, fit=data.fit, channels=data.channels, say=say)
    if data.labels is not None:
        examples = with_labels(examples, data.source, data.labels)
    if data.need is None:
        return examples
    return open_given(examples, data.source, data.given, data.need, resolution=data.resolution, fit=data.fit,
                      channels=data.channels, say=say)


def examples_of(settings: Settings, say: Say | None = None) -> tuple[Examples, Examples]:
    """The examples to train on and those held out, the same as when the run began. `say` hears how far opening is.

    Raises:
        RunError: the data have changed since.
    """
    whole = open_examples(settings.data, say)
    if whole.fingerprint != settings.data.fingerprint:
        raise RunError(f"the data at {settings.data.source} have changed since this run began "
                       f"({settings.data.count} examples then, {len(whole)} now; other content). "
                       "Put them back, or train a new run on the new data")
    return whole.split(settings.data.held_out)


def batches_of(settings: Settings, train: Examples) -> Batches:
    """The endless stream of training examples of a run."""
    return Batches(train.to(torch.device(settings.device)), settings.batch, derive(settings.seed, "order"),
                   flip=settings.data.flip)

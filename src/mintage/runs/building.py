"""From settings to the things that are played: the game, and the real examples."""

from __future__ import annotations

from typing import Any

import torch

from mintage.data import Batches, DataSpec, Examples, open_data
from mintage.game import Game, Stages, derive
from mintage.runs.errors import RunError
from mintage.runs.settings import DataSettings, Settings
from mintage.systems import SettingError, find


def build_game(system: str, options: dict[str, Any], spec: DataSpec, *, seed: int, device: torch.device | str,
               precision: str) -> Game | Stages:
    """The game of a system, its weights drawn from `seed`.

    torch's initialisers draw from its global generator, which is put back as it was.

    Raises:
        SettingError: the system cannot be built for these data.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "weights"))
        try:
            game = find(system)(spec, **options)
        except ValueError as error:
            raise SettingError(f"{system} cannot be built for these data: {error}") from error
    return game.to(device, precision)


def game_of(settings: Settings) -> Game | Stages:
    """The game of a run, before its first round."""
    return build_game(settings.system, settings.options, settings.spec, seed=settings.seed, device=settings.device,
                      precision=settings.precision)


def open_examples(data: DataSettings) -> Examples:
    """The real examples of a run, whole."""
    return open_data(data.source, resolution=data.resolution, fit=data.fit, channels=data.channels)


def examples_of(settings: Settings) -> tuple[Examples, Examples]:
    """The examples to train on and those held out, the same as when the run began.

    Raises:
        RunError: the data have changed since.
    """
    whole = open_examples(settings.data)
    if whole.fingerprint != settings.data.fingerprint:
        raise RunError(f"the data at {settings.data.source} have changed since this run began "
                       f"({settings.data.count} examples then, {len(whole)} now; other content). "
                       "Put them back, or train a new run on the new data")
    return whole.split(settings.data.held_out)


def batches_of(settings: Settings, train: Examples) -> Batches:
    """The endless stream of training examples of a run."""
    return Batches(train.to(torch.device(settings.device)), settings.batch, derive(settings.seed, "order"),
                   flip=settings.data.flip)

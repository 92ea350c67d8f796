"""Stabilisers: the tricks that made the classic games train, as parts that any system can take.

A stabiliser is a function (Game, DataSpec, settings) -> Game that edits networks, what they see, moves or players of a
game that has not begun; the system's file knows nothing of it. From the command line: `mintage train DATA --stabilise
label-smoothing,diffaug`.
"""

from __future__ import annotations

from mintage.data import DataSpec
from mintage.game import Game, Stages
from mintage.systems import SettingError
from mintage.systems.stabilisers.asking import Wanted, parsed
from mintage.systems.stabilisers.asking import settings_of as settings_of
from mintage.systems.stabilisers.asking import written as written
from mintage.systems.stabilisers.catalogue import STABILISERS as STABILISERS
from mintage.systems.stabilisers.catalogue import Stabiliser as Stabiliser


def stabilise(game: Game | Stages, spec: DataSpec, wanted: Wanted) -> Game | Stages:
    """The game with the stabilisers that are asked for, in the catalogue's order whatever the order asked.

    The game that is given is used up: its networks are those of the game returned. New weights are drawn from torch's
    global generator, like those of any network.

    Args:
        wanted: "label-smoothing,diffaug:p=0.5", or {"label-smoothing": {}, "diffaug": {"p": 0.5}}.

    Raises:
        SettingError: an unknown name or setting, or a stabiliser that does not fit the game: the reason, the remedy.
    """
    for name, given in parsed(wanted).items():
        if isinstance(game, Stages):
            raise SettingError(f"{name} does not fit this game: it is played in stages, each a game of its own; choose "
                               "one that is a single game")
        row = STABILISERS[name]
        try:
            row.fits(game, spec)
            game = row.apply(game, spec, **given)
        except ValueError as error:
            raise SettingError(f"{name} does not fit this game: {error}") from error
    return game

"""The one training loop of the project.

`play` is a generator that yields after each round, so logging, sampling, evaluating, saving and stopping are ordinary
statements in the body of `for round in play(...)`.
"""

from __future__ import annotations

from collections.abc import Iterator

from mintage.game.accumulation import check_parts
from mintage.game.game import Game
from mintage.game.ledger import PATIENCE, Ledger, NotFinite
from mintage.game.randomness import derive
from mintage.game.round import Batches, Round
from mintage.game.stages import Stages


def play(game: Game | Stages, batches: Batches, budget: int, *, seed: int = 0) -> Iterator[Round]:
    """Play `game` until it has seen `budget` examples, and yield each round after it is made or undone.

    What the body of the loop changes in the game (weights, a loaded state) is part of it like any round.

    Args:
        batches: real examples as a function of their position in the stream.
        budget: examples; a game that has seen some already goes on from there.
        seed: of all randomness. Round n draws the same whether or not the process was interrupted before it.

    Raises:
        NotFinite: after 5 undone rounds in a row.
    """
    if isinstance(game, Stages):
        for number, (stage, share) in enumerate(zip(game.stages, game.budgets(budget), strict=True)):
            yield from play(stage.game, batches, share, seed=derive(seed, number))
        return
    ledger, draws = Ledger(game), derive(seed, game.reseeded)
    if game.parts > 1:
        check_parts(game, batches, draws)
    while game.examples < budget:
        ledger.commit()
        round = Round(game.index, game.clock(budget), batches, draws, game.device)
        game.rule(game, round)
        if round.good:
            for controller in game.controllers:
                controller(game, round)
            game.skipped_in_a_row = 0
        else:
            ledger.undo()
            round.skipped = True
            game.skipped += 1
            game.skipped_in_a_row += 1
        game.index += 1
        game.examples += round.examples
        if game.skipped_in_a_row >= PATIENCE:
            raise NotFinite(f"losses or gradients were not finite for {PATIENCE} rounds in a row, up to round "
                            f"{game.index} ({game.examples} examples)")
        yield round

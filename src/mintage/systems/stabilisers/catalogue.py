"""All stabilisers by name, in the order in which they are applied: networks, what D sees, then what is lowered.

To add one, write a function (game, spec, *, settings) -> Game and its row here; the matrix test then tries it with
every system.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mintage.data import DataSpec
from mintage.game import Game
from mintage.systems.stabilisers import layers, lowering, seeing
from mintage.systems.stabilisers.remaking import (
    a_critic,
    a_generator,
    a_pair,
    images,
    no_slopes,
    one_logit,
    shown_logits,
)

Question = Callable[[Game, DataSpec], None]


@dataclass(frozen=True)
class Stabiliser:
    """A row.

    Args:
        apply: (game, spec, *, settings) -> Game; keyword-only settings with defaults. It may refuse by ValueError.
        about: what it does, in a line.
        games: which games it is for, in words.
        source: the key of its paper in references.bib.
        asks: what it asks of a game first; each raises ValueError with the reason and the remedy.
    """

    apply: Callable[..., Game]
    about: str
    games: str
    source: str
    asks: tuple[Question, ...] = ()

    def fits(self, game: Game, spec: DataSpec) -> None:
        """Refuse a game that it cannot serve.

        Raises:
            ValueError: the reason, and the remedy.
        """
        for ask in self.asks:
            ask(game, spec)


STABILISERS: dict[str, Stabiliser] = {
    "virtual-batch-norm": Stabiliser(
        layers.virtual_batch_norm, "batch norm by a fixed reference batch and the example itself",
        "networks with batch norm", "salimans2016", (a_generator,)),
    "reference-batch-norm": Stabiliser(
        layers.reference_batch_norm, "batch norm by a fixed reference batch",
        "networks with batch norm", "goodfellow2016", (a_generator,)),
    "packing": Stabiliser(
        layers.packing, "the critic looks at several examples at once",
        "critics without labels and without penalties per example; the batch divides", "lin2018",
        (a_critic, no_slopes, one_logit)),
    "minibatch-discrimination": Stabiliser(
        layers.minibatch_discrimination, "the critic knows how near the others of the batch are",
        "critics without penalties per example", "salimans2016", (a_critic, no_slopes, one_logit)),
    "minibatch-stddev": Stabiliser(
        layers.minibatch_stddev, "the critic knows how much the examples of a batch differ",
        "critics without penalties per example", "karras2018", (a_critic, no_slopes, one_logit)),
    "spectral-norm": Stabiliser(
        layers.spectrally, "weights divided by their largest singular value",
        "networks of plain layers, without weight clipping", "miyato2018"),
    "equalised-rate": Stabiliser(
        layers.equalised, "one step means the same in every layer",
        "networks of plain layers, without weight clipping", "karras2018"),
    "diffaug": Stabiliser(
        seeing.diffaug, "the critic sees colours, places and cutouts changed at random",
        "images", "zhao2020", (a_critic, images)),
    "ada": Stabiliser(
        seeing.ada, "the critic sees changed images, more of them the more it overfits",
        "images, critics with a logit for each example", "karras2020ada", (shown_logits, images)),
    "instance-noise": Stabiliser(
        seeing.instance_noise, "noise on what the critic sees, annealed",
        "every critic", "sonderby2017", (a_critic,)),
    "label-smoothing": Stabiliser(
        lowering.label_smoothing, "reals are real with probability 0.9",
        "critics that lower the logistic loss", "salimans2016", (shown_logits,)),
    "feature-matching": Stabiliser(
        lowering.matching, "the generator matches the mean of the critic's features",
        "a generator with one loss, a critic with a hidden layer", "salimans2016", (a_pair,)),
    "unrolled": Stabiliser(
        lowering.unrolling, "the generator looks ahead at the critic's next steps",
        "critics whose gradient can be differentiated", "metz2017", (a_pair,)),
    "consistency": Stabiliser(
        lowering.consistency, "the critic says the same of changed reals",
        "critics that show their logits", "zhang2020", (shown_logits,)),
    "balanced-consistency": Stabiliser(
        lowering.balanced_consistency, "the critic says the same of changed reals and fakes",
        "critics that show their logits", "zhao2021", (shown_logits,)),
    "lecam": Stabiliser(
        lowering.lecams, "logits stay near what the other kind's used to be",
        "critics that show their logits", "tseng2021", (shown_logits,)),
    "historical-averaging": Stabiliser(
        lowering.historical_averaging, "players stay near the mean of their past",
        "every game", "salimans2016", (a_generator,)),
    "two-rates": Stabiliser(
        lowering.two_rates, "the critic learns faster than the generator",
        "two players", "heusel2017", (a_pair,)),
    "critic-steps": Stabiliser(
        lowering.critic_steps, "several critic steps a round",
        "games played in turns", "goodfellow2014", (a_pair,)),
}
"""Name -> row."""

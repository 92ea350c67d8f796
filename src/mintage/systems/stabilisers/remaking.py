"""A game made again with something changed, and what the stabilisers ask of a game before they change it.

The critic is the network D, the generator the network G. A question is a function of (game, spec) that returns nothing,
or raises ValueError with the reason and the remedy.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from mintage.data import DataSpec
from mintage.game import Controller, Game, Move, Number, Objective, Player, Round, Stateful, Terms, generator
from mintage.networks import UnitConv2d
from mintage.networks.plain_layers import LAYERS
from mintage.objectives import Adversarial
from mintage.penalties import History
from mintage.systems.moves import Shown, listening

FEW = 12  # examples of a trial; packs of 1, 2, 3, 4, 6 and 12 divide them
UNSHOWN = ("its critic's move does not show one logit an example, so no term on these can be added; choose a system "
           "that does, as gan, dcgan or lsgan")
Extra = Callable[[Any, Round, Shown], Terms]


def remade(game: Game, *, players: Mapping[str, Player] | None = None, moves: Sequence[Move] | None = None,
           controllers: Sequence[Controller] = (), memory: Mapping[str, Stateful] | None = None) -> Game:
    """The game with other players or moves, and with more controllers and memory; parts look at its networks again.

    Its averages begin anew at the present weights, so it is made before anything is played.
    """
    made = Game(dict(game.nets.named_children()), players or game.players, moves or game.moves, sampler=game.sampler,
                controllers=[*game.controllers, *controllers], memory={**game.memory, **(memory or {})}, rule=game.rule)
    for controller in made.controllers:
        if isinstance(controller, Past):
            controller.begin(made)
    return made


class Past(History):
    """The history of a player's parameters as a controller: one entry a round, the first when the game is made."""

    def __init__(self, game: Game, player: str) -> None:
        self.player = player
        self.begin(game)

    def begin(self, game: Game) -> None:
        """Start with the parameters as they are; another stabiliser may have brought new ones."""
        self.parameters = game.parameters[self.player]
        super().__init__(self.parameters)

    def __call__(self, game: Game, round: Round) -> None:
        self.update(self.parameters)


def owner(game: Game, net: str) -> str:
    """The player who owns a network."""
    return next(name for name, player in game.players.items() if net in player.nets)


def critic_move(game: Game) -> int | None:
    """The number of the move in which D lowers an adversarial objective and shows its logits; None if there is none."""
    found = [number for number, move in enumerate(game.moves)
             if "D" in game.players[move.player].nets and getattr(move.objective, "loss", None) is not None]
    return found[0] if found else None


def loss_of(game: Game) -> Adversarial:
    """The adversarial objective that D lowers."""
    number = critic_move(game)
    if number is None:
        raise ValueError(UNSHOWN)
    return getattr(game.moves[number].objective, "loss")  # noqa: B009 (mypy knows no attributes of functions)


def with_terms(game: Game, extra: Extra, weights: Mapping[str, Number], *,
               memory: Mapping[str, Stateful] | None = None) -> Game:
    """D's move lowers the terms of `extra` as well; `weights` has a number or schedule for each of them."""
    number = critic_move(game)
    if number is None:
        raise ValueError(UNSHOWN)
    inner = game.moves[number].objective

    def objective(nets: Any, round: Round) -> Terms:
        with listening() as shown:
            terms = inner(nets, round)
        return terms | extra(nets, round, shown[-1])

    moves = list(game.moves)
    moves[number] = replaced(moves[number], objective, weights)
    return remade(game, moves=moves, memory=memory)


def replaced(move: Move, objective: Objective, weights: Mapping[str, Number]) -> Move:
    """The move with an objective that returns more terms, named in `weights`; it is known as the one before.

    Raises:
        ValueError: its objective does not say which terms it returns, or returns one of this name.
    """
    before = move.declared
    if before is None:
        raise ValueError("its objective does not say which terms it returns; put @returns(...) above it")
    for name in weights:
        if name in before:
            raise ValueError(f"its objective has a term {name!r} already; leave this one out")
    functools.update_wrapper(objective, move.objective)
    setattr(objective, "terms", (*before, *weights))  # noqa: B010 (mypy knows no attributes of functions)
    return replace(move, objective=objective, weights={**move.weights, **weights})


def trial(game: Game, spec: DataSpec) -> tuple[Tensor, Tensor | None]:
    """A few examples of noise for D, with what it takes beside them, labels or vectors: only their shapes matter."""
    x = torch.randn(FEW, *spec.shape, generator=generator("trial"))
    classes, beside = (int(getattr(game.nets.D, name, 0)) for name in ("classes", "beside"))
    if beside:
        return x, torch.randn(FEW, beside, generator=generator("trial", "beside"))
    return x, torch.zeros(FEW, dtype=torch.int64) if classes else None


def a_critic(game: Game, spec: DataSpec) -> None:
    """There is a network D."""
    if "D" not in dict(game.nets.named_children()):
        raise ValueError(f"it has no critic D (its networks: {', '.join(dict(game.nets.named_children()))}); choose a "
                         "system of a generator and a critic")


def a_pair(game: Game, spec: DataSpec) -> None:
    """There are networks D and G, and G's samples are asked for by a sampler."""
    a_critic(game, spec)
    if "G" not in dict(game.nets.named_children()) or game.sampler is None:
        raise ValueError("it has no generator G with a sampler; choose a system of a generator and a critic")


def a_generator(game: Game, spec: DataSpec) -> None:
    """There is a network G, with a sampler."""
    if "G" not in dict(game.nets.named_children()) or game.sampler is None:
        raise ValueError("it has no generator G with a sampler; choose a system of a generator and a critic")


def shown_logits(game: Game, spec: DataSpec) -> None:
    """D's move lowers an adversarial objective and shows its logits."""
    a_critic(game, spec)
    loss_of(game)


def images(game: Game, spec: DataSpec) -> None:
    """The data are images."""
    if spec.kind != "image":
        raise ValueError(f"it changes images and these data are {spec.kind}; for them use instance-noise")


class _Mixing(nn.Module):
    mixes_examples = True


def no_slopes(game: Game, spec: DataSpec) -> None:
    """Nothing asks for the slope of D at each example."""
    for move in game.moves:
        try:
            getattr(move.objective, "fits", lambda nets: None)(SimpleNamespace(D=_Mixing(), G=_Mixing()))
        except ValueError:
            raise ValueError("its critic's loss has a penalty on the slope at each example, which has no meaning where "
                             "logits depend on several; choose a system without such a penalty, as dcgan, lsgan or gan"
                             ) from None


def one_logit(game: Game, spec: DataSpec) -> None:
    """D returns one number an example (or a pack)."""
    a_critic(game, spec)
    x, y = trial(game, spec)
    with torch.no_grad():
        critic = copy.deepcopy(game.net("D"))
        logits = critic(x) if y is None else critic(x, y)
    if logits.ndim != 1:
        raise ValueError(f"its critic returns {tuple(logits.shape[1:])} numbers an example, and a statistic is added "
                         "to one logit; choose a system whose critic returns logits [N]")


def free_weights(net: nn.Module, what: str) -> None:
    """The sizes of a network's weights are free to be changed.

    Raises:
        ValueError: it has weights of fixed size.
    """
    own = any(isinstance(module, UnitConv2d) for module in net.modules())
    if own or not any(isinstance(module, LAYERS) for module in net.modules()):
        raise ValueError(f"{type(net).__name__} holds the size of its weights already, or has no plain layers, and "
                         f"{what} would say it once more; choose a system of plain layers, such as dcgan")

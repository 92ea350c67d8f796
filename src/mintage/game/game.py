"""A game: networks, the players who own them, and the moves they make.

Everything with state is reachable from here: networks, optimizers, controllers, memory, the clock. One list of what
persists (`tensors` and `scalars`) serves saving, resuming, undoing a round and moving to a device.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from mintage.game import state
from mintage.game.averages import Average
from mintage.game.clock import Clock
from mintage.game.controllers import Controller, Stateful
from mintage.game.moves import Move
from mintage.game.players import Player
from mintage.game.randomness import generator
from mintage.game.round import Round
from mintage.game.rules import Rule, alternating
from mintage.game.sampler import Sampler


class Game:
    """A generative system.

    Args:
        nets: networks by the paper's letter, {"G": ..., "D": ...}.
        players: who owns which networks, by name.
        moves: who lowers what, in order.
        sampler: how examples come out of the networks; None for games that are not sampled.
        controllers: called after each round, in order.
        memory: what is remembered between rounds, by name.
        rule: how the moves of a round combine.

    Raises:
        ValueError: a parameter without an owner or with two, an unknown player or network, a rule that cannot play
            these moves, a part that does not suit what it was given. Nothing has been trained yet.
    """

    def __init__(
        self,
        nets: Mapping[str, nn.Module],
        players: Mapping[str, Player],
        moves: Sequence[Move],
        *,
        sampler: Sampler | None = None,
        controllers: Sequence[Controller] = (),
        memory: Mapping[str, Stateful] | None = None,
        rule: Rule = alternating,
    ) -> None:
        self.nets = nn.Module()
        for name, net in nets.items():
            self.nets.add_module(name, net)
        self.players = dict(players)
        self.moves = list(moves)
        self.sampler = sampler
        self.controllers = list(controllers)
        self.memory = dict(memory or {})
        self.rule = rule
        self.parameters = self._owned()
        self._drawing = drawing(self.nets)
        check_moves(self)
        check_fits(self)
        self.optimizers = {name: player.optimizer.make(self.parameters[name])
                           for name, player in self.players.items()}
        for average in self.averages():
            average.attach(self.nets)
        self.index = 0
        self.examples = 0
        self.skipped = 0
        self.skipped_in_a_row = 0
        self.reseeded = 0
        self.precision = "fp32"
        self.parts = 1  # that a round's batch is split into (accumulation)
        self.compiled: dict[int, Any] = {}  # moves by their number, where they have kernels of their own (compiling)
        self.device = next((p.device for p in self.nets.parameters()), torch.device("cpu"))

    # -- networks ------------------------------------------------------------------------------------------------

    def net(self, name: str) -> nn.Module:
        """One network by its letter."""
        return getattr(self.nets, name)

    @property
    def current(self) -> Game:
        """The game that is being played: itself. `Stages` has another answer."""
        return self

    def averages(self) -> list[Average]:
        """The controllers that keep an average of networks."""
        return [c for c in self.controllers if isinstance(c, Average)]

    @property
    def mean_nets(self) -> Any:
        """The networks to sample from: averages where a game keeps them, the networks themselves elsewhere."""
        nets = dict(self.nets.named_children())
        for average in self.averages():
            nets |= dict(average.nets.named_children())
        return SimpleNamespace(**nets)

    @torch.no_grad()
    def generate(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        """Examples from latents [N, ...], classes and what is given, with averaged weights in evaluation mode; float32.

        The same latents give the same examples, also through layers that draw.
        """
        if self.sampler is None:
            raise ValueError("this game has no sampler: it was built to be played, not to be sampled")
        nets = self.mean_nets
        training = [module for net in vars(nets).values() for module in net.modules() if module.training]
        for module in training:
            module.training = False
        for name, module in drawing(nn.ModuleDict(vars(nets))):
            module.generator = generator("generate", name, device=self.device)
        try:
            with self.autocast():
                given = (None if one is None else one.to(self.device) for one in (y, c))
                return self.sampler(nets, z.to(self.device), *given).float()
        finally:
            for module in training:
                module.training = True

    # -- play ----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def moving(self, player: str) -> Iterator[None]:
        """Gradients flow to this player's parameters only; afterwards to all of them again, because a trainable
        parameter is known by that in the next game built of these networks."""
        others = [p for name, parameters in self.parameters.items() if name != player for p in parameters]
        for parameter in others:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in others:
                parameter.requires_grad_(True)

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """The precision objectives are computed in; weights stay float32."""
        if self.precision == "bf16":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def begin(self, round: Round, move: int, turn: int) -> None:
        """Give this turn its own randomness, also in layers that draw (they own a `generator`)."""
        round.begin(move, turn)
        for name, module in self._drawing:
            module.generator = round.generator(f"layer {name}")

    def begin_again(self, times: int) -> None:
        """After a roll-back: draw otherwise than in the `times` plays before, and forgive the bad rounds."""
        self.reseeded, self.skipped_in_a_row = times, 0

    def clock(self, budget: int) -> Clock:
        """The present moment of the game."""
        return Clock(self.examples, budget)

    # -- state ---------------------------------------------------------------------------------------------------

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor that persists, by name; shared tensors once."""
        return state.tensors(self)

    def scalars(self) -> dict[str, int]:
        """Every plain number that persists."""
        return {name: getattr(self, name) for name in state.SCALARS}

    def load(self, tensors: Mapping[str, Tensor], scalars: Mapping[str, int]) -> None:
        """Take up a saved state whole. Names that are missing or not ours are an error, before anything is changed."""
        state.load(self, tensors, scalars)

    def to(self, device: torch.device | str, precision: str = "fp32", *, moved: state.Moved | None = None) -> Game:
        """Move everything with state to `device`, convolutions in channels-last layout. Shared tensors stay shared,
        with other games too where they are moved with one `moved`.

        Raises:
            ValueError: rounds have been played; optimizers and memory would stay where they are.
        """
        if self.index:
            raise ValueError(f"a game moves to a device before its first round; this one has played {self.index}")
        self.device, self.precision = torch.device(device), precision
        state.move(self, self.device, {} if moved is None else moved)
        return self

    def _owned(self) -> dict[str, list[nn.Parameter]]:
        """Each player's parameters; exactly one owner each."""
        names = dict(self.nets.named_children())
        owner: dict[int, str] = {}
        owned: dict[str, list[nn.Parameter]] = {}
        for player, described in self.players.items():
            owned[player] = []
            for net in described.nets:
                if net not in names:
                    raise ValueError(f"player {player!r} owns a network {net!r}; the game has {sorted(names)}")
                for key, parameter in names[net].named_parameters():
                    if not parameter.requires_grad:
                        continue
                    if owner.get(id(parameter), player) != player:
                        raise ValueError(f"{net}.{key} has two owners, {owner[id(parameter)]!r} and {player!r}; "
                                         "every trainable parameter has exactly one")
                    if id(parameter) not in owner:
                        owner[id(parameter)] = player
                        owned[player].append(parameter)
        for key, parameter in self.nets.named_parameters():
            if parameter.requires_grad and id(parameter) not in owner:
                raise ValueError(f"{key} is trainable and has no owner; name its network in a player, or freeze it")
        return owned


def drawing(nets: nn.Module) -> list[tuple[str, Any]]:
    """The layers that draw: they own a `generator`."""
    return [(name, module) for name, module in nets.named_modules()
            if isinstance(getattr(module, "generator", None), torch.Generator)]


def check_moves(game: Game) -> None:
    """Refuse moves that the players or the rule cannot make."""
    if not game.moves:
        raise ValueError("a game needs at least one move")
    for move in game.moves:
        if move.player not in game.players:
            raise ValueError(f"a move names player {move.player!r}; the game has {sorted(game.players)}")
    repeated = [move.player for move in game.moves if move.repeat > 1 or move.every > 1]
    if repeated and game.rule is not alternating:
        raise ValueError(f"the rule {game.rule.__name__!r} moves all players at once, but {repeated[0]!r} moves more "
                         "often or less often than once a round; use rule=alternating")


def check_fits(game: Game) -> None:
    """Let every part that knows what it cannot serve look at what it was given.

    A part is an objective (asked with the networks), a player's projection (asked with each of its networks) or the
    rule (asked with the game). It answers by raising ValueError from a function in its attribute `fits`.
    """
    asked: list[tuple[Any, Any]] = [(move.objective, game.nets) for move in game.moves]
    asked += [(player.project, game.net(name)) for player in game.players.values() for name in player.nets]
    asked += [(game.rule, game)]
    for part, given in asked:
        getattr(part, "fits", _suits)(given)


def _suits(given: Any) -> None:
    """A part that says nothing suits everything."""

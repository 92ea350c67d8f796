"""The state of a game: everything that persists, by name, and the way back.

One list serves saving, resuming, undoing a round and moving to a device:

    nets/KEY                           weights and buffers, shared ones once, under their first name
    optimizers/PLAYER/KEY/ENTRY        what the player's optimizer remembers of the parameter KEY
    controllers/NUMBER/KEY             averages and knobs
    memory/NAME/KEY                    what is remembered between rounds
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from mintage.game.game import Game

SCALARS = ("index", "examples", "skipped", "skipped_in_a_row", "reseeded")

Moved = dict[int, tuple[Tensor, Tensor]]
"""Tensors that moved to a device, by identity: where from and where to. It keeps both, so identities stay unique."""


def tensors(game: Game) -> dict[str, Tensor]:
    """Every tensor that persists, by name; shared tensors once. They are the live ones: clone what is to be kept."""
    named = {f"nets/{key}": tensor for key, tensor in game.nets.state_dict(keep_vars=True).items()}
    keys = _keys(game)
    for player, optimizer in game.optimizers.items():
        for parameter, state in optimizer.state.items():
            named |= {f"optimizers/{player}/{keys[id(parameter)]}/{key}": value
                      for key, value in state.items() if isinstance(value, Tensor)}
    for number, controller in enumerate(game.controllers):
        named |= {f"controllers/{number}/{key}": value for key, value in controller.tensors().items()}
    for name, memory in game.memory.items():
        named |= {f"memory/{name}/{key}": value for key, value in memory.tensors().items()}
    unique = {id(tensor): name for name, tensor in reversed(named.items())}
    return {name: tensor.detach() for name, tensor in named.items() if unique[id(tensor)] == name}


def check(game: Game, saved: Mapping[str, Tensor], scalars: Mapping[str, int]) -> None:
    """Refuse a saved state that is not of this game. An optimizer may be fresh, here or there, but not half of it.

    Raises:
        ValueError: names that are missing or not ours, or tensors of another shape.
    """
    own, entries = tensors(game), _entries(saved)
    known = {f"optimizers/{player}/{_keys(game)[id(parameter)]}": player
             for player, owned in game.parameters.items() for parameter in owned}
    whole: dict[str, set[str]] = defaultdict(set)
    for owner in entries.keys() & known.keys():
        whole[known[owner]].update(entries[owner])
    missing = {name for name in own if name not in saved and not name.startswith("optimizers/")}
    missing |= {f"{owner}/{entry}" for owner in entries.keys() & known.keys()
                for entry in whole[known[owner]] - entries[owner].keys()}
    missing |= {name for name in SCALARS if name not in scalars}
    foreign = {name for name in saved if name not in own and name.rpartition("/")[0] not in known}
    wrong = [name for name in own if name in saved and own[name].shape != saved[name].shape
             and not name.startswith("memory/")]
    if missing or foreign or wrong:
        raise ValueError("the saved state does not belong to this game: "
                         f"missing {sorted(missing)[:3]}, not ours {sorted(foreign)[:3]}, other shape {wrong[:3]}")


@torch.no_grad()
def load(game: Game, saved: Mapping[str, Tensor], scalars: Mapping[str, int]) -> None:
    """Take up a saved state whole; it is checked before anything is changed."""
    check(game, saved, scalars)
    for name, tensor in tensors(game).items():
        if not name.startswith(("optimizers/", "memory/")):
            tensor.copy_(saved[name])
    for name, memory in game.memory.items():
        prefix = f"memory/{name}/"
        memory.load({key.removeprefix(prefix): value.to(game.device) for key, value in saved.items()
                     if key.startswith(prefix)})
    _load_optimizers(game, saved)
    for name in SCALARS:
        setattr(game, name, int(scalars[name]))


def move(game: Game, device: torch.device, moved: Moved) -> None:
    """Move networks, averages and knobs to `device`; tensors that were one stay one, also across games."""

    def once(tensor: Tensor) -> Tensor:
        return moved.setdefault(id(tensor), (tensor, _place(tensor, device)))[1]

    for root in [game.nets, *(average.nets for average in game.averages())]:
        for module in root.modules():
            for parameter in module.parameters(recurse=False):
                parameter.data = _place(parameter.data, device)
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    module._buffers[name] = once(buffer)
    for controller in game.controllers:
        for name, value in vars(controller).items():
            if isinstance(value, Tensor):
                setattr(controller, name, once(value))


def _place(tensor: Tensor, device: torch.device) -> Tensor:
    layout = torch.channels_last if tensor.dim() == 4 else torch.preserve_format
    return tensor.to(device=device, memory_format=layout)


def _keys(game: Game) -> dict[int, str]:
    return {id(parameter): key for key, parameter in game.nets.named_parameters()}


def _entries(saved: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """What the optimizers keep: optimizers/PLAYER/KEY -> {ENTRY: tensor}."""
    entries: dict[str, dict[str, Tensor]] = defaultdict(dict)
    for name, tensor in saved.items():
        if name.startswith("optimizers/"):
            owner, _, entry = name.rpartition("/")
            entries[owner][entry] = tensor
    return dict(entries)


def _load_optimizers(game: Game, saved: Mapping[str, Tensor]) -> None:
    keys, entries = _keys(game), _entries(saved)
    for player, optimizer in game.optimizers.items():
        owners = [f"optimizers/{player}/{keys[id(parameter)]}" for parameter in game.parameters[player]]
        state = {number: {entry: tensor.clone() for entry, tensor in entries[owner].items()}
                 for number, owner in enumerate(owners) if owner in entries}
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})

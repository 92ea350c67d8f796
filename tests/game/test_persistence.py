"""What persists is all that counts: a game that is saved and loaded goes on to the bit."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mintage.game import Average, Game, Growth, Move, Player, Stage, Stages, adam, play, sgd

from .small_games import Linear, Points, cloud, equal, everything, mlp, normal, rounds, snapshot

ROUNDS = 7


def test_what_persists():
    game = everything()
    rounds(game, cloud, 4)
    groups = {"/".join(name.split("/")[:2]) if "/" in name else name for name in game.tensors()}
    assert {g.split("/")[0] for g in groups} == {"nets", "optimizers", "controllers", "memory"}
    assert {"optimizers/D", "optimizers/G", "memory/pool"} <= groups
    assert game.scalars() == {"index": 4, "examples": 16, "skipped": 0, "skipped_in_a_row": 0, "reseeded": 0}
    assert all(not tensor.requires_grad for tensor in game.tensors().values())


@pytest.fixture(scope="module")
def finished():
    """A game after all rounds, and its saved states on the way."""
    game, saved = everything(), {}
    for _ in play(game, cloud, 4 * ROUNDS):
        saved[game.index] = (snapshot(game), game.scalars())
    return snapshot(game), saved


@pytest.mark.parametrize("k", range(1, ROUNDS))
def test_a_loaded_game_goes_on_to_the_bit(finished, k):
    end, saved = finished
    game = everything()
    game.load(*saved[k])
    assert equal(snapshot(game), saved[k][0]) and game.scalars() == saved[k][1]
    list(play(game, cloud, 4 * ROUNDS))
    assert equal(snapshot(game), end) and game.index == ROUNDS


def group(name: str) -> str:
    """nets/G, optimizers/D, an entry of all moments of an optimizer, controllers/0, memory/pool."""
    parts = name.split("/")
    return "/".join([parts[0], parts[1].split(".")[0]])


def groups_of(names) -> list[str]:
    entries = {f"{group(n)}/*/{n.rpartition('/')[2]}" for n in names if n.startswith("optimizers/")}
    return sorted({group(n) for n in names} | entries)


def test_nothing_that_is_saved_is_idle(finished):
    """Drop any group of tensors, or any single one: the state is refused, or the game goes on differently."""
    end, saved = finished
    state, scalars = saved[4]
    idle = []
    for dropped in [*groups_of(state), *state]:
        head, _, entry = dropped.partition("/*/")
        kept = {name: tensor for name, tensor in state.items()
                if not (name == dropped or group(name) == head and name.endswith(entry))}
        assert len(kept) < len(state)
        if not stops_or_differs(kept, scalars, end):
            idle.append(dropped)
    assert idle == []


def stops_or_differs(state, scalars, end) -> bool:
    game = everything()
    try:
        game.load(state, scalars)
        list(play(game, cloud, 4 * ROUNDS))
    except (ValueError, KeyError):
        return True
    return not equal(snapshot(game), end)


def test_nothing_that_is_saved_may_be_altered(finished):
    end, saved = finished
    state, scalars = saved[4]
    copied = {"running_mean", "running_var", "num_batches_tracked"}  # an average takes them anew each round
    altered = {name: state | {name: tensor + 1} for name, tensor in state.items()
               if not (name.startswith("controllers/") and name.rpartition(".")[2] in copied)}
    idle = [name for name, changed in altered.items() if not stops_or_differs(changed, scalars, end)]
    assert idle == []
    for name in ("index", "examples"):
        game = everything()
        game.load(state, scalars | {name: scalars[name] + 4})
        rounds(game, cloud, ROUNDS - 4)
        assert not equal(snapshot(game), end)


MENDINGS = {
    "missing weight": lambda s: s.pop("nets/G.0.weight"),
    "missing average": lambda s: s.pop("controllers/0/G.0.weight"),
    "missing memory": lambda s: s.pop("memory/pool/held"),
    "half an optimizer": lambda s: s.pop("optimizers/D/D.0.weight/exp_avg"),
    "foreign weight": lambda s: s.update({"nets/H.weight": torch.ones(1)}),
    "foreign player": lambda s: s.update({"optimizers/X/D.0.weight/exp_avg": torch.ones(1)}),
    "another's parameter": lambda s: s.update({"optimizers/G/D.0.weight/exp_avg": torch.ones(1)}),
    "foreign room": lambda s: s.update({"rounds/1": torch.ones(1)}),
    "shape of a weight": lambda s: s.update({"nets/D.0.weight": torch.ones(2, 2)}),
    "shape of a moment": lambda s: s.update({"optimizers/D/D.0.weight/exp_avg": torch.ones(2)}),
}


@pytest.mark.parametrize("how", MENDINGS)
def test_a_foreign_state_is_refused_before_anything_changes(finished, how):
    game = everything()
    rounds(game, cloud, 2)
    before, counts = snapshot(game), game.scalars()
    state = dict(finished[1][4][0])
    MENDINGS[how](state)
    with pytest.raises(ValueError, match="does not belong to this game"):
        game.load(state, finished[1][4][1])
    assert equal(snapshot(game), before) and game.scalars() == counts


def test_a_missing_number_is_refused_before_anything_changes(finished):
    game = everything()
    before = snapshot(game)
    state, scalars = finished[1][4]
    with pytest.raises(ValueError, match="missing \\['reseeded'\\]"):
        game.load(state, {name: value for name, value in scalars.items() if name != "reseeded"})
    assert equal(snapshot(game), before)


def test_loading_copies():
    game, other = everything(), everything()
    rounds(game, cloud, 3)
    other.load(game.tensors(), game.scalars())
    kept = snapshot(game)
    rounds(other, cloud, 2)
    assert equal(snapshot(game), kept)


# -- devices and precision ---------------------------------------------------------------------------------------


class Knobbed(nn.Module):
    def __init__(self, level: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))
        self.register_buffer("level", level)

    def forward(self, x=1.0):
        return (self.weight * x * (1 + self.level)).sum()


def knobbed(shape: tuple[int, ...]) -> tuple[Game, Growth]:
    level = torch.zeros(shape)
    growth = Growth(level, 3)
    game = Game({"G": Knobbed(level), "D": Knobbed(level)}, {"G": Player("G", sgd(0.1)), "D": Player("D", sgd(0.1))},
                [Move("G", lambda nets, round: {"loss": nets.G().mean()})],
                controllers=[growth, Average("G", half_life=10)])
    return game, growth


CUDA = pytest.param("cuda", (), marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"))


# A move to another layout replaces a four-dimensional tensor just as a move to another device does.
@pytest.mark.parametrize(("device", "shape"), [("cpu", ()), ("cpu", (1, 2, 2, 2)), CUDA])
def test_a_moved_knob_is_still_one(device, shape):
    game, growth = knobbed(shape)
    before = growth.level
    game.to(device)
    assert (growth.level is before) == (shape == () and device == "cpu")
    assert game.net("G").level is game.net("D").level is growth.level
    assert len([name for name in game.tensors() if name.endswith("level")]) == 2  # the knob, and the average's own
    rounds(game, cloud, 10, budget=40)
    assert game.net("D").level.max() == 2.0 and game.averages()[0].nets.G.level.max() == 2.0
    assert game.net("G").weight.device.type == device


@pytest.mark.parametrize("shape", [(), (1, 2, 2, 2)])
def test_a_knob_that_stages_share_is_still_one_after_a_move(shape):
    level = torch.zeros(shape)
    G, first, second = Knobbed(level), Knobbed(level), Knobbed(level)
    games = [Game({"G": G, "D": D}, {"p": Player(("G", "D"), sgd(0.1))},
                  [Move("p", lambda nets, round: {"loss": nets.G()})], controllers=[Growth(level, 2)])
             for D in (first, second)]
    Stages(*map(Stage, games)).to("cpu")
    assert G.level is first.level is second.level is games[0].controllers[0].level is games[1].controllers[0].level


def test_bf16_computes_in_bf16_and_keeps_weights_wide():
    seen = []

    def d(nets, round):
        logits = nets.D(round.batch)
        seen.append(logits.dtype)
        return {"loss": (logits - round.batch.sum(1, keepdim=True)).square().mean()}

    game = Game({"D": mlp(3, 16, 1)}, {"D": Player("D", adam(1e-2))}, [Move("D", d)]).to("cpu", "bf16")
    losses = [round.stats["D/loss"].item() for round in play(game, Points(cloud.law, 32), 32 * 100)]
    assert set(seen) == {torch.bfloat16} and sum(losses[-10:]) < 0.1 * sum(losses[:10])
    assert {t.dtype for t in game.tensors().values()} == {torch.float32} and game.skipped == 0


# -- stages ------------------------------------------------------------------------------------------------------


def two_stages() -> Stages:
    """A regression first, then a game against a critic; both move the same G."""
    G, D = mlp(2, 4, 3, seed=1), mlp(3, 4, 1, seed=2)

    def pretrain(nets, round):
        return {"loss": (nets.G(round.batch[:, :2]) - round.batch).square().mean()}

    def d(nets, round):
        return {"loss": nets.D(nets.G(round.draw(normal(2)))).mean() - nets.D(round.batch).mean()}

    def g(nets, round):
        return {"loss": -nets.D(nets.G(round.draw(normal(2)))).mean()}

    first = Game({"G": G}, {"G": Player("G", adam(1e-2))}, [Move("G", pretrain)],
                 controllers=[Average("G", half_life=10)])
    second = Game({"G": G, "D": D}, {"D": Player("D", adam(1e-2)), "G": Player("G", adam(1e-2))},
                  [Move("D", d), Move("G", g)], controllers=[Average("G", half_life=10)])
    return Stages(Stage(first, 1.0), Stage(second, 2.0))


@pytest.mark.parametrize("k", range(1, 9))
def test_stages_go_on_to_the_bit_in_the_middle_of_either(k):
    stages, budget, saved = two_stages(), 4 * 9, {}
    for _ in play(stages, cloud, budget):
        saved[stages.index] = ({n: t.clone() for n, t in stages.tensors().items()}, stages.scalars())
    assert stages.index == 9 and stages.examples == budget and [s.game.index for s in stages.stages] == [3, 6]
    assert not any(name.startswith("1/nets/G") for name in stages.tensors())  # shared with stage 0, saved once
    again = two_stages()
    again.load(*saved[k])
    assert again.current is again.stages[k > 3].game
    list(play(again, cloud, budget))
    assert equal(again.tensors(), stages.tensors()) and again.scalars() == stages.scalars()


@pytest.mark.parametrize("spoil", [
    lambda s: s.pop("1/nets/D.0.weight"), lambda s: s.pop("0/nets/G.0.weight"),
    lambda s: s.update({"2/nets/G.0.weight": torch.ones(1)}), lambda s: s.update({"1/nets/H": torch.ones(1)}),
])
def test_stages_refuse_a_foreign_state_before_anything_changes(spoil):
    stages, other = two_stages(), two_stages()
    list(play(stages, cloud, 36))
    before, state = {n: t.clone() for n, t in other.tensors().items()}, dict(stages.tensors())
    spoil(state)
    with pytest.raises(ValueError, match="does not belong to"):
        other.load(state, stages.scalars())
    assert equal(other.tensors(), before) and other.index == 0


def test_stages_need_games_and_shares():
    with pytest.raises(ValueError, match="at least one game, each with a positive share"):
        Stages()
    game = Game({"G": Linear(1.0)}, {"G": Player("G", sgd(0.1))}, [Move("G", lambda n, r: {"loss": n.G.w.sum()})])
    with pytest.raises(ValueError, match="positive share"):
        Stages(Stage(game, 0.0))
    assert Stages(Stage(game, 1.0), Stage(game, 3.0)).budgets(100) == [25, 75]

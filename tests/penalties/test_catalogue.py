"""The family: what holds for every penalty of the catalogue, with its value on two critics that theory knows.

A new penalty is one function, its row in PENALTIES, and its row here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from mintage.networks import DCGANDiscriminator
from mintage.penalties import PENALTIES, explicit, finite_difference
from mintage.penalties.consistency import jitter

from .critics import CRITICS, case, draws, weight_gradient

W = draws(6, seed=9)
REAL, FAKE = draws(64, 6, seed=1), draws(64, 6, seed=2)
SQUARE, LENGTH = W.square().sum(), W.norm()
ON_REAL, ON_FAKE = torch.sigmoid(-REAL @ W).square().mean(), torch.sigmoid(FAKE @ W).square().mean()


def changed(x: Tensor, seed: int = 0) -> Tensor:
    return (jitter(x, torch.Generator().manual_seed(seed)) - x) @ W


def twice_changed() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    parts = [((jitter(x, generator) - x) @ W).square().mean() for x in (REAL, FAKE)]
    return parts[0] + parts[1]


@dataclass(frozen=True)
class Row:
    """What the penalty is for D(x) = <w, x>, and whether it takes a slope."""

    linear: Callable[[], Tensor]
    sloped: bool = True


ROWS = {
    "r1": Row(lambda: SQUARE / 2),
    "r2": Row(lambda: SQUARE / 2),
    "gradient-penalty": Row(lambda: (LENGTH - 1).square()),
    "dragan": Row(lambda: (LENGTH - 1).square()),
    "noise": Row(lambda: (ON_REAL + ON_FAKE) * SQUARE / 2),
    "consistency": Row(lambda: changed(REAL).square().mean(), sloped=False),
    "balanced-consistency": Row(twice_changed, sloped=False),
}
SLOPED = [name for name, row in ROWS.items() if row.sloped]
EXACT = {torch.float32: 1e-5, torch.float64: 1e-10}


def fresh() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_every_penalty_has_a_row() -> None:
    assert set(ROWS) == set(PENALTIES)
    assert {name for name, penalty in PENALTIES.items() if penalty.sloped} == set(SLOPED)
    assert all(penalty.source and penalty.side in {"critic", "generator"} for penalty in PENALTIES.values())


@pytest.mark.parametrize("name", ROWS)
def test_on_a_linear_critic(name: str) -> None:
    value = PENALTIES[name].term(lambda x: x @ W, REAL, FAKE, None, fresh())
    assert value.shape == () and value.item() == pytest.approx(ROWS[name].linear().item(), rel=1e-12)


@pytest.mark.parametrize("name", ROWS)
def test_a_constant_critic_gives_finite_gradients(name: str) -> None:
    """The slope is 0 everywhere: no root of zero may turn a weight into NaN."""
    D = nn.Linear(6, 1).double()
    nn.init.zeros_(D.weight)
    value = PENALTIES[name].term(lambda x: D(x)[:, 0], REAL, FAKE, None, fresh())
    assert weight_gradient(D, value + 0 * D.bias.sum()).isfinite().all()


@pytest.mark.parametrize("dtype", EXACT, ids=str)
@pytest.mark.parametrize("critic", CRITICS)
@pytest.mark.parametrize("name", SLOPED)
def test_explicit_weight_gradients_agree(name: str, critic: str, dtype: torch.dtype) -> None:
    D, real, fake, y = case(critic, dtype)
    penalty = PENALTIES[name]
    a = penalty.term(D, real, fake, y, fresh())
    b = penalty.term(D, real, fake, y, fresh(), slope=explicit)
    assert b.item() == pytest.approx(a.item(), rel=EXACT[dtype])
    p, q = weight_gradient(D, a), weight_gradient(D, b)
    assert p.norm() > 0 and (p - q).norm() <= EXACT[dtype] * p.norm()


@pytest.mark.parametrize("name", [name for name in SLOPED if PENALTIES[name].estimable])
def test_the_estimate_agrees_in_expectation(name: str) -> None:
    D, real, fake, y = case("mlp", torch.float64)
    slope = finite_difference(fresh(), 1e-5)
    exact = weight_gradient(D, PENALTIES[name].term(D, real, fake, y, fresh()))
    along = exact / exact.norm()
    many = torch.stack([weight_gradient(D, PENALTIES[name].term(D, real, fake, y, fresh(), slope=slope)) @ along
                        for _ in range(300)])
    assert abs(many.mean() - exact.norm()) < 4 * many.std() / 300**0.5


@pytest.mark.parametrize("name", [name for name in SLOPED if not PENALTIES[name].estimable])
def test_an_estimate_is_refused_under_a_root(name: str) -> None:
    with pytest.raises(ValueError, match="biased"):
        PENALTIES[name].term(lambda x: x @ W, REAL, FAKE, None, fresh(), slope=finite_difference(fresh()))


@pytest.mark.parametrize("name", SLOPED)
def test_a_backend_is_bound_and_tried(name: str) -> None:
    D, real, fake, y = case("labelled mlp", torch.float64)
    penalty = PENALTIES[name]
    bound = penalty.through("explicit", real, y)
    bound.fits(D)
    assert bound.term(D, real, fake, y, fresh()).item() == pytest.approx(penalty.term(D, real, fake, y, fresh()).item())
    with pytest.raises(ValueError, match="piecewise linear.*slope=autograd"):
        bound.fits(lambda x, y: x.tanh().sum(1))
    with pytest.raises(ValueError, match="give x="):
        penalty.through("explicit")
    if penalty.estimable:
        estimate = penalty.through("finite-difference")
        a, b = (estimate.term(D, real, fake, y, fresh()).item() for _ in range(2))
        assert a == b != penalty.term(D, real, fake, y, fresh()).item()
    else:
        with pytest.raises(ValueError, match="biased"):
            penalty.through("finite-difference")


def test_no_backend_where_there_is_no_slope() -> None:
    with pytest.raises(ValueError, match="no formula over"):
        PENALTIES["consistency"].through("autograd")
    with pytest.raises(ValueError, match="did you mean 'autograd'"):
        PENALTIES["r1"].through("autograde")


@pytest.mark.parametrize("name", SLOPED)
def test_batch_norm_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="mixes the examples"):
        PENALTIES[name].fits(DCGANDiscriminator((1, 16, 16)))
    PENALTIES[name].fits(DCGANDiscriminator((1, 16, 16), batch_norm=False))


@pytest.mark.parametrize("name", ROWS)
def test_nothing_reaches_the_maker_of_the_fakes(name: str) -> None:
    D, real, fake, y = case("mlp", torch.float64)
    made = fake.requires_grad_()
    value = PENALTIES[name].term(D, real, 2 * made, y, fresh())
    assert torch.autograd.grad(value, made, allow_unused=True) == (None,)


@pytest.mark.parametrize("name", ROWS)
def test_draws_come_from_the_generator(name: str) -> None:
    D, real, fake, y = case("residual", torch.float32)
    before = torch.get_rng_state()
    a, b = (PENALTIES[name].term(D, real, fake, y, fresh()).item() for _ in range(2))
    assert a == b and torch.equal(before, torch.get_rng_state())

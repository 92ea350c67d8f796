"""What cannot work is refused when it is built, in one sentence with the remedy: the four kinds, in real games."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mintage.game import (
    Game,
    Move,
    Player,
    adam,
    alternating,
    clip,
    consensus,
    extragradient,
    optimistic,
    returns,
    sgd,
    simultaneous,
    unit_rows,
)
from mintage.latent import normal
from mintage.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    MLPDiscriminator,
    MLPGenerator,
    ResidualDiscriminator,
    spectral_norm,
)
from mintage.objectives import non_saturating, wasserstein
from mintage.penalties import PENALTIES
from mintage.systems.moves import critic, generator

PRIOR = normal(4)


def game(*, weights: dict[str, float] | None = None, D: Any = None, G: Any = None, project: Any = None,
         rule: Any = None, repeat: int = 1, every: int = 1, penalty: str = "r1") -> Game:
    objective = critic(wasserstein, PRIOR, penalties={penalty: PENALTIES[penalty]})
    moves = [Move("D", objective, weights=weights or {}, repeat=repeat, every=every),
             Move("G", generator(non_saturating, PRIOR))]
    nets = {"D": D or MLPDiscriminator((2,)), "G": G or MLPGenerator((2,), z_dim=4)}
    players = {"D": Player("D", adam(), project=project), "G": Player("G", sgd())}
    return Game(nets, players, moves, **({"rule": rule} if rule else {}))


def images() -> dict[str, Any]:
    return {"D": DCGANDiscriminator((1, 16, 16), size="XS"), "G": DCGANGenerator((1, 16, 16), size="XS", z_dim=4)}


REFUSED: dict[str, tuple[Callable[[], Game], str]] = {
    "a weight that names no term": (lambda: game(weights={"r2": 1.0}), r"names the term 'r2'.*did you mean 'r1'\?"),
    "a weight misspelt": (lambda: game(weights={"los": 1.0}), r"returns \['loss', 'r1'\]; did you mean 'loss'\?"),
    **{f"{name} on batch norm": (lambda name=name: game(penalty=name, **images()), "without batch norm")
       for name, penalty in PENALTIES.items() if penalty.sloped},
    "clipped and spectrally normalised": (
        lambda: game(D=spectral_norm(MLPDiscriminator((2,))), project=clip(0.01)), "take project=clip away"),
    "unit rows and spectrally normalised": (
        lambda: game(D=spectral_norm(MLPDiscriminator((2,))), project=unit_rows()), "take one of them away"),
    "clipped magnitude-preserving": (
        lambda: game(D=ResidualDiscriminator((1, 16, 16), size="XS"), project=clip(0.01)), "take project=clip away"),
    **{f"{rule.__name__} with five critic steps": (lambda rule=rule: game(rule=rule, repeat=5), "use rule=alternating")
       for rule in (simultaneous, extragradient, optimistic, consensus(1.0))},
    "a lazy move all at once": (lambda: game(rule=simultaneous, every=16), "use rule=alternating"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_when_built(name: str) -> None:
    build, remedy = REFUSED[name]
    with pytest.raises(ValueError, match=remedy) as refusal:
        build()
    assert "\n" not in str(refusal.value)


def test_their_sound_neighbours_are_built() -> None:
    game(weights={"r1": 1.0, "loss": 2.0})
    game(project=clip(0.01), repeat=5)
    game(D=spectral_norm(MLPDiscriminator((2,))))
    game(D=DCGANDiscriminator((1, 16, 16), size="XS", batch_norm=False),
         G=DCGANGenerator((1, 16, 16), size="XS", z_dim=4))
    game(penalty="consistency", **images())
    for rule in (simultaneous, extragradient, optimistic, consensus(1.0)):
        game(rule=rule)


def refusing(kind: str) -> Callable[[Any], None]:
    def fits(given: Any) -> None:
        raise ValueError(f"{kind} does not suit a {type(given).__name__}")

    return fits


def nothing(nets: Any, round: Any) -> dict[str, Any]:
    return {}


def test_every_part_may_refuse_what_it_was_given() -> None:
    def build(objective: Any = nothing, project: Any = None, rule: Any = alternating) -> Game:
        nets = {"G": MLPGenerator((2,), z_dim=4), "D": MLPDiscriminator((2,))}
        return Game(nets, {"D": Player("D", adam(), project=project), "G": Player("G", sgd())},
                    [Move("D", objective), Move("G", nothing)], rule=rule)

    def part(*given: Any) -> None:
        return None

    build(returns(fits=lambda nets: None)(lambda nets, round: {}))
    with pytest.raises(ValueError, match="an objective does not suit a Module"):
        build(returns("loss", fits=refusing("an objective"))(lambda nets, round: {}))
    part.fits = refusing("a part")  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="a part does not suit a MLPDiscriminator"):
        build(project=part)
    with pytest.raises(ValueError, match="a part does not suit a Game"):
        build(rule=part)

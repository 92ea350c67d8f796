"""Image-to-image translation without pairs."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Objective, Player, Pool, Round, Sampler, Terms, adam, falling, returns
from mintage.latent import normal
from mintage.networks import PatchCritic, ResidualTranslator, TranslationSize, halvings_for
from mintage.objectives import l1_distance, least_squares
from mintage.systems.moves import image_shape, share_of_budget, source_shape, watch
from mintage.systems.options import Count, Decay, NotNegative, Positive, Share

BATCH = 1
GIVEN = "unpaired"
FORWARD, BACK = "AB", "BA"


def cyclegan(
    spec: DataSpec,
    *,
    size: TranslationSize = "S",
    cycle: NotNegative = 10.0,
    identity: NotNegative = 5.0,
    pool: Count = 50,
    residual: bool = False,
    lr: Positive = 2e-4,
    beta1: Decay = 0.5,
    constant: Share = 0.5,
    ema: Share = 0.03,
) -> Game:
    """Two translators that undo each other, and a critic of patches for each side. Side A is given, side B is x.

        AB and BA lower  (DB(AB(a)) - 1)^2 + (DA(BA(b)) - 1)^2 + 10 (|BA(AB(a)) - a| + |AB(BA(b)) - b|)
                         + 5 (|AB(b) - b| + |BA(a) - a|);
        then DA and DB lower  (1/2) ((D(real) - 1)^2 + D(fake)^2),  fakes from pools of the last 50,   all in the mean.

    References:
        Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks (Zhu et al., 2017),
        https://arxiv.org/abs/1703.10593

    Differences from the paper:
        The translators double by copying and convolving; a critic's patch is 70 pixels from 96 pixels on, and 34 or
        16 below. The identity terms stand only where both sides have the same number of channels. Translations come
        from an average of both translators; --ema 0 turns it off.

    Expect:
        Not measured yet; docs/results.md.

    Run:
        mintage train WOMEN --given MEN --system cyclegan --minutes 60

    Args:
        size: Width of the networks, 16 (XS), 32 (S), 48 (M) or 64 (L) channels, and 3, 6, 6 or 9 residual blocks.
        cycle: Weight of the cycles' mean absolute error.
        identity: Weight of the change that a translator makes to its own target side; 0 for none.
        residual: Translators add to what they are given; for the same channels on both sides.
        pool: Earlier fakes that a critic may be shown, of each side.
        lr: Learning rate of both players.
        beta1: Adam's first decay.
        constant: Share of the budget after which the rate falls in a line to 0.
        ema: Half-life of the averages of the translators' weights, as a share of the budget; 0 for none.
    """
    (a, _, _), (b, height, width) = source_shape(spec, "cyclegan", paired=False), image_shape(spec, "cyclegan")
    step, alike = adam(falling(lr, constant), beta1), a == b and identity > 0
    AB, BA = (ResidualTranslator(i, o, size=size, residual=residual) for i, o in ((a, b), (b, a)))
    DA, DB = (PatchCritic(side, width=AB.width, halvings=halvings_for(height, width)) for side in (a, b))
    pools = {"A": Pool(pool), "B": Pool(pool)}
    return Game(
        nets={"AB": AB, "BA": BA, "DA": DA, "DB": DB},
        players={"G": Player(("AB", "BA"), step), "D": Player(("DA", "DB"), step)},
        moves=[Move("G", translators(alike), weights={"adversarial": 2.0, "cycle": cycle,  # of (D - 1)^2 / 2
                                                      **({"identity": identity} if alike else {})}),
               Move("D", critics(pools))],
        sampler=Sampler(normal(1), translate, given=True),
        controllers=[Average("AB", "BA", half_life=share_of_budget(ema))] if ema else [],
        memory=pools,
    )


def translators(alike: bool) -> Objective:
    """Both translators' side. The fakes are left for the critics as "fake A" and "fake B"."""

    @returns("adversarial", "cycle", *(["identity"] if alike else []))
    def objective(nets: Any, round: Round) -> Terms:
        a, b = round.batch.c, round.batch.x
        made_b, made_a = nets.AB(a), nets.BA(b)
        round.notes |= {"fake A": made_a.detach(), "fake B": made_b.detach()}
        terms = {"adversarial": least_squares.generator(None, nets.DA(made_a))
                 + least_squares.generator(None, nets.DB(made_b)),
                 "cycle": l1_distance(nets.BA(made_b), a) + l1_distance(nets.AB(made_a), b)}
        if alike:
            terms["identity"] = l1_distance(nets.AB(b), b) + l1_distance(nets.BA(a), a)
        return terms

    return objective


def critics(pools: dict[str, Pool]) -> Objective:
    """Both critics' side, on the fakes that the pools give for those of this round."""

    @returns("A", "B")
    def objective(nets: Any, round: Round) -> Terms:
        terms = {}
        for side, D, real in (("A", nets.DA, round.batch.c), ("B", nets.DB, round.batch.x)):
            fake = pools[side](round.notes[f"fake {side}"], round.generator(f"pool {side}"))
            on_real, on_fake = D(real), D(fake)
            watch(least_squares, round, on_real, on_fake)
            terms[side] = least_squares.critic(on_real, on_fake)
        return terms

    return objective


def translate(nets: Any, z: Tensor, y: Tensor | None, c: Tensor) -> Tensor:
    """x = AB(c)."""
    return nets.AB(c)

"""Unrolled GAN."""

from __future__ import annotations

from typing import Annotated, Any

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Objective, Player, Round, Terms, adam, returns, unrolled
from mintage.latent import normal
from mintage.networks import DCGANSize
from mintage.objectives import Adversarial, minimax
from mintage.systems.moves import Prior, critic, generate, sampler, share_of_budget
from mintage.systems.options import Bound, Count, Decay, Positive, Share
from mintage.systems.pairs import pair

BATCH = 128


def unrolled_gan(
    spec: DataSpec,
    *,
    size: DCGANSize = "S",
    steps: Annotated[int, Bound(0, 100)] = 5,
    inner_lr: Positive | None = None,
    z_dim: Count = 256,
    lr: Positive | None = None,
    critic_lr: Positive | None = None,
    beta1: Decay = 0.5,
    ema: Share = 0.03,
) -> Game:
    """Unrolled GAN: the generator lowers what the game will be worth after the critic's next answers.

        D lowers  L(D) = -E log D(x) - E log(1 - D(G(z)));   then G lowers  -L(D_k),
        with D_0 = D and D_{k+1} = D_k - h g / rms(g), g = dL/dD_k, as far as k = 5. Gradients flow through the answers.

    References:
        Unrolled Generative Adversarial Networks (Metz et al., 2017), https://arxiv.org/abs/1611.02163

    Differences from the paper:
        The answers are gradient descent (equation 4) whose steps have the length of Adam's: of a fixed rate, they were
        too short to matter, or went on until the loss was not finite. Images get DCGAN's pair, without batch norm in
        the critic; points get multilayer perceptrons. Samples come from an average of G's weights; --ema 0 turns it
        off.

    Expect:
        Not measured yet; docs/results.md.

    Run:
        mintage train ring --system unrolled_gan --minutes 2

    Args:
        size: Width of the networks: 32 (XS), 64 (S), 96 (M) or 128 (L) channels at half the image's size.
        steps: Answers of the critic that the generator looks ahead; with 0 it is the plain game.
        inner_lr: Size h of an answer in a weight, in root mean square. Default: D's own rate; 5 times that broke.
        z_dim: Latent dimensions.
        lr: Learning rate of G. Default: the paper's, 1e-4 for images and 1e-3 for points.
        critic_lr: Learning rate of D. Default: the paper's, 2e-4 for images and 1e-4 for points.
        beta1: Adam's first decay.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    prior, rates = normal(z_dim), automatic(spec, 0, "", {})
    lr, critic_lr = lr or rates["lr"][0], critic_lr or rates["critic_lr"][0]
    answers = critic(minimax, prior)
    return Game(
        nets=pair(spec, size=size, z_dim=z_dim),
        players={"D": Player("D", adam(critic_lr, beta1)), "G": Player("G", adam(lr, beta1))},
        moves=[Move("D", answers),
               Move("G", unrolled(value(minimax, prior), opponent="D", by=answers, steps=steps, sized=True,
                                  lr=inner_lr or critic_lr))],
        sampler=sampler(prior),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
    )


def value(loss: Adversarial, prior: Prior) -> Objective:
    """G lowers minus the critic's whole loss: ahead, the critic's answers to G's move also change D(x)."""

    @returns("loss")
    def objective(nets: Any, round: Round) -> Terms:
        return {"loss": -loss.critic(nets.D(round.batch.x), nets.D(generate(nets, round.draw(prior), None)))}

    return objective


def automatic(spec: DataSpec, count: int, device: str, given: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    """The paper's rates for the kind of data."""
    image = spec.kind == "image"
    why = "the paper's for images" if image else "the paper's for points"
    return {"lr": (1e-4 if image else 1e-3, why), "critic_lr": (2e-4 if image else 1e-4, why)}

"""StyleGAN: latents become styles, and styles steer every layer of the generator."""

from __future__ import annotations

from typing import Any, Literal

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Objective, Player, Round, Terms, adam, returns
from mintage.latent import normal
from mintage.networks import StyleDiscriminator, StyleGenerator
from mintage.networks.style_synthesis import Form, StyleSize
from mintage.objectives import non_saturating
from mintage.penalties import MeanLength, path_length, per_example, r1
from mintage.systems.moves import Prior, critic, generator, image_shape, labelled, sampler, share_of_budget
from mintage.systems.options import NotNegative, Positive, Share

BATCH = 32
R1_EVERY, PATH_EVERY = 16, 8


def stylegan(
    spec: DataSpec,
    *,
    size: StyleSize = "S",
    version: Literal[1, 2] = 2,
    conditional: bool = False,
    mixing: Share = 0.9,
    gamma: Positive | None = None,
    path: NotNegative = 2.0,
    lr: Positive = 2.5e-3,
    ema: Share = 0.03,
) -> Game:
    """StyleGAN2: w = f(z) steers g by modulated convolutions, with noise at every layer; lazy R1 and path length.

        D lowers  E s(-D(x)) + E s(D(G(z))),  and every 16 rounds 16 gamma R1,   s(t) = log(1 + e^t);
        G lowers  E s(-D(G(z))),  and every 8 rounds 8 path E (|J' y| - a)^2,   J = dg/dw, y ~ N(0, I);
        G(z) = g(w, ..., w, w', ..., w') of two latents for a share `mixing` of the fakes, of one for the others.

    References:
        Analyzing and Improving the Image Quality of StyleGAN (Karras et al., 2020), https://arxiv.org/abs/1912.04958
        A Style-Based Generator Architecture for Generative Adversarial Networks (Karras et al., 2019; --version 1),
        https://arxiv.org/abs/1812.04948

    Differences from the paper:
        Any size, from a grid of 4 to 7 positions a side. XS and S are narrow, with a mapping of two layers, for CPUs;
        M and L are the paper's. The path length looks at half of a batch. The average's half-life follows the budget.
        Version 1 has adaptive instance norm in place of modulated convolutions, and no path length; it keeps version
        2's skips, its critic without growing, and the lazy R1.

    Expect:
        Fashion-MNIST, size XS: some 300 images a second and core; clothes to be told apart after 50,000.

    Run:
        mintage train fmnist --system stylegan --size XS --minutes 15

    Args:
        size: Size of the networks, XS to L.
        version: 2 modulates weights; 1 standardises and restyles what they give.
        conditional: Use the labels.
        mixing: Share of the fakes that are made from two styles.
        gamma: Weight of R1. Default: from the number of pixels.
        path: Weight of the path length, in version 2; 0 for none.
        lr: Learning rate of both players; the mapping network's is a hundredth.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    shape, classes = image_shape(spec, "stylegan"), labels(spec) if conditional else 0
    form: Form = "modulated" if version == 2 else "adain"
    G = StyleGenerator(shape, size=size, classes=classes, form=form, mixing=mixing)
    prior, step, even, mean = normal(G.z_dim), adam(lr, 0.0, 0.99), bool(path) and version == 2, MeanLength()
    evenly = [Move("G", evenness(prior, mean, conditional), every=PATH_EVERY, weights={"path": path})]
    return Game(
        nets={"G": G, "D": StyleDiscriminator(shape, size=size, classes=classes)},
        players={"D": Player("D", step.lazy(R1_EVERY)), "G": Player("G", step.lazy(PATH_EVERY) if even else step)},
        moves=[Move("D", critic(non_saturating, prior, conditional=conditional)),
               Move("D", flatness(conditional), every=R1_EVERY, weights={"r1": gamma or 1.0}),
               Move("G", generator(non_saturating, prior, conditional=conditional)), *(evenly if even else [])],
        sampler=sampler(prior, classes),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
        memory={"path": mean} if even else {},
    )


def labels(spec: DataSpec) -> int:
    """How many labels there are.

    Raises:
        ValueError: none, or one only.
    """
    if len(spec.labels) < 2:
        raise ValueError(f"stylegan --conditional needs examples of two labels or more, and these have "
                         f"{len(spec.labels)}; leave the option out, or give labels")
    return len(spec.labels)


def flatness(conditional: bool) -> Objective:
    """D lowers R1 on the round's real examples."""

    @returns("r1", fits=lambda nets: per_example(nets.D))
    def objective(nets: Any, round: Round) -> Terms:
        return {"r1": r1(nets.D, *labelled(round, conditional))}

    return objective


def evenness(prior: Prior, mean: MeanLength, conditional: bool) -> Objective:
    """G lowers the path length, on half a batch."""

    @returns("path")
    def objective(nets: Any, round: Round) -> Terms:
        n, y = -(-round.size // 2), labelled(round, conditional)[1]
        w = nets.G.styles(round.draw(prior, n), None if y is None else y[:n])
        return {"path": path_length(nets.G.synthesis(w), w, generator=round.generator("path"), mean=mean)}

    return objective


def automatic(spec: DataSpec, count: int, device: str, given: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    """What is decided from the data where the user leaves it open, with reasons."""
    pixels = spec.shape[1] * spec.shape[2] if spec.kind == "image" else 784
    return {"gamma": (float(f"{pixels / 784:.3g}"), f"{pixels} pixels / 784")}

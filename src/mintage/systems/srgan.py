"""Super-resolution by four."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from torch import Tensor

from mintage.data import DataSpec
from mintage.data.reductions import cropped
from mintage.game import Average, Game, Move, Objective, Player, Round, Sampler, Stage, Stages, Terms, adam, returns
from mintage.latent import normal
from mintage.networks import SqueezeFeatures, SRCritic, SRResNet, SuperSize
from mintage.objectives import feature_distance, l2_distance, non_saturating
from mintage.systems.moves import critic_on, share_of_budget, source_shape
from mintage.systems.options import Count, NotNegative, Positive, Share

BATCH = 16
GIVEN = "reduced"
FORWARD = "G"
Seen = Callable[[Any, Round], tuple[Tensor, Tensor]]


def srgan(
    spec: DataSpec,
    *,
    size: SuperSize = "S",
    crop: Count = 96,
    pretrain: Share = 0.5,
    content: str = "critic",
    features: NotNegative = 0.1,
    adversarial: NotNegative = 5e-3,
    lr: Positive = 1e-4,
    pretrain_lr: Positive = 1e-4,
    ema: Share = 0.03,
) -> Stages:
    """Images x four times as large as what is given, c: first the nearest ones, then ones that look real.

        First G lowers  E (x - G(c))^2.   Then D lowers  -E log D(x) - E log(1 - D(G(c))), and G
        E (x - G(c))^2 + E (f(x) - f(G(c)))^2 / (10 E f(x)^2) - E log D(G(c)) / 200,  f of some layers.   On crops.

    References:
        Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network (Ledig et al., 2017),
        https://arxiv.org/abs/1609.04802

    Differences from the paper:
        c is x reduced as Pillow does it (mintage.data.reductions). The maps f are D's: the paper's VGG would have to
        be downloaded, and D's show what is missing in just these images; --content FILE takes SqueezeNet's, pixels
        none. The adversarial weight is 5e-3, not 1e-3. Networks: mintage.networks.super_resolution. G is averaged.

    Expect:
        70 photographs, XS, first stage of 24,000 crops of 64 x 64: Set5 30.36 dB, bicubic 28.43; docs/results.md.

    Run:
        mintage train PHOTOS --system srgan --resolution 320x320 --minutes 60

    Args:
        size: Width, blocks: 32, 4 (XS), 48, 6 (S), 64, 8 (M) or 64, 16 (L).
        crop: Side of the squares of x that are trained on; smaller images are taken whole.
        pretrain: Share of the budget for the first stage; 1 for SRResNet alone, 0 for no such stage.
        content: Features of the second stage: critic, pixels (none), or a safetensors file of SqueezeNet 1.1.
        features: Weight of the features beside 1 for the squared difference.
        adversarial: Weight of G's adversarial loss.
        lr: Learning rate of both players in the second stage.
        pretrain_lr: Learning rate of the first stage.
        ema: Half-life of the average of G's weights, as a share of a stage's budget.
    """
    channels, height, width = source_shape(spec, "srgan", paired=True, factor=4)
    side, G = min(max(1, crop // 4), height, width), SRResNet(channels, size=size)
    D, seen = SRCritic(channels, width=G.width, crop=4 * side), crops(side)
    moves = [Move("D", critic_on(non_saturating, seen)),
             Move("G", enlarger(seen, content), weights={"adversarial": adversarial, **(
                 {"content": features} if content != "pixels" else {})})]
    stages = [stage(spec, {"G": G}, [Move("G", enlarger(seen))], pretrain_lr, ema, pretrain)] if pretrain > 0 else []
    stages += [stage(spec, {"G": G, "D": D}, moves, lr, ema, 1 - pretrain)] if pretrain < 1 else []
    return Stages(*stages)


def stage(spec: DataSpec, nets: dict[str, Any], moves: list[Move], lr: float, ema: float, share: float) -> Stage:
    """One of the two games, with an average and optimizers of its own."""
    _, height, width = spec.shape
    sampler = Sampler(normal(1), lambda nets, z, y, c: nets.G(c)[..., :height, :width], given=True)
    players = {name: Player(name, adam(lr, 0.9)) for name in nets}
    return Stage(Game(nets, players, moves, sampler=sampler,
                      controllers=[Average("G", half_life=share_of_budget(ema))]), share)


def crops(side: int) -> Seen:
    """(x, G(c)) of a round, on squares of its images."""
    def seen(nets: Any, round: Round) -> tuple[Tensor, Tensor]:
        c, x = cropped(round.batch.c, round.batch.x, side, round.generator("crop", "cpu"))
        return x, nets.G(c)

    return seen


def enlarger(seen: Seen, content: str = "") -> Objective:
    """G's side: squares alone, or with the critic's logits and the features `content` names."""
    looks, load = content not in ("", "pixels"), cache(SqueezeFeatures)
    @returns("pixels", *(["adversarial"] if content else []), *(["content"] if looks else []))
    def objective(nets: Any, round: Round) -> Terms:
        x, made = seen(nets, round)
        terms = {"pixels": l2_distance(made, x)}
        if content:
            terms["adversarial"] = non_saturating.generator(None, nets.D(made))
        if looks:
            see = nets.D.features if content == "critic" else load(content).to(x.device)
            terms["content"] = feature_distance(see(made), [f.detach() for f in see(x)])
        return terms

    return objective


def automatic(spec: DataSpec, count: int, device: str, given: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    """Nothing is left open; a file of features is read once, so that a wrong one is refused now."""
    if given["content"] not in ("critic", "pixels"):
        SqueezeFeatures(given["content"])
    return {}

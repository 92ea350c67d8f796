"""Images from captions."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Objective, Player, Round, Sampler, Terms, adam, returns
from mintage.latent import normal
from mintage.networks import CaptionedDiscriminator, CaptionedGenerator, DCGANSize, spectral_norm
from mintage.objectives import Adversarial, non_saturating
from mintage.systems.moves import Prior, Shown, image_shape, share_of_budget, shows, watch
from mintage.systems.options import Count, Decay, NotNegative, Positive, Share

BATCH = 64
GIVEN = "text"


def text_to_image(
    spec: DataSpec,
    *,
    size: DCGANSize = "S",
    norm: Literal["batch", "spectral"] = "batch",
    interpolation: NotNegative = 1.0,
    width: Count = 128,
    z_dim: Count = 100,
    lr: Positive = 2e-4,
    beta1: Decay = 0.5,
    ema: Share = 0.03,
) -> Game:
    """GAN-INT-CLS: a critic that also refuses real images with wrong captions, and captions between captions.

        D lowers  -E log D(x, c) - (1/2) (E log(1 - D(x, c')) + E log(1 - D(G(z, c), c)));
        then G lowers  -E log D(G(z, c), c) - E log D(G(z, c~), c~),     c~ = (c + c') / 2,

    c' being the caption of another image of the batch.

    References:
        Generative Adversarial Text to Image Synthesis (Reed et al., 2016), algorithm 1 and eq. 5,
        https://arxiv.org/abs/1605.05396

    Differences from the paper:
        Captions are vectors of words and parts of words (mintage.data.text_encoder) instead of a trained recurrent
        encoder; no batch norm stands behind the mixed maps. Samples come from an average of G's weights; --ema 0 turns
        it off.

    Expect:
        1,820 emoji at 32 x 32, size XS, --lr 4e-4, 64,000 examples (95 CPU seconds): the right caption is among the
        first 5 of 50 for 39 % of samples (chance 10 %; spectral norm 31 %), shapes are blots still; docs/results.md.

    Run:
        mintage train emoji.zip --system text_to_image --resolution 32 --minutes 15

    Args:
        size: Width of the networks: 32 (XS), 64 (S), 96 (M) or 128 (L) channels at half the image's size.
        norm: Of the critic: batch norm in the maps, as the paper, or every layer by its largest singular value.
        interpolation: Weight of the captions between captions (GAN-INT); 0 for GAN-CLS alone.
        width: Numbers that a caption is compressed to, in each network.
        z_dim: Latent dimensions.
        lr: Learning rate of both players.
        beta1: Adam's first decay.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    shape, given, prior = image_shape(spec, "text_to_image"), spec.given, normal(z_dim)
    if given is None or given.kind != "text":
        raise ValueError("text_to_image makes images from captions, and none are given with these data; say --given "
                         "FILE.csv (columns file and caption), or put captions.csv beside the images")
    G = CaptionedGenerator(shape, given.shape[0], size=size, z_dim=z_dim, width=width)
    D = CaptionedDiscriminator(shape, given.shape[0], size=size, width=width, batch_norm=norm == "batch")
    return Game(
        nets={"G": G, "D": spectral_norm(D) if norm == "spectral" else D},
        players={"D": Player("D", adam(lr, beta1)), "G": Player("G", adam(lr, beta1))},
        moves=[Move("D", matching_critic(non_saturating, prior)),
               Move("G", describer(non_saturating, prior, bool(interpolation)),
                    weights={"between": interpolation} if interpolation else {})],
        sampler=Sampler(prior, lambda nets, z, y, c: nets.G(z, c), given=True),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
    )


def wrong(round: Round) -> Tensor:
    """For each image of the batch the caption of another one: the captions moved on by 1 to N - 1 places."""
    c: Tensor = round.batch.c
    places = torch.randint(1, max(len(c), 2), (), generator=round.generator("captions"), device=c.device)
    return c.index_select(0, (torch.arange(len(c), device=c.device) + places) % len(c))


def matching_critic(loss: Adversarial, prior: Prior) -> Objective:
    """D's side, on (x, c), (x, c') and (G(z, c), c)."""

    @shows(loss)
    @returns("loss")
    def objective(nets: Any, round: Round) -> Terms:
        x, c, f = round.batch.x, round.batch.c, nets.D.features(round.batch.x)
        fake = nets.G(round.draw(prior), c)
        real, mismatched, made = nets.D.judge(f, c), nets.D.judge(f, wrong(round)), nets.D(fake, c)
        watch(loss, round, real, made, Shown(x, fake, c, real, made))
        round.stats["D/matches"] = (real > mismatched).float().mean().detach()
        return {"loss": loss.critic(real, torch.cat([mismatched, made]))}

    return objective


def describer(loss: Adversarial, prior: Prior, between: bool) -> Objective:
    """G's side, on the captions and, where asked for, on the middles between them and others."""

    def side(nets: Any, round: Round, c: Tensor) -> Tensor:
        return loss.generator(None, nets.D(nets.G(round.draw(prior), c), c))

    @returns("loss", *(["between"] if between else []))
    def objective(nets: Any, round: Round) -> Terms:
        c = round.batch.c
        terms = {"loss": side(nets, round, c)}
        return terms | {"between": side(nets, round, (c + wrong(round)) / 2)} if between else terms

    return objective

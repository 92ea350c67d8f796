"""StyleGAN2 beside DCGAN: shorter perceptual paths at as many examples, and the sheet of mixed styles.

A path goes from latent to latent on the sphere, in z for both, through all of the network. The sheet is written beside
the run's film, samples/style-mixing.png: the top row are pictures of one set of latents, the left column of another,
and each other picture takes the styles of its first layers from the left and of the rest from above.

References:
    A Style-Based Generator Architecture for Generative Adversarial Networks (Karras et al., 2019), section 4.1 and
    figure 3. https://arxiv.org/abs/1812.04948
    Analyzing and Improving the Image Quality of StyleGAN (Karras et al., 2020). https://arxiv.org/abs/1912.04958
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from mintage.data import sheet
from mintage.evaluation.measures.path_length import path_length, unrounded_image_features
from mintage.game import generator
from mintage.lab.outcome import Cell, Finding, Outcome, Table
from mintage.latent import style_mixing
from mintage.reproduce.figures import fidelity
from mintage.reproduce.row import Arm, Figures, Found, Row
from mintage.reproduce.training import Training
from mintage.runs import product
from mintage.runs.durable import write_file
from mintage.runs.film import png
from mintage.runs.folder import Run

EXAMPLES, BATCH, PATHS, STEP = 200_000, 16, 2_000, 1e-3
ROWS, COLUMNS, MANY, SMALL = 6, 8, 24, 4
OURS, THEIRS = "stylegan", "dcgan"


def paths(run: Run, seed: int) -> Figures:
    """The perceptual path length in z, with its error."""
    made = product.load(run.path)
    prior = made.game.sampler.prior  # type: ignore[union-attr]
    found = path_length(made.generate, prior, unrounded_image_features(), n=PATHS, step=STEP, seed=seed)
    return {"path length": found.length, "error of path length": found.error}


@torch.no_grad()
def mixing(run: Run, seed: int) -> Figures:
    """The sheet, and how much of the variance of pictures shrunk to 4 x 4 the coarse style explains."""
    made = product.load(run.path)
    G = made.game.current.mean_nets.G
    coarse, fine = (torch.randn(MANY, G.z_dim, generator=generator("mixing", seed, k)) for k in (0, 1))
    layers = G.synthesis.layers // 3
    page = style_mixing(G, coarse[:ROWS], fine[:COLUMNS], layers)
    corner = page.new_full((1, *page.shape[2:]), -1.0)
    rows = [torch.cat([corner, G(fine[:COLUMNS])]),
            *(torch.cat([G(z[None]), row]) for z, row in zip(coarse[:ROWS], page, strict=True))]
    write_file(run.samples / "style-mixing.png", png(sheet(torch.cat(rows), made.spec, columns=COLUMNS + 1)))
    return {"explained by coarse": explained(style_mixing(G, coarse, fine, layers))}


def explained(pages: Tensor) -> float:
    """The share of the variance of small pictures that their row explains.   [R, C, channels, H, W] -> 0 to 1."""
    small = torch.stack([interpolate(row, (SMALL, SMALL), mode="area") for row in pages]).flatten(2)
    return float(small.mean(1).var(0, correction=0).sum() / small.flatten(0, 1).var(0, correction=0).sum())


ARMS = (Arm(OURS, Training(OURS, "fmnist", EXAMPLES, (paths, mixing, fidelity), {"size": "XS"}, batch=BATCH,
                           judgements=5)),
        Arm(THEIRS, Training(THEIRS, "fmnist", EXAMPLES, (paths, fidelity), {"size": "XS"}, batch=BATCH, judgements=5)))


def read(found: Found) -> Outcome:
    """The lengths of both."""
    seeds = sorted(found.cells.get(OURS, {}))
    lengths = [found.median(arm.name, "path length") for arm in ARMS]
    told = ("path length", "error of path length", "frechet")
    rows: list[list[Cell]] = [[arm.name, *(round(found.median(arm.name, what), 3) for what in told),
                               round(found.median(arm.name, "seconds") / 60, 1)] for arm in ARMS]
    return Outcome(
        [Finding.at_most("perceptual path length of stylegan over that of dcgan", 1.0, lengths[0] / lengths[1]),
         Finding.at_least("variance of 4 x 4 pictures that the style of the first third of the layers explains", 0.5,
                          found.median(OURS, "explained by coarse")),
         Finding.at_most("trainings that diverged", 0, sum(sum(found.each(arm.name, "diverged")) for arm in ARMS))],
        [Table("Paths in z, and fidelity beside them", ["", "path length", "error", "Fréchet distance", "minutes"],
               rows)],
        reading=f"{EXAMPLES:,} images of Fashion-MNIST in batches of {BATCH}, networks of size XS. Lengths are in the "
                "features of the shipped network, so they compare with each other only. A generator whose pictures "
                "hardly differ has short paths too, so the Fréchet distance stands beside them.",
        seeds=seeds)


DECLARED = {"stylegan": Row("stylegan", "paths through a style-based generator are shorter, and styles mix", ARMS, read,
                            seeds=(0,), covers=("stylegan",))}

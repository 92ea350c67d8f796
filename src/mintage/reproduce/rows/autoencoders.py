"""Autoencoders: the likelihood of MNIST under a variational one, and the error of a plain one beside PCA's.

Digits are binarised dynamically: each round draws every pixel black or white, as probable as it is bright. The test
digits are drawn once, the same for every seed: every tenth of the 10,000. The likelihood is the importance-weighted
bound, which lies below the true one.

References:
    Auto-Encoding Variational Bayes (Kingma and Welling, 2014). https://arxiv.org/abs/1312.6114
    Importance Weighted Autoencoders (Burda et al., 2016), table 1: -86.76 nats for a VAE of one layer.
    https://arxiv.org/abs/1509.00519
"""

from __future__ import annotations

import functools
from importlib import import_module
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from mintage.data import sheet
from mintage.game import generator
from mintage.lab.outcome import Finding, Outcome, Table
from mintage.reproduce.figures import opened
from mintage.reproduce.row import Arm, Figures, Found, Row
from mintage.reproduce.training import Training
from mintage.runs import product
from mintage.runs.durable import write_file
from mintage.runs.film import png
from mintage.runs.folder import Run
from mintage.systems.coding import binarised, log_evidence

EVERY, SAMPLES, NATS = 10, 500, -90.0
SHOWN, REACH, COLUMNS = 10, 3.0, 11
Z_DIM, PART = 32, 0.5


def evidence(run: Run, seed: int) -> Figures:
    """The importance-weighted bound with 500 samples and with one (the ELBO), nats a digit, and its error."""
    nets, test = frozen(run), opened(run.settings.data.source, "test")
    x = binarised(test.gather(torch.arange(0, len(test), EVERY)).x, generator("binarised"))
    bound = {k: torch.cat([log_evidence(nets, part, k, generator("evidence", k, i), at_once=25)
                           for i, part in enumerate(x.split(20))]) for k in (1, SAMPLES)}
    return {"nats": float(bound[SAMPLES].mean()), "elbo": float(bound[1].mean()),
            "error of nats": float(bound[SAMPLES].std()) / len(x) ** 0.5}


def traversal(run: Run, seed: int) -> Figures:
    """A sheet beside the film, samples/traversal.png: a digit, moved along the dimensions that carry most."""
    nets, made, system = frozen(run), product.load(run.path), system_of(run)
    test = opened(run.settings.data.source, "test")
    with torch.no_grad():
        codes = system.encode(nets, test.gather(torch.arange(1000)).x)
    spread = codes.var(0)
    chosen = spread.argsort(descending=True)[:SHOWN]
    rows = codes[seed % 10].repeat(len(chosen), COLUMNS, 1)
    for row, k in zip(rows, chosen.tolist(), strict=True):
        row[:, k] = torch.linspace(-REACH, REACH, COLUMNS)
    page = sheet(made.generate(rows.flatten(0, 1)), made.spec, columns=COLUMNS)
    write_file(run.samples / "traversal.png", png(page))
    return {"dimensions in use": float((spread > 0.05).sum())}


def squares(run: Run, seed: int) -> Figures:
    """Mean squared error a pixel of the 10,000 test digits, in [0, 1]; of PCA with as many numbers too."""
    nets, system, source = frozen(run), system_of(run), run.settings.data.source
    x = opened(source, "test").gather(torch.arange(len(opened(source, "test")))).x
    with torch.no_grad():
        made = torch.cat([system.reconstruct(nets, part) for part in x.split(250)])
    page = torch.stack([x[:COLUMNS], made[:COLUMNS]]).flatten(0, 1)
    write_file(run.samples / "reconstructions.png", png(sheet(page, run.settings.spec, columns=COLUMNS)))
    return {"error": float((made - x).square().mean()) / 4, "error of pca": linear_error(source, Z_DIM)}


@functools.cache
def linear_error(source: str, k: int) -> float:
    """The same of the best linear autoencoder of the training digits."""
    train, test = (_flat(source, split) for split in ("train", "test"))
    mean = train.mean(0)
    V = torch.linalg.eigh((train - mean).T @ (train - mean))[1][:, -k:]
    rest = test - mean
    return float((rest - rest @ V @ V.T).square().mean()) / 4


def _flat(source: str, split: str) -> Tensor:
    return opened(source, split).gather(torch.arange(len(opened(source, split)))).x.flatten(1)


def frozen(run: Run) -> Any:
    """The networks of the product, which do not learn."""
    nets = product.load(run.path).game.current.mean_nets
    for net in vars(nets).values():
        net.eval().requires_grad_(False)
    return nets


def system_of(run: Run) -> ModuleType:
    """The file of the run's system."""
    return import_module(f"mintage.systems.{run.settings.system}")


VAE = Arm("vae", Training("vae", "mnist", 2_000_000, (evidence, traversal), {"binarise": True, "z_dim": Z_DIM},
                          judged=0))
PLAIN = Arm("autoencoder", Training("autoencoder", "mnist", 300_000, (squares, traversal), {"z_dim": Z_DIM}, judged=0))


def read_vae(found: Found) -> Outcome:
    """The bound, seed by seed."""
    what = ("nats", "error of nats", "elbo", "dimensions in use")
    rows = [[seed, *(cell[name] for name in what)] for seed, cell in sorted(found.cells.get("vae", {}).items())]
    return Outcome(
        [Finding.at_least(f"importance-weighted log-likelihood ({SAMPLES} samples) of binarised MNIST, nats, median",
                          NATS, found.median("vae", "nats"))],
        [Table("The bounds, seed by seed", ["seed", *what], rows)], seeds=sorted(found.cells.get("vae", {})),
        reading="Dynamic binarisation; a thousand test digits, binarised once. The bound lies below the likelihood. "
                "Other papers binarise otherwise, and their figures do not compare. samples/traversal.png of each run "
                "moves a test digit along the ten dimensions that carry most.")


def read_plain(found: Found) -> Outcome:
    """The error beside PCA's."""
    share = found.median("autoencoder", "error") / found.median("autoencoder", "error of pca")
    rows = [[seed, cell["error"], cell["error of pca"]]
            for seed, cell in sorted(found.cells.get("autoencoder", {}).items())]
    return Outcome(
        [Finding.at_most(f"squared error of test digits over that of PCA with as many numbers ({Z_DIM}), medians",
                         PART, share)],
        [Table("Mean squared error a pixel", ["seed", "autoencoder", "PCA"], rows)],
        seeds=sorted(found.cells.get("autoencoder", {})),
        reading="PCA is the best linear autoencoder. samples/reconstructions.png and traversal.png are in each run.")


DECLARED = {
    "vae": Row("vae", "a variational autoencoder reaches -90 nats on binarised MNIST", (VAE,), read_vae,
               seeds=(0,), covers=("vae",)),
    "autoencoder": Row("autoencoder", "an autoencoder's codes hold more of a digit than as many linear ones", (PLAIN,),
                       read_plain, covers=("autoencoder",)),
}

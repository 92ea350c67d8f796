"""Reproducing: a row of what the project claims, trained over its seeds, measured, and held against what was expected.

A *row* has *arms*: what is trained, each with a name and its settings. An arm with a seed is a *cell*, a folder of its
own that is kept: a command that is stopped goes on where it stood, and rows that share arms share their cells. When all
cells of a row are there, the row reads them into findings (expected, measured, holds), and the record is written.

`ROWS` lists them: name -> the file of `reproduce.rows` that declares it. `mission` says which row, or which experiment
of the lab, answers each claim of the project.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module

from mintage.lab.outcome import LabError
from mintage.reproduce.row import Arm as Arm
from mintage.reproduce.row import Found as Found
from mintage.reproduce.row import Row as Row
from mintage.reproduce.row import Work as Work

ROWS: dict[str, str] = {
    "gan": "first",
    "film": "first",
    "batch-norm-artifact": "batch_norm_artifact",
    "fmnist-table": "fmnist",
    "dcgan": "fmnist",
    "r3gan": "fmnist",
    "improved-gan": "improved",
    "semi-supervised": "labels",
    "mixture-table": "collapse",
    "stacked-table": "collapse",
    "stacked-longest": "collapse",
    "progan": "progan",
    "stylegan": "stylegan",
    "conditional": "conditional",
    "infogan": "infogan",
    "bigan": "bigan",
    "latent-arithmetic": "latent",
    "feature-extraction": "features",
    "autoencoder": "autoencoders",
    "vae": "autoencoders",
    "pix2pix": "pix2pix",
    "cyclegan": "cyclegan",
    "srgan": "srgan",
    "what-works": "what_works",
    "text-to-image": "text_to_image",
}


def find(name: str) -> Row:
    """The row of this name.

    Raises:
        LabError: there is none; the nearest is named.
    """
    if name not in ROWS:
        near = get_close_matches(name.lower().replace("_", "-"), ROWS, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise LabError(f"there is no row {name!r}. {hint}There are: {', '.join(ROWS)}")
    declared: dict[str, Row] = import_module(f"mintage.reproduce.rows.{ROWS[name]}").DECLARED
    return declared[name]

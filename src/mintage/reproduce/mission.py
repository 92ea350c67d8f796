"""The claims of the project by name, and what answers each: experiments of the lab, rows to reproduce, or nothing yet.

The state of a claim is read from the records alone: what has no record is not claimed to hold.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mintage.lab import EXPERIMENTS
from mintage.reproduce import ROWS, find


@dataclass(frozen=True)
class Claim:
    """What is to be shown under a name, and the records that show it: names of `EXPERIMENTS` or of `ROWS`."""

    name: str
    group: str
    what: str
    by: tuple[str, ...] = ()


class State(NamedTuple):
    """Where a claim stands: holds, does not hold, unfinished, not run, not built; what to run; when it was recorded."""

    word: str
    command: str
    note: str
    date: str = ""


GROUPS = {"A": "the game itself", "B": "objectives, penalties, stabilisers", "C": "image systems",
          "D": "beyond images", "E": "other generators"}

_OF = {
    "A": """gan: Algorithm 1 of 2014, Parzen likelihood of MNIST @ gan
        generator-objectives: minimax, heuristic, maximum likelihood @ generator-objectives
        optimal-discriminator: D* = p / (p + q), and V = -log 4 @ optimal-discriminator
        quantile: a generator of one number is the quantile function @ quantile
        latent-dimension: raise the latent dimension @ latent-dimension
        dirac-gan: convergence theory @ dirac-gan
        mode-collapse: ring of 8, grid of 25 @ mode-collapse
        vanishing-gradients: a good critic kills minimax @ vanishing-gradients
        low-dimensional-support: disjoint supports @ low-dimensional-support
        batch-norm-artifact: samples of one batch are alike @ batch-norm-artifact
        balance: k steps, width ratio, smooth labels @ balance
        film: samples of fixed latents along the rounds @ film""",
    "B": """objectives: all objectives on the ring @ objectives-on-the-ring
        wgan: Wasserstein with clipped weights, fmnist @ fmnist-table
        wgan-gp: Wasserstein with gradient penalty, fmnist @ fmnist-table
        lsgan: least squares, fmnist @ fmnist-table
        sngan: spectral norm and hinge, fmnist @ fmnist-table
        fgan: f-divergences, fmnist @ fmnist-table
        mmd-gan: kernel discrepancy, fmnist @ fmnist-table
        improved-gan: each trick of 2016 alone @ improved-gan
        semi-supervised: MNIST with 100 labels @ semi-supervised
        unrolled: more modes than the same net without @ mixture-table stacked-table
        pacgan: more modes than the same net without @ mixture-table stacked-table
        r3gan: best row of the fmnist table, all modes of stacked-mnist @ r3gan stacked-longest""",
    "C": """dcgan: beats gan on fmnist @ dcgan
        latent-arithmetic: man with glasses - man + woman @ latent-arithmetic
        conditional: cGAN, projection, AC-GAN @ conditional
        infogan: codes found without labels @ infogan
        bigan: an encoder learnt beside the generator @ bigan
        progan: growing from 4 x 4 @ progan
        stylegan: mapping, modulation, mixing @ stylegan
        text-to-image: captions to pictures @ text-to-image
        pix2pix: pairs of pictures @ pix2pix
        cyclegan: pictures without pairs @ cyclegan
        srgan: super-resolution @ srgan
        feature-extraction: the critic's last layer as features @ feature-extraction""",
    "D": """cyclegan-speech: one voice into another
        audio-super-resolution: more samples a second
        tabular: mixed columns; muon pairs
        time-series: stock series
        text: next word, next character
        scientific-maps: fields with a known spectrum
        missing-data: imputation
        molecules: SMILES
        futures: what comes next, with intervals""",
    "E": """autoencoder: reconstruction @ autoencoder
        vae: importance-weighted likelihood of MNIST @ vae
        classical: mixtures, kernels, forests, Markov chains
        flow: explicit density
        wavenet: autoregression
        diffusion: denoising, and its sampling speed
        trilemma: fidelity, diversity, speed in one table""",
}


def claims() -> list[Claim]:
    """All claims, in order."""
    found = []
    for group, text in _OF.items():
        for line in text.splitlines():
            said, _, by = line.partition(" @ ")
            name, _, what = said.strip().partition(": ")
            found.append(Claim(name, group, what, tuple(by.split())))
    return found


def state(claim: Claim, results: Path) -> State:
    """Where a claim stands, by the records in a folder; of several, the first that does not hold or is not there."""
    if not claim.by:
        return State("not built", "", "no system of this name yet")
    states = [_of(name, results) for name in claim.by]
    return next((one for one in states if one.word != "holds"), states[-1])


def _of(name: str, results: Path) -> State:
    command = f"mintage lab {name}" if name in EXPERIMENTS else f"mintage reproduce {name}"
    try:
        record = json.loads((results / f"{name}.json").read_bytes())
    except (OSError, ValueError):
        return _without_record(name, command)
    date, misses = str(record.get("date", "")), len(record.get("misses", []))
    if record.get("left"):
        return State("unfinished", command, f"{record['left']} runs are not there yet; so far "
                                            f"{misses} of {len(record.get('measured', {}))} findings miss", date)
    if record.get("holds"):
        return State("holds", command, f"{len(record['measured'])} of {len(record['measured'])} findings", date)
    return State("does not hold", command, f"{misses} of {len(record.get('measured', {}))} findings miss", date)


def _without_record(name: str, command: str) -> State:
    if name not in ROWS:
        return State("not run", command, "")
    row = find(name)
    reasons = {arm.work.missing() for arm in row.arms} - {""}
    if not reasons:
        return State("not run", command, "")
    if all("MINTAGE_DATA" in reason for reason in reasons):
        return State("not run", command, "its data are not here: set MINTAGE_DATA")
    everything = all(arm.work.missing() for arm in row.arms)
    first = sorted(reasons)[0] + (f"; and {len(reasons) - 1} more" if len(reasons) > 1 else "")
    return State("not built" if everything else "not run", command, first)

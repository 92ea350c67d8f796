"""`mintage sample RUN`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import torch
from cyclopts import Parameter

from mintage.data import sheet, written
from mintage.runs import machine, product
from mintage.runs.errors import RunError
from mintage.runs.film import layout
from mintage.runs.truncation import truncate

SHEET = 10_000


def sample(run: Path, /, *, n: Annotated[int, Parameter(name=["--n", "-n"])] = 64, seed: int = 0,
           label: str | None = None, caption: str | None = None, truncation: float | None = None,
           out: Path | None = None, device: str = "cpu",
           precision: Literal["auto", "fp32", "bf16"] = "auto") -> None:
    """Write samples of a trained generator, any number of them in little memory.

    Parameters
    ----------
    run
        The folder of the run, or a generator/ folder.
    n
        How many.
    seed
        Of the latents: the same seed gives the same samples.
    label
        One class, by name or number; cat:0.7,dog:0.3 mixes classes, cat..dog goes from one to the other along the
        samples, from one latent; data draws classes with the shares of the training data.
    caption
        In words, for generators that were trained with captions. Default: captions held out of training, in turn.
    truncation
        0 to 1: how far styles may be from their mean, for generators that have styles. Default: 1, as learned.
    out
        A .png for one sheet, a .npy for an array, a .csv for points, or a folder for a file a sample; it appears when
        it is whole. Default: samples-SEED.png (points: .csv) in the run.
    device
        cpu, cuda, mps or auto. Another device than before may round otherwise.
    precision
        auto and fp32 give the same samples on every machine, up to rounding; bf16 is up to twice as fast, and a few
        grey levels off.
    """
    machine.settle()
    generator = product.load(run, device=device, precision=precision)
    if truncation is not None:
        truncate(generator, truncation)
    image = generator.spec.kind == "image"
    told = "-" + re.sub(r"[^\w.-]+", "-", label) if label else ""
    out = out or run / f"samples-{seed}{told}.{'png' if image else 'csv'}"
    if not out.absolute().parent.is_dir():
        raise RunError(f"cannot write {out}: there is no folder {out.absolute().parent}")
    if image and out.suffix == ".png":
        if n > SHEET:
            raise RunError(f"a sheet of {n:,} images is too large to look at; use --out NAME.npy or a folder")
        _sheet(generator, n, seed, label, caption, out)
    else:
        with written(out, generator.spec, n) as add:
            for x in generator.ready(n, seed=seed, label=label, caption=caption):
                add(x)
    print(f"{n} samples: {out}")


def _sheet(generator: product.Generator, n: int, seed: int, label: str | None, caption: str | None,
           out: Path) -> None:
    x = torch.cat(list(generator.stream(n, seed=seed, label=label, caption=caption)))
    page = sheet(x, generator.spec, columns=layout(generator.spec, 0 if label else generator.classes)[0])
    temporary = out.with_name(f".tmp-{out.name}")
    try:
        page.save(temporary, format="png")
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return sample

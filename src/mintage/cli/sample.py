"""`mintage sample RUN`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter

from mintage.data import sheet, write_examples
from mintage.runs import product
from mintage.runs.errors import RunError
from mintage.runs.film import layout


def sample(run: Path, /, *, n: Annotated[int, Parameter(name=["--n", "-n"])] = 64, seed: int = 0,
           label: str | None = None, out: Path | None = None, device: str = "cpu") -> None:
    """Write samples of a trained generator.

    Parameters
    ----------
    run
        The folder of the run, or a generator/ folder.
    n
        How many.
    seed
        Of the latents: the same seed gives the same samples.
    label
        One class only, by name or number.
    out
        A .png for one sheet, a .npy for an array, a .csv for points, or a folder for a file a sample.
        Default: samples-SEED.png (points: .csv) in the run.
    device
        cpu, cuda or mps.
    """
    generator = product.load(run, device=device)
    image = generator.spec.kind == "image"
    out = out or run / f"samples-{seed}{f'-{label}' if label else ''}.{'png' if image else 'csv'}"
    if not out.absolute().parent.is_dir():
        raise RunError(f"cannot write {out}: there is no folder {out.absolute().parent}")
    x = torch.cat(list(generator.stream(n, seed=seed, label=label)))
    if image and out.suffix == ".png":
        if n > 10_000:
            raise RunError(f"a sheet of {n:,} images is too large to look at; use --out NAME.npy or a folder")
        sheet(x, generator.spec, columns=layout(generator.spec, 0 if label else generator.classes)[0]).save(out)
    else:
        write_examples(x, generator.spec, out)
    print(f"{n} samples: {out}")


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return sample

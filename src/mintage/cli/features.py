"""`mintage features RUN DATA`."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mintage.runs import machine
from mintage.runs.durable import write_file
from mintage.runs.errors import RunError
from mintage.runs.folder import Run
from mintage.runs.representing import represented


def features(run: Path, data: str, /, *, out: Path | None = None) -> None:
    """What the critic of a run sees in data: the numbers that its last layer reads, a row for each example.

    Parameters
    ----------
    run
        The folder of a run of a system with a critic.
    data
        Images in a folder, zip, array or CSV, or a name; brought to the run's shape.
    out
        A .npy file, float32 [N, d]; labels, where there are any, go beside it as NAME-labels.npy. Default:
        features.npy in the run.
    """
    out = out or run / "features.npy"
    if out.suffix != ".npy" or not out.absolute().parent.is_dir():
        raise RunError(f"--out is {out}; give a .npy file in a folder that exists")
    machine.settle()
    found, examples = represented(Run.open(run), data)
    _write(out, found.numpy())
    print(f"{len(found):,} rows of {found.shape[1]:,} numbers: {out}")
    if examples.labels is not None:
        beside = out.with_name(f"{out.stem}-labels.npy")
        _write(beside, examples.labels.numpy())
        print(f"their labels: {beside}")


def _write(path: Path, array: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_file(path, buffer.getvalue())


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return features

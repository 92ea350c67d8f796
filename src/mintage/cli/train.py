"""`mintage train DATA`: its options are the common ones below and those of the chosen system."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from mintage.cli import BEGAN
from mintage.data import Fit
from mintage.runs.console import Console
from mintage.runs.start import Wish, begin
from mintage.systems import find
from mintage.systems.options import SettingError, options

DEFAULT = "r3gan"


def train(
    data: str, /, *, system: str = DEFAULT,
    resolution: str | None = None, batch: int | None = None,
    examples: int | None = None, minutes: float | None = None, seed: int = 0,
    device: str = "auto", precision: Literal["auto", "fp32", "bf16"] = "auto",
    compile: Literal["auto", "on", "off", "graphs"] = "auto", accumulate: int = 1,
    threads: int | None = None, out: Path | None = None,
    fit: Fit = "crop", channels: int | None = None, flip: bool = False,
    labels: str | None = None, given: str | None = None,
    judged: int = 2048, patience: int = 0, quiet: bool = False,
) -> None:
    """Train a generator on your data, and write a run: samples, checkpoints, the generator, a report.

    Parameters
    ----------
    data
        A folder of images (class sub-folders are labels), an IDX, NPY or NPZ file, FILE.npz:KEY, a Hugging Face data
        set on disk, or digits, ring, grid, gaussians, gaussian-1d; mnist, stacked-mnist, fmnist (see MINTAGE_DATA).
    system
        One of `mintage systems`; its own options follow the common ones.
    resolution
        Size of the images, WIDTHxHEIGHT or one number for a square. Default: theirs if all are of one size.
    batch
        Examples in a batch.
    examples
        How long to train, in examples seen.
    minutes
        How long to train, by the clock; turned into examples by a short trial. Default: 8.
    seed
        Of all randomness: the same seed on the same machine gives the same run.
    device
        auto, cpu, cuda or mps.
    precision
        Of the networks' activations; auto tries what the machine has.
    compile
        Play moves by kernels of their own; auto: where it pays back within the run; graphs: on CUDA, untried.
    accumulate
        Split each batch into so many parts, for batches that do not fit into memory; the gradients stay the same.
    threads
        On a CPU. Default: all or one, whichever is faster in a short trial.
    out
        The folder of the run. Default: runs/DATA-SYSTEM.
    fit
        How an image of another shape is brought to the resolution.
    channels
        1 (grey), 3 (colour) or 4 (colour and opacity). Default: 1 where all images are grey, else 3.
    flip
        Also train on mirrored images.
    labels
        Classes by file name from FILE.csv or FILE.csv:COLUMN. Default: the folders the images lie in.
    given
        What examples are made from: a folder (pairs by name, or another side), class:NAME, left, right, captions.csv.
    judged
        Samples the judge looks at, at each of ten marks; 0 turns judging off.
    patience
        Stop when the last so many marks are no better than those before, beyond their noise. 0: play to the end.
    quiet
        Say nothing but warnings.
    """
    raise TypeError("called through command()")


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb, with the options of the system that `arguments` name."""
    system = _named(arguments)
    find(system)
    own = options(system)

    def run(data: str, /, **given: Any) -> None:
        wish = {name: value for name, value in given.items() if name not in own and name not in ("quiet", "resolution")}
        chosen = {name: given[name] for name in own if name in given}
        wish["out"] = str(wish["out"]) if wish.get("out") else None
        begin(Wish(data, options=chosen, resolution=resolution_of(given.get("resolution")),
                   command=shlex.join(["mintage", "train", *arguments]), **wish),
              Console(quiet=given.get("quiet", False)), began=BEGAN)

    common = inspect.signature(train, eval_str=True)
    extra = [inspect.Parameter(o.name, inspect.Parameter.KEYWORD_ONLY, default=o.default,
                               annotation=Annotated[o.type, Parameter(help=o.help, group=f"Options of {system}")])
             for o in own.values()]
    run.__signature__ = common.replace(parameters=[*common.parameters.values(), *extra])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in run.__signature__.parameters.values()}  # type: ignore[attr-defined]
    run.__doc__ = train.__doc__
    return run


def resolution_of(text: str | None) -> tuple[int, int] | None:
    """(height, width) from WIDTHxHEIGHT or one number.

    Raises:
        SettingError: anything else.
    """
    if text is None:
        return None
    sides = text.lower().replace("×", "x").split("x")
    if len(sides) > 2 or not all(side.isdigit() and 1 <= int(side) <= 4096 for side in sides):
        raise SettingError(f"--resolution is {text!r}; give WIDTHxHEIGHT such as 64x48, or one number for a square, "
                           "each side from 1 to 4096")
    return int(sides[-1]), int(sides[0])


def _named(arguments: list[str]) -> str:
    """The system that the arguments name, before they are parsed."""
    for number, argument in enumerate(arguments):
        if argument.startswith("--system="):
            return argument.partition("=")[2]
        if argument == "--system" and number + 1 < len(arguments):
            return arguments[number + 1]
    return DEFAULT



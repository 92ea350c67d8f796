"""`mintage average RUN`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mintage.runs.averages import LENGTHS, choose, compare, lengths_of
from mintage.runs.folder import Run


def average(run: Path, /, *, lengths: str = ",".join(map(str, LENGTHS)), length: float | None = None) -> None:
    """Choose, after the training, how long the average of the generator's weights is.

    A longer average is smoother and later; which length is best is known only when the training is over. Without
    --length this judges several and changes nothing. The judge looks at the held-out examples, so the figure of the
    length chosen by it is a little too good.

    Parameters
    ----------
    run
        The folder of a run of a system that keeps power-function averages, as r3gan does.
    lengths
        Lengths to judge, each the deviation of the average's weights over the time trained (sigma_rel).
    length
        Make this length the product, generator/.
    """
    opened = Run.open(run)
    if length is not None:
        found = choose(opened, length)
        print(f"written: {opened.generator}")
        for line in found.leading() if found else ["it was not judged"]:
            print(f"  {line}")
        return
    best: tuple[float, float] | None = None
    print("length   Fréchet distance")
    for each, verdict in compare(opened, lengths_of(lengths)):
        print(f"{each:<8g} {f'{verdict.frechet:.3f}' if verdict else 'not judged'}", flush=True)
        if verdict and (best is None or verdict.frechet < best[1]):
            best = (each, verdict.frechet)
    if best:
        print(f"the lowest is at {best[0]:g}; make it the product with: mintage average {run} --length {best[0]:g}")


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return average

"""`mintage evaluate RUN`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mintage.runs.evaluating import evaluate as judge
from mintage.runs.folder import Run


def evaluate(run: Path, /, *, n: int = 10_000, seed: int = 1) -> None:
    """Judge a run's best checkpoint against its held-out data, on more samples than during training.

    Parameters
    ----------
    run
        The folder of the run.
    n
        Samples to judge; at most what was held out.
    seed
        Of the latents.
    """
    opened = Run.open(run)
    for line in judge(opened, n=n, seed=seed).lines():
        print(line)
    print(f"written: {opened.path / 'evaluation.json'}")


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return evaluate

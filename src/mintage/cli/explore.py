"""`mintage explore RUN`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mintage.runs import machine
from mintage.runs.errors import RunError
from mintage.runs.exploring import Wanted
from mintage.runs.exploring import explore as write


def explore(run: Path, /, *, seed: int = 0, invert: tuple[str, ...] = (), arithmetic: tuple[str, ...] = (),
            directions: int = 6, steps: int = 200, attributes: bool = True, device: str = "cpu") -> None:
    """Sheets and short films of a generator's latent space, into RUN/explore/ with an index.html.

    Interpolation, a grid between four latents, truncation, classes, directions that the weights tell, style mixing:
    what the generator has. The same seed writes the same files.

    Parameters
    ----------
    run
        The folder of the run, or a generator/ folder.
    seed
        Of the latents.
    invert
        An image, a folder or an array to be found in the latent space; once for each.
    arithmetic
        A sum such as "A - B + C" of classes or files, with blanks around the signs; once for each.
    directions
        How many directions.
    steps
        Of inversion.
    attributes
        Also the direction of each class, where the data have labels that the generator does not see; it reads the
        training examples.
    device
        cpu, cuda, mps or auto.
    """
    for name, value, least in (("seed", seed, 0), ("directions", directions, 1), ("steps", steps, 0)):
        if value < least:
            raise RunError(f"--{name} is {value}; it is {least} or more")
    machine.settle()
    for sentence in write(run, Wanted(seed, directions, invert, arithmetic, attributes, steps), device=device):
        print(sentence)


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return explore

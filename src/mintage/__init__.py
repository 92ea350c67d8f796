"""mintage: from a folder of your own data to a generator you can trust.

    run = mintage.train("photos/", minutes=8)
    samples = mintage.load(run).sample(64, seed=0)

A generative system is a game; a run is a folder. Everything else is imported when it is used, so that `import mintage`
costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from mintage.runs.folder import Run
    from mintage.runs.product import Generator

__version__ = "0.1.0"
__all__ = ["load", "train"]


def train(data: str | Path, *, system: str = "r3gan", resolution: tuple[int, int] | None = None, quiet: bool = True,
          **settings: Any) -> Run:
    """Train `system` on `data` and return the run.

    Args:
        data: a folder of images, an array file, or the name of a data set (`mintage train --help` lists them).
        system: one of `mintage systems`.
        resolution: (height, width) of the images; decided from the data where it is left open.
        quiet: say nothing but warnings.
        settings: fit, channels, flip, batch, examples or minutes, seed, device, precision, judged, out, as on the
            command line; and the system's own options.

    Raises:
        ValueError: something asked for cannot be; said before anything is written.
    """
    from dataclasses import fields

    from mintage.runs.console import Console
    from mintage.runs.start import Wish, begin

    common = {field.name for field in fields(Wish)} - {"data", "system", "options", "resolution"}
    options = {name: value for name, value in settings.items() if name not in common}
    asked: dict[str, Any] = {name: value for name, value in settings.items() if name in common}
    if asked.get("out") is not None:
        asked["out"] = str(asked["out"])
    wish = Wish(str(data), system, options, resolution, **asked)
    return begin(wish, Console(quiet=quiet))


def load(run: Run | str | Path, *, device: str = "cpu") -> Generator:
    """The generator of a run, or of a `generator/` folder that was copied elsewhere."""
    from pathlib import Path

    from mintage.runs import product

    return product.load(run if isinstance(run, (str, Path)) else run.path, device=device)

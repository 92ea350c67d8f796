"""`mintage translate RUN INPUT`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from mintage.runs import machine, product
from mintage.runs.errors import RunError
from mintage.runs.translating import Scale, Translator
from mintage.runs.translating import translate as translated


def translate(run: Path, source: Path, /, *, out: Path | None = None, back: bool = False, scale: Scale = "trained",
              device: str = "cpu", precision: Literal["auto", "fp32", "bf16"] = "auto") -> None:
    """Make images from images, of any size, with a generator that was trained for it.

    Parameters
    ----------
    run
        The folder of the run, or a generator/ folder.
    source
        An image, or a folder of images.
    out
        A .png for one image, or a folder. Default: a folder translated-NAME in the run, or translated-back-NAME.
    back
        The other direction, where the system learnt both (cyclegan).
    scale
        trained brings an image to the size of the training images for a network that looks at the whole, and what is
        made back to the size of the image; own translates the pixels as they are. srgan needs neither.
    device
        cpu, cuda, mps or auto.
    precision
        auto and fp32 give the same image on every machine, up to rounding; bf16 is faster and a few grey levels off.
    """
    machine.settle()
    translator = Translator(product.load(run, device=device, precision=precision), back=back, scale=scale)
    out = out or run / f"translated-{'back-' if back else ''}{source.stem}"
    made = 0
    for done in translated(translator, source, out):
        if done.made is None:
            print(f"{done.source}: {done.trouble}")
        made += done.made is not None
        last = done.made
    if not made:
        raise RunError("no image could be translated")
    print(f"1 image: {last}" if source.is_file() else f"{made} image{'s' * (made > 1)}: {out}")


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return translate

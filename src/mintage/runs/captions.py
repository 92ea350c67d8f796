"""Captions that a run and its product keep: the frozen text encoder, and some captions that were held out of training.

    captions.json           the encoder's name, and captions held out
    captions.safetensors    the encoder's arrays

They lie in the run from its first round on, and beside the weights in generator/, so that any caption can be drawn
without the data.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import safetensors.torch
from torch import Tensor

from mintage.data import Given
from mintage.data.origins import Origins
from mintage.data.text_encoder import TextEncoder, Texts
from mintage.runs.durable import write_file
from mintage.runs.errors import RunError

KEPT = 64
WORDS, ARRAYS = "captions.json", "captions.safetensors"


class Captions(NamedTuple):
    """An encoder, and captions that nothing was trained on."""

    encoder: TextEncoder
    texts: list[str]

    def rows(self, caption: str | None) -> Tensor:
        """The vector of one caption, or of all those kept: float32 [n, d].

        Raises:
            RunError: no word of the caption, and no part of one, was in the captions trained on.
        """
        c = self.encoder(self.texts if caption is None else [caption])
        if caption is not None and not bool(c.any()):
            raise RunError(f"no word of {caption!r} is like one of the captions this generator was trained on; those "
                           f"are such as: {'; '.join(self.texts[:3])}")
        return c


def keep(folder: Path, origins: Origins | None) -> None:
    """Write the encoder and some captions of `origins` into a folder, once; nothing where these are no captions."""
    if origins is None or not isinstance(origins.store, Texts) or (folder / WORDS).exists():
        return
    store = origins.store
    distinct = list(dict.fromkeys(store.texts))[:KEPT]
    write_file(folder / ARRAYS, safetensors.torch.save(
        {name: array.contiguous() for name, array in store.encoder.arrays().items()}), point="captions")
    write_file(folder / WORDS, json.dumps({"encoder": store.encoder.name, "captions": distinct},
                                          ensure_ascii=False).encode(), point="captions")


def contents(folder: Path) -> dict[str, bytes]:
    """The files that `keep` wrote, by name; none where it wrote none."""
    return {name: (folder / name).read_bytes() for name in (WORDS, ARRAYS) if (folder / name).exists()}


def kept(folder: Path, given: Given | None) -> Captions | None:
    """What `keep` wrote; None where examples are not made from captions.

    Raises:
        RunError: it is not there, damaged, or of another encoder than that of this name.
    """
    if given is None or given.kind != "text":
        return None
    try:
        words = json.loads((folder / WORDS).read_bytes())
        found = TextEncoder(**safetensors.torch.load((folder / ARRAYS).read_bytes()))
        texts = [str(one) for one in words["captions"]]
    except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
        raise RunError(f"{folder} makes images from captions, and its {WORDS} or {ARRAYS} is missing or damaged; copy "
                       "the whole folder") from error
    if found.name != given.encoder or not texts:
        raise RunError(f"{folder / ARRAYS} is the encoder {found.name}, and these weights were trained with "
                       f"{given.encoder}; copy the whole folder")
    return Captions(found, texts)

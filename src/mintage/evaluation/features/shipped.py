"""Weights that ship with the package: read, and never used when they are not the ones that figures were made with."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

from safetensors.torch import load
from torch import Tensor


@cache
def shipped_bytes(name: str, digest: str) -> bytes:
    """The packaged file of this name, as it is on disk.

    Raises:
        RuntimeError: its sha256 is another; it was changed or cut short.
    """
    data = resources.files("mintage.evaluation.features").joinpath(name).read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise RuntimeError(f"{name} has sha256 {found}, expected {digest}: the installed file is damaged or was "
                           "replaced, and its figures could not be compared with anyone's. Reinstall mintage.")
    return data


def shipped_weights(name: str, digest: str) -> dict[str, Tensor]:
    """The weights in it: kept as half floats, used as floats."""
    return {key: weight.float() for key, weight in load(shipped_bytes(name, digest)).items()}

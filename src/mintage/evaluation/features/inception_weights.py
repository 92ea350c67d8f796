"""Inception's weights: reading the file a user has, and fetching it when asked to. No network, no code, by default.

The file is read once; its sha256 is taken of the bytes that are then loaded. Accepted are

    torch-fidelity's weights-inception-2015-12-05-6726825d.pth, which is pytorch-fid's pt_inception-... byte for byte
    NVIDIA's inception-2015-12-05.pt, a TorchScript archive (StyleGAN, clean-fid)

and, on the user's word that names the digest, a .pth or .safetensors with the same tensor names. This is the only
place in mintage where a pickled file is opened: after the digest, as tensors only (weights_only=True), in
`_state_dict`. Opening a TorchScript archive can run what it contains, so that is done for NVIDIA's file alone, never on
anyone's word, and only its numbers are taken.
"""

from __future__ import annotations

import hashlib
import io
import os
import urllib.request
import warnings
import zipfile
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from mintage.evaluation.features.inception_net import graph_names


class Known(NamedTuple):
    """A file that is known: how it is read, its usual name, its size in bytes and where it comes from."""

    kind: str
    name: str
    size: int
    origin: str


FETCHED = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
URL = ("https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
       "weights-inception-2015-12-05-6726825d.pth")
KNOWN = {
    FETCHED: Known("pth", "weights-inception-2015-12-05-6726825d.pth", 95_628_359, "torch-fidelity and pytorch-fid"),
    "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4":
        Known("torchscript", "inception-2015-12-05.pt", 95_607_719, "NVIDIA, as StyleGAN and clean-fid use it"),
}
CHUNK = 1 << 20
PATIENCE = 60.0  # seconds without a byte before a fetch is given up


def read_inception(path: str | Path, *, trust: str = "") -> tuple[str, dict[str, Tensor]]:
    """(sha256 of the file, its weights by the names of torch-fidelity's file, float32 on the CPU).

    `trust` is the full sha256 of a .pth or .safetensors of your own: you say that you know where that file comes from.
    Scores made with it carry its digest and can be compared only with scores that carry the same.

    Raises:
        ValueError: the file is missing, is not a known one and not the one that `trust` names, or cannot be read.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"the weights of Inception cannot be read from {path}: {error}. {_by_hand(path.parent)}"
                         ) from error
    digest = hashlib.sha256(data).hexdigest()
    kind = KNOWN[digest].kind if digest in KNOWN else _kind(path, data)
    _admit(path, digest, kind, len(data), trust.strip().lower())
    reader = {"pth": _state_dict, "torchscript": _torchscript, "safetensors": load}[kind]
    try:
        weights = reader(data)
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path} holds no table of named tensors: {str(error)[:300]}") from error
    return digest, {name: weight.detach().float() for name, weight in weights.items()}


def fetch_inception(folder: str | Path, *, url: str = URL) -> Path:
    """Download torch-fidelity's weight file (95.6 MB) into `folder` once -> its path. Only ever when you call this.

    A file that is there already and has the right digest is left as it is. The download goes to a temporary name and
    is renamed after its digest was checked, so a file under the final name is whole. `url` names a mirror.

    Raises:
        ValueError: no network, no space, or the bytes are not the file's; the message says what to do by hand.
    """
    folder = Path(folder)
    target = folder / KNOWN[FETCHED].name
    if target.is_file() and _file_digest(target) == FETCHED:
        return target
    temporary = folder / f".tmp-{os.getpid()}-{target.name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        digest = _download(url, temporary)
        if digest != FETCHED:
            raise ValueError(f"what {url} sent has sha256 {digest}, expected {FETCHED}; nothing was kept. "
                             f"{_by_hand(folder)}")
        os.replace(temporary, target)
    except (OSError, HTTPException) as error:
        raise ValueError(f"Inception's weights could not be fetched from {url}: {error}. {_by_hand(folder)}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _download(url: str, target: Path) -> str:
    """Write what `url` sends, at most one byte more than the file should have; its sha256."""
    digest, left = hashlib.sha256(), KNOWN[FETCHED].size + 1
    with urllib.request.urlopen(url, timeout=PATIENCE) as source, target.open("wb") as sink:
        while chunk := source.read(min(CHUNK, left)):
            sink.write(chunk)
            digest.update(chunk)
            left -= len(chunk)
        sink.flush()
        os.fsync(sink.fileno())
    return digest.hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _by_hand(folder: Path) -> str:
    return f"By hand: download {URL} on any machine, put it into {folder}, and give the file's path."


def _kind(path: Path, data: bytes) -> str:
    """How a file that is not known would be read."""
    if path.suffix.lower() == ".safetensors":
        return "safetensors"
    buffer = io.BytesIO(data)
    if zipfile.is_zipfile(buffer):
        with zipfile.ZipFile(buffer) as archive:
            if any("/code/" in f"/{name}" for name in archive.namelist()):
                return "torchscript"
    return "pth"


def _admit(path: Path, digest: str, kind: str, size: int, trust: str) -> None:
    """Raise ValueError unless the file is known, or is the one `trust` names and of a kind that runs nothing."""
    files = "; ".join(f"{known.name} ({known.size:,} bytes, {known.origin}) {key}" for key, known in KNOWN.items())
    if trust and trust != digest:
        raise ValueError(f"trust names sha256 {trust}, but {path} ({size:,} bytes) has {digest}. Nothing was loaded.")
    if digest in KNOWN:
        return
    received = f"{path} ({size:,} bytes) has sha256 {digest}, which is none of the known Inception files: {files}."
    if kind == "torchscript":
        raise ValueError(f"{received} It is a TorchScript archive, which can run code when it is opened, so it is not "
                         "accepted on trust either. Export its state dict to .safetensors, or use a known file.")
    if not trust:
        raise ValueError(f"{received} A download may have been cut short. If you know where this file comes from, say "
                         f'so by naming it: trust="{digest}"; its scores then compare only with scores of that digest.')


def _state_dict(data: bytes) -> dict[str, Tensor]:
    """The tensors of a .pth whose digest was checked. weights_only: a pickle that asks for more is refused."""
    try:
        found: Any = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
    except Exception as error:  # a broken file raises whatever its broken part raises: five types were seen
        raise ValueError(f"not a PyTorch file of plain tensors ({type(error).__name__})") from error
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise ValueError("it holds something else than a state dict; save net.state_dict() alone")
    return found


def _torchscript(data: bytes) -> dict[str, Tensor]:
    """The numbers of NVIDIA's archive, under torch-fidelity's names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch would rather have torch.export; the file is older
        return from_graph(torch.jit.load(io.BytesIO(data), map_location="cpu").state_dict())


def from_graph(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """A table by the names of TensorFlow's graph -> the same by ours. Its norms have no scale: a scale of 1."""
    fields = {"weight": "conv.weight", "beta": "bn.bias", "mean": "bn.running_mean", "var": "bn.running_var"}
    weights = {f"fc.{field}": theirs[f"output.{field}"] for field in ("weight", "bias") if f"output.{field}" in theirs}
    for ours, name in graph_names().items():
        for field, place in fields.items():
            if (key := f"layers.{name}.{field}") in theirs:
                weights[f"{ours}.{place}"] = theirs[key]
        if (beta := theirs.get(f"layers.{name}.beta")) is not None:
            weights[f"{ours}.bn.weight"] = torch.ones_like(beta)
    return weights

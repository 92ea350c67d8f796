"""Waves: sounds x [n, T] of one rate and one length, mono in [-1, 1], from a folder or a zip of WAV files.

What cannot be used is set aside with a reason, and more than one in ten of that stops. A sound shorter than T is
followed by silence; of a longer one the beginning is kept.
"""

from __future__ import annotations

import math
import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch

from mintage.data.classes import Classes, classes_of
from mintage.data.errors import DataError
from mintage.data.examples import Reject
from mintage.data.files import Files, FolderFiles, ZipFiles, shown, stamp_of
from mintage.data.rates import resampled
from mintage.data.riff import Sound, decode_wav
from mintage.data.stores import digests_of

MOST_BROKEN = 0.1
SHOWN = 3
WHOLE_SHARE = 0.95  # of the sounds are kept whole where no length is given
ENDINGS = (b".wav", b".wave")
PREFIX = re.compile(rb"([^_-]+)[_-].")
Naming = Literal["auto", "folder", "prefix", "none"]


@dataclass(frozen=True, eq=False)
class Waves:
    """Sounds float32 [n, T] in [-1, 1] at `rate` samples a second; their files; labels int64 [n] of `classes`."""

    name: str
    samples: np.ndarray
    rate: int
    files: tuple[str, ...]
    classes: tuple[str, ...] = ()
    labels: np.ndarray | None = None
    notes: tuple[str, ...] = field(default=())
    rejects: tuple[Reject, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def x(self) -> torch.Tensor:
        """The sounds as a tensor float32 [n, T]."""
        return torch.from_numpy(self.samples)

    @cached_property
    def digests(self) -> np.ndarray:
        """Content hashes of the sounds, uint8 [n, 16]."""
        return digests_of(self.samples)

    def take(self, indices: np.ndarray | torch.Tensor, name: str | None = None) -> Waves:
        """These sounds only, in this order."""
        rows = np.asarray(indices)
        labels = None if self.labels is None else self.labels[rows]
        files = tuple(np.array(self.files, dtype=object)[rows])
        return Waves(name or self.name, self.samples[rows], self.rate, files, self.classes, labels, self.notes,
                     self.rejects)


class _Read(NamedTuple):
    sounds: list[Sound]
    names: list[bytes]
    rejects: list[Reject]


def open_waves(path: str | Path, like: Waves | None = None, *, rate: int | None = None, length: int | None = None,
               classes: Naming = "auto") -> Waves:
    """The sounds of a folder, with the folders in it, or of a zip.

    `rate` in samples a second: sounds of another rate are resampled; without it all must have one, that of `like` if
    given. `length` in samples: without it, that of `like`, or else the least that keeps 95 in 100 sounds whole.
    `classes` are by folder where there are several, and otherwise by the part of each name before its first _ or -,
    where every name has one and each is there twice or more.

    Raises:
        DataError: no usable sound, more than a tenth of them broken, or rates that differ.
    """
    path = Path(path)
    if rate is not None and rate < 1 or length is not None and length < 1:
        raise DataError(f"a rate of {rate} and a length of {length} cannot be; both are 1 or more")
    read = _read(path)
    wanted, notes = _one_rate(path, read.sounds, rate, like), list[str]()
    mixed = sum(sound.channels > 1 for sound in read.sounds)
    other = Counter(sound.rate for sound in read.sounds if sound.rate != wanted)
    if mixed:
        notes.append(f"{mixed:,} sound{'s have' if mixed != 1 else ' has'} several channels, mixed into one")
    notes += [f"{n:,} sound{'s' * (n != 1)} resampled from {old:,} to {wanted:,} samples a second"
              for old, n in sorted(other.items())]
    samples = _of_length([resampled(sound.x, sound.rate, wanted) for sound in read.sounds],
                         length or (like.samples.shape[1] if like else None), notes)
    silent = int((samples == 0).all(1).sum())
    if silent:
        notes.append(f"{silent:,} sound{'s are' if silent != 1 else ' is'} silent")
    told = _classes(read.names, classes)
    return Waves(path.name, samples, wanted, tuple(map(shown, read.names)), told.names, told.labels,
                 (*notes, *told.notes), tuple(read.rejects))


def _read(path: Path) -> _Read:
    files = _listed(path)
    if not len(files):
        raise DataError(f"{path} holds no .wav files; give a folder or a zip of them")
    found = _Read([], [], [])
    for index in range(len(files)):
        try:
            found.sounds.append(decode_wav(files.read(index)))
            found.names.append(files.name(index))
        except DataError as error:
            found.rejects.append(Reject(shown(files.name(index)), str(error)))
    bad = found.rejects
    if not found.sounds or len(bad) > MOST_BROKEN * len(files):
        first = "; ".join(f"{reject.file}: {reject.reason}" for reject in bad[:SHOWN])
        more = f"; and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        raise DataError(f"{len(bad)} of {len(files)} sound files in {path} cannot be used, more than one in ten "
                        f"({first}{more}). Repair or remove them and open the data again")
    return found


def _listed(path: Path) -> Files:
    """The WAV files, in the order of their names; hidden ones and links are passed over."""
    if path.is_dir():
        return FolderFiles.of(os.fsencode(path), _walk(os.fsencode(path)))
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"{path} is no folder and cannot be read as a zip: {error}; give a folder or a zip of WAV "
                        "files") from error
    names = {member.filename.encode("utf-8", "surrogateescape"): member for member in archive.infolist()}
    good = [member for name, member in sorted(names.items()) if _is_wave(name)]
    return ZipFiles(str(path), good, stamp_of(str(path)), archive)


def _walk(top: bytes) -> Iterator[tuple[bytes, int, int]]:
    for folder, _, names in os.walk(top):
        for name in names:
            full = os.path.join(folder, name)
            below = os.path.relpath(full, top)
            if _is_wave(below) and not os.path.islink(full):
                state = os.stat(full)
                yield below, state.st_size, state.st_mtime_ns


def _is_wave(name: bytes) -> bool:
    hidden = any((part.startswith(b".") and part != b".") or part == b"__MACOSX" for part in name.split(b"/"))
    return name.lower().endswith(ENDINGS) and not hidden


def _one_rate(path: Path, sounds: list[Sound], rate: int | None, like: Waves | None) -> int:
    if rate is not None:
        return rate
    met = Counter(sound.rate for sound in sounds)
    told = ", ".join(f"{n:,} at {old:,}" for old, n in met.most_common())
    if like is not None and set(met) != {like.rate}:
        raise DataError(f"the sounds of {path} ({told} samples a second) are not at the {like.rate:,} of {like.name}; "
                        f"give rate={like.rate} to have them resampled")
    if len(met) > 1:
        common = met.most_common(1)[0][0]
        raise DataError(f"the sounds of {path} have different rates ({told} samples a second); give rate={common} to "
                        "have them resampled")
    return next(iter(met))


def _of_length(sounds: list[np.ndarray], length: int | None, notes: list[str]) -> np.ndarray:
    sizes = sorted(map(len, sounds))
    length = length or sizes[math.ceil(WHOLE_SHARE * len(sizes)) - 1]
    found = np.zeros((len(sounds), length), dtype=np.float32)
    for row, sound in zip(found, sounds, strict=True):
        row[: len(sound)] = sound[:length]
    short, long = sum(size < length for size in sizes), sum(size > length for size in sizes)
    if short or long:
        notes.append(f"sounds of {sizes[0]:,} to {sizes[-1]:,} samples are brought to {length:,}: {short:,} are "
                     f"followed by silence, {long:,} are cut")
    return found


def _classes(names: list[bytes], naming: Naming) -> Classes:
    told = classes_of(names) if naming in ("auto", "folder") else Classes((), None, [])
    told = told._replace(notes=[note.replace("image", "sound") for note in told.notes])
    if told.names or naming in ("folder", "none"):
        return told
    found = [PREFIX.match(os.path.basename(name)) for name in names]
    heads = [match.group(1) for match in found if match]
    known = sorted(set(heads))
    if naming == "auto" and (len(heads) < len(names) or len(known) < 2 or min(Counter(heads).values()) < 2):
        return told
    if len(heads) < len(names):
        bad = next(name for name, match in zip(names, found, strict=True) if not match)
        raise DataError(f"the name {shown(bad)} has no part before a _ or - to be its class; rename it, or choose "
                        "classes='none'")
    labels = np.array([known.index(head) for head in heads], dtype=np.int64)
    listed = ", ".join(shown(head) for head in known[:10]) + ", ..." * (len(known) > 10)
    return Classes(tuple(map(shown, known)), labels, [f"{len(known)} classes, by the beginning of the name: {listed}"])

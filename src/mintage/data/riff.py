"""RIFF: the bytes of one WAV file as sound x [T], mono float32 in [-1, 1], and its rate in samples a second.

A WAV file is a list of chunks. `fmt ` says how samples are held: whole numbers of 8 (unsigned), 16, 24 or 32 bits, or
floats of 32 or 64; the extensible form, which many programs write for 24 bits, is read too, as the `wave` module of
Python 3.11 does not. `data` holds the samples, channels side by side; channels are mixed by their mean.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from mintage.data.errors import DataError

WHOLE, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
UNKNOWN = 0xFFFFFFFF  # the size that a program writes which does not know it yet
RATES = (1000, 768_000)
MOST_CHANNELS = 32


class Sound(NamedTuple):
    """Samples float32 [T] in [-1, 1], the rate in samples a second, and how many channels were mixed."""

    x: np.ndarray
    rate: int
    channels: int


class Format(NamedTuple):
    """What `fmt ` says."""

    kind: int
    channels: int
    rate: int
    bits: int


def decode_wav(raw: bytes) -> Sound:
    """The sound of a WAV file.

    Raises:
        DataError: it is no WAV file, is cut short, holds no samples, or holds them in a way that is not read.
    """
    if len(raw) < 12 or raw[:4] not in (b"RIFF", b"RF64") or raw[8:12] != b"WAVE":
        raise DataError("it is not a WAV file" if raw else "it is empty")
    if raw[:4] == b"RF64":
        raise DataError("it is an RF64 file, of more than 4 GB; cut it into shorter WAV files")
    form, data = _chunks(raw)
    width = form.bits // 8 * form.channels
    if len(data) < width:
        raise DataError("it holds no samples")
    whole = np.frombuffer(data[: len(data) // width * width], dtype=np.uint8)
    x = _samples(whole, form).reshape(-1, form.channels)
    if not np.isfinite(x).all():
        raise DataError("it holds samples that are not finite (NaN or infinite)")
    return Sound(x.clip(-1, 1).mean(1, dtype=np.float64).astype(np.float32), form.rate, form.channels)


def _chunks(raw: bytes) -> tuple[Format, bytes]:
    form, place = None, 12
    while place + 8 <= len(raw):
        name, size = raw[place:place + 4], struct.unpack_from("<I", raw, place + 4)[0]
        place += 8
        here = len(raw) - place
        if name == b"data":
            if form is None:
                raise DataError("its samples come before the chunk that says how they are held")
            if size > here and size != UNKNOWN:
                raise DataError(f"it is cut short: its header promises {size:,} bytes of samples and has {here:,}")
            return form, raw[place:place + min(size, here)]
        if name == b"fmt ":
            form = _format(raw[place:place + size])
        place += size + size % 2
    raise DataError("it has a header and no samples" if form else "it is cut short within its header")


def _format(chunk: bytes) -> Format:
    if len(chunk) < 16:
        raise DataError("it is cut short within its header")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if kind == EXTENSIBLE and len(chunk) >= 26:
        kind = struct.unpack_from("<H", chunk, 24)[0]
    if (kind, bits) not in {(WHOLE, 8), (WHOLE, 16), (WHOLE, 24), (WHOLE, 32), (FLOAT, 32), (FLOAT, 64)}:
        raise DataError(f"its samples are of format {kind} with {bits} bits; read are whole numbers of 8, 16, 24 or 32 "
                        "bits and floats of 32 or 64; convert it")
    if not 1 <= channels <= MOST_CHANNELS or not RATES[0] <= rate <= RATES[1]:
        raise DataError(f"its header says {channels} channels at {rate:,} samples a second; allowed are 1 to "
                        f"{MOST_CHANNELS} at {RATES[0]:,} to {RATES[1]:,}")
    return Format(kind, channels, rate, bits)


def _samples(data: np.ndarray, form: Format) -> np.ndarray:
    """Bytes as floats: whole numbers divided by 2^(bits - 1), so that the least one is -1."""
    if form.kind == FLOAT:
        return data.view(f"<f{form.bits // 8}")
    if form.bits == 8:
        return (data.astype(np.float32) - 128) / 128
    if form.bits == 24:  # the three bytes become the upper ones of four
        wide = np.zeros((len(data) // 3, 4), dtype=np.uint8)
        wide[:, 1:] = data.reshape(-1, 3)
        return wide.reshape(-1).view("<i4") / 2.0**31
    return data.view(f"<i{form.bits // 8}") / 2.0 ** (form.bits - 1)

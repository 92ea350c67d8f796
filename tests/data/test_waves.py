"""Waves: WAV files of every kind that is read, rates, lengths, classes, and what is refused."""

from __future__ import annotations

import io
import math
import struct
import wave
import zipfile

import numpy as np
import pytest
from scipy import signal

from mintage.data.errors import DataError
from mintage.data.rates import resampled
from mintage.data.riff import decode_wav
from mintage.data.waves import open_waves

RATE = 8000


def sine(hertz: float, seconds: float = 0.1, rate: int = RATE) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def saved(x: np.ndarray, rate: int = RATE, bits: int = 16) -> bytes:
    """The bytes of a WAV file of x [T] or [T, channels], written by the standard library."""
    x = x[:, None] if x.ndim == 1 else x
    whole = np.clip(np.rint(x * 2 ** (bits - 1)), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1).astype(np.int64)
    raw = (whole + 128 if bits == 8 else whole).astype("<i8").reshape(-1, 1).view(np.uint8)[:, :bits // 8]
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(x.shape[1])
        file.setsampwidth(bits // 8)
        file.setframerate(rate)
        file.writeframes(raw.tobytes())
    return buffer.getvalue()


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def form(kind: int, bits: int, channels: int = 1, rate: int = RATE) -> bytes:
    width = bits // 8 * channels
    return struct.pack("<HHIIHH", kind, channels, rate, rate * width, width, bits)


def folder(path, files: dict[str, bytes]):
    for name, raw in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(raw)
    return path


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_each_depth_is_read_to_its_last_bit(bits):
    x = np.concatenate([sine(440), [-1.0, 0.0]])
    sound = decode_wav(saved(x, bits=bits))
    assert sound.rate == RATE and sound.x.dtype == np.float32 and sound.x[-2:].tolist() == [-1, 0]
    assert np.abs(sound.x - x).max() <= max(0.5 / 2 ** (bits - 1), 2.0**-24) + 1e-12


def test_channels_are_mixed_by_their_mean():
    sound = decode_wav(saved(np.stack([sine(440), -sine(440) / 2], 1)))
    assert sound.channels == 2 and np.allclose(sound.x, sine(440) / 4, atol=1e-4)


def test_floats_the_extensible_form_and_odd_chunks():
    x = sine(440).astype("<f4")
    assert (decode_wav(riff((b"fmt ", form(3, 32)), (b"LIST", b"odd"), (b"data", x.tobytes()))).x == x).all()
    assert (decode_wav(riff((b"fmt ", form(3, 64)), (b"data", x.astype("<f8").tobytes()))).x == x).all()
    extensible = form(0xFFFE, 16) + struct.pack("<HHI", 22, 16, 0) + struct.pack("<H", 1) + b"\0" * 14
    whole = (x * 32767).astype("<i2")
    assert (decode_wav(riff((b"fmt ", extensible), (b"data", whole.tobytes()))).x == whole / np.float32(32768)).all()
    streamed = saved(sine(440))
    unknown = streamed[:40] + b"\xff" * 4 + streamed[44:]  # a size that was not known yet
    assert (decode_wav(unknown).x == decode_wav(streamed).x).all()


@pytest.mark.parametrize(("raw", "said"), [
    (b"", "empty"),
    (b"ID3\x04" * 20, "not a WAV"),
    (saved(sine(440))[:-100], r"cut short: .* 1,600 bytes of samples and has 1,500"),
    (saved(sine(440))[:20], "cut short within its header"),
    (saved(np.zeros(0)), "no samples"),
    (riff((b"fmt ", form(1, 16))), "header and no samples"),
    (riff((b"data", b"1234"), (b"fmt ", form(1, 16))), "before the chunk"),
    (riff((b"fmt ", form(7, 8)), (b"data", b"1234")), "format 7 with 8 bits"),
    (riff((b"fmt ", form(1, 16, channels=0)), (b"data", b"1234")), "0 channels"),
    (riff((b"fmt ", form(1, 16, rate=0)), (b"data", b"1234")), "at 0 samples"),
    (riff((b"fmt ", form(3, 32)), (b"data", struct.pack("<f", math.nan))), "not finite"),
    (riff((b"fmt ", form(3, 32, channels=2)), (b"data", struct.pack("<ff", math.inf, -math.inf))), "not finite"),
])
def test_what_is_no_sound_is_refused(raw, said):
    with pytest.raises(DataError, match=said):
        decode_wav(raw)


@pytest.mark.parametrize(("old", "new"), [(44100, 8000), (8000, 16000), (16000, 8000), (8000, 11025)])
def test_a_tone_stays_itself_at_another_rate(old, new):
    y = resampled(sine(440, 0.5, old).astype(np.float32), old, new)
    inner = slice(len(y) // 10, -len(y) // 10)
    assert len(y) == math.ceil(round(0.5 * old) * new / old)
    assert np.abs(y - sine(440, 0.6, new)[: len(y)])[inner].max() < 1e-4
    assert np.abs(resampled(np.ones(old, np.float32), old, new)[new // 10:-new // 10] - 1).max() < 1e-6
    theirs = signal.resample_poly(sine(440, 0.5, old), new, old)[: len(y)]
    assert np.abs(y - theirs)[inner].max() < 2e-3


def test_what_a_lower_rate_cannot_hold_is_removed():
    y = resampled(sine(5000, 0.5, 16000).astype(np.float32), 16000, 8000)
    assert np.abs(y[400:-400]).max() < 1e-3
    with pytest.raises(DataError, match="simpler ratio"):
        resampled(np.zeros(9, np.float32), 8000, 7999)


def test_a_folder_and_a_zip_hold_the_same_sounds(tmp_path):
    files = {f"{word}_{k}.wav": saved(sine(200 * (k + 1), 0.1 + 0.01 * k)) for word in ("yes", "no") for k in range(2)}
    place = folder(tmp_path / "a", {**files, ".hidden.wav": b"", "readme.txt": b"hello"})
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, raw in reversed(files.items()):
            archive.writestr(name, raw)
    first, second = open_waves(place), open_waves(tmp_path / "a.zip")
    assert first.files == ("no_0.wav", "no_1.wav", "yes_0.wav", "yes_1.wav") == second.files
    assert (first.digests == second.digests).all() and first.rate == RATE
    assert first.classes == ("no", "yes") and first.labels.tolist() == [0, 0, 1, 1]
    assert first.samples.shape == (4, 880) and (first.samples[0, 800:] == 0).all()
    assert any("800 to 880 samples are brought to 880: 2 are followed by silence, 0 are cut" in n for n in first.notes)
    taken = first.take([3, 0])
    assert taken.files == ("yes_1.wav", "no_0.wav") and taken.labels.tolist() == [1, 0] and len(taken) == 2
    assert open_waves(place, length=100).samples.shape == (4, 100) == open_waves(place, like=taken, length=100).x.shape
    assert open_waves(place, classes="none").labels is None


def test_classes_by_folder(tmp_path):
    files = {f"{word}/{k}.wav": saved(sine(440)) for word in ("cat", "dog") for k in range(2)}
    waves = open_waves(folder(tmp_path, files))
    assert waves.classes == ("cat", "dog") and waves.labels.tolist() == [0, 0, 1, 1]
    with pytest.raises(DataError, match="no part before"):
        open_waves(tmp_path, classes="prefix")


def test_rates_that_differ_are_refused_unless_asked(tmp_path):
    place = folder(tmp_path / "a", {"a.wav": saved(sine(440)), "b.wav": saved(sine(440, rate=16000), 16000)})
    with pytest.raises(DataError, match=r"different rates \(1 at 8,000, 1 at 16,000 .*give rate=8000"):
        open_waves(place)
    waves = open_waves(place, rate=8000)
    assert np.abs(waves.samples[0] - waves.samples[1])[100:700].max() < 1e-3
    assert waves.rate == 8000 and any("1 sound resampled from 16,000 to 8,000" in note for note in waves.notes)
    other = folder(tmp_path / "b", {"a.wav": saved(sine(440, rate=16000), 16000)})
    with pytest.raises(DataError, match="give rate=8000"):
        open_waves(other, like=waves)
    assert open_waves(other, like=waves, rate=8000).samples.shape == (1, 800)


def test_broken_files_are_set_aside_and_too_many_stop(tmp_path):
    files = {f"{k:02d}.wav": saved(sine(100 * (k + 1))) for k in range(10)}
    waves = open_waves(folder(tmp_path, {**files, "bad.wav": saved(sine(440))[:-10]}))
    assert len(waves) == 10 and [reject.file for reject in waves.rejects] == ["bad.wav"]
    assert "cut short" in waves.rejects[0].reason
    with pytest.raises(DataError, match="2 of 12 sound files .* more than one in ten .*mp3.wav: it is not a WAV file"):
        open_waves(folder(tmp_path, {"mp3.wav": b"ID3" * 50}))


def test_what_holds_no_sounds(tmp_path):
    (tmp_path / "text.zip").write_text("no zip")
    (tmp_path / "empty").mkdir()
    for name, said in (("text.zip", "cannot be read as a zip"), ("empty", "no .wav files"), ("absent", "no folder")):
        with pytest.raises(DataError, match=said):
            open_waves(tmp_path / name)
    with pytest.raises(DataError, match="both are 1 or more"):
        open_waves(tmp_path / "empty", length=0)


def test_spoken_digits(shared_data):
    waves = open_waves(shared_data / "audio" / "fsdd_recordings.zip")
    assert waves.samples.shape == (3000, 5299) and waves.rate == 8000 and not waves.rejects
    assert np.bincount(waves.labels).tolist() == [300] * 10

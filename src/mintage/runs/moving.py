"""Moving pictures: frames as the bytes of a GIF, and as an MP4 where this machine has a writer for it."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

PER_SECOND = 12
WRITER = "ffmpeg"


def gif(frames: Sequence[Image.Image], *, per_second: int = PER_SECOND) -> bytes:
    """An endless GIF of equal frames. Colours are reduced to 256 for all frames together; grey ones stay exact."""
    grey = all(frame.mode == "L" for frame in frames)
    shown = list(frames) if grey else _reduced([frame.convert("RGB") for frame in frames])
    buffer = io.BytesIO()
    shown[0].save(buffer, format="GIF", save_all=True, append_images=shown[1:], duration=round(1000 / per_second),
                  loop=0, optimize=False, disposal=1)
    return buffer.getvalue()


def _reduced(frames: list[Image.Image]) -> list[Image.Image]:
    """Frames in one palette, found from some of them side by side."""
    some = frames[:: max(1, len(frames) // 8)]
    width, height = some[0].size
    strip = Image.new("RGB", (width * len(some), height))
    for k, frame in enumerate(some):
        strip.paste(frame, (k * width, 0))
    palette = strip.quantize(256)
    return [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]


def write_mp4(frames: Sequence[Image.Image], path: Path, *, per_second: int = PER_SECOND) -> bool:
    """Write an MP4; False where there is no writer, or it does not know the format."""
    program = shutil.which(WRITER)
    if program is None:
        return False
    width, height = (side // 2 * 2 for side in frames[0].size)  # the format has even sides only
    raw = b"".join(frame.convert("RGB").crop((0, 0, width, height)).tobytes() for frame in frames)
    done = subprocess.run([program, "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s",
                           f"{width}x{height}", "-r", str(per_second), "-i", "-", "-pix_fmt", "yuv420p",
                           "-bitexact", str(path)], input=raw, capture_output=True, check=False)
    if done.returncode:
        path.unlink(missing_ok=True)
    return not done.returncode

"""Kinds of sources, told by their names and by what is in them, before anything of size is read.

A file may be of several kinds: three axes of floats are grey images or series, and a .csv is a table or one long
series. Then the sources given together decide, for they must be of one kind.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import get_args

import numpy as np

from mintage.data.sources import NAMES
from mintage.data.toys import TOYS
from mintage.runs.asked import WORDS, Kind
from mintage.runs.errors import RunError

TABLES = (".csv", ".tsv")
ARRAYS = (".npy", ".npz")
SOUNDS = (".wav", ".wave")
IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".gz")


def kind_for(samples: str, real: str, train: str | None = None, asked: Kind = "auto") -> Kind:
    """The one kind of samples, real examples and, if given, training examples.

    Raises:
        RunError: a source that is not there or is a run, or sources of two kinds.
    """
    if asked not in get_args(Kind):
        raise RunError(f"--kind is {asked!r} and may be {', '.join(get_args(Kind))}")
    sources = [samples, real] + ([train] if train is not None else [])
    for source in sources:
        refuse_missing(source)
        _refuse_made(source, of_samples=source == samples)
    if asked == "auto":
        return _common(sources)
    for source in sources:
        _refuse_unlike(source, asked)
    return asked


def refuse_missing(source: str) -> None:
    """Refuse a path that does not exist, naming the nearest one that does.

    Raises:
        RunError: there is neither such a path nor data of that name.
    """
    if source in NAMES or os.path.exists(source):
        return
    path = Path(source)
    if not source or not os.path.isdir(path.parent):
        raise RunError(f"there is no {source}: the folder {path.parent} does not exist" if source else
                       "an empty name was given; give a folder, a file, or data by name")
    beside = {name: str(path.parent / name) for name in _beside(path)}
    close = get_close_matches(path.name, [*beside, *NAMES], n=1)
    hint = (f"; did you mean {beside.get(close[0], close[0])}?" if close else
            f". Give a folder, a file, or data by name: {', '.join(NAMES)}")
    raise RunError(f"there is no {source}{hint}")


def _beside(path: Path) -> list[str]:
    try:
        return os.listdir(path.parent)
    except OSError:
        return []


def is_run(source: str) -> bool:
    """Whether a path is the folder of a run."""
    return source not in NAMES and os.path.isfile(os.path.join(source, "settings.json"))


def _refuse_made(source: str, *, of_samples: bool) -> None:
    """Refuse a run or a generator where samples or real examples are wanted."""
    if is_run(source):
        if of_samples:
            raise RunError(f"{source} is a run, and samples are wanted beside real examples. Against what it held out "
                           f"it is judged by: mintage evaluate {source}. Against other examples, write its samples "
                           f"first: mintage sample {source} -n 10000 --out FOLDER")
        raise RunError(f"{source} is a run, and real examples are wanted; give data, as for mintage train")
    if source not in NAMES and os.path.isfile(os.path.join(source, "generator.json")):
        raise RunError(f"{source} is a generator, and {'samples' if of_samples else 'real examples'} are wanted"
                       + (f"; write them: mintage sample {source} -n 10000 --out FOLDER" if of_samples else ""))


def _refuse_unlike(source: str, asked: Kind) -> None:
    """Refuse a source that plainly is not of the kind asked for."""
    if asked in ("table", "series") and os.path.isdir(source):
        raise RunError(f"--kind is {asked}, and {source} is a folder; a table is a .csv file, and series are a .csv or "
                       ".npy file")
    if source in NAMES and asked not in kinds_of(source):
        raise RunError(f"--kind is {asked}, and {source} holds {WORDS[kinds_of(source)[0]]}; leave it out")


def _common(sources: Sequence[str]) -> Kind:
    """The kind that all may be: the likeliest of most of them."""
    able = [kinds_of(source) for source in sources]
    shared = [kind for kind in able[-1] if all(kind in one for one in able)]
    if not shared:
        one, two = next((a, b) for a in range(len(able)) for b in range(len(able)) if not set(able[a]) & set(able[b]))
        points = "; points are given as .npy" if {able[one][0], able[two][0]} == {"table", "points"} else ""
        raise RunError(f"{sources[one]} holds {WORDS[able[one][0]]} and {sources[two]} holds {WORDS[able[two][0]]}; "
                       f"give sources of one kind{points}")
    return max(shared, key=lambda kind: (sum(one[0] == kind for one in able), kind == "series"))


def kinds_of(source: str) -> tuple[Kind, ...]:
    """The kinds that a source may be of, the likeliest first."""
    if source in NAMES:
        return ("points",) if source in TOYS else ("images",)
    path = Path(source)
    ending = path.suffix.lower()
    if path.is_dir():
        return ("sound",) if _first(path).endswith(SOUNDS) else ("images", "points")
    if ending in TABLES:
        return ("table", "series")
    if ending in SOUNDS:
        return ("sound",)
    if ending == ".zip":
        return ("sound",) if _holds_sound(path) else ("images",)
    return _of_array(path) if ending == ".npy" else ("images", "points", "series") if ending == ".npz" else ("images",)


def _first(folder: Path) -> str:
    """The first file of a kind that can be judged, in the folder or below."""
    return next((str(p).lower() for p in folder.rglob("*") if p.suffix.lower() in (*SOUNDS, *IMAGES)), "")


def _holds_sound(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.lower().endswith(SOUNDS) for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False


def _of_array(path: Path) -> tuple[Kind, ...]:
    """Floats of three axes that go beyond [-1, 1] are rather series, within it rather images."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return ("images", "points", "series")  # whose reader says what is wrong with the file
    if array.ndim <= 2:
        return ("points",)
    if array.ndim > 3 or array.dtype.kind != "f":
        return ("images",)
    beyond = bool((np.abs(array) > 1).any())
    return ("series", "images") if beyond else ("images", "series")

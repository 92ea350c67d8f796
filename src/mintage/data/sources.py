"""Sources: the names and paths that stand for data, and how each is opened.

A name is one of the embedded or shared data sets; everything else is a path. To open a folder that has the name of a
data set, write it as a path: ./digits.
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from mintage.data.array_files import keyed
from mintage.data.arrays import fitting, open_array, resized
from mintage.data.classes import Classes, classes_of
from mintage.data.decoded import Say
from mintage.data.digits import open_digits
from mintage.data.errors import DataError, near
from mintage.data.examples import Examples
from mintage.data.files import is_image_name
from mintage.data.folder import Found, find_in_folder, find_in_zip
from mintage.data.huggingface import is_saved_dataset, open_saved_dataset
from mintage.data.idx import PARTS, find_idx, is_idx, open_idx, splits_of
from mintage.data.plan import Wish
from mintage.data.preflight import open_found
from mintage.data.shards import is_shards, open_shards
from mintage.data.stacked import stacked
from mintage.data.toys import TOYS, open_toy

FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
SHARED = {"mnist": tuple(map(str, range(10))), "fmnist": FASHION}
STACKED = "stacked-mnist"
NAMES = ("digits", *TOYS, *SHARED, STACKED)
PLACE = "MINTAGE_DATA"
ALLOWED = ("a folder or .zip of images, a folder of shards, a folder or file in IDX format, .npy, .npz (or "
           f"FILE.npz:KEY), a Hugging Face dataset on disk, or one of the names {', '.join(NAMES)}")


def open_data(source: str | Path, *, resolution: tuple[int, int] | None = None,
              fit: Literal["crop", "pad", "stretch"] = "crop", channels: int | None = None, split: str | None = None,
              memory_limit: int | None = None, exact: bool = False, say: Say | None = None) -> Examples:
    """Real examples, from a name or a path.

    `resolution` is (height, width); `fit` is how other sizes are brought to it; `channels` is 1 (grey), 3 (RGB) or 4
    (RGB and alpha). What is left open is chosen from the data, and the notes say so. `split` is "train" or "test",
    for sources that have both; without it the training part is opened. Images that would take more than `memory_limit`
    bytes, by default a quarter of the free memory, stay on disk, decoded where there is room (`decoded`); of shards,
    those that take no more than a given limit are loaded. `exact` refuses images of several sizes where no resolution
    is asked for. `say` is told what is about to be kept on disk, and how far decoding is.

    Raises:
        DataError: there is no such source, or it cannot be used; the message says what to do.
    """
    wish = Wish(tuple(resolution) if resolution else None, fit, channels, exact)  # type: ignore[arg-type]
    if split is not None and split not in PARTS:
        raise DataError(f"there is no split {split!r}; allowed: {', '.join(PARTS)}{near(split, PARTS)}")
    text = str(source)
    if isinstance(source, str) and text in NAMES:
        examples = _named(text, wish, split)
        if Path(text).exists():
            examples.notes.append(f"{text} is the data set of that name; for the one here, write ./{text}")
        return examples
    path, key = keyed(text)
    if not path.exists():
        raise DataError(_missing(text))
    way = Way(path, path.resolve().name + (f":{key}" if key else ""), wish, split, memory_limit, say, key)
    examples = _folder(way) if path.is_dir() else _file(way)
    if split is not None and not _has_parts(path):
        raise DataError(f"{path} has no parts to choose from; leave the split out")
    return examples


def _named(name: str, wish: Wish, split: str | None) -> Examples:
    if name in SHARED:
        return resized(_shared(name, split or "train"), wish)
    if name == STACKED:
        return resized(stacked(_shared("mnist", split or "train")), wish)
    if split is not None:
        raise DataError(f"{name} has no parts to choose from; leave the split out")
    return resized(open_digits() if name == "digits" else open_toy(name), wish)


def _shared(name: str, split: str) -> Examples:
    place = os.environ.get(PLACE)
    remedy = (f"put the four files of {name} (train-images-idx3-ubyte.gz and so on) into a folder {name}, and set "
              f"{PLACE} to the folder that holds it")
    if not place:
        raise DataError(f"{name} is not part of mintage, and {PLACE} is not set; {remedy}, or give the path of {name}")
    found = find_idx(Path(place) / name, split)
    if found is None:
        raise DataError(f"there is no {split} part of {name} in {Path(place) / name}; {remedy}")
    return open_idx(found, name if split == "train" else f"{name} {split}", SHARED[name])


def _has_parts(path: Path) -> bool:
    return path.is_dir() and (bool(splits_of(path)) or is_saved_dataset(path))


class Way(NamedTuple):
    """What is opened, and how."""

    path: Path
    name: str
    wish: Wish
    split: str | None
    limit: int | None
    say: Say | None
    key: str | None


def _folder(way: Way) -> Examples:
    path, name, wish, split, limit, _, _ = way
    if is_shards(path):
        return fitting(open_shards(path, name), wish, limit or 0)
    if is_saved_dataset(path):
        return open_saved_dataset(path, name, wish, split=split or "train", memory_limit=limit)
    parts = splits_of(path)
    if parts:
        chosen = split or parts[0]
        found = find_idx(path, chosen)
        if found is None:
            raise DataError(f"{path} has no {chosen} part; it has {', '.join(parts)}")
        return resized(open_idx(found, name), wish)
    return _images(find_in_folder(path), way)


def _file(way: Way) -> Examples:
    path, name, wish = way.path, way.name, way.wish
    kind = path.suffix.lower()
    if not path.is_file():
        raise DataError(f"{path} is neither a file nor a folder; give {ALLOWED}")
    if kind in (".npy", ".npz"):
        return open_array(path, name, wish, way.limit, way.key)
    if kind == ".zip":
        return _images(find_in_zip(path), way)
    if is_image_name(os.fsencode(path.name)):
        raise DataError(f"{path} is one image; give the folder that holds many")
    if is_idx(path):
        return resized(open_idx(path, name), wish)
    what = "a text file" if _is_text(path) else "not data of a kind that can be read"
    raise DataError(f"{path} is {what}; give {ALLOWED}")


def _images(found: Found, way: Way) -> Examples:
    path = way.path
    if not len(found.files) and not found.rejects:
        seen = found.notes()
        raise DataError(f"{path} holds no images: looked there and in the folders within for .png, .jpg, .webp, .bmp, "
                        f".gif and .tif files{'; ' + seen[0] if seen else ', and found nothing at all'}")

    def label(good: np.ndarray) -> Classes:
        return classes_of([found.files.name(int(i)) for i in good])

    return open_found(found, way.name, way.wish, label, memory_limit=way.limit, say=way.say)


def _missing(text: str) -> str:
    path = Path(text)
    try:
        beside = [entry.name for entry in (path.parent if path.parent.is_dir() else Path()).iterdir()]
    except OSError:
        beside = []
    close = get_close_matches(path.name, beside, n=1, cutoff=0.6)
    if close:
        return f"there is no {text}; did you mean {path.parent / close[0]}?"
    hint = near(text.lower(), NAMES)
    if not path.parent.is_dir():
        hint = f": the folder {path.parent} does not exist"
    return f"there is no data set or path {text!r}{hint}{'' if hint.endswith('?') else '.'} Give {ALLOWED}"


def _is_text(path: Path) -> bool:
    with open(path, "rb") as file:
        head = file.read(4096)
    return b"\0" not in head and (not head or sum(c >= 32 or c in (9, 10, 13) for c in head) >= 0.95 * len(head))

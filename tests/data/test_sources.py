"""Names and paths: what opens, and the sentence where nothing does."""

from __future__ import annotations

import gzip
import io
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from mintage.data import DataError, look, open_data
from tests.data import corpus


def write_idx(path: Path, array: np.ndarray, kind: int = 8) -> None:
    data = bytes([0, 0, kind, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes() + array.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def pixels_of(examples) -> np.ndarray:
    x = examples.gather(torch.arange(len(examples))).x
    return ((x + 1) * 127.5).round().to(torch.uint8).numpy()


@pytest.fixture
def mnist_like(tmp_path: Path) -> Path:
    for part, n in (("train", 30), ("t10k", 10)):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", corpus.noise(n, (n, 6, 5)))
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", (np.arange(n) % 3).astype(np.uint8))
    return tmp_path


def test_idx_folders_and_files(mnist_like: Path) -> None:
    train, test = open_data(mnist_like), open_data(mnist_like, split="test")
    assert train.spec.shape == (1, 6, 5) and train.spec.labels == ("0", "1", "2")
    assert (len(train), len(test)) == (30, 10)
    assert np.array_equal(pixels_of(train)[:, 0], corpus.noise(30, (30, 6, 5)))
    one = open_data(mnist_like / "t10k-images-idx3-ubyte.gz")
    assert one.fingerprint == test.fingerprint and one.labels is not None and one.labels[4] == 1
    assert open_data(mnist_like, resolution=(12, 10), channels=3).spec.shape == (3, 12, 10)


def test_shared_names_by_environment(mnist_like: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINTAGE_DATA", raising=False)
    with pytest.raises(DataError, match="MINTAGE_DATA is not set; put the four files"):
        open_data("mnist")
    monkeypatch.setenv("MINTAGE_DATA", str(tmp_path))
    with pytest.raises(DataError, match="no train part of fmnist in"):
        open_data("fmnist")


@pytest.mark.parametrize(("name", "first"), [("mnist", "0"), ("fmnist", "T-shirt/top")])
def test_the_real_sets(name: str, first: str, shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (shared_data / name).is_dir():
        pytest.skip(f"there is no {name} in {shared_data}")
    monkeypatch.setenv("MINTAGE_DATA", str(shared_data))
    train, test = open_data(name), open_data(name, split="test")
    assert (len(train), len(test), train.spec.shape, train.spec.labels[0]) == (60_000, 10_000, (1, 28, 28), first)
    found = look(test)
    assert sum(found.labels.values()) == 10_000 and min(found.labels.values()) > 800
    assert abs(float(train.store.pixels.float().mean()) - {"mnist": 33.32, "fmnist": 72.94}[name]) < 0.01


@pytest.mark.parametrize(("array", "shape"), [
    (corpus.noise(0, (9, 6, 5)), (1, 6, 5)),
    (corpus.noise(0, (9, 6, 5, 3)), (3, 6, 5)),
    (corpus.noise(0, (9, 3, 6, 5)), (3, 6, 5)),
    (corpus.noise(0, (9, 6, 5, 2)), (2, 6, 5)),
    (corpus.noise(0, (9, 6, 5)) > 127, (1, 6, 5)),
    (corpus.noise(0, (9, 6, 5)).astype(np.int64), (1, 6, 5)),
])
def test_arrays_of_images(tmp_path: Path, array: np.ndarray, shape) -> None:
    np.save(tmp_path / "a.npy", array)
    examples = open_data(tmp_path / "a.npy")
    assert examples.spec.shape == shape and len(examples) == 9
    if array.ndim == 4 and array.shape[3] == 3:
        assert np.array_equal(pixels_of(examples), array.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("change", [
    lambda a: a.astype(np.uint16) * 257,
    lambda a: a / np.float32(255),
    lambda a: a / 127.5 - 1,
])
def test_values_of_other_ranges_become_the_same_bytes(tmp_path: Path, change) -> None:
    plain = corpus.noise(0, (9, 6, 5))
    np.save(tmp_path / "a.npy", change(plain))
    examples = open_data(tmp_path / "a.npy")
    assert np.array_equal(pixels_of(examples)[:, 0], plain) and examples.notes


def test_arrays_of_points_and_npz(tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", np.random.default_rng(0).normal(size=(50, 3)))
    assert open_data(tmp_path / "p.npy").spec.kind == "points"
    np.savez(tmp_path / "z.npz", photo=corpus.noise(1, (8, 32, 32, 3)), labels=np.array(list("abababab")), mask=[1])
    examples = open_data(tmp_path / "z.npz", resolution=(16, 16), channels=1)
    assert examples.spec.shape == (1, 16, 16) and examples.spec.labels == ("a", "b")
    np.savez(tmp_path / "one.npz", anything=corpus.noise(1, (8, 6, 6)))
    assert len(open_data(tmp_path / "one.npz")) == 8


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


NOISE = corpus.noise(0, (9, 6, 5))
BAD = [
    ("a.npy", npy(np.array([{}, print], dtype=object)), "Python objects, which can run any code"),
    ("a.npy", npy(NOISE * np.float32(0.9)), "divide by 255"),
    ("a.npy", npy(np.full((3, 4, 4), np.nan)), "not finite"),
    ("a.npy", npy(np.full((3, 4), np.inf)), "not finite"),
    ("a.npy", npy(np.zeros((2, 9, 9, 9), dtype=np.uint8)), "1 to 4 channels"),
    ("a.npy", npy(np.array(["a"])), "wanted are numbers"),
    ("a.npy", npy(np.zeros((0, 4, 4), dtype=np.uint8)), "wanted are numbers"),
    ("a.npy", b"\x93NUMPY", "cannot be read as an array"),
    ("a.npz", npz(a=NOISE, b=NOISE), "holds the arrays a, b"),
    ("a.npz", npz(x=NOISE, y=np.zeros(4)), "labels of a.npz"),
    ("a.npz", npy(np.zeros((2, 4, 4, 4, 4))), "1 to 4 channels"),
    ("a.npy", b"hello", "it is not in NumPy's format"),
    ("a.npz", b"PK not a zip", "cannot be read as an array"),
    ("a.csv", b"one,two\n1,2\n", "a text file; give a folder or .zip of images"),
    ("a.bin", bytes(range(256)), "not data of a kind that can be read"),
    ("a.png", corpus.encoded(corpus.picture()), "is one image; give the folder"),
    ("labels-idx1-ubyte", b"\0\0\x08\x01\0\0\0\x02\x01\x02", "holds labels; give the file of images"),
    ("images-idx3-ubyte", b"\0\0\x08\x03\0\0\0\x02\0\0\0\x02\0\0\0\x02\x01", "fewer values than the 8"),
    ("images-idx3-ubyte", b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "type 0x0d"),
    ("images-idx3-ubyte.gz", gzip.compress(b"\0\0\x08\x01\0\0\0\x01\x01", mtime=0)[:-9],  # no clock in a test's name
     "could not be read|not data of a kind"),
]


@pytest.mark.parametrize(("name", "data", "words"), BAD)
def test_files_that_cannot_be_used(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=words):
        open_data(tmp_path / name)


def test_labels_that_do_not_fit_the_images(mnist_like: Path) -> None:
    write_idx(mnist_like / "train-labels-idx1-ubyte.gz", np.zeros(7, dtype=np.uint8))
    with pytest.raises(DataError, match="30 images, but .* labels of shape"):
        open_data(mnist_like)


@pytest.mark.parametrize(("source", "words"), [
    ("rinng", "did you mean 'ring'"),
    ("fmnits", "did you mean 'fmnist'"),
    ("/nowhere/at/all", "the folder /nowhere/at does not exist"),
    ("zzzzzzz", "Give a folder or .zip of images"),
])
def test_a_wrong_name(source: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=words):
        open_data(source)


def test_a_wrong_path_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "flowers").mkdir()
    with pytest.raises(DataError, match="did you mean .*/flowers"):
        open_data(tmp_path / "flower")
    with pytest.raises(DataError, match="holds no images: looked there .* found nothing at all"):
        open_data(tmp_path / "flowers")
    (tmp_path / "flowers" / "a.heic").write_bytes(b"x")
    with pytest.raises(DataError, match="1 .heic.*convert them to PNG or JPEG"):
        open_data(tmp_path / "flowers")


@pytest.mark.parametrize(("asked", "words"), [
    ({"fit": "crops"}, "did you mean 'crop'"),
    ({"channels": 5}, r"allowed: 1 \(grey\), 3 \(RGB\)"),
    ({"channels": 2}, "2 are for arrays|2 channels"),
    ({"resolution": (0, 4)}, "from 1 to 4096"),
    ({"resolution": (100, 100)}, "too small"),
    ({"split": "tests"}, "did you mean 'test'"),
    ({"split": "test"}, "no parts to choose from"),
])
def test_wishes_that_cannot_be(asked, words: str) -> None:
    with pytest.raises(DataError, match=words):
        open_data("digits", **asked)


def test_points_have_no_resolution() -> None:
    with pytest.raises(DataError, match="for images"):
        open_data("ring", resolution=(8, 8))


def test_digits_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mintage.data.digits.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"pip install 'mintage\[demo\]'"):
        open_data("digits")


class Image:
    """Stands for datasets.Image."""

    def __init__(self, decode: bool = True) -> None:
        self.decode = decode


class ClassLabel:
    """Stands for datasets.ClassLabel."""

    names = ("no", "yes")


class Dataset:
    """As much of datasets.Dataset as is used."""

    def __init__(self, rows: list[dict], features: dict) -> None:
        self.rows, self.features = rows, features

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key):
        return [row[key] for row in self.rows] if isinstance(key, str) else self.rows[key]

    def cast_column(self, column: str, feature: Image) -> Dataset:
        assert not feature.decode and column in self.features
        return self


def test_a_saved_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dataset_dict.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"pip install 'mintage\[huggingface\]'"):
        open_data(tmp_path)
    rows = [{"pic": {"bytes": corpus.encoded(corpus.picture(k)), "path": None}, "kind": k % 2} for k in range(20)]
    rows[3] = {"pic": {"bytes": b"broken", "path": None}, "kind": 0}
    rows[4] = {"pic": None, "kind": 0}
    features = {"pic": Image(), "kind": ClassLabel(), "id": int}
    fake = types.SimpleNamespace(Image=Image, load_from_disk=lambda path: {"train": Dataset(rows, features)})
    monkeypatch.setitem(sys.modules, "datasets", fake)
    examples = open_data(tmp_path)
    assert len(examples) == 18 and examples.spec.labels == ("no", "yes") and examples.labels is not None
    assert examples.labels.tolist() == [k % 2 for k in range(20) if k not in (3, 4)]
    assert [reject.file for reject in examples.rejects] == ["row 3", "row 4"]
    assert np.array_equal(pixels_of(examples)[3].transpose(1, 2, 0), corpus.noise(5))
    with pytest.raises(DataError, match="no split 'test'; it has train"):
        open_data(tmp_path, split="test")
    features.pop("pic")
    with pytest.raises(DataError, match="no column of images"):
        open_data(tmp_path)


def test_a_name_goes_before_a_folder_of_that_name_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    corpus.write_good(tmp_path / "digits", 3)
    named = open_data("digits")
    assert len(named) == 1797 and any("write ./digits" in note for note in named.notes)
    assert len(open_data("./digits")) == 3

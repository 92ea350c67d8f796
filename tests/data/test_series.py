"""Series: windows from arrays and from one long table."""

from __future__ import annotations

import numpy as np
import pytest

from mintage.data.errors import DataError
from mintage.data.series import Series, open_series, windows_of

ROWS = np.arange(20.0).reshape(10, 2)


def test_windows_overlap_by_the_stride():
    windows = windows_of(ROWS, 4, 3)
    assert windows.shape == (3, 4, 2)
    for k in range(3):
        assert (windows[k] == ROWS[3 * k:3 * k + 4]).all()
    assert len(windows_of(ROWS, 10)) == 1
    for length, stride in ((11, 1), (0, 1), (2, 0)):
        with pytest.raises(DataError, match="cannot be cut"):
            windows_of(ROWS, length, stride)


def test_arrays_are_read_as_they_are(tmp_path):
    x = np.random.default_rng(0).normal(size=(5, 6, 2))
    np.save(tmp_path / "a.npy", x)
    np.savez(tmp_path / "b.npz", x=x, y=np.arange(5))
    first = open_series(tmp_path / "a.npy")
    assert first.windows.dtype == np.float32 and first.names == ("x0", "x1") and len(first) == 5
    assert np.allclose(first.windows, x) and tuple(first.x.shape) == (5, 6, 2)
    assert (open_series(tmp_path / "b.npz").digests == first.digests).all()
    taken = first.take([3, 1])
    assert (taken.windows == first.windows[[3, 1]]).all() and (taken.digests == first.digests[[3, 1]]).all()


def test_what_is_no_series_is_refused(tmp_path):
    bad = np.zeros((5, 6, 2))
    bad[3, 4, 1] = np.nan
    cases = {"huge": (np.full((2, 3, 1), 1e300), "6 values that are not finite"),
             "nan": (bad, "window 3, step 4, channel 'x1'"), "flat": (bad[0], r"\[n, steps, channels\]"),
             "words": (np.array([[["a"]]]), "are numbers"), "none": (np.zeros((0, 3, 1)), "shape")}
    for name, (array, said) in cases.items():
        np.save(tmp_path / f"{name}.npy", array)
        with pytest.raises(DataError, match=said):
            open_series(tmp_path / f"{name}.npy")
    np.save(tmp_path / "objects.npy", np.array([None]), allow_pickle=True)
    (tmp_path / "text.npy").write_text("no array")
    np.savez(tmp_path / "two.npz", a=bad, b=bad)
    for name in ("objects.npy", "text.npy", "absent.npy"):
        with pytest.raises(DataError, match="cannot be read"):
            open_series(tmp_path / name)
    with pytest.raises(DataError, match="name the windows x"):
        open_series(tmp_path / "two.npz")


def test_a_table_of_steps_becomes_windows(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("day,open,close\n" + "".join(f"day {k},{k},{10 * k}\n" for k in range(30)))
    series = open_series(path, length=5, stride=2)
    assert series.names == ("open", "close") and series.windows.shape == (13, 5, 2)
    assert series.windows[2, :, 1].tolist() == [40, 50, 60, 70, 80]
    assert any("day" in note and "left out" in note for note in series.notes)
    assert len(open_series(path)) == 30 - 24 + 1
    other = tmp_path / "b.csv"
    other.write_text("close,open,volume\n" + "".join(f"{k},{2 * k},5\n" for k in range(8)))
    like = open_series(other, like=series)
    assert like.names == ("open", "close") and like.windows[0, 1].tolist() == [2, 1] and like.windows.shape == (4, 5, 2)


@pytest.mark.parametrize(("text", "said"), [
    ("a,b\n1,2\n3,\n5,6\n", "'b' .* 1 missing cells, the first in row 3"),
    ("a,b\n1,2\n3,x\n5,6\n", "'b' .* the word 'x' in row 3"),
    ("a,b\nu,v\nw,x\n", "no column of numbers"),
    ("a,b\n1,2\n3,4\n", "cannot be cut into windows of length 3"),
])
def test_holes_and_words_are_refused_with_their_place(tmp_path, text, said):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        open_series(path, length=3)


def test_another_series_has_the_length_and_channels_of_the_first(tmp_path):
    first = Series("first", np.zeros((4, 6, 2), np.float32), ("a", "b"))
    for shape, said in (((4, 7, 2), "7 steps and 6 are wanted, as in first"), ((4, 6, 3), "3 channels and 2")):
        np.save(tmp_path / "b.npy", np.zeros(shape))
        with pytest.raises(DataError, match=said):
            open_series(tmp_path / "b.npy", like=first)
    path = tmp_path / "c.csv"
    path.write_text("a,c\n" + "1,2\n" * 9)
    with pytest.raises(DataError, match="no column 'b', which first has"):
        open_series(path, like=first)


def test_google_stock(shared_data):
    series = open_series(shared_data / "timeseries" / "google_stock.csv")
    assert series.windows.shape == (3685 - 23, 24, 6) and series.names[0] == "Open"
    assert (series.windows[1:, 0] == series.windows[:-1, 1]).all()

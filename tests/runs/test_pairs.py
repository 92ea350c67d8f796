"""Pairs of sources: their kinds, what they share, and what is looked at of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mintage.data import Examples
from mintage.runs.asked import Asked
from mintage.runs.errors import RunError
from mintage.runs.kinds import kind_for, kinds_of
from mintage.runs.pairs import open_pair
from mintage.runs.sameness import notes_of


def saved(path: Path, array: np.ndarray) -> str:
    np.save(path, array)
    return str(path)


def normal(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return scale * np.random.default_rng(seed).normal(size=shape)


def pictures(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 8), dtype=np.uint8)


def csv(path: Path, rows: list[tuple[object, ...]]) -> str:
    path.write_text("\n".join(["a,b", *(",".join(map(str, row)) for row in rows)]) + "\n")
    return str(path)


def test_kinds_by_name_and_content(tmp_path: Path) -> None:
    files = {
        saved(tmp_path / "p.npy", normal(9, 2)): "points",
        saved(tmp_path / "i.npy", pictures(9)): "images",
        saved(tmp_path / "s.npy", normal(9, 24, 2, scale=3)): "series",
        saved(tmp_path / "f.npy", np.tanh(normal(9, 8, 8))): "images",
        saved(tmp_path / "f4.npy", normal(9, 8, 8, 3, scale=3)): "images",
        csv(tmp_path / "t.csv", [(1, 2)]): "table",
        "ring": "points", "digits": "images",
    }
    for name, kinds in (("pictures", ".png"), ("tones", ".wav")):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / f"1{kinds}").touch()
    files |= {str(tmp_path / "pictures"): "images", str(tmp_path / "tones"): "sound"}
    assert {source: kinds_of(source)[0] for source in files} == files


@pytest.mark.parametrize(("samples", "real", "kind"), [
    ("beyond", "within", "series"), ("within", "beyond", "series"), ("within", "within", "images"),
    ("beyond", "bytes", "images"), ("within", "rows", "series"), ("rows", "rows", "table"),
    ("broken", "bytes", "images"), ("broken", "points", "points"), ("broken", "beyond", "series"),
    ("broken", "broken", "images"),
])
def test_together_they_decide(samples: str, real: str, kind: str, tmp_path: Path) -> None:
    """Three axes of floats may be images or series, and a .csv a table or one long series."""
    (tmp_path / "broken.npy").write_bytes(b"\x93NUMPY no more")
    files = {"beyond": saved(tmp_path / "b.npy", normal(9, 24, 2, scale=3)),
             "within": saved(tmp_path / "w.npy", np.tanh(normal(9, 24, 2))),
             "bytes": saved(tmp_path / "u.npy", pictures(9)), "points": saved(tmp_path / "p.npy", normal(9, 2)),
             "rows": csv(tmp_path / "t.csv", [(1, 2)]), "broken": str(tmp_path / "broken.npy")}
    assert kind_for(files[samples], files[real]) == kind
    assert kind_for(files[samples], files[real], asked="series") == "series"


def test_a_kind_that_is_none() -> None:
    with pytest.raises(RunError, match="auto, images"):
        kind_for("ring", "ring", asked="nonsense")  # type: ignore[arg-type]


def test_every_option_is_of_use_or_refused() -> None:
    told = Asked(length=8)
    told.refuse_for("series", "x")
    told.refuse_for("sound", "x")
    for kind in ("images", "points", "table"):
        with pytest.raises(RunError, match="--length is for series and sounds"):
            told.refuse_for(kind, "x")


def test_samples_stand_in_the_units_of_the_real_points(tmp_path: Path) -> None:
    """Each source is standardised when it is opened; undone, samples that are off by 5 are seen to be."""
    real, shifted = normal(300, 2), normal(300, 2, seed=1) * 2 + 5
    pair = open_pair(saved(tmp_path / "f.npy", shifted), saved(tmp_path / "r.npy", real))
    wanted = (shifted - real.mean(0)) / real.std(0)
    assert np.allclose(np.sort(pair.fake.features.numpy(), 0), np.sort(wanted, 0), atol=1e-4)
    assert pair.evaluate(0)["frechet"].value == pytest.approx(
        float(((wanted.mean(0)) ** 2).sum() + ((wanted.std(0) - 1) ** 2).sum()), rel=0.1)


def test_the_smallest_number_counts_and_nothing_is_taken_twice(tmp_path: Path) -> None:
    fake, real = saved(tmp_path / "f.npy", pictures(40)), saved(tmp_path / "r.npy", pictures(90, 1))
    train = saved(tmp_path / "t.npy", pictures(50, 2))
    for told, n in ((Asked(), 40), (Asked(n=20), 20)):
        pair = open_pair(fake, real, train, told)
        assert len(pair.fake) == pair.assessor.n == n
        others = pair.assessor.others
        assert others is not None and len(others) == n  # 90 are enough for two disjoint draws
        assert not (torch.cdist(others.features, pair.assessor.real.features) < 1e-6).any()
    assert pair.assessor.learnt == 50


def test_rows_of_a_table_keep_together(tmp_path: Path) -> None:
    real = csv(tmp_path / "r.csv", [(k, f"w{k % 3}") for k in range(60)])
    fake = csv(tmp_path / "f.csv", [(k + 100, f"w{k % 3}") for k in range(60)])
    pair = open_pair(fake, real, asked=Asked(n=30))
    rows = pair.fake.rows
    assert len(rows) == 30
    assert all(int(a) % 3 == (int(b) + 1) % 3 for a, b in zip(rows.column("a").values, rows.column("b").values,
                                                             strict=True))


def test_the_same_question_has_the_same_answer(tmp_path: Path) -> None:
    fake, real = saved(tmp_path / "f.npy", pictures(40)), saved(tmp_path / "r.npy", pictures(40, 1))
    one, two, three = (open_pair(fake, real, asked=Asked(n=20, seed=seed)).evaluate(seed) for seed in (1, 1, 2))
    assert one.cards == two.cards and one.cards != three.cards
    assert one.setting.reference == two.setting.reference != three.setting.reference


def of(array: np.ndarray, name: str) -> Examples:
    return Examples.of_images(array[:, None], name)


def test_what_two_sources_share_is_told() -> None:
    real, fresh = pictures(200), pictures(200, 1)
    half = np.concatenate([real[:100], fresh[:100]])
    assert notes_of(of(fresh, "f"), of(real, "r"), None) == []
    assert notes_of(of(half, "f"), of(real, "r"), None)[0].startswith("100 of 200 samples are among the real")
    assert notes_of(of(real[:50], "f"), of(real, "r"), None)[0].startswith("all samples are among the real")
    assert notes_of(of(fresh, "f"), of(real, "r"), of(real[::2], "t"))[0].startswith("100 of 200 real examples are")


def test_what_repeats_by_nature_is_no_news(tmp_path: Path) -> None:
    """Rows of one word: every sample is among the real rows, as every real row is among the others."""
    rows: list[tuple[object, ...]] = [(f"w{k % 4}", f"v{k % 3}") for k in range(60)]
    notes = open_pair(csv(tmp_path / "f.csv", rows), csv(tmp_path / "r.csv", rows[::-1])).assessor.notes
    assert not any("byte for byte" in note for note in notes)


def test_files_left_out_are_told(tmp_path: Path) -> None:
    for name, seed in (("f", 0), ("r", 1)):
        (tmp_path / name).mkdir()
        for k, pixels in enumerate(pictures(30, seed)):
            Image.fromarray(pixels).save(tmp_path / name / f"{k}.png")
    (tmp_path / "f" / "bad.png").write_bytes(b"no picture")
    (tmp_path / "f" / "list.txt").write_text("a list")
    notes = open_pair(str(tmp_path / "f"), str(tmp_path / "r")).assessor.notes
    assert any("1 file could not be used and is left out (bad.png" in note for note in notes)
    assert any("passed over" in note for note in notes)

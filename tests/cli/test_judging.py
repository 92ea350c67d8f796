"""`mintage evaluate` and `compare` as a stranger meets them: every kind end to end, every mistake one sentence."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mintage.cli import run
from mintage.evaluation import Evaluation
from mintage.evaluation.features import inception_weights
from mintage.runs.evaluating import read
from tests.cli import strangers

FAST = ["--system", "gan", "--width", "16", "--examples", "32", "--batch", "8", "--precision", "fp32", "--device",
        "cpu", "--judged", "20", "--quiet"]
Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything a stranger may give, and two runs that differ in the seed alone."""
    top = tmp_path_factory.mktemp("judging")
    for make in (strangers.good_sources, strangers.odd_images, strangers.odd_rows_and_sounds, strangers.odd_arrays):
        make(top)
    bars = np.random.default_rng(0).integers(0, 90, (200, 8, 8), dtype=np.uint8)
    np.save(top / "bars.npy", bars)
    for seed in range(2):
        assert run(["train", str(top / "bars.npy"), "--seed", str(seed), "--out", str(top / f"run{seed}"), *FAST]) == 0
    strangers.odd_runs(top)
    return top


KINDS = {
    "images": ["fake", "real"],
    "images in an array": ["images_fake.npy", "images_real.npy"],
    "an array against a folder": ["images_fake.npy", "real"],
    "points": ["points_fake.npy", "points_real.npy"],
    "points against a name": ["points_fake.npy", "ring"],
    "table": ["fake.csv", "real.csv", "--target", "job"],
    "series": ["series_fake.npy", "series_real.npy"],
    "long series": ["long_fake.csv", "long_real.csv", "--kind", "series", "--length", "12"],
    "sound": ["wav_fake", "wav_real"],
    "sound of two rates": ["wav_fast", "wav_real", "--rate", "8000"],
    "sizes brought to one": ["mixed", "real", "--resolution", "12x12"],
    "channels brought to one": ["colour", "real", "--channels", "1"],
}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_end_to_end(name: str, place: Path, tmp_path: Path, capsys: Captured,
                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    status = run(["evaluate", *KINDS[name], "--n", "150", "--out", str(tmp_path / "out")])
    told = capsys.readouterr()
    assert status == 0, told.err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["evaluation.json", "evaluation.md"]
    found = read(tmp_path / "out")
    assert found is not None and found == Evaluation.from_json(found.to_json())
    assert 16 <= found.setting.n <= 150 and found.gate is None
    assert "frechet" in found and np.isfinite(found["frechet"].value)
    assert ("use" in found) == (name == "table")
    page = (tmp_path / "out" / "evaluation.md").read_text()
    assert all(card.about.title in page and card.about.title in told.out for card in found.cards)


def test_training_examples_bring_the_gate(place: Path, tmp_path: Path, capsys: Captured,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    assert run(["evaluate", "fake", "real", "--train", "fake", "--out", str(tmp_path)]) == 0
    found = read(tmp_path)
    assert found is not None and found.gate is not None and not found.gate.passed
    assert "REFUSED" in capsys.readouterr().out and "REFUSED" in (tmp_path / "evaluation.md").read_text()


@pytest.mark.parametrize(("arguments", "expected"), [
    (["copied", "real"], "all samples are among the real examples"),
    (["real", "real"], "all samples are among the real examples"),
    (["fake", "real", "--train", "real"], "all real examples are among the training examples"),
    (["few_broken", "real"], "2 files could not be used"),
    (["same.csv", "real.csv", "--target", "job"], "same.csv holds 40 rows with a known 'job' and fewer than two"),
    (["fake", "real"], "nothing was written"),
    (["points_fake.npy", "points_3.npy"], None),
])
def test_what_is_remarkable_is_said(arguments: list[str], expected: str | None, place: Path, capsys: Captured,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    assert run(["evaluate", *arguments]) == (2 if expected is None else 0)
    assert (expected or "") in capsys.readouterr().out


MISTAKES = {
    "empty folder": ("empty real", ["empty holds no images"]),
    "no images": ("texts real", ["texts holds no images"]),
    "mixed sizes": ("mixed real", ["mixed", "40 of 12x12", "--resolution 12x12"]),
    "mixed sizes, real": ("fake mixed", ["mixed", "--resolution 12x12"]),
    "one sample": ("one real", ["one holds 1 example", "at least 16"]),
    "one real example": ("fake one", ["one holds 1 example"]),
    "broken files": ("broken real", ["10 of 50", "more than one in ten"]),
    "other size": ("large real", ["16x16", "12x12", "--resolution 12x12"]),
    "other channels": ("colour real", ["3 channels", "--channels 1"]),
    "training images of another size": ("fake real --train large", ["large", "--resolution 12x12"]),
    "images against points": ("fake points_real.npy", ["points of 2 dimensions", "images of 12x12"]),
    "points against images": ("points_fake.npy real", ["points of 2 dimensions"]),
    "points of other dimensions": ("points_3.npy points_real.npy", ["3 dimensions", "2 dimensions"]),
    "points that are NaN": ("points_nan.npy points_real.npy", ["points_nan.npy", "not finite"]),
    "objects": ("objects.npy points_real.npy", ["objects.npy", "Python objects"]),
    "floats to 255": ("wide.npy real", ["wide.npy", "divide by 255"]),
    "neither images nor series": ("series_fake.npy real", ["series_fake.npy", "allowed are"]),
    "five axes": ("five.npy real", ["five.npy", "[N, H, W]"]),
    "series that are NaN": ("series_nan.npy series_real.npy", ["not finite", "window 0, step 0"]),
    "series of other channels": ("series_3.npy series_real.npy", ["3 channels", "2 are wanted"]),
    "fewer rows than a window": ("long_fake.csv long_real.csv --kind series --length 500", ["length 500"]),
    "a column that is NaN": ("nan.csv real.csv", ["'income'", "nan.csv", "no values"]),
    "a column missing": ("less.csv real.csv", ["less.csv has no column 'job'"]),
    "other columns": ("else.csv real.csv", ["else.csv has no column 'age'", "income, job"]),
    "a word in a numeric column": ("word.csv real.csv", ["'lots'", "row 2"]),
    "a word in a real numeric column": ("fake.csv word.csv", ["'lots'", "row 2", "--categorical income"]),
    "no rows": ("none.csv real.csv", ["no rows"]),
    "few rows": ("few.csv real.csv", ["few.csv holds 5 examples"]),
    "few training rows": ("fake.csv real.csv --train few.csv", ["few.csv holds 5 examples"]),
    "table against images": ("fake.csv real", ["fake.csv holds a table", "real holds images"]),
    "table against points": ("fake.csv ring", ["points are given as .npy"]),
    "sound against images": ("wav_fake real", ["sounds", "images"]),
    "sound of two rates": ("wav_fast wav_real", ["16,000", "8,000", "--rate 8000"]),
    "sound of mixed rates": ("wav_mixed wav_real", ["--rate 8000"]),
    "no such target": ("fake.csv real.csv --target jib", ["'jib'", "did you mean 'job'?"]),
    "numeric target": ("fake.csv real.csv --target age", ["--target age", "150 different"]),
    "target of one class": ("fake.csv same.csv --target job", ["--target job", "1 different value;"]),
    "target of images": ("fake real --target x", ["--target is for a table"]),
    "no such column": ("fake.csv real.csv --categorical ag", ["'ag'", "did you mean 'age'?"]),
    "n too small": ("fake real --n 5", ["5 samples are too few", "at least 16"]),
    "n negative": ("fake real --n -3", ["-3 samples are too few"]),
    "n no number": ("fake real --n many", ["--n", "many"]),
    "seed negative": ("fake real --seed -1", ["--seed is -1"]),
    "features misspelt": ("fake real --features smal", ["did you mean 'small'?"]),
    "features for images": ("points_fake.npy points_real.npy --features small", ["small features are for images"]),
    "features of a table": ("fake.csv real.csv --features small", ["--features is for images"]),
    "no weights": ("fake real --features inception", ["--weights FILE", "--weights fetch"]),
    "weights not there": ("fake real --features inception --weights weight.pth", ["did you mean weights.pth?"]),
    "weights a folder": ("fake real --features inception --weights empty", ["empty is a folder"]),
    "wrong weights": ("fake real --features inception --weights weights.pth", ["weights.pth", "--trust", "fetch"]),
    "wrong weights of mobilenet": ("fake real --features mobilenet --weights weights.pth", ["safetensors"]),
    "weights without features": ("fake real --weights weights.pth", ["--features inception"]),
    "fetch without features": ("fake real --weights fetch", ["--features inception"]),
    "trust of nothing": ("fake real --trust 00", ["--trust", "--features inception"]),
    "own features not there": ("fake real --features no_such_thing:f", ["no_such_thing"]),
    "own features no function": ("fake real --features math:pi", ["pi is not a function"]),
    "own features with arguments": ("fake real --features math:sqrt", ["without arguments"]),
    "own features no extractor": ("fake real --features time:time", ["float", "Extractor"]),
    "split of one part": ("fake real --split test", ["no parts"]),
    "split of a table": ("fake.csv real.csv --split test", ["--split is for images"]),
    "rate of images": ("fake real --rate 8000", ["--rate is for sounds"]),
    "resolution of a table": ("fake.csv real.csv --resolution 8", ["--resolution is for images"]),
    "kind nonsense": ("fake real --kind nonsense", ["--kind", "nonsense", "series"]),
    "kind of another": ("points_fake.npy points_real.npy --kind images", ["--kind is images"]),
    "kind of a folder": ("fake real --kind table", ["--kind is table", "is a folder"]),
    "kind of a name": ("points_fake.npy ring --kind sound", ["--kind is sound"]),
    "samples not there": ("fke real", ["did you mean fake?"]),
    "real not there": ("fake.csv rel.csv", ["did you mean real.csv?"]),
    "folder not there": ("no/such/thing real", ["the folder no/such does not exist"]),
    "too long a name": ("x" * 256 + " real", ["there is no xxx", "Give a folder"]),
    "a text": ("notes.txt real", ["notes.txt is a text file"]),
    "run as samples": ("run0 real", ["mintage sample run0", "mintage evaluate run0"]),
    "generator as samples": ("run0/generator real", ["mintage sample run0/generator"]),
    "run as real": ("fake run0", ["run0 is a run", "real examples are wanted"]),
    "samples alone": ("fake", ["is not a run", "mintage evaluate fake REAL"]),
    "generator alone": ("run0/generator", ["give its run"]),
    "run not there": ("rum0", ["did you mean run0?"]),
    "run with options of samples": ("run0 --kind images", ["a run knows its own data"]),
    "run with few": ("run0 --n 3", ["at least 16"]),
    "run without a checkpoint": ("begun", ["no checkpoint", "mintage resume begun"]),
    "output is a file": ("fake real --out notes.txt", ["--out", "is a file"]),
    "output cannot be written": ("fake real --out /proc/nothing", ["--out", "cannot be written"]),
}
COMPARED = {
    "nothing": ("", ["two or more"]),
    "one run": ("run0", ["mintage compare runs/a runs/b"]),
    "one folder": ("fake --real real", ["two or more folders"]),
    "twice the same": ("run0 run1 ./run0", ["run0 is given twice"]),
    "twice the same samples": ("fake fake --real real", ["fake is given twice"]),
    "copied samples": ("real copied fake --real other", ["real and copied hold the very same samples"]),
    "other data": ("run0 strange", ["different data", "--real REAL"]),
    "no checkpoint": ("run0 begun", ["mintage resume begun"]),
    "not there": ("run0 rum1", ["did you mean run1?"]),
    "samples without real": ("fake other", ["fake is not a run", "--real REAL"]),
    "a run among samples": ("fake run0 --real real", ["mintage sample run0"]),
    "another size among samples": ("fake large --real real", ["--resolution 12x12"]),
    "real not there": ("fake other --real rel", ["did you mean real?"]),
    "options of samples": ("run0 run1 --split test", ["a run knows its own data"]),
    "output is a file": ("fake other --real real --out notes.txt", ["--out", "is a file"]),
}
ALL = {f"evaluate {k}": ["evaluate", *a.split()] for k, (a, _) in MISTAKES.items()} | {
    f"compare {k}": ["compare", *a.split()] for k, (a, _) in COMPARED.items()}


@pytest.mark.parametrize("name", ALL)
def test_a_mistake_is_one_sentence(name: str, place: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    verb, _, case = name.partition(" ")
    expected = (MISTAKES if verb == "evaluate" else COMPARED)[case][1]
    before = sorted(place.rglob("*"))
    status = run(ALL[name])
    said = capsys.readouterr().err
    assert status == 2, said
    assert said.startswith(f"mintage {verb}: ") and said.count("\n") == 1 and len(said) < 440, said
    for part in expected:
        assert part in said, said
    assert sorted(place.rglob("*")) == before


def test_a_run_is_evaluated_and_its_report_shows_it(place: Path, tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "run"
    shutil.copytree(place / "run0", out)
    first = (out / "evaluation.json").read_bytes()
    assert run(["evaluate", str(out), "--n", "16", "--seed", "5", "--out", str(tmp_path / "apart")]) == 0
    assert (out / "evaluation.json").read_bytes() == first
    assert run(["evaluate", str(out), "--n", "16", "--seed", "5"]) == 0
    told = capsys.readouterr().out
    assert "Release" in told and "mintage report" in told
    found, apart = read(out), read(tmp_path / "apart")
    assert found is not None and apart is not None and found.cards == apart.cards
    assert found.setting.n <= 16 and found.setting.seed == 5 and found.gate is not None
    assert run(["report", str(out)]) == 0
    page = (out / "report.html").read_text()
    assert found.cards[0].about.title in page and "perceptual path length" in page
    assert found.gate.lines()[0] in page


def test_runs_are_compared(place: Path, tmp_path: Path, capsys: Captured) -> None:
    assert run(["compare", str(place / "run0"), str(place / "run1"), "--n", "20", "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "run0" in told and "real data" in told and "p-values take at least 128" in told
    body = json.loads((tmp_path / "comparison.json").read_text())
    assert body["groups"] == {"gan": ["run0", "run1"]} and set(body["evaluations"]) == {"run0", "run1"}
    assert len(body["generators"]) == 1 and not body["methods"]
    page = (tmp_path / "comparison.md").read_text()
    assert "sheet.png" in page and "| run0 | run1 | real data |" in page
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 12 * 8 and sheet.height > 2 * (2 * 8 + 18)


def test_samples_are_compared(place: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    assert run(["compare", "fake", "few_broken", "images_other.npy", "--real", "real", "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "few_broken: 2 files could not be used" in told
    body = json.loads((tmp_path / "comparison.json").read_text())
    assert list(body["evaluations"]) == ["fake", "few_broken", "images_other.npy"] and len(body["generators"]) == 3
    assert body["groups"] == {name: [name] for name in body["evaluations"]} and not body["methods"]
    assert (tmp_path / "sheet.png").exists()
    assert run(["compare", "points_fake.npy", "points_other.npy", "--real", "points_real.npy", "--out",
                str(tmp_path)]) == 0
    assert not (tmp_path / "sheet.png").exists()  # no stale pictures beside the new figures
    body = json.loads((tmp_path / "comparison.json").read_text())
    assert body["generators"][0]["differences"]  # 150 of each are enough for p-values


def test_weights_are_fetched_once_and_said(place: Path, tmp_path: Path, capsys: Captured,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def fetch(folder: Path) -> Path:
        asked.append(folder)
        if folder.parent == tmp_path:
            raise ValueError("no network. By hand: ...")
        return place / "weights.pth"

    monkeypatch.setattr(inception_weights, "fetch_inception", fetch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(place)
    told = ["evaluate", "fake", "real", "--features", "inception", "--weights", "fetch"]
    assert run(["evaluate", "fke", *told[2:]]) == 2 and not asked  # a slip of the pen costs no download
    capsys.readouterr()
    assert run(told) == 2
    said = capsys.readouterr()
    assert asked == [tmp_path / "mintage"] and said.err == "mintage evaluate: no network. By hand: ...\n"
    assert said.out.count("\n") == 1 and "96 MB" in said.out and str(tmp_path / "mintage") in said.out
    (tmp_path / "mintage").mkdir()
    (tmp_path / "mintage" / inception_weights.KNOWN[inception_weights.FETCHED].name).write_bytes(b"")
    assert run(told) == 2 and capsys.readouterr().out == ""  # there already: nothing to say
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert run(["evaluate", str(place / "run0"), *told[3:]]) == 2
    assert asked[-1] == tmp_path / "home" / ".cache" / "mintage"
    assert "none of the known files" in capsys.readouterr().err


def test_trust_admits_the_named_file_alone(place: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    digest = hashlib.sha256((place / "weights.pth").read_bytes()).hexdigest()
    told = ["evaluate", "fake", "real", "--features", "inception", "--weights", "weights.pth", "--trust"]
    assert run([*told, digest[:-1]]) == 2 and "64 letters" in capsys.readouterr().err
    assert run([*told, "0" * 64]) == 2 and f"--trust {digest}" in capsys.readouterr().err
    assert run([*told, digest.upper()]) == 2 and "none of the known" not in capsys.readouterr().err

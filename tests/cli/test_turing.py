"""`mintage turing` as a whole: a run is trained, samples stand among what it held out, and Ctrl-C tells the score."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch

from mintage.cli import run
from mintage.data.writing import pictures
from mintage.evaluation.measures.human import trials
from mintage.runs import product
from mintage.runs.building import examples_of
from mintage.runs.errors import RunError
from mintage.runs.folder import Run
from mintage.studio.stimuli import sources_of, stimuli

FAST = ["--examples", "32", "--batch", "8", "--precision", "fp32", "--device", "cpu", "--judged", "0", "--threads", "1",
        "--quiet"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("turing") / "run"
    assert run(["train", "digits", "--system", "r3gan", "--size", "XS", "--out", str(path), *FAST]) == 0
    return path


def test_samples_stand_among_what_was_held_out_in_the_same_classes(trained: Path) -> None:
    sources = sources_of(str(trained))
    held_out = examples_of(Run.open(trained).settings)[1]
    assert sources.real.fingerprint == held_out.fingerprint and sources.matched
    order = trials(120, 5)
    images = stimuli(sources, order, seed=0, sitting=1)
    reals = {images[trial.index] for trial in order if trial.kind == "real"}
    known = {encoded(picture) for picture in pictures(held_out.gather(torch.arange(len(held_out))).x)}
    assert reals <= known and not {images[t.index] for t in order if t.kind == "fake"} & known
    classes = torch.tensor([3, 1, 3, 9])
    x = sources.draw(classes, 4, 7)
    made = product.load(trained)
    for label in (1, 3, 9):
        expected = torch.cat(list(made.stream(int((classes == label).sum()), seed=7 + label, label=label)))
        assert torch.equal(x[classes == label], expected)


def encoded(picture: object) -> bytes:
    import io

    file = io.BytesIO()
    picture.save(file, "png", compress_level=0)
    return file.getvalue()


def test_ctrl_c_tells_the_score_and_score_tells_it_again(loopback: None, trained: Path,
                                                         capsys: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-m", "mintage", "turing", str(trained), "--n", "20", "--practice", "0", "--no-open"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([*command, "--person", "Ada"], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        url = re.search(r"http://\S+/", process.stdout.readline()).group()
        for _ in range(7):
            with urllib.request.urlopen(f"{url}state") as reply:
                name = json.load(reply)["id"]
            body = json.dumps({"id": name, "said": "real", "seconds": 1.0, "visible_ms": 1000}).encode()
            request = urllib.request.Request(f"{url}answer", body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request) as reply:
                assert reply.status == 200
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "7 answers: " in said and "of 7 answers" in said and "accuracy" in said
    assert run(["turing", str(trained), "--score"]) == 0
    again = capsys.readouterr().out
    assert said.endswith(again)


def test_samples_from_elsewhere(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    np.save(tmp_path / "fake.npy", random.integers(0, 255, (30, 8, 8), dtype=np.uint8))
    np.save(tmp_path / "real.npy", random.integers(0, 255, (30, 8, 8), dtype=np.uint8))
    sources = sources_of(str(tmp_path / "fake.npy"), str(tmp_path / "real.npy"), home=tmp_path / "kept")
    images = stimuli(sources, trials(40, 0), seed=0, sitting=1)
    assert len(set(images)) == 40 and sources.home == tmp_path / "kept"  # none comes twice
    with pytest.raises(RunError, match="holds 30 samples"):
        sources.draw(None, 31, 0)


MISTAKES = {
    "nothing there": (["nothing"], ["there is no run at nothing"]),
    "samples without real ones": (["fake.npy"], ["--real"]),
    "no such real ones": (["fake.npy", "--real", "raal.npy"], ["real.npy"]),
    "points": (["points", "--no-open"], ["makes points of shape [2]", "mintage evaluate"]),
    "points from elsewhere": (["points.npy", "--real", "real.npy"], ["holds points", "evaluate points.npy real.npy"]),
    "a generator alone": (["run/generator"], ["without its run", "--real"]),
    "no answers": (["run", "--score"], ["no answers about run are kept"]),
    "too many": (["run", "--n", "9000"], ["--n is 9000", "1 to 1000"]),
    "too few real ones": (["fake.npy", "--real", "few.npy", "--n", "40"], ["holds 3 real examples", "smaller --n"]),
}


@pytest.fixture(scope="module")
def place(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    images = np.random.default_rng(0).integers(0, 255, (60, 8, 8), dtype=np.uint8)
    for name, array in (("fake", images), ("real", images[::-1]), ("few", images[:3]),
                        ("points", np.random.default_rng(0).normal(size=(40, 2)))):
        np.save(folder / f"{name}.npy", array)
    (folder / "run").symlink_to(trained)
    assert run(["train", "ring", "--system", "gan", "--width", "8", "--out", str(folder / "points"), *FAST]) == 0
    return folder


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_sentence(name: str, place: Path, capsys: pytest.CaptureFixture[str],
                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    arguments, expected = MISTAKES[name]
    if name == "no answers":
        arguments = [*arguments, "--out", "empty"]
    assert run(["turing", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "Traceback" not in said and all(part in said for part in expected), said

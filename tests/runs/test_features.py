"""Extractors by name: each name makes what it says, and a slip is told with the remedy."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from mintage.data import DataSpec
from mintage.evaluation import extractor_for
from mintage.evaluation.features import inception, inception_weights
from mintage.runs.errors import RunError
from mintage.runs.features import NAMES, extractor_named, refuse_name

IMAGES = DataSpec("image", (1, 8, 8), ())
POINTS = DataSpec("points", (2,), (), (0.0, 0.0), (1.0, 1.0))
OWN = """
from mintage.evaluation import Extractor

def features():
    return Extractor("own", "1", "00", 64, lambda x: x.flatten(1))

def nothing():
    return None
"""


def test_plain_names() -> None:
    small = extractor_named("small", IMAGES)
    assert small.name == "mintage-small" and extractor_named("auto", IMAGES).digest == small.digest
    assert extractor_named("auto", POINTS).digest == extractor_for(POINTS).digest


@pytest.mark.parametrize(("name", "resize"), [("inception", "tensorflow"), ("inception-clean", "clean")])
def test_inception_is_made_from_the_file(name: str, resize: str, tmp_path: Path,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    """The file, the way of resizing and the digest that is trusted reach the reader of weights."""
    asked: list[Any] = []
    file = tmp_path / "own.safetensors"
    file.write_bytes(b"weights of my own")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setattr(inception, "inception_features", lambda *a, **k: asked.append((a, k)))
    with pytest.raises(RunError, match=f"--trust {digest}"):
        extractor_named(name, IMAGES, file)
    with pytest.raises(RunError, match="none of the known"):
        extractor_named(f"{name}@{'0' * 64}", IMAGES, file)
    assert not asked
    extractor_named(f"{name}@{digest.upper()}", IMAGES, file)
    assert asked == [((file,), {"resize": resize, "trust": digest})]
    monkeypatch.setitem(inception_weights.KNOWN, digest, inception_weights.KNOWN[inception_weights.FETCHED])
    extractor_named(name, IMAGES, file)
    assert asked[1] == ((file,), {"resize": resize, "trust": ""})


def test_your_own_beside_you(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beside_me_7.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    found = extractor_named("beside_me_7:features", IMAGES)
    assert found(torch.zeros(3, 1, 8, 8)).shape == (3, 64)
    with pytest.raises(RunError, match="NoneType"):
        extractor_named("beside_me_7:nothing", IMAGES)
    with pytest.raises(RunError, match="has no attribute 'feature'"):
        extractor_named("beside_me_7:feature", IMAGES)
    with pytest.raises(RunError, match="finds its own"):
        extractor_named("beside_me_7:features", IMAGES, tmp_path / "w")


@pytest.mark.parametrize("name", [":", "a:", ":b"])
def test_half_a_name(name: str) -> None:
    with pytest.raises(RunError, match="package.module:function"):
        extractor_named(name, IMAGES)


@pytest.mark.parametrize("name", NAMES[1:])
def test_features_of_images_are_refused_for_points(name: str) -> None:
    with pytest.raises(RunError, match="are for images"):
        extractor_named(name, POINTS)


@pytest.mark.parametrize(("name", "said"), [
    ("inceptoin", "did you mean 'inception'"), ("x", r"'x'\. There are auto"), ("small@" + "0" * 64, "on trust"),
    ("inception@xyz", "64 letters"), ("inception@" + "g" * 64, "64 letters")])
def test_names_that_are_not_known(name: str, said: str) -> None:
    with pytest.raises(RunError, match=said):
        refuse_name(name)

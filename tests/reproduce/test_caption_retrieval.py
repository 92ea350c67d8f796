"""The judge of captions: what it learns of real pairs, and what it says of samples that are right or wrong."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mintage.data import Examples, Given
from mintage.data.text_encoder import TextEncoder, Texts, digests_of_texts
from mintage.reproduce.caption_retrieval import rank_shares, retriever_of
from mintage.reproduce.row import Found
from mintage.reproduce.rows.text_to_image import DECLARED, SIDE, picture
from mintage.reproduce.training import Training
from mintage.runs.console import Console
from tests.runs.test_captions import captioned as captioned_pictures

COLOURS = {"red": 0, "green": 1, "blue": 2}
LEVELS = {"no": 20, "little": 100, "much": 230}


def pairs() -> Examples:
    """Flat pictures of every mixture of three colours in three strengths, three of each, named in words."""
    pixels, texts = [], []
    for k in range(81):
        strengths = [list(LEVELS)[k // 3**i % 3] for i in range(3)]
        colour = np.array([LEVELS[one] for one in strengths]) + k // 27
        pixels.append(np.tile(colour[:, None, None], (1, 8, 8)).astype(np.uint8))
        texts.append(" ".join(f"{strength} {name}" for strength, name in zip(strengths, COLOURS, strict=True)))
    encoder = TextEncoder.fit(texts, 32)
    given = Given("text", (32,), encoder=encoder.name)
    return Examples.of_images(np.stack(pixels), "mixtures").with_given(given, Texts(texts, encoder),
                                                                       digests_of_texts(texts))


def painter(examples: Examples, shift: int) -> SimpleNamespace:
    """A game whose sample of the caption of example k is the picture of example k + shift."""
    x = examples.gather(torch.arange(len(examples))).x
    c = examples.origins.read(torch.arange(len(examples)))

    def generate(z, y, asked):
        return x[(torch.cdist(asked, c).argmin(1) + shift) % len(x)]

    return SimpleNamespace(sampler=SimpleNamespace(latents=lambda n, g: (torch.zeros(n, 1), None)), generate=generate)


def test_a_judge_learns_pairs_and_tells_right_samples_from_wrong() -> None:
    examples = pairs()
    judge = retriever_of(examples, epochs=40)
    real = rank_shares(judge, examples, None, 0)
    assert real["ranked"] == 81 and real["top 5 of 50"] > 0.6 and real["first of 50"] < real["top 5 of 50"] + 1e-9
    assert rank_shares(judge, examples, painter(examples, 0), 0)["top 5 of 50"] > 0.6
    assert rank_shares(judge, examples, painter(examples, 13), 0)["top 5 of 50"] < 0.4



def test_examples_without_captions_are_refused() -> None:
    plain = Examples.of_images(np.zeros((3, 1, 8, 8), np.uint8), "plain")
    with pytest.raises(ValueError, match="no captions"):
        retriever_of(plain)


def test_a_picture_stands_over_its_caption() -> None:
    page = picture(np.full((8, 8, 3), 7, np.uint8), "a very long caption of many words that goes on é")
    assert page.shape[1] == SIDE and (page[:SIDE] == 7).all() and (page[SIDE:] < 128).any()


def test_the_row_is_declared_with_data_below_the_named_folder(monkeypatch, tmp_path) -> None:
    work = DECLARED["text-to-image"].arms[0].work
    assert isinstance(work, Training) and "resolution" in work.told() and "given" not in work.told()
    monkeypatch.setenv("MINTAGE_DATA", str(tmp_path))
    assert "captioned/emojione_v2_64.zip is not in the folder that MINTAGE_DATA names" in work.missing()
    (tmp_path / "captioned").mkdir()
    (tmp_path / "captioned" / "emojione_v2_64.zip").touch()
    assert work.missing() == "" and work.source == str(tmp_path / "captioned" / "emojione_v2_64.zip")


def test_the_row_measures_a_small_run_end_to_end(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("mintage.reproduce.caption_retrieval.EPOCHS", 1)
    monkeypatch.setenv("MINTAGE_DATA", str(tmp_path))
    captioned_pictures(tmp_path / "set" / "colours")
    work = replace(DECLARED["text-to-image"].arms[0].work, data="set/colours", examples=48, batch=8, resolution=(8, 8))
    (folder := tmp_path / "cell").mkdir()
    figures = work.run(folder, 0, 1, Console(quiet=True))
    for what in ("samples", "real"):
        for place in ("trained on", "held out"):
            assert 0 <= figures[f"{what}, {place}, top 5 of 50"] <= 1 and figures[f"{what}, {place}, ranked"] > 0
    pictures = np.load(folder / "samples.npy")
    assert len(pictures) == figures["pictures"] and pictures.shape[1:] == (SIDE + 48, SIDE, 3)
    assert np.isfinite(DECLARED["text-to-image"].read(Found({"text_to_image": {0: figures}})).findings[0].measured)

"""The rows of the latent space and the autoencoders: what their parts compute, and how their figures are read."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from mintage.data import DataSpec
from mintage.reproduce import faces, find
from mintage.reproduce.row import Found
from mintage.reproduce.rows import autoencoders, features, latent
from mintage.runs.console import Console
from mintage.runs.folder import Run
from mintage.runs.start import Wish, begin


def test_the_difference_is_of_the_surest_halves() -> None:
    z = torch.tensor([[0.0], [1.0], [2.0], [3.0], [10.0], [20.0], [30.0], [40.0]])
    male = torch.tensor([-4.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0])
    assert latent.difference(z, male).item() == pytest.approx(0.5 - 35)
    with pytest.raises(ValueError, match="all of one kind"):
        latent.difference(z, male.abs())


def test_a_committee_is_of_different_members_and_judges_mirror_images_alike() -> None:
    C = faces.game_of(DataSpec("image", (3, 8, 8), ("female", "male"))).net("C").eval()
    x = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    each = [member(x) for member in C.members]  # type: ignore[union-attr]
    assert len(each) == faces.MEMBERS and not torch.allclose(each[0], each[1])
    assert torch.allclose(C(x), sum(each) / len(each))
    assert torch.allclose(faces.logit(C, x), faces.logit(C, x.flip(3)), atol=1e-5)


def test_the_vae_row_holds_by_its_bound() -> None:
    row = find("vae")
    for nats, holds in ((-88.0, True), (-91.0, False)):
        cell = {"nats": nats, "error of nats": 0.7, "elbo": nats - 5, "dimensions in use": 20.0}
        assert row.read(Found({"vae": {0: cell}})).holds is holds
    assert not row.read(Found({})).holds


def test_features_must_win_in_most_draws() -> None:
    row = find("feature-extraction")
    cells = {"features": 0.72, "pixels": 0.67, "untrained": 0.66, "draws won": 10.0}
    assert row.read(Found({"dcgan": {0: cells}})).holds
    assert not row.read(Found({"dcgan": {0: cells | {"draws won": 6.0}}})).holds
    assert not row.read(Found({"dcgan": {0: cells | {"features": 0.6}}})).holds


def test_men_must_become_women_at_one_step() -> None:
    steps = {f"called women at {step:g}": 0.85 for step in (0.5, 1, 1.5, 2)}
    shares = {"accuracy": 0.91, "called women at random": 0.1, **steps}
    cells = {"faces": {0: shares}, "clothes": {0: {"accuracy": 0.9, "called the other": 0.85}},
             "glasses": {0: {"nearer with glasses": 0.7}}}
    row = find("latent-arithmetic")
    assert row.read(Found(cells)).holds
    assert not row.read(Found(cells | {"faces": {0: shares | {"called women at 1": 0.7}}})).holds


@pytest.mark.parametrize("name", ["vae", "autoencoder", "latent-arithmetic", "feature-extraction"])
def test_rows_cover_the_claims_of_their_names(name: str) -> None:
    assert find(name).covers == (name,)


def test_a_cell_of_an_autoencoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The measures of the row on digits of 8 x 8 that are here, a few rounds old: figures, and sheets in the run."""
    from mintage.data import open_data

    monkeypatch.setattr(autoencoders, "opened", lambda source, split: open_data("digits"))
    monkeypatch.setattr(autoencoders, "Z_DIM", 8)
    monkeypatch.setattr(autoencoders, "EVERY", 200)
    monkeypatch.setattr(autoencoders, "SAMPLES", 8)
    console = Console(quiet=True)
    begin(Wish("digits", "vae", {"size": "XS", "z_dim": 8, "binarise": True}, batch=32, examples=32 * 40, device="cpu",
               precision="fp32", threads=1, judged=0, saves=1, judgements=1, compile="off", out=str(tmp_path / "run")),
          console)
    run = Run.open(tmp_path / "run")
    found = autoencoders.evidence(run, 0) | autoencoders.traversal(run, 0) | autoencoders.squares(run, 0)
    assert found["elbo"] < found["nats"] < 0 and found["error of nats"] > 0
    assert 0 <= found["dimensions in use"] <= 8
    x = open_data("digits").gather(torch.arange(1797)).x.flatten(1).double().numpy()
    values = np.linalg.svd(x - x.mean(0), compute_uv=False)
    assert found["error of pca"] == pytest.approx((values[8:] ** 2).sum() / x.size / 4, rel=1e-3)
    assert (run.samples / "traversal.png").exists() and (run.samples / "reconstructions.png").exists()
    assert math.isfinite(found["error"])


def test_each_draw_has_the_same_labels_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    from mintage.data import open_data
    from mintage.networks import DCGANDiscriminator

    monkeypatch.setattr(features, "opened", lambda source, split: open_data("digits"))
    monkeypatch.setattr(features, "TESTED", 500)
    monkeypatch.setattr(features, "DRAWS", 2)
    features.chosen.cache_clear()
    features.plain.cache_clear()
    few, test, t = features.chosen("digits")
    assert all(torch.equal(y.unique(), torch.arange(10)) and len(y) == 100 for _, y in few) and len(test) == len(t)
    torch.manual_seed(0)
    found = features.each_draw(DCGANDiscriminator((1, 8, 8), size="XS"), "digits")
    assert len(found) == 2 and all(0.3 < one <= 1 for one in found + features.plain("digits"))
    features.chosen.cache_clear()
    features.plain.cache_clear()

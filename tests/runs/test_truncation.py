"""Truncated samples lie nearer to the mean style; generators without styles refuse."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from mintage.cli import run as mintage
from mintage.data import DataSpec
from mintage.latent import truncate as towards
from mintage.runs import product
from mintage.runs.building import build_game
from mintage.runs.errors import RunError
from mintage.runs.truncation import truncate

SPEC = DataSpec("image", (1, 8, 8))


def made(system: str = "stylegan") -> product.Generator:
    game = build_game(system, {"size": "XS"}, SPEC, seed=0, device="cpu", precision="fp32")
    return product.Generator(game, SPEC, {})


def test_styles_are_drawn_towards_the_mean_of_the_averaged_network() -> None:
    generator = made()
    G = generator.game.current.mean_nets.G
    z = torch.randn(5, G.z_dim, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.nn.init.normal_(G.mapping.mean, generator=torch.Generator().manual_seed(1))
        whole, w = generator.generate(z), G.mapping(z)
        expected = G.synthesis(towards(w, 0.6, G.mapping.mean))
    assert torch.allclose(truncate(generator, 0.6).generate(z), expected, atol=1e-6)
    assert not torch.allclose(whole, expected, atol=1e-3)
    one = truncate(generator, 0.0).generate(z)
    assert torch.allclose(one, one[:1].expand_as(one), atol=1e-6)
    assert torch.equal(truncate(generator, 1.0).generate(z), whole)
    assert generator.game.current.net("G").mapping.psi == 1  # what is trained is not touched


def test_refusals() -> None:
    with pytest.raises(RunError, match="lies between 0"):
        truncate(made(), 1.2)
    with pytest.raises(RunError, match="has no styles"):
        truncate(made("dcgan"), 0.7)


def test_by_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "generator"
    settings = SimpleNamespace(version="0", system="stylegan", spec=SPEC, options={"size": "XS"})
    run: Any = SimpleNamespace(path=tmp_path, settings=settings, generator=folder)
    product.export(run, made().game, {"examples": 0})
    for psi in ("1", "0.5"):
        out = str(tmp_path / f"{psi}.png")
        assert mintage(["sample", str(folder), "-n", "9", "--truncation", psi, "--out", out]) == 0
    assert (tmp_path / "1.png").read_bytes() != (tmp_path / "0.5.png").read_bytes()
    assert mintage(["sample", str(folder), "--truncation", "-1"]) != 0
    assert "lies between 0" in capsys.readouterr().err

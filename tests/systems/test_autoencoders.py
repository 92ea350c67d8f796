"""The autoencoders: their bound and codes by hand, what they refuse, that they learn, and that samples need the fit."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from mintage.data import DataSpec
from mintage.game import Game, Round, generator, play
from mintage.game.clock import Clock
from mintage.lab.streams import Stream
from mintage.objectives import gaussian_kl, log_bernoulli
from mintage.systems import autoencoder as plain
from mintage.systems import vae as variational
from mintage.systems.autoencoder import autoencoder
from mintage.systems.coding import binarised, log_evidence, posterior
from mintage.systems.vae import vae

IMAGE, POINTS = DataSpec("image", (1, 8, 8)), DataSpec("points", (4,))


def built(system: Any, spec: DataSpec, **options: Any) -> Game:
    torch.manual_seed(0)
    return system(spec, size="XS", **options)


def line(n: int, g: torch.Generator) -> torch.Tensor:
    """Points on a plane in four dimensions, with a little noise, away from the origin."""
    z = torch.randn(n, 2, generator=g)
    A = torch.tensor([[1.0, 0.0, 1.0, 0.5], [0.0, 1.0, -1.0, 0.5]])
    return z @ A + 0.05 * torch.randn(n, 4, generator=g) + torch.tensor([3.0, 0.0, 0.0, 0.0])


def played(game: Game, examples: int = 300 * 64) -> Game:
    for round in play(game, Stream(line, 64, 0), examples, seed=0):
        assert not round.skipped
    return game


@pytest.fixture(scope="module")
def learned() -> dict[str, Game]:
    return {"autoencoder": played(built(autoencoder, POINTS, z_dim=2, lr=3e-3)),
            "vae": played(built(vae, POINTS, z_dim=2, lr=3e-3), 1500 * 64)}


@pytest.mark.parametrize(("name", "system"), [("autoencoder", plain), ("vae", variational)])
def test_what_is_reconstructed_is_near_and_samples_have_the_datas_moments(
        learned: dict[str, Game], name: str, system: Any) -> None:
    game, x = learned[name], line(2000, generator("fresh"))
    nets = game.mean_nets
    with torch.no_grad():
        z, back = system.encode(nets, x), system.reconstruct(nets, x)
        again = game.sampler.generate(nets, z, None)  # type: ignore[union-attr]
    assert z.shape == (2000, 2) and torch.allclose(again, back, atol=1e-3)
    assert (back - x).square().mean() < 0.05 * x.var(0).mean()
    made = game.generate(game.sampler.prior(4000, generator("z")))  # type: ignore[union-attr]
    assert torch.allclose(made.mean(0), x.mean(0), atol=0.25)
    assert torch.allclose(made.T.cov(), x.T.cov(), atol=0.6)


def test_the_fit_of_codes_is_what_makes_samples(learned: dict[str, Game]) -> None:
    game = learned["autoencoder"]
    with torch.no_grad():
        codes = game.mean_nets.E(line(2000, generator("fresh")))
    assert torch.allclose(game.mean_nets.C.mean, codes.mean(0), atol=0.3 * float(codes.std(0).max()))
    assert torch.allclose(game.mean_nets.C.covariance, codes.T.cov(), atol=0.3 * float(codes.var(0).max()))


def test_the_spread_is_learned(learned: dict[str, Game]) -> None:
    assert 0.03 < float(learned["vae"].mean_nets.G.log_spread.exp()) < 0.2  # the noise is 0.05


def test_the_bound_by_hand() -> None:
    game = built(vae, IMAGE, z_dim=3)
    stream = Stream(lambda n, g: torch.rand(n, 1, 8, 8, generator=g) * 2 - 1, 4, 0)
    round = Round(0, Clock(0, 100), stream, 0, torch.device("cpu"))
    round.begin(0, 0)
    terms = game.moves[0].objective(game.nets, round)
    x, twin = round.batch.x, Round(0, Clock(0, 100), stream, 0, torch.device("cpu"))
    twin.begin(0, 0)
    mean, log_variance = game.nets.E(x).chunk(2, 1)
    z = mean + (log_variance / 2).exp() * torch.randn(4, 3, generator=twin.generator("latent"))
    assert terms["kl"].item() == pytest.approx(gaussian_kl(mean, log_variance).mean().item())
    assert terms["reconstruction"].item() == pytest.approx(-log_bernoulli((x + 1) / 2, game.nets.G(z)).mean().item())
    weighted = built(vae, IMAGE, z_dim=3, beta=4.0).moves[0]
    assert weighted.loss(terms, Clock(0, 100)).item() == pytest.approx(
        (terms["reconstruction"] + 4 * terms["kl"]).item())


def test_evidence_is_a_bound_that_tightens_and_does_not_depend_on_how_it_is_split(learned: dict[str, Game]) -> None:
    nets, x = learned["vae"].mean_nets, line(50, generator("fresh"))
    one = torch.stack([log_evidence(nets, x, 1, generator(k)) for k in range(40)]).mean()
    many = log_evidence(nets, x, 200, generator(0))
    assert many.shape == (50,) and one < many.mean() + 0.02
    spread = float(nets.G.log_spread.detach())
    with torch.no_grad():
        mean, log_variance = posterior(nets, x)
    assert torch.isfinite(many).all() and log_variance.exp().max() < 1 and mean.std() > 0.5 and spread < 0
    with pytest.raises(ValueError, match="1 or more"):
        log_evidence(nets, x, 0, generator(0))


def test_pixels_are_drawn_as_probable_as_they_are_bright() -> None:
    x = torch.tensor([-1.0, -0.5, 0.0, 1.0]).expand(20_000, 4)
    drawn = binarised(x, generator("pixels"))
    assert set(drawn.unique().tolist()) == {-1.0, 1.0}
    assert torch.allclose((drawn == 1).float().mean(0), torch.tensor([0.0, 0.25, 0.5, 1.0]), atol=0.02)


def test_refusals_and_defaults() -> None:
    with pytest.raises(ValueError, match="--likelihood gaussian"):
        vae(POINTS, likelihood="bernoulli")
    with pytest.raises(ValueError, match="--likelihood bernoulli"):
        vae(DataSpec("image", (3, 8, 8)), binarise=True)
    assert built(vae, IMAGE).nets.G.log_spread is None
    assert built(vae, DataSpec("image", (3, 8, 8))).nets.G.log_spread is not None


@pytest.mark.parametrize("system", [vae, autoencoder])
def test_samples_of_images_stay_in_range(system: Any) -> None:
    for shape in ((1, 8, 8), (3, 5, 9)):
        game = built(system, DataSpec("image", shape), ema=0.0)
        x = game.generate(5 * torch.randn(6, 32, generator=generator(0)))
        assert x.shape == (6, *shape) and x.abs().max() <= 1

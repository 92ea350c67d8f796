"""Likelihoods of a generator, in nats, for pixels in [0, 1] or points in standardised units.

    parzen   a Gaussian around each of many samples, as the paper of 2014 reports it; wrong in many dimensions
    AIS      log p(x) of the decoder x = G(z) + N(0, sigma^2), z normal: in the mean a lower bound, on few examples

Both are of the density that the noise sigma makes of the generator, which has none itself; sigma is Parzen's, chosen on
training examples. They compare generators of the same data at the same sigma, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mintage.data import Examples
from mintage.evaluation import annealed_likelihood, parzen_likelihood
from mintage.game import Game, Stages
from mintage.runs.errors import RunError
from mintage.runs.judging import draw_of

SAMPLES, CHOSEN, TESTED, CHUNK = 10_000, 500, 1000, 250
FEW, CHAINS, STEPS = 8, 4, 300


def likelihoods_of(game: Game | Stages, train: Examples, testing: Examples, seed: int) -> dict[str, Any]:
    """Both, as plain values.

    Raises:
        RunError: no sampler, or latents that are not plain normal vectors.
    """
    if game.sampler is None or game.sampler.given:
        raise RunError("this system is not sampled from latents alone, so it has no likelihood here")
    image = train.spec.kind == "image"

    def unit(x: Tensor) -> Tensor:
        return (x.float() + 1) / 2 if image else x.float()

    draw = draw_of(game, seed, "likelihood")
    samples = unit(torch.cat([draw(CHUNK)[0].cpu() for _ in range(SAMPLES // CHUNK)]))
    g = torch.Generator().manual_seed(seed)
    chosen = unit(train.gather(torch.randperm(len(train), generator=g)[:CHOSEN]).x.cpu())
    order = torch.randperm(len(testing), generator=g)[:TESTED]
    tested = unit(testing.gather(order).x.cpu())
    try:
        window = parzen_likelihood(samples, chosen, tested)
    except ValueError as error:
        raise RunError(f"no Parzen window suits: {error}") from error
    found: dict[str, Any] = {"parzen": window._asdict()}
    latent = game.sampler.prior(1, g)
    if latent.ndim != 2:
        return found
    few = order[:FEW]
    y = testing.gather(few).y if game.sampler.classes else None
    nats = annealed_likelihood(_decoder(game, y, unit), tested[:FEW], z_dim=latent.shape[1], sigma=window.sigma,
                               chains=CHAINS, steps=STEPS, seed=seed)
    found["annealed"] = {"nats": float(nats.mean()), "error": float(nats.std() / len(nats) ** 0.5),
                         "sigma": window.sigma, "n": len(nats), "given the label": y is not None}
    return found


def _decoder(game: Game | Stages, y: Tensor | None, unit: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """z -> G(z, y) in the units of the likelihood, differentiable; rows of z belong to the examples in turn."""
    playing = game.current
    nets, sampled = playing.mean_nets, playing.sampler
    for net in vars(nets).values():
        net.eval()

    def decode(z: Tensor) -> Tensor:
        label = None if y is None else y.repeat_interleave(len(z) // len(y)).to(playing.device)
        if sampled is None:
            raise RunError("this system is not sampled")
        return unit(sampled.generate(nets, z.to(playing.device), label)).to(z.device)

    return decode


def sentences(found: dict[str, Any]) -> list[str]:
    """The same for reading."""
    p = found["parzen"]
    lines = [f"Parzen log-likelihood {p['nats']:,.1f} +- {p['error']:.1f} nats ({p['n']:,} test examples, sigma "
             f"{p['sigma']:.3g}); far off in many dimensions, as in the papers that report it"]
    if "annealed" in found:
        a = found["annealed"]
        given = ", given their labels" if a["given the label"] else ""
        lines.append(f"log-likelihood of the decoder by annealed importance sampling {a['nats']:,.1f} +- "
                     f"{a['error']:.1f} nats ({a['n']} test examples{given}, sigma {a['sigma']:.3g}); a lower bound in "
                     "the mean")
    return lines

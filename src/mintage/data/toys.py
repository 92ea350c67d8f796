"""A toy: a mixture of round Gaussians whose modes are known, so that what a generator misses can be counted.

Mode i has centre c_i, deviation sigma_i and weight w_i: x ~ sum_i w_i N(c_i, sigma_i^2 I).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mintage.data.errors import DataError, near
from mintage.data.examples import Examples
from mintage.data.spec import DataSpec

COUNT = 100_000
SEED = 20180


@dataclass(frozen=True)
class Toy:
    """A mixture of round Gaussians in its own units."""

    name: str
    modes: np.ndarray  # [m, d], the centres
    sigmas: np.ndarray  # [m]
    weights: np.ndarray  # [m], summing to 1

    @property
    def sigma(self) -> float:
        """The deviation of one mode; of the widest, where they differ."""
        return float(self.sigmas.max())

    @property
    def spec(self) -> DataSpec:
        """Centre: the mixture's mean. Scale: its deviation, the same in every dimension so that modes stay round."""
        mean = self.weights @ self.modes
        spread = self.weights @ ((self.modes - mean) ** 2).mean(1) + self.weights @ self.sigmas**2
        d = self.modes.shape[1]
        return DataSpec("points", (d,), (), tuple(float(f"{m:.6g}") + 0.0 for m in np.round(mean, 12)),
                        (float(f"{math.sqrt(spread):.6g}"),) * d)

    def sample(self, n: int, seed: int = SEED) -> np.ndarray:
        """n points, float32 [n, d], the same for the same seed."""
        chance = np.random.Generator(np.random.PCG64(seed))
        which = chance.choice(len(self.modes), size=n, p=self.weights)
        noise = chance.standard_normal((n, self.modes.shape[1]))
        return (self.modes[which] + self.sigmas[which, None] * noise).astype(np.float32)

    def standardised(self) -> tuple[np.ndarray, float]:
        """The modes and sigma in the units in which examples and samples are held."""
        spec = self.spec
        return (self.modes - np.array(spec.centre)) / np.array(spec.scale), self.sigma / spec.scale[0]


def _toy(name: str, modes: list[tuple[float, ...]], sigmas: list[float], weights: list[float] | None = None) -> Toy:
    m = len(modes)
    return Toy(name, np.array(modes), np.array(sigmas * m if len(sigmas) == 1 else sigmas),
               np.array(weights or [1 / m] * m))


def _ring() -> Toy:
    turns = [2 * math.pi * i / 8 for i in range(8)]
    return _toy("ring", [(math.cos(a), math.sin(a)) for a in turns], [0.01])


def _grid() -> Toy:
    return _toy("grid", [(-4.0 + 2 * i, -4.0 + 2 * j) for i in range(5) for j in range(5)], [0.05])


TOYS = {toy.name: toy for toy in (
    _ring(),
    _grid(),
    _toy("gaussians", [(-2.0, -1.0), (2.0, -1.0), (0.0, 2.0)], [0.5, 0.25, 0.35], [0.5, 0.3, 0.2]),
    _toy("gaussian-1d", [(4.0,)], [0.5]),
    _toy("gaussians-1d", [(-3.0,), (0.0,), (4.0,)], [0.5, 0.25, 1.0], [0.3, 0.3, 0.4]),
)}
"""The toys by name.

`ring` and `grid` are those of the mode-collapse literature: 8 modes on the unit circle with sigma 0.01, and 25 modes
at (-4 + 2i, -4 + 2j) with sigma 0.05, 100,000 points; a sample is of high quality within 3 sigma of a mode.
PacGAN: The Power of Two Samples in Generative Adversarial Networks (Lin et al., 2018, https://arxiv.org/abs/1712.04086).
"""


def toy(name: str) -> Toy:
    """The toy of this name.

    Raises:
        DataError: there is none.
    """
    if name not in TOYS:
        raise DataError(f"there is no toy {name!r}; there are {', '.join(TOYS)}{near(name, TOYS)}")
    return TOYS[name]


def open_toy(name: str, n: int = COUNT) -> Examples:
    """n points of a toy, always the same ones."""
    chosen = toy(name)
    spec = chosen.spec
    return Examples.of_points(chosen.sample(n), name, centre=spec.centre, scale=spec.scale)

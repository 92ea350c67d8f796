"""Codes inside a latent: the prior of InfoGAN, z = [noise, one-hot category, numbers].

    noise ~ N(0, I) [noise],   category ~ uniform over K, as a one-hot row [K],   c ~ U(-1, 1) [numbers]

A latent is one row [noise + K + numbers], so a generator reads it like any other; `category` and `numbers` find the
codes in it, and `chosen` sets them, for sheets in which one code goes from end to end while all else stays.

InfoGAN: Interpretable Representation Learning by Information Maximizing Generative Adversarial Nets (Chen et al.,
2016), https://arxiv.org/abs/1606.03657
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot


@dataclass(frozen=True)
class Codes:
    """A prior over latents with codes in them: prior(n, generator) -> z [n, dim], float32.

    Args:
        noise: numbers that carry no code.
        categories: K, the values of the categorical code; 0 for none.
        numbers: continuous codes.

    Raises:
        ValueError: a count below 0, a category of a single value, or no code at all.
    """

    noise: int
    categories: int
    numbers: int

    def __post_init__(self) -> None:
        if min(self.noise, self.categories, self.numbers) < 0 or self.categories == 1:
            raise ValueError(f"codes of {self.noise} numbers of noise, {self.categories} categories and {self.numbers} "
                             "continuous codes; counts are 0 or more, and a category has 2 values or more (0 for none)")
        if not self.categories + self.numbers:
            raise ValueError("no code was asked for; give categories of 2 or more, or continuous codes of 1 or more")

    @property
    def dim(self) -> int:
        """Numbers in a latent."""
        return self.noise + self.categories + self.numbers

    def __call__(self, n: int, generator: torch.Generator) -> Tensor:
        """n latents on the generator's device."""
        device = generator.device
        parts = [torch.randn((n, self.noise), generator=generator, device=device)]
        if self.categories:
            drawn = torch.randint(self.categories, (n,), generator=generator, device=device)
            parts.append(one_hot(drawn, self.categories).float())
        parts.append(torch.rand((n, self.numbers), generator=generator, device=device) * 2 - 1)
        return torch.cat(parts, 1)

    def category(self, z: Tensor) -> Tensor:
        """The categorical code of each latent [N, dim] -> [N], int64; of mixed ones the largest."""
        return z[:, self.noise:self.noise + self.categories].argmax(1)

    def continuous(self, z: Tensor) -> Tensor:
        """The continuous codes of each latent [N, dim] -> [N, numbers]."""
        return z[:, self.noise + self.categories:]

    def chosen(self, z: Tensor, *, category: Tensor | Sequence[int] | int | None = None, number: int | None = None,
               values: Tensor | Sequence[float] | float | None = None) -> Tensor:
        """A copy of latents z [N, dim] with codes set; what is not named stays.

        Args:
            category: for all rows, or one a row.
            number: which continuous code gets `values`, one for all rows or one a row; 0 to numbers - 1.

        Raises:
            ValueError: a category or a continuous code there is none of.
        """
        z = z.clone()
        if category is not None:
            asked = torch.as_tensor(category, device=z.device).long().expand(len(z))
            if not self.categories or not bool(((asked >= 0) & (asked < self.categories)).all()):
                raise ValueError(f"category {category!r} was asked for; there are {self.categories}, from 0")
            z[:, self.noise:self.noise + self.categories] = one_hot(asked, self.categories).to(z)
        if number is not None:
            if not 0 <= number < self.numbers:
                raise ValueError(f"continuous code {number} was asked for; there are {self.numbers}, from 0")
            z[:, self.noise + self.categories + number] = torch.as_tensor(0.0 if values is None else values).to(z)
        return z


def code_sheet(codes: Codes, z: Tensor, *, number: int, columns: int = 10, reach: float = 1.0) -> Tensor:
    """Latents of a sheet: a row for each of z [R, dim], one continuous code from -reach to reach along the columns.

    [R columns, dim], row by row. A reach beyond 1 leaves the prior, as the paper's figures do (2).
    """
    ends = torch.linspace(-reach, reach, columns, device=z.device)
    return codes.chosen(z.repeat_interleave(columns, 0), number=number, values=ends.repeat(len(z)))

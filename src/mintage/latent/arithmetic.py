"""Arithmetic of latents: mean codes of named examples, a - b + c, and directions of attributes. Codes z [N, d].

"Man with glasses - man + woman": the mean code of a few examples of each, not single codes, which are too noisy
(Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks, Radford et al., 2016,
section 6.3.2, https://arxiv.org/abs/1511.06434).

An attribute has labels t in {0, 1}. Its direction is the difference of the two mean codes, or the normal of a boundary
that separates them (Interpreting the Latent Space of GANs for Semantic Face Editing, Shen et al., 2020,
https://arxiv.org/abs/1907.10786), here by ridge or logistic regression. A normal is corrected for correlated codes;
a difference of means is not, and takes along what goes with the attribute.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches

import torch
from torch import Tensor

SIGN = re.compile(r"(?:^|(?<=\s))([+-])(?=\s|$)")


def mean_code(codes: Tensor) -> Tensor:
    """The mean of codes [N, d] -> [d].

    Raises:
        ValueError: no codes.
    """
    if codes.ndim != 2 or not len(codes):
        raise ValueError(f"a mean code needs one or more codes [N, d]; received {list(codes.shape)}")
    return codes.mean(0)


def mean_codes(codes: Tensor, names: list[str] | tuple[str, ...], y: Tensor) -> dict[str, Tensor]:
    """The mean code of each class that occurs: name -> [d], from codes [N, d] and classes y [N] of 0..len(names)-1."""
    return {name: mean_code(codes[y == k]) for k, name in enumerate(names) if bool((y == k).any())}


def parse(expression: str) -> list[tuple[float, str]]:
    """The terms of "A - B + C": (1 or -1, name) each. Signs have blanks around them, so names may hold a hyphen.

    Raises:
        ValueError: not a sum of names.
    """
    first, *rest = SIGN.split(expression.strip())
    parts = ([("+", first)] if first.strip() or not rest else []) + list(zip(rest[::2], rest[1::2], strict=True))
    if any(not name.strip() for _, name in parts):
        raise ValueError(f"{expression!r} is not a sum of names; write A - B + C, with blanks around the signs")
    return [(-1.0 if sign == "-" else 1.0, name.strip()) for sign, name in parts]


def combined(expression: str, codes: Mapping[str, Tensor]) -> Tensor:
    """The value of "A - B + C" for the codes [d] by name -> [d].

    Raises:
        ValueError: not a sum of names, or a name without a code; the nearest is named.
    """
    total: Tensor | None = None
    for sign, name in parse(expression):
        if name not in codes:
            near = get_close_matches(name, codes, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"there is no code {name!r}; there are {', '.join(codes) or 'none'}{hint}")
        total = sign * codes[name] if total is None else total + sign * codes[name]
    return torch.as_tensor(total)


def difference_of_means(codes: Tensor, t: Tensor) -> Tensor:
    """E[z | t = 1] - E[z | t = 0], not normalised: one unit of it moves one mean to the other.   -> [d]."""
    t = _attribute(codes, t)
    return mean_code(codes[t == 1]) - mean_code(codes[t == 0])


def ridge_direction(codes: Tensor, t: Tensor, strength: float = 1e-2) -> Tensor:
    """The unit normal w / |w| of least squares,  w = (C + strength tr(C) / d I)^-1 cov(z, t),  C = cov(z).   -> [d].

    With equal covariances it is the direction of Fisher's linear discriminant.
    """
    t = _attribute(codes, t).double()
    z = codes.double() - codes.double().mean(0)
    covariance = z.T @ z / len(z)
    ridge = strength * covariance.diagonal().mean().clamp(min=torch.finfo(torch.float64).tiny)
    w = torch.linalg.solve(covariance + ridge * torch.eye(len(covariance), dtype=z.dtype, device=z.device),
                           z.T @ (t - t.mean()) / len(z))
    return (w / w.norm()).to(codes.dtype)


def logistic_direction(codes: Tensor, t: Tensor, strength: float = 1e-2, steps: int = 30) -> Tensor:
    """The unit normal of logistic regression, by Newton's method, with a ridge of `strength` a code.   -> [d].

        lowers  mean log(1 + exp(-(2 t - 1)(<w, z> + b))) + strength |w|^2 / 2
    """
    t = _attribute(codes, t).double()
    z = codes.double()
    design = torch.cat([(z - z.mean(0)) / z.std(0, correction=0).clamp(min=1e-12), torch.ones_like(z[:, :1])], 1)
    ridge = torch.full((design.shape[1],), strength, dtype=z.dtype, device=z.device)
    ridge[-1] = 1e-9
    w = torch.zeros_like(ridge)
    for _ in range(steps):
        p = (design @ w).sigmoid()
        slope = design.T @ (p - t) / len(t) + ridge * w
        curve = (design.T * (p * (1 - p))) @ design / len(t) + ridge.diag()
        step = torch.linalg.solve(curve, slope)
        w = w - step
        if float(step.norm()) < 1e-10 * (1 + float(w.norm())):
            break
    normal = w[:-1] / z.std(0, correction=0).clamp(min=1e-12)
    return (normal / normal.norm()).to(codes.dtype)


Direction = Callable[[Tensor, Tensor], Tensor]
DIRECTIONS: dict[str, Direction] = {"means": difference_of_means, "ridge": ridge_direction,
                                    "logistic": logistic_direction}


def _attribute(codes: Tensor, t: Tensor) -> Tensor:
    if codes.ndim != 2 or t.shape != codes.shape[:1]:
        raise ValueError(f"a direction needs codes [N, d] and as many labels; received {list(codes.shape)} and "
                         f"{list(t.shape)}")
    values = set(t.unique().tolist())
    if values != {0, 1}:
        raise ValueError(f"an attribute has the labels 0 and 1, and examples of both; received {sorted(values)[:5]}")
    return t.to(codes.device)

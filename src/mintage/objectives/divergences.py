"""f-divergences: D_f(P | Q) = E_Q f(p / q) for a convex f, bounded from below through its conjugate f*.

D_f(P | Q) >= E_P t(x) - E_Q f*(t(x)) for every function t, with equality at t* = f'(p / q). The critic's logits v are
brought into the domain of f* by an activation g_f, so that t = g_f(v). With r = p / q and s(v) = log(1 + e^v):

    name               f(u)                                   f*(t)           g_f(v)         f'(r)           f*(g_f(v))
    kl                 u log u                                exp(t - 1)      v              1 + log r       exp(v - 1)
    reverse_kl         -log u                                 -1 - log(-t)    -exp(-v)       -1 / r          v - 1
    pearson            (u - 1)^2                              t^2 / 4 + t     v              2 (r - 1)       v^2 / 4 + v
    squared_hellinger  (sqrt u - 1)^2                         t / (1 - t)     1 - exp(-v)    1 - r^(-1/2)    exp(v) - 1
    jensen_shannon     u log u - (u + 1) log((u + 1) / 2)     -log(2 - e^t)   log 2 - s(-v)  log(2r / (r + 1))
                                                                                                         s(v) - log 2
    gan                u log u - (u + 1) log(u + 1)           -log(1 - e^t)   -s(-v)         log(r / (r + 1))    s(v)
    total_variation    |u - 1| / 2                            t               tanh(v) / 2    sign(r - 1) / 2
                                                                                                         tanh(v) / 2

In these units jensen_shannon is twice the Jensen-Shannon divergence, gan is that less log 4, and squared_hellinger is
the integral of (sqrt p - sqrt q)^2. The last column is computed as it stands: the composition would overflow.

    f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization (Nowozin et al., 2016),
    tables 2 and 6, https://arxiv.org/abs/1606.00709
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus
from torch.special import expm1, xlogy

from mintage.objectives.adversarial import Adversarial

Map = Callable[[Tensor], Tensor]
LOG2 = math.log(2)


@dataclass(frozen=True)
class Divergence:
    """An f-divergence and what its variational bound needs, each a function of tensors of any shape.

    Args:
        name: its key in `DIVERGENCES`.
        f: convex, u = p / q >= 0.
        conjugate: f*(t) = sup_u (u t - f(u)), for t in the domain.
        activation: g_f(v), increasing, of any real v into the domain.
        derivative: f'(r) = t*, the best t where p / q = r.
        composed: f*(g_f(v)) in a form that does not overflow before its value does.
        logits: r -> the v with g_f(v) = f'(r).
        domain: from where to where f* is finite.
    """

    name: str
    f: Map
    conjugate: Map
    activation: Map
    derivative: Map
    composed: Map
    logits: Map
    domain: tuple[float, float]


_ALL = (
    Divergence("kl", f=lambda u: xlogy(u, u), conjugate=lambda t: (t - 1).exp(), activation=lambda v: v,
               derivative=lambda r: 1 + r.log(), composed=lambda v: (v - 1).exp(), logits=lambda r: 1 + r.log(),
               domain=(-math.inf, math.inf)),
    Divergence("reverse_kl", f=lambda u: -u.log(), conjugate=lambda t: -1 - (-t).log(),
               activation=lambda v: -(-v).exp(), derivative=lambda r: -1 / r, composed=lambda v: v - 1,
               logits=torch.log, domain=(-math.inf, 0.0)),
    Divergence("pearson", f=lambda u: (u - 1).square(), conjugate=lambda t: t.square() / 4 + t,
               activation=lambda v: v, derivative=lambda r: 2 * (r - 1), composed=lambda v: v.square() / 4 + v,
               logits=lambda r: 2 * (r - 1), domain=(-math.inf, math.inf)),
    Divergence("squared_hellinger", f=lambda u: (u.sqrt() - 1).square(), conjugate=lambda t: t / (1 - t),
               activation=lambda v: -expm1(-v), derivative=lambda r: 1 - r.rsqrt(), composed=expm1,
               logits=lambda r: r.log() / 2, domain=(-math.inf, 1.0)),
    Divergence("jensen_shannon", f=lambda u: xlogy(u, u) - (u + 1) * ((u + 1) / 2).log(),
               conjugate=lambda t: -torch.log1p(-expm1(t)), activation=lambda v: LOG2 - softplus(-v),
               derivative=lambda r: LOG2 - torch.log1p(1 / r), composed=lambda v: softplus(v) - LOG2,
               logits=torch.log, domain=(-math.inf, LOG2)),
    Divergence("gan", f=lambda u: xlogy(u, u) - xlogy(u + 1, u + 1), conjugate=lambda t: -torch.log(-expm1(t)),
               activation=lambda v: -softplus(-v), derivative=lambda r: -torch.log1p(1 / r), composed=softplus,
               logits=torch.log, domain=(-math.inf, 0.0)),
    Divergence("total_variation", f=lambda u: (u - 1).abs() / 2, conjugate=lambda t: t,
               activation=lambda v: v.tanh() / 2, derivative=lambda r: torch.sign(r - 1) / 2,
               composed=lambda v: v.tanh() / 2, logits=lambda r: torch.sign(r - 1).atanh(), domain=(-0.5, 0.5)),
)
DIVERGENCES: dict[str, Divergence] = {divergence.name: divergence for divergence in _ALL}


def f_gan(divergence: Divergence, *, heuristic: bool = True) -> Adversarial:
    """D: -E g_f(a) + E f*(g_f(b));   G: -E g_f(b), the heuristic, or -E f*(g_f(b)), the bound itself.

    Optimum: g_f(v) = f'(r) for r = p_data / p_model; there the critic's loss is -D_f(p_data | p_model). Equilibrium:
    -f(1) for D; -f'(1) or f(1) - f'(1) for G.

    f-GAN (Nowozin et al., 2016), eq. 7 and section 3.2. https://arxiv.org/abs/1606.00709

    Args:
        divergence: one of `DIVERGENCES`, or one of your own.
        heuristic: G's side does not fade where D is sure, as with the heuristic of Goodfellow et al. 2014. With the
            divergence "gan" the two are the non-saturating and the minimax objective.
    """

    def critic(a: Tensor, b: Tensor) -> Tensor:
        return divergence.composed(b).mean() - divergence.activation(a).mean()

    def generator(a: Tensor | None, b: Tensor) -> Tensor:
        return -divergence.activation(b).mean() if heuristic else -divergence.composed(b).mean()

    one = torch.ones((), dtype=torch.float64)
    value, slope = float(divergence.f(one)), float(divergence.derivative(one))
    return Adversarial(critic, generator, optimum=divergence.logits,
                       equilibrium=(-value, -slope if heuristic else value - slope), source="nowozin2016")

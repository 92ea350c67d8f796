"""The best critic between N(0, 1) and N(mu, 1), by quadrature through the library's objectives; and a discrete pair.

Its logit is log p_data / p_model = -mu x + mu^2 / 2. The table was worked out apart from the library.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import vmap

from mintage.objectives import ADVERSARIAL, Adversarial, non_saturating, relativistic_paired

NODES, WEIGHTS = (torch.from_numpy(each) for each in np.polynomial.hermite_e.hermegauss(200))
WEIGHTS = WEIGHTS / WEIGHTS.sum()

TABLE = {  # mu: JSD, D's loss, D's loss on pairs, H^2
    0.0: (0.0, 1.38629436, 0.69314718, 0.0),
    0.5: (0.03031130, 1.32567176, 0.63426890, 0.03076677),
    1.0: (0.11142148, 1.16345140, 0.49180171, 0.11750310),
    2.0: (0.33683082, 0.71263272, 0.19307504, 0.39346934),
    4.0: (0.63272019, 0.12085397, 0.00661136, 0.86466472),
}


def best(loss: Adversarial, mu: float) -> tuple[Tensor, Tensor]:
    """The best critic's logits at the nodes of the data, N(0, 1), and of the model, N(mu, 1)."""
    return loss.optimum((mu**2 / 2 - mu * NODES).exp()), loss.optimum((mu**2 / 2 - mu * (NODES + mu)).exp())


def expected(loss: Adversarial, mu: float) -> float:
    """E critic(D(x), D(x')) over independent x of the data and x' of the model."""
    a, b = best(loss, mu)
    pairs = vmap(vmap(loss.critic, in_dims=(None, 0)), in_dims=(0, None))(a, b)
    return float(WEIGHTS @ pairs @ WEIGHTS)


@pytest.mark.parametrize("mu", TABLE)
def test_the_table(mu: float) -> None:
    jsd, loss, paired, hellinger = TABLE[mu]
    value = expected(non_saturating, mu)
    assert value == pytest.approx(loss, abs=1e-8)
    assert (math.log(4) - value) / 2 == pytest.approx(jsd, abs=1e-8)
    assert expected(relativistic_paired, mu) == pytest.approx(paired, abs=1e-8)
    assert -expected(ADVERSARIAL["f-jensen-shannon"], mu) / 2 == pytest.approx(jsd, abs=1e-8)
    assert -expected(ADVERSARIAL["f-squared-hellinger"], mu) / 2 == pytest.approx(hellinger, abs=1e-8)


@pytest.mark.parametrize("mu", TABLE)
def test_closed_forms(mu: float) -> None:
    """KL = mu^2 / 2 both ways; Pearson = exp(mu^2) - 1; the critics of f-GANs measure them."""
    exact = {"f-kl": mu**2 / 2, "f-reverse-kl": mu**2 / 2, "f-pearson": math.exp(mu**2) - 1,
             "f-squared-hellinger": 2 - 2 * math.exp(-(mu**2) / 8)}
    for name, value in exact.items():
        assert -expected(ADVERSARIAL[name], mu) == pytest.approx(value, rel=1e-8, abs=1e-8)


def test_the_logit_is_a_line() -> None:
    for mu in TABLE:
        assert torch.allclose(best(non_saturating, mu)[0], mu**2 / 2 - mu * NODES, atol=1e-9)


def test_two_distributions_that_share_one_outcome() -> None:
    """p_data = (1/2, 1/2, 0), p_model = (0, 1/2, 1/2): JSD = log 2 / 2, value -log 2, D = (1, 1/2, 0)."""
    p, q = torch.tensor([0.5, 0.5, 0.0]).double(), torch.tensor([0.0, 0.5, 0.5]).double()
    v = non_saturating.optimum(p / q)
    assert v.sigmoid().tolist() == [1, 0.5, 0]
    a, b = v[p > 0], v[q > 0]  # the two outcomes of each, equally likely
    assert -float(non_saturating.critic(a, b)) == pytest.approx(-math.log(2), abs=1e-12)
    assert (math.log(4) - float(non_saturating.critic(a, b))) / 2 == pytest.approx(math.log(2) / 2, abs=1e-12)
    assert -float(ADVERSARIAL["f-jensen-shannon"].critic(a, b)) / 2 == pytest.approx(math.log(2) / 2, abs=1e-12)
    v = ADVERSARIAL["f-total-variation"].optimum(p / q)
    assert -float(ADVERSARIAL["f-total-variation"].critic(v[p > 0], v[q > 0])) == pytest.approx(0.5, abs=1e-12)

"""Networks for tables: the spans are the softmaxes and numbers they stand for, and packs are seen one by one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import gumbel_softmax, softmax

from mintage.networks.table import Growing, SpanActivation, TableCritic, TableGenerator, gumbel
from mintage.penalties import explicit, piecewise_linear
from mintage.penalties.slopes import autograd

SPANS = [3, 0, 1, 5, 0]


def logits(n: int = 7, width: int = 11, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(0), dtype=dtype) * 3


def by_hand(h: Tensor, g: Tensor, tau: float) -> Tensor:
    parts, at = [], 0
    for k in SPANS:
        part, noise = h[:, at:at + max(1, k)], g[:, at:at + max(1, k)]
        parts.append(softmax((part + noise) / tau, 1) if k else part.tanh())
        at += max(1, k)
    return torch.cat(parts, 1)


@pytest.mark.parametrize("tau", [0.2, 1.0])
def test_spans_are_softmaxes_and_numbers(tau: float) -> None:
    layer, h = SpanActivation(SPANS, tau, seed=3), logits().requires_grad_()
    g = torch.zeros_like(h)
    g[:, layer.choices] = SpanActivation(SPANS, tau, seed=3).noise(h[:, layer.choices].T).T.detach()
    found, expected = layer(h), by_hand(h, g, tau)
    weights = logits(7, 11).flip(0)
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-14)
    assert torch.allclose(*(torch.autograd.grad((x * weights).sum(), h)[0] for x in (found, expected)), rtol=1e-9)


def test_logits_far_apart_stay_finite() -> None:
    h = torch.tensor([[500.0, -500.0, 0.0, 2.0, 3.0, -900.0, -901.0, -900.0, -1e4, -1e4, 0.0]])
    x = SpanActivation(SPANS)(h)
    sums = torch.stack([x[:, :3].sum(), x[:, 4].sum(), x[:, 5:10].sum()])
    assert x.isfinite().all() and torch.allclose(sums, torch.ones(3))


def test_choices_are_taken_as_often_as_their_softmax_says() -> None:
    """Gumbel's trick: the largest of h + g is j with probability softmax(h)_j; torch's own layer agrees."""
    h = torch.tensor([0.0, 1.0, -1.0, 0.5]).repeat(20_000, 1)
    chosen = SpanActivation([4])(h).argmax(1).bincount(minlength=4) / len(h)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        other = gumbel_softmax(h, 0.2).argmax(1).bincount(minlength=4) / len(h)
    assert torch.allclose(chosen, softmax(h[0], 0), atol=0.02) and torch.allclose(chosen, other, atol=0.02)


def test_only_numbers_or_only_choices() -> None:
    h = logits(4, 3, torch.float32)
    assert torch.equal(SpanActivation([0, 0, 0])(h), h.tanh())
    assert torch.allclose(SpanActivation([3])(h).sum(1), torch.ones(4))


def test_a_generator_grows_and_draws_the_same_twice() -> None:
    torch.manual_seed(0)
    G, z = TableGenerator(SPANS, z_dim=6, conditions=4, widths=(8, 9)), torch.randn(5, 6)
    assert [tuple(layer.linear.weight.shape) for layer in G.layers if isinstance(layer, Growing)] == [(8, 10), (9, 18)]
    assert G.layers[-1].weight.shape == (11, 27)
    rows = []
    for _ in range(2):
        G.activation.generator = torch.Generator().manual_seed(1)
        rows.append(G(z, torch.eye(4)[[0, 1, 2, 3, 3]]))
    assert torch.equal(rows[0], rows[1]) and rows[0].shape == (5, 11)
    with pytest.raises(ValueError, match="made for 4"):
        G(z)
    with pytest.raises(ValueError, match="without conditions"):
        TableGenerator(SPANS, z_dim=6)(z, torch.zeros(5, 2))


def test_a_critic_sees_packs() -> None:
    torch.manual_seed(0)
    D = TableCritic(6, widths=(8, 8), pac=5, dropout=0.0).double()
    x = logits(20, 6)
    assert D(x).shape == (4,)
    other = x.clone()
    other[5:10] += 1
    assert (D(x) != D(other)).tolist() == [False, True, False, False]
    piecewise_linear(D.packed, x.view(4, 30))
    assert torch.allclose(autograd(D.packed, x.view(4, 30)), explicit(D.packed, x.view(4, 30)), rtol=1e-10)
    with pytest.raises(ValueError, match="multiple of 5"):
        D(x[:7])


def test_its_first_critic_is_that_of_the_paper() -> None:
    D = TableCritic(274)
    assert [tuple(p.shape) for p in D.parameters() if p.ndim == 2] == [(256, 2740), (256, 256), (1, 256)]
    assert D.dropout.p == 0.5


def test_given_noise_and_masks_stand_for_those_drawn() -> None:
    torch.manual_seed(0)
    G, D, z = TableGenerator(SPANS, z_dim=4), TableCritic(11, widths=(8, 8), pac=2), torch.randn(6, 4)
    G.activation.generator = torch.Generator().manual_seed(2)
    drawn = G(z)
    assert torch.equal(drawn, G(z, None, gumbel((9, 6), torch.Generator().manual_seed(2))))
    D.dropout.generator = torch.Generator().manual_seed(2)
    found, again = D(drawn), torch.Generator().manual_seed(2)
    masks = [(torch.rand(3, 8, generator=again) >= 0.5) / 0.5 for _ in D.hidden]
    assert torch.allclose(found, D.packed(drawn.reshape(3, 22), masks=masks))


@pytest.mark.parametrize(("spans", "tau", "words"), [([], 0.2, "one or more"), ([3, -1], 0.2, "0 for a number"),
                                                     ([3], 0.0, "above 0")])
def test_what_is_no_row_is_refused(spans: list[int], tau: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SpanActivation(spans, tau)

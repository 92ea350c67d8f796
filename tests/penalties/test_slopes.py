"""The back-ends of a slope: the exact ones agree, the random one agrees on average, and unfit critics are refused."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from mintage.networks import DCGANDiscriminator
from mintage.networks.spectral import spectral_norm
from mintage.penalties import autograd, backend, explicit, finite_difference, per_example, piecewise_linear, r1
from mintage.penalties.slopes import root

from .critics import CRITICS, case, draws, two_layers, weight_gradient

EXACT = {torch.float32: 1e-5, torch.float64: 1e-10}


@pytest.mark.parametrize("dtype", EXACT, ids=str)
@pytest.mark.parametrize("name", CRITICS)
def test_explicit_equals_autograd(name: str, dtype: torch.dtype) -> None:
    D, x, _, y = case(name, dtype)
    piecewise_linear(D, x, y)
    s, t = autograd(D, x, y), explicit(D, x, y)
    assert torch.allclose(s, t, rtol=EXACT[dtype], atol=0)
    weights = torch.arange(1.0, 1 + len(x)).to(dtype)  # each example's own gradient, not only their mean
    a, b = weight_gradient(D, (weights * s).sum()), weight_gradient(D, (weights * t).sum())
    assert a.norm() > 0 and (a - b).norm() <= EXACT[dtype] * a.norm()


def test_explicit_under_autocast_is_near() -> None:
    D, x, _, y = case("labelled residual", torch.float32)
    exact = weight_gradient(D, autograd(D, x, y).mean())
    with torch.autocast("cpu", torch.bfloat16):
        s = explicit(D, x, y)
    near = weight_gradient(D, s.mean())
    assert s.dtype == torch.float32 and torch.nn.functional.cosine_similarity(exact, near, 0) > 0.999


def test_explicit_sees_one_spectral_norm() -> None:
    """In training mode each use moves the norm; both passes of one slope use the same weights, and move it once."""
    torch.manual_seed(0)
    nets = [spectral_norm(two_layers()).double() for _ in range(2)]
    nets[1].load_state_dict(nets[0].state_dict())
    x = draws(5, 6)
    a, b = (weight_gradient(net, slope(net, x).sum()) for net, slope in zip(nets, (autograd, explicit), strict=True))
    assert torch.allclose(a, b, rtol=1e-10, atol=1e-12)
    assert all(torch.equal(p, q) for p, q in zip(nets[0].buffers(), nets[1].buffers(), strict=True))


def test_a_layer_written_in_place_is_held_too() -> None:
    D = nn.Sequential(nn.Linear(4, 8), nn.LeakyReLU(0.3, inplace=True), nn.Linear(8, 8), nn.ReLU(inplace=True),
                      nn.Linear(8, 1), nn.Flatten(0)).double()
    x = draws(6, 4)
    a, b = weight_gradient(D, autograd(D, x).sum()), weight_gradient(D, explicit(D, x).sum())
    assert torch.allclose(a, b, rtol=1e-10, atol=1e-12)


class Curved(nn.Module):
    def __init__(self, activation: nn.Module, scale: float = 1.0) -> None:
        super().__init__()
        self.a, self.b, self.activation = nn.Linear(5, 7).double(), nn.Linear(7, 1).double(), activation
        for parameter in self.parameters():
            parameter.data *= scale

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.activation(self.a(x)))[:, 0]


@pytest.mark.parametrize("scale", [1.0, 1e-3])
@pytest.mark.parametrize("activation", [nn.Softplus(), nn.Tanh(), nn.SiLU(), nn.GELU(), nn.ELU(), nn.PReLU(),
                                        nn.LayerNorm(7), nn.Dropout(0.5)], ids=lambda a: type(a).__name__)
def test_explicit_is_refused_for_curved_critics(activation: nn.Module, scale: float) -> None:
    """Also where small weights make the curve look straight, which float32 could not tell at short directions."""
    dtype = torch.float64 if scale == 1 else torch.float32
    with pytest.raises(ValueError, match="piecewise linear.*slope=autograd"):
        piecewise_linear(Curved(activation, scale).to(dtype), draws(6, 5).to(dtype))


def test_a_product_of_two_features_is_curved() -> None:
    with pytest.raises(ValueError, match="piecewise linear"):
        piecewise_linear(lambda x: x[:, 0] * x[:, 1], draws(6, 5))


def test_batch_norm_is_refused() -> None:
    with pytest.raises(ValueError, match="BatchNorm2d.*batch_norm=False"):
        per_example(DCGANDiscriminator((1, 16, 16)))
    with pytest.raises(ValueError, match="mixes the examples"):
        piecewise_linear(nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 1), nn.Flatten(0)).double(), draws(6, 5))
    per_example(DCGANDiscriminator((1, 16, 16)).eval())
    per_example(DCGANDiscriminator((1, 16, 16), batch_norm=False))


def test_a_module_may_say_that_it_mixes_examples() -> None:
    class Deviation(nn.Identity):
        mixes_examples = True

    with pytest.raises(ValueError, match="1 .Deviation. mixes"):
        per_example(nn.Sequential(nn.Linear(2, 2), Deviation()))


def within(estimates: Tensor, expected: Tensor) -> bool:
    """The mean over the first dimension lies within 4 standard errors, in every element."""
    error = (estimates.mean(0) - expected).abs() / (estimates.std(0) / math.sqrt(len(estimates)) + 1e-9)
    return bool(error.max() < 4)


def test_finite_difference_of_a_linear_critic_is_unbiased() -> None:
    """E s = |w|^2 with variance 2 |w|^4, and E ds/dw = 2 w."""
    w = draws(7).requires_grad_()
    generator = torch.Generator().manual_seed(3)
    s = finite_difference(generator, 1e-2)(lambda x: x @ w + 3, draws(1, 7).expand(20000, 7))
    assert within(s.detach(), w.detach().square().sum())
    assert s.std().item() == pytest.approx(math.sqrt(2) * w.square().sum().item(), rel=0.05)
    slope = finite_difference(generator)
    gradients = torch.stack([torch.autograd.grad(slope(lambda x: x @ w, draws(20, 7)).mean(), w)[0]
                             for _ in range(400)])
    assert within(gradients, 2 * w.detach())


def test_finite_difference_agrees_in_expectation_with_autograd() -> None:
    D, x, _, y = case("labelled mlp", torch.float64, n=4)
    slope = finite_difference(torch.Generator().manual_seed(0), 1e-5)
    many = torch.stack([weight_gradient(D, r1(D, x, y, slope=slope)) for _ in range(600)])
    reference = weight_gradient(D, r1(D, x, y))
    along = reference / reference.norm()
    assert within((many @ along)[:, None], reference.norm()[None])
    large = reference.abs() > reference.abs().max() / 50
    assert within(many[:, large], reference[large])


def test_finite_difference_survives_autocast() -> None:
    D, x, _, y = case("residual", torch.float32)
    plain = finite_difference(torch.Generator().manual_seed(0))(D, x, y)
    with torch.autocast("cpu", torch.bfloat16):
        cast = finite_difference(torch.Generator().manual_seed(0))(D, x, y)
    assert torch.equal(plain, cast)


def test_a_backend_by_name() -> None:
    generator = torch.Generator().manual_seed(0)
    assert backend("autograd") is autograd and backend("explicit") is explicit
    assert isinstance(backend("finite-difference", generator=generator, step=0.1), finite_difference)
    with pytest.raises(ValueError, match="did you mean 'explicit'"):
        backend("explicite")
    with pytest.raises(ValueError, match="generator="):
        backend("finite-difference")
    with pytest.raises(ValueError, match="above 0"):
        finite_difference(generator, 0.0)


def test_misuse_of_explicit_is_refused() -> None:
    with pytest.raises(ValueError, match="one number"):
        explicit(lambda x: x, draws(3, 2))
    with torch.no_grad(), pytest.raises(ValueError, match="outside no_grad"):
        explicit(lambda x: x.sum(1), draws(3, 2))


def test_the_root_is_exact_and_flat_at_zero() -> None:
    s = torch.tensor([0.0, 4.0, 1e-30], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(root(s).sum(), s)
    assert root(s).tolist() == [0.0, 2.0, 1e-15] and gradient[:2].tolist() == [0.0, 0.25]

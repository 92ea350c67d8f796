"""Spectral norm: sigma against the SVD, its gradient, and that it goes on exactly where it was saved."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from mintage.networks import ResidualDiscriminator
from mintage.networks.spectral import SpectralNorm, spectral_norm

LAYERS = [lambda: nn.Linear(7, 5), lambda: nn.Conv2d(3, 6, 3), lambda: nn.ConvTranspose2d(3, 6, 3),
          lambda: nn.Conv1d(2, 4, 5)]


def matrix(layer: nn.Module, weight: torch.Tensor) -> torch.Tensor:
    return (weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else weight).flatten(1)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-10)], ids=str)
@pytest.mark.parametrize("make", LAYERS)
def test_sigma_is_that_of_the_svd(make, dtype, tolerance):
    torch.manual_seed(0)
    layer = make().to(dtype)
    plain = layer.weight.detach().clone()
    spectral_norm(layer, iterations=400)
    used = layer.weight.detach()
    largest = torch.linalg.svdvals(matrix(layer, plain).double())[0]
    assert torch.linalg.svdvals(matrix(layer, used).double())[0].item() == pytest.approx(1, abs=tolerance)
    assert torch.allclose(used.double() * largest, plain.double(), atol=tolerance, rtol=tolerance)


def test_the_gradient_is_that_of_the_svd():
    torch.manual_seed(0)
    layer = nn.Linear(6, 4, bias=False).double()
    w, c = layer.weight.detach().clone().requires_grad_(), torch.randn(4, 6).double()
    spectral_norm(layer, iterations=500)
    (a,) = torch.autograd.grad((c * layer.weight).sum(), layer.parametrizations.weight.original)
    (b,) = torch.autograd.grad((c * w / torch.linalg.matrix_norm(w, 2)).sum(), w)
    assert torch.allclose(a, b, rtol=1e-8, atol=1e-10)


def test_one_iteration_a_use_in_training_and_none_in_evaluation():
    torch.manual_seed(0)
    layer = spectral_norm(nn.Linear(6, 4))
    norm = layer.parametrizations.weight[0]
    u, w = norm.u.clone(), layer.parametrizations.weight.original.detach()
    layer(torch.zeros(1, 6))
    v = torch.nn.functional.normalize(w.T @ u, dim=0)
    assert torch.allclose(norm.u, torch.nn.functional.normalize(w @ v, dim=0)) and not torch.equal(norm.u, u)
    layer.eval()
    before = norm.u.clone()
    layer(torch.zeros(1, 6))
    assert torch.equal(norm.u, before)


def test_it_goes_on_where_it_was_saved():
    torch.manual_seed(0)
    a = spectral_norm(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4, 1)))
    x = torch.randn(3, 1, 3, 3)
    for _ in range(3):
        a(x)
    b = copy.deepcopy(a)
    for parameter in b.buffers():
        parameter.zero_()
    b.load_state_dict(a.state_dict())
    assert torch.equal(a(x), b(x)) and torch.equal(a(x), b(x))


def test_two_uses_before_one_gradient():
    torch.manual_seed(0)
    layer = spectral_norm(nn.Linear(6, 4))
    x = torch.randn(2, 6)
    total = layer(x).sum() + layer(x).sum()
    layer.eval()
    total = total + layer(x).sum()
    layer.train()
    layer(x)
    assert torch.autograd.grad(total, layer.parametrizations.weight.original)[0].isfinite().all()


def test_full_precision_under_autocast():
    torch.manual_seed(0)
    layer = spectral_norm(nn.Linear(6, 4)).eval()
    plain = layer.weight.detach()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer.weight, plain) and layer.weight.dtype == torch.float32


def test_misuse_is_refused():
    with pytest.raises(ValueError, match="no linear layer or convolution.*UnitConv2d"):
        spectral_norm(ResidualDiscriminator((1, 8, 8), size="XS"))
    with pytest.raises(ValueError, match="parametrised already"):
        spectral_norm(spectral_norm(nn.Linear(3, 2)))
    with pytest.raises(ValueError, match="1 .the paper's. or more"):
        spectral_norm(nn.Linear(3, 2), iterations=0)


def test_it_says_that_it_constrains_the_norm():
    assert SpectralNorm.constrains_norm is True

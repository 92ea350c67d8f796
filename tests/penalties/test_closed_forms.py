"""Closed forms of single penalties, beyond what the family holds."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from mintage.game import Game, Move, Player, play, returns, sgd, simultaneous
from mintage.penalties import (
    Anchors,
    MeanLength,
    balanced_consistency,
    consistency,
    dragan,
    gradient_norm,
    gradient_penalty,
    lecam,
    noise_penalty,
    path_length,
    r1,
    r2,
)
from mintage.penalties.consistency import jitter
from mintage.penalties.path_length import path_lengths

from .critics import draws


def fresh(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_gradient_penalty_of_unit_slope_is_zero() -> None:
    w = draws(6)
    w = w / w.norm()
    x, z = draws(9, 6, seed=1), draws(9, 6, seed=2)
    assert gradient_penalty(lambda x: x @ w + 3, x, z, generator=fresh()).item() == pytest.approx(0, abs=1e-28)
    double = gradient_penalty(lambda x: 3 * x @ w, x, z, generator=fresh(), target=2.5)
    assert double.item() == pytest.approx(0.25, rel=1e-12)


def test_one_sided_leaves_small_slopes_alone() -> None:
    x, z, w = draws(9, 6, seed=1), draws(9, 6, seed=2), draws(6) / draws(6).norm()
    low, high = (gradient_penalty(lambda x, k=k: k * x @ w, x, z, generator=fresh(), one_sided=True)
                 for k in (0.5, 3.0))
    assert low.item() == 0 and high.item() == pytest.approx(4, rel=1e-12)


def test_one_epsilon_an_example() -> None:
    """D = |x|^2 / 2 has slope |x|: with reals at 0 and fakes at (3, 4), |x'| = 5 (1 - e) needs one e for both axes."""
    seen: list[Tensor] = []

    def bowl(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.square().sum(1) / 2

    n = 400
    value = gradient_penalty(bowl, torch.zeros(n, 2).double(), torch.tensor([[3.0, 4.0]]).double().expand(n, 2),
                             generator=fresh())
    e = 1 - seen[0] / torch.tensor([3.0, 4.0])
    assert torch.allclose(e[:, 0], e[:, 1]) and e[:, 0].std().item() == pytest.approx(1 / math.sqrt(12), rel=0.1)
    assert 0 <= e.min() and e.max() <= 1
    assert value.item() == pytest.approx((5 * (1 - e[:, 0]) - 1).square().mean().item(), rel=1e-12)


def test_unequal_batches_are_refused() -> None:
    with pytest.raises(ValueError, match="as many fakes as reals"):
        gradient_penalty(lambda x: x.sum(1), draws(4, 2), draws(3, 2), generator=fresh())


def test_dragan_looks_within_half_a_deviation() -> None:
    seen: list[Tensor] = []

    def watch(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.square().sum(1) / 2

    x = draws(50, 4) * 7
    value = dragan(watch, x, generator=fresh(), c=0.5)
    u = (seen[0] - x) / (0.5 * x.std(correction=0))
    assert 0 <= u.min() and u.max() <= 1 and u.mean().item() == pytest.approx(0.5, abs=0.06)
    assert value.item() == pytest.approx((seen[0].norm(dim=1) - 1).square().mean().item(), rel=1e-12)


def test_noise_penalty_of_an_undecided_critic_is_a_quarter_of_r1_and_r2() -> None:
    w, x, z = draws(5), draws(7, 5, seed=1), draws(7, 5, seed=2)
    x, z = x - (x @ w)[:, None] * w / w.square().sum(), z - (z @ w)[:, None] * w / w.square().sum()  # logits 0
    value = noise_penalty(lambda x: x @ w, x, z).item()
    assert value == pytest.approx((r1(lambda x: x @ w, x) + r2(lambda x: x @ w, z)).item() / 4, rel=1e-12)


def test_noise_penalty_against_its_weight_gradient_by_hand() -> None:
    """D = psi x in one dimension: 1/2 E [sigma(-psi x)^2 + sigma(psi z)^2] psi^2."""
    psi = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    x, z = draws(9, 1, seed=1), draws(9, 1, seed=2)
    value = noise_penalty(lambda x: psi * x[:, 0], x, z)
    longhand = (torch.sigmoid(-psi * x).square().mean() + torch.sigmoid(psi * z).square().mean()) * psi.square() / 2
    assert value.item() == pytest.approx(longhand.item(), rel=1e-12)
    (a,), (b,) = torch.autograd.grad(value, psi), torch.autograd.grad(longhand, psi)
    assert a.item() == pytest.approx(b.item(), rel=1e-12)


def test_lecam_longhand() -> None:
    anchors = Anchors(0.9)
    with pytest.raises(ValueError, match="anchors.update"):
        lecam(torch.ones(2), torch.ones(2), anchors)
    rounds = [(torch.tensor([1.0, 3.0]), torch.tensor([-2.0, 0.0])),
              (torch.tensor([4.0, 4.0]), torch.tensor([1.0, 1.0]))]
    for a, b in rounds:
        anchors.update(a, b)
    real, fake = (0.09 * 2 + 0.1 * 4) / 0.19, (0.09 * -1 + 0.1 * 1) / 0.19
    assert anchors.real.item() == pytest.approx(real, rel=1e-5) and anchors.fake.item() == pytest.approx(fake, rel=1e-4)
    a, b = torch.tensor([5.0, -3.0]), torch.tensor([0.0, 9.0])
    one = (5 - fake) ** 2 / 2 + real**2 / 2
    assert lecam(a, b, anchors).item() == pytest.approx(one, rel=1e-5)
    both = one + (-3 - fake) ** 2 / 2 + (9 - real) ** 2 / 2
    assert lecam(a, b, anchors, one_sided=False).item() == pytest.approx(both, rel=1e-5)
    again = Anchors(0.9)
    again.load(anchors.tensors())
    again.update(*rounds[0])
    anchors.update(*rounds[0])
    assert torch.equal(again.real, anchors.real) and torch.equal(again.fake, anchors.fake)


def test_the_first_anchors_are_the_first_means() -> None:
    anchors = Anchors()
    anchors.update(torch.tensor([1.0, 2.0]), torch.tensor([-5.0]))
    assert anchors.real.item() == pytest.approx(1.5, rel=1e-5) and anchors.fake.item() == pytest.approx(-5, rel=1e-5)


def test_consistency_longhand() -> None:
    x, changed, w = draws(5, 3), draws(5, 3, seed=1), draws(3, seed=2)
    value = consistency(lambda x: x @ w, x, changed)
    assert value.item() == pytest.approx(((x - changed) @ w).square().mean().item(), rel=1e-12)
    flip = balanced_consistency(lambda x: x @ w, x, changed, generator=fresh(), change=lambda x, _: -x)
    assert flip.item() == pytest.approx(4 * ((x @ w).square().mean() + (changed @ w).square().mean()).item(), rel=1e-12)
    with pytest.raises(ValueError, match="keeps the shape"):
        consistency(lambda x: x @ w, x, x[:2])


def test_jitter_mirrors_and_shifts() -> None:
    x = torch.arange(64.0).view(1, 1, 8, 8).expand(200, 1, 8, 8)
    moved = jitter(x, fresh())
    inner = moved[:, 0, 3, 3:5]
    mirrored = inner[:, 0] > inner[:, 1]
    assert moved.shape == x.shape and 0.4 < mirrored.double().mean() < 0.6
    rows = (moved[:, 0, 3, 3] // 8).unique().tolist()
    columns = (moved[~mirrored, 0, 3, 3] % 8).unique().tolist()
    assert rows == [2, 3, 4] and columns == [2, 3, 4]
    plain = moved[~mirrored]
    assert torch.equal(plain[:, :, 1:-1, 1:-1] - plain[:, :, 1:2, 1:2],
                       (x[:1, :, 1:-1, 1:-1] - x[:1, :, 1:2, 1:2]).expand_as(plain[:, :, 1:-1, 1:-1]))


def test_path_length_of_a_linear_generator() -> None:
    """x = J w: |J' y| exactly, and (|J' y| - a)^2 with a the moving average that saw the batch first."""
    J, w = draws(12, 4), draws(5, 4, seed=1).requires_grad_()
    output = (w @ J.T).view(5, 3, 2, 2)
    y = torch.randn(5, 3, 2, 2, generator=fresh()).double().view(5, 12) / 2
    expected = (y @ J).norm(dim=1)
    assert torch.allclose(path_lengths(output, w, generator=fresh()), expected, rtol=1e-12)
    mean = MeanLength(0.75)
    value = path_length(output, w, generator=fresh(), mean=mean)
    a = 0.25 * expected.mean()
    assert mean.value.item() == pytest.approx(a.item(), rel=1e-12)
    assert value.item() == pytest.approx((expected - a).square().mean().item(), rel=1e-12)
    with pytest.raises(ValueError, match="does not depend on w"):
        path_lengths(output, w.detach(), generator=fresh())


def test_an_orthogonal_generator_has_no_path_penalty_but_for_chance() -> None:
    """J with orthonormal columns: |J' y|^2 is chi-squared, so many dimensions leave little to penalise."""
    w = draws(8, 400).requires_grad_()
    mean = MeanLength(0.0)
    assert path_length(w.view(8, 400, 1, 1), w, generator=fresh(), mean=mean).item() < 1.5
    assert mean.value.item() == pytest.approx(20, rel=0.05)
    per_layer = draws(8, 3, 5).requires_grad_()
    lengths = path_lengths((per_layer * 2).view(8, 15, 1, 1), per_layer, generator=fresh())
    y = torch.randn(8, 15, 1, 1, generator=fresh()).double().view(8, 15)
    assert torch.allclose(lengths, 2 * (y.square().sum(1) / 3).sqrt(), rtol=1e-12)


class Number(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.value = torch.nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, x: Tensor | float = 1.0) -> Tensor:
        return self.value * x


class Zeros:
    size = 1

    def __call__(self, position: int) -> Tensor:
        return torch.zeros(1, dtype=torch.float64)


def test_gradient_norm_of_a_bilinear_game() -> None:
    """L_D = psi theta: |dL_D / dpsi|^2 = theta^2, and its gradient to theta is 2 theta."""
    psi, theta = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (0.3, 0.7))
    value = gradient_norm(psi * theta, [psi])
    (slope,) = torch.autograd.grad(value, theta)
    assert value.item() == pytest.approx(0.49) and slope.item() == pytest.approx(1.4)
    with pytest.raises(ValueError, match="functional_call"):
        gradient_norm(psi * theta, [psi.detach()])


def test_a_bilinear_game_with_it_converges_as_theory_says() -> None:
    """theta' = -psi - 2 eta theta, psi' = theta, simultaneously: the iteration matrix is known, played by `play`."""
    h, eta, steps = 0.1, 0.25, 300

    @returns("loss")
    def d(nets, round):
        return {"loss": -nets.D(nets.G().detach())}

    @returns("loss", "gradient")
    def g(nets, round):
        weights = {name: p.detach().requires_grad_() for name, p in nets.D.named_parameters()}
        loss_d = -functional_call(nets.D, weights, (nets.G(),))
        return {"loss": nets.D(nets.G()), "gradient": gradient_norm(loss_d, weights.values())}

    game = Game({"G": Number(), "D": Number()}, {"D": Player("D", sgd(h)), "G": Player("G", sgd(h))},
                [Move("D", d), Move("G", g, weights={"gradient": eta})], rule=simultaneous)
    for _ in play(game, Zeros(), steps, seed=0):
        pass
    matrix = torch.tensor([[1 - 2 * h * eta, -h], [h, 1.0]], dtype=torch.float64)  # acts on (theta, psi)
    expected = torch.linalg.matrix_power(matrix, steps) @ torch.ones(2, dtype=torch.float64)
    assert game.net("G").value.item() == pytest.approx(expected[0].item(), rel=1e-9)
    assert game.net("D").value.item() == pytest.approx(expected[1].item(), rel=1e-9) and expected.norm() < 1e-2

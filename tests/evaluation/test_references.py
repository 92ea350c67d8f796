"""Our measures against other people's programs, on the same features: 1e-4 where no chance is in it.

Each test skips where its reference is not installed.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mintage.evaluation.measures.frechet import frechet, frechet_distance
from mintage.evaluation.measures.inception_score import inception_score
from mintage.evaluation.measures.kernel_distance import cubic, gaussian, kernel_distance, mmd2
from mintage.evaluation.measures.neighbours import nearest, precision_recall_density_coverage
from mintage.evaluation.measures.similarity import psnr, ssim
from mintage.evaluation.measures.sliced import sliced_wasserstein, wasserstein_1d
from mintage.evaluation.measures.two_sample import RIDGE, classifier_test, nearest_neighbour_test

CLOSE = 1e-4


def features(n: int, d: int, seed: int, shift: float = 0.0, wide: float = 1.0) -> Tensor:
    """Correlated, skewed and far from the origin, as a network's are; float32."""
    fixed, g = torch.Generator().manual_seed(d), torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, generator=fixed) / d**0.5
    return (wide * torch.randn(n, d, generator=g) @ mix + shift).relu() + 3


class Given(nn.Module):
    """A feature network that hands its input on: the references are driven by features of ours."""

    num_features = 32

    def forward(self, x: Tensor) -> Tensor:
        return x


def sides(n: int = 700, m: int = 500, d: int = 32) -> tuple[Tensor, Tensor]:
    return features(n, d, 1), features(m, d, 2, shift=0.15, wide=1.2)


# -- torchmetrics --------------------------------------------------------------------------------------------------


def filled(metric, real: Tensor, fake: Tensor):
    """In batches, as it would be used."""
    for x, is_real in ((real, True), (fake, False)):
        for part in x.split(128):
            metric.update(part, real=is_real)
    return metric


@pytest.mark.parametrize(("n", "m"), [(700, 500), (20, 500)])  # 20 examples of 32 features: not of full rank
def test_frechet_against_torchmetrics(n: int, m: int) -> None:
    fid = pytest.importorskip("torchmetrics.image.fid")
    real, fake = sides(n, m)
    theirs = filled(fid.FrechetInceptionDistance(feature=Given()).set_dtype(torch.float64), real, fake)
    assert frechet_distance(real, fake) == pytest.approx(float(theirs.compute()), rel=CLOSE)


@pytest.mark.filterwarnings("ignore:Metric .* will save all extracted features:UserWarning")
def test_kernel_distance_against_torchmetrics() -> None:
    kid = pytest.importorskip("torchmetrics.image.kid")
    real, fake = sides()
    part = real[:200].double(), fake[:200].double()
    assert mmd2(*part) == pytest.approx(float(kid.poly_mmd(*part)), rel=CLOSE)  # the same subset: the same number
    torch.manual_seed(0)
    theirs = filled(kid.KernelInceptionDistance(feature=Given(), subsets=60, subset_size=200), real, fake)
    mean, spread = (float(value) for value in theirs.compute())
    ours = kernel_distance(real, fake)
    assert abs(ours.distance - mean) < 3 * spread / 60**0.5
    assert ours.distance > 3 * ours.error > 0


@pytest.mark.filterwarnings("ignore:Metric .* will save all extracted features:UserWarning")
def test_inception_score_against_torchmetrics() -> None:
    inception = pytest.importorskip("torchmetrics.image.inception")
    logits = 2 * torch.randn(600, 7, generator=torch.Generator().manual_seed(0))
    theirs = inception.InceptionScore(feature=Given(), splits=6)
    theirs.update(logits)
    torch.manual_seed(5)
    mean, spread = (float(value) for value in theirs.compute())
    torch.manual_seed(5)
    ours = inception_score(logits[torch.randperm(600)], parts=6)  # it shuffles first, by the global generator
    assert ours.score == pytest.approx(mean, rel=CLOSE)
    assert ours.spread * (6 / 5) ** 0.5 == pytest.approx(spread, rel=CLOSE)  # theirs over 5, ours over 6


def test_similarity_against_torchmetrics() -> None:
    theirs = pytest.importorskip("torchmetrics.functional.image")
    g = torch.Generator().manual_seed(0)
    a = torch.nn.functional.interpolate(torch.rand(9, 3, 8, 6, generator=g), (40, 27), mode="bilinear") * 2 - 1
    b = (a + 0.2 * torch.randn(a.shape, generator=g)).clamp(-1, 1)
    low, high = (a.double() + 1) / 2, (b.double() + 1) / 2
    _, places = theirs.structural_similarity_index_measure(
        low, high, data_range=1.0, reduction="none", return_full_image=True)
    inside = places[..., 5:-5, 5:-5]  # theirs averages over mirrored borders too, the paper's program does not
    assert torch.allclose(ssim(a, b).each, inside.flatten(1).mean(1), rtol=CLOSE)
    assert torch.allclose(psnr(a, b).each, theirs.peak_signal_noise_ratio(
        low, high, data_range=1.0, reduction="none", dim=(1, 2, 3)), rtol=CLOSE)


# -- prdc ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "m", "k"), [(400, 400, 5), (300, 500, 3)])
def test_neighbourhoods_against_prdc(n: int, m: int, k: int) -> None:
    prdc = pytest.importorskip("prdc")
    real, fake = sides(n, m)
    theirs = prdc.compute_prdc(real.double().numpy(), fake.double().numpy(), k)
    ours = precision_recall_density_coverage(real, fake, k)._asdict()
    assert ours == pytest.approx({key: float(value) for key, value in theirs.items()}, rel=CLOSE)
    assert 0.1 < ours["precision"] < 0.99 and 0.1 < ours["coverage"] < 0.99


def test_nearest_against_sklearn() -> None:
    neighbors = pytest.importorskip("sklearn.neighbors")
    real, fake = sides(900, 300)
    bank = torch.cat([real, fake[:50], fake[50:60] + 1e-4])  # copies, and all but copies
    distance, index = nearest(fake, bank)
    theirs, where = neighbors.NearestNeighbors(n_neighbors=1, algorithm="kd_tree").fit(bank.double()).kneighbors(
        fake.double().numpy())
    assert np.array_equal(index.numpy(), where[:, 0])
    assert np.allclose(distance.numpy(), theirs[:, 0], rtol=1e-6, atol=0)
    assert float(distance[:50].max()) == 0 < float(distance[50:].min())


# -- Wasserstein: POT ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [1, 2])
def test_one_dimension_against_pot(p: int) -> None:
    ot = pytest.importorskip("ot")
    s, t = sides(300, 211)
    theirs = [ot.wasserstein_1d(s[:, k].double().numpy(), t[:, k].double().numpy(), p=p) for k in range(32)]
    assert np.allclose(wasserstein_1d(s.double(), t.double(), p), theirs, rtol=CLOSE)
    plan = ot.emd2_1d(s[:60, 0].double().numpy(), t[:60, 0].double().numpy(), metric="minkowski", p=p)
    assert float(wasserstein_1d(s[:60, :1].double(), t[:60, :1].double(), p)) == pytest.approx(plan, rel=CLOSE)


@pytest.mark.parametrize(("n", "m", "p"), [(300, 300, 2), (300, 211, 2), (300, 211, 1)])
def test_sliced_against_pot(n: int, m: int, p: int) -> None:
    ot = pytest.importorskip("ot")
    real, fake = (x.double() for x in sides(n, m))
    u = torch.randn(32, 100, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    theirs = ot.sliced_wasserstein_distance(real.numpy(), fake.numpy(), p=p, projections=(u / u.norm(dim=0)).numpy())
    assert sliced_wasserstein(real, fake, directions=100, p=p, seed=4) == pytest.approx(float(theirs), rel=CLOSE)


# -- two samples: longhand and sklearn -----------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", [cubic, gaussian(2.0)], ids=["cubic", "gaussian"])
def test_mmd_longhand(kernel) -> None:
    a, b = (x.double().numpy() for x in sides(70, 50, 4))

    def k(x: np.ndarray, y: np.ndarray) -> float:
        return (x @ y / 4 + 1) ** 3 if kernel is cubic else math.exp(-((x - y) ** 2).sum() / 8)

    within = [np.mean([k(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j]) for x in (a, b)]
    across = np.mean([k(x, y) for x in a for y in b])
    assert mmd2(torch.from_numpy(a), torch.from_numpy(b), kernel) == pytest.approx(sum(within) - 2 * across, rel=1e-9)


def test_the_classifier_test_against_sklearn() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    real, fake = sides(300, 300, 6)
    g = torch.Generator().manual_seed(3)
    mixed = [x.double()[torch.randperm(300, generator=g)].numpy() for x in (real, fake)]
    train, test = np.concatenate([x[:150] for x in mixed]), np.concatenate([x[150:] for x in mixed])
    mean, deviation = train.mean(0), train.std(0, ddof=1)
    inputs = [np.concatenate([(x - mean) / deviation, ((x - mean) / deviation) ** 2 - 1, np.ones((300, 1))], 1)
              for x in (train, test)]
    target = np.repeat([1, 0], 150)
    model = linear.LogisticRegression(C=1 / (RIDGE * 300), fit_intercept=False, tol=1e-10, max_iter=10_000)
    ours = classifier_test(real, fake, seed=3)
    assert ours.accuracy == pytest.approx(model.fit(inputs[0], target).score(inputs[1], target), abs=1e-12)
    assert ours.accuracy > 0.52 and ours.n == 300


def test_the_nearest_neighbour_test_against_sklearn() -> None:
    neighbors = pytest.importorskip("sklearn.neighbors")
    real, fake = sides(200, 200, 24)
    x, kind = torch.cat([real, fake]).double().numpy(), np.repeat([1, 0], 200)
    right = np.array([neighbors.KNeighborsClassifier(1).fit(np.delete(x, i, 0), np.delete(kind, i)).predict(
        x[i : i + 1])[0] == kind[i] for i in range(400)])
    assert nearest_neighbour_test(real, fake) == pytest.approx((right[:200].mean(), right[200:].mean()), abs=1e-12)


# -- closed forms --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ranks", [(8, 8), (3, 8), (3, 2), (0, 5)])
def test_frechet_between_known_normals(ranks: tuple[int, int]) -> None:
    """Covariances with one basis: |gap|^2 + sum of (sqrt(a_i) - sqrt(b_i))^2, of any rank."""
    g = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(8, 8, generator=g, dtype=torch.float64)).Q
    roots = [torch.rand(8, generator=g, dtype=torch.float64) * (torch.arange(8) < rank) for rank in ranks]
    gap = torch.randn(8, generator=g, dtype=torch.float64)
    covariances = [basis * root.square() @ basis.T for root in roots]
    found = frechet(torch.zeros(8), covariances[0], gap, covariances[1])
    assert found == pytest.approx(float(gap.square().sum() + (roots[0] - roots[1]).square().sum()), rel=1e-7)


def test_frechet_of_sets_with_moments_made_exact() -> None:
    """Sets whitened, so that their moments are known to rounding, and then placed."""
    x = torch.randn(300, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = x - x.mean(0)
    x = torch.linalg.solve_triangular(torch.linalg.cholesky(torch.cov(x.T)), x.T, upper=False).T
    a, b = torch.tensor([1.0, 2, 3, 0, 0.5]).double(), torch.tensor([2.0, 2, 0, 1, 0.1]).double()
    expected = float((a - b).square().sum()) + 5 * 0.3**2
    assert frechet_distance(x * a, x.flip(0) * b + 0.3) == pytest.approx(expected, rel=1e-7)

"""Maximum mean discrepancy: the distance of two distributions as a kernel k sees them.

MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y), for independent x, x' of one distribution and y, y' of the other. It is 0
where they are the same and, for the Gaussian, rational-quadratic and energy kernels, only there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mintage.objectives.adversarial import Adversarial, reals
from mintage.objectives.kernels import Kernel


def mmd2(x: Tensor, y: Tensor, kernel: Kernel, unbiased: bool = True) -> Tensor:
    """E k(x, x') + E k(y, y') - 2 E k(x, y), each mean over all pairs of the samples.

    The unbiased estimate leaves out pairs of an example with itself. Its mean is MMD^2, so it is negative for many
    samples of equal distributions; the biased one keeps them, and is never below 0.

    A Kernel Two-Sample Test (Gretton et al., 2012), lemma 6, https://jmlr.org/papers/v13/gretton12a.html

    Args:
        x: features, logits or data [N, ...]; [N] is read as [N, 1] and more axes as one.
        y: the same of the other sample, [M, ...].
        kernel: one of `kernels.py`.
        unbiased: N (N - 1) and M (M - 1) pairs within the samples, rather than N^2 and M^2.

    Raises:
        ValueError: examples of different sizes, or fewer than two where it is unbiased.
    """
    x, y = _rows(x), _rows(y)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"mmd2 received examples of {x.shape[1]} and of {y.shape[1]} numbers; give the same features "
                         "of both samples")
    if unbiased and min(len(x), len(y)) < 2:
        raise ValueError(f"mmd2 received samples of {len(x)} and {len(y)}; the unbiased estimate compares the examples "
                         "of a sample with one another, so give two or more of each, or unbiased=False")
    with torch.autocast(x.device.type, enabled=False):  # squares lose their differences in half precision
        return _within(kernel(x, x), unbiased) + _within(kernel(y, y), unbiased) - 2 * kernel(x, y).mean()


def _rows(x: Tensor) -> Tensor:
    """[N, ...] -> [N, k], at least float32."""
    rows = x[:, None] if x.ndim == 1 else x.flatten(1)
    return rows.float() if rows.dtype in {torch.bfloat16, torch.float16} else rows


def _within(k: Tensor, unbiased: bool) -> Tensor:
    n = len(k)
    return (k.sum() - k.diagonal().sum()) / (n * (n - 1)) if unbiased else k.mean()


def mmd_gan(kernel: Kernel, *, source: str = "li2017") -> Adversarial:
    """D: -MMD^2(a, b);   G: MMD^2(a, b), between the critic's features of reals and of fakes.

    Equilibrium: 0 in the mean, under any critic; the best critic is no function of p_data / p_model. D may return
    logits [N] or features [N, k], and needs a bound such as a gradient penalty: scaling it widens every distance.

    Without a critic this is the Generative Moment Matching Network (Li et al., 2015, https://arxiv.org/abs/1502.02761):
    `mmd_gan(kernel).generator(x, G(z))` on the data themselves; the biased estimate's root is the paper's other form.

    MMD GAN: Towards Deeper Understanding of Moment Matching Network (Li et al., 2017),
    https://arxiv.org/abs/1705.08584; unbiased gradients: Demystifying MMD GANs (Binkowski et al., 2018),
    https://arxiv.org/abs/1801.01401
    """

    def critic(a: Tensor, b: Tensor) -> Tensor:
        return -mmd2(a, b, kernel)

    def generator(a: Tensor | None, b: Tensor) -> Tensor:
        return mmd2(reals(a, "the maximum mean discrepancy"), b, kernel)

    return Adversarial(critic, generator, relative=True, equilibrium=(0.0, 0.0), source=source)

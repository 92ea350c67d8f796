"""Student's t against SciPy, and Holm's correction by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mintage.evaluation.student import critical, difference_of, holm, mean_of, two_sided


@pytest.mark.parametrize("nu", [1, 2, 3.7, 9, 18, 200])
@pytest.mark.parametrize("t", [0.0, 0.3, 1.0, 2.26, 5.0, 40.0])
def test_the_tails(t: float, nu: float) -> None:
    assert two_sided(t, nu) == pytest.approx(2 * stats.t.sf(t, nu), rel=1e-6, abs=1e-13)


def test_the_critical_value() -> None:
    assert critical(9) == pytest.approx(stats.t.ppf(0.975, 9), rel=1e-9)
    assert critical(1) == pytest.approx(stats.t.ppf(0.975, 1), rel=1e-6)


def test_means_and_differences() -> None:
    g = np.random.default_rng(0)
    a, b = g.normal(0.3, 1, 10), g.normal(0, 3, 7)
    one = mean_of(a.tolist())
    assert one.p_value == pytest.approx(stats.ttest_1samp(a, 0).pvalue)
    assert (one.low, one.high) == pytest.approx(tuple(stats.ttest_1samp(a, 0).confidence_interval()))
    two, expected = difference_of(a.tolist(), b.tolist()), stats.ttest_ind(a, b, equal_var=False)
    assert two.p_value == pytest.approx(expected.pvalue)
    assert (two.low, two.high) == pytest.approx(tuple(expected.confidence_interval()))


def test_equal_values() -> None:
    assert mean_of([0.0, 0.0]).p_value == 1 and mean_of([1.0, 1.0]).p_value == 0
    with pytest.raises(ValueError, match="2 or more"):
        mean_of([1.0])


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []

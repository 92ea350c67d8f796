"""The error of a clustering under the best assignment."""

from __future__ import annotations

import pytest
import torch
from scipy.optimize import linear_sum_assignment

from mintage.evaluation.measures.clusters import clustering_error


def test_names_of_clusters_do_not_matter() -> None:
    y = torch.tensor([0, 0, 1, 1, 2, 2, 2])
    assert clustering_error(torch.tensor([2, 0, 1])[y], y, 3) == 0
    assert clustering_error(torch.zeros_like(y), y, 3) == pytest.approx(4 / 7)


@pytest.mark.parametrize("count", [1, 2, 5, 10])
def test_it_is_the_best_of_all_assignments(count: int) -> None:
    random = torch.Generator().manual_seed(count)
    a, b = (torch.randint(count, (300,), generator=random) for _ in range(2))
    a = torch.where(torch.rand(300, generator=random) < 0.5, (b + 1) % count, a)
    table = torch.zeros(count, count).index_put_((a, b), torch.ones(300), accumulate=True).numpy()
    rows, columns = linear_sum_assignment(-table)
    assert clustering_error(a, b, count) == pytest.approx(1 - table[rows, columns].sum() / 300)


def test_what_cannot_be_is_refused() -> None:
    one = torch.zeros(3, dtype=torch.int64)
    with pytest.raises(ValueError, match="1 to 16"):
        clustering_error(one, one, 17)
    with pytest.raises(ValueError, match="of one length"):
        clustering_error(one, one[:2], 2)
    with pytest.raises(ValueError, match="from 0 to 1"):
        clustering_error(one + 2, one, 2)

"""Codes in a latent: their distribution, and how they are found and set."""

from __future__ import annotations

import pytest
import torch

from mintage.game import generator
from mintage.latent import Codes, code_sheet

CODES = Codes(4, 3, 2)


def test_the_prior_has_the_distribution_it_says() -> None:
    z = CODES(6000, generator(0))
    assert z.shape == (6000, 9) and CODES.dim == 9
    hot, numbers = z[:, 4:7], CODES.continuous(z)
    assert bool((hot.sum(1) == 1).all()) and hot.unique().tolist() == [0.0, 1.0]
    assert torch.allclose(hot.mean(0), torch.full((3,), 1 / 3), atol=0.03)
    assert float(numbers.abs().max()) <= 1 and float(numbers.var()) == pytest.approx(1 / 3, abs=0.02)
    assert float(z[:, :4].std()) == pytest.approx(1, abs=0.03)
    assert torch.equal(z, CODES(6000, generator(0)))


def test_codes_are_set_and_all_else_stays() -> None:
    z = CODES(5, generator(1))
    made = CODES.chosen(z, category=[0, 1, 2, 0, 1], number=1, values=0.5)
    assert CODES.category(made).tolist() == [0, 1, 2, 0, 1]
    assert CODES.continuous(made)[:, 1].tolist() == [0.5] * 5
    assert torch.equal(made[:, :4], z[:, :4]) and torch.equal(CODES.continuous(made)[:, 0], CODES.continuous(z)[:, 0])
    assert CODES.category(CODES.chosen(z, category=2)).tolist() == [2] * 5
    assert torch.equal(CODES.chosen(z), z) and CODES.chosen(z) is not z


def test_a_sheet_moves_one_code_along_its_columns() -> None:
    z = CODES(2, generator(2))
    page = code_sheet(CODES, z, number=0, columns=5, reach=2.0)
    assert page.shape == (10, 9)
    assert CODES.continuous(page)[:5, 0].tolist() == [-2.0, -1.0, 0.0, 1.0, 2.0]
    others = [k for k in range(9) if k != 7]
    assert torch.equal(page[5:][:, others], z[1].expand(5, 9)[:, others])


@pytest.mark.parametrize(("counts", "said"),
                         [((3, 0, 0), "no code"), ((3, 1, 0), "2 values"), ((-1, 2, 0), "0 or more")])
def test_codes_that_cannot_be_are_refused(counts: tuple[int, int, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Codes(*counts)


def test_codes_there_are_none_of_are_refused() -> None:
    z = CODES(2, generator(0))
    with pytest.raises(ValueError, match="there are 3"):
        CODES.chosen(z, category=3)
    with pytest.raises(ValueError, match="there are 2"):
        CODES.chosen(z, number=2, values=0.0)
    with pytest.raises(ValueError, match="there are 0"):
        Codes(2, 0, 1).chosen(torch.zeros(1, 3), category=0)

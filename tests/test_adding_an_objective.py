"""docs/adding-an-objective.md, run: its functions, its rows, and the laws that the families then ask of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from mintage.data import toy
from mintage.game import play
from mintage.lab.streams import Stream
from mintage.objectives import ADVERSARIAL, catalogue
from mintage.penalties import PENALTIES
from mintage.penalties import catalogue as penalties
from tests.objectives import test_adversarial as objective_laws
from tests.penalties import test_catalogue as penalty_laws
from tests.penalties.critics import CRITICS

PAGE = Path(__file__).parents[1] / "docs" / "adding-an-objective.md"


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def row(block: str, *namespaces: dict[str, Any]) -> dict[str, Any]:
    """A row of a dict as the page shows it, with the names of the files it stands in."""
    names = {name: value for namespace in namespaces for name, value in namespace.items()}
    return eval("{" + block + "}", names)  # noqa: S307 (our own page)


@pytest.fixture(scope="module")
def page() -> Iterator[dict[str, Any]]:
    """What the page defines, its rows standing in the catalogues."""
    function, entry, golden, game, penalty, listed, tested = blocks()
    made: dict[str, Any] = {}
    for text in (function, game, penalty):
        exec(compile(text, str(PAGE), "exec"), made)  # noqa: S102
    with pytest.MonkeyPatch.context() as patch:
        for family, rows in ((ADVERSARIAL, row(entry, vars(catalogue), made)),
                             (objective_laws.GOLDEN, row(golden, vars(objective_laws), made)),
                             (PENALTIES, row(listed, vars(penalties), made)),
                             (penalty_laws.ROWS, row(tested, vars(penalty_laws), made))):
            for name, value in rows.items():
                patch.setitem(family, name, value)
        yield made


def test_the_objective_keeps_the_laws_of_its_family(page: dict[str, Any]) -> None:
    name, loss = "exponential", page["exponential"]
    objective_laws.test_every_objective_has_a_row()
    objective_laws.test_golden_numbers(name)
    objective_laws.test_value_at_equilibrium(loss)
    objective_laws.test_minimising_finds_the_optimum(loss)
    objective_laws.test_no_other_table_of_logits_is_as_low(loss)
    objective_laws.test_each_side_wants_what_it_should(loss, 0.2)
    objective_laws.test_finite_at_a_hundred(loss)
    objective_laws.test_gradients_are_those_of_finite_differences(loss)
    objective_laws.test_the_generator_needs_reals_where_it_is_relative_and_only_there(loss)
    objective_laws.test_the_source_is_in_the_bibliography(loss)


def test_a_wrong_row_is_found(page: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(objective_laws.GOLDEN, "exponential", (1.0, 2.0))
    with pytest.raises(AssertionError):
        objective_laws.test_golden_numbers("exponential")
    wrong = catalogue.Adversarial(page["_critic"], page["_generator"], optimum=torch.sqrt, equilibrium=(2.0, 1.5))
    with pytest.raises(AssertionError):
        objective_laws.test_minimising_finds_the_optimum(wrong)
    with pytest.raises(AssertionError):
        objective_laws.test_value_at_equilibrium(wrong)


def test_the_game_of_the_page_is_played(page: dict[str, Any]) -> None:
    ring, game = toy("ring"), page["game"]
    stream = Stream(lambda n, g: torch.from_numpy(ring.sample(n, g.initial_seed() % 2**32)), 64, 0)
    losses = [round.stats["D/loss"] for round in play(game, stream, 64 * 150)]
    assert game.skipped == 0 and torch.stack(losses).isfinite().all() and "D/r1" in round_stats(game, stream)


def round_stats(game: Any, stream: Stream) -> dict[str, Any]:
    return next(iter(play(game, stream, game.examples + 64))).stats


def test_the_penalty_keeps_the_laws_of_its_family(page: dict[str, Any]) -> None:
    name = "flat-between"
    assert name in PENALTIES and name in penalty_laws.ROWS
    penalty_laws.test_on_a_linear_critic(name)
    penalty_laws.test_a_constant_critic_gives_finite_gradients(name)
    for critic in CRITICS:
        for dtype in penalty_laws.EXACT:
            penalty_laws.test_explicit_weight_gradients_agree(name, critic, dtype)
    penalty_laws.test_the_estimate_agrees_in_expectation(name)
    penalty_laws.test_batch_norm_is_refused(name)
    penalty_laws.test_nothing_reaches_the_maker_of_the_fakes(name)
    penalty_laws.test_draws_come_from_the_generator(name)

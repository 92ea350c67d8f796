"""Assessing: floors, noise and readings are what they say, whoever plays the samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mintage import citing
from mintage.evaluation import FAMILIES, MEASURES, Card, Evaluation, Family, Setting, Side, assess
from mintage.evaluation.assess import blocks_of, with_near
from mintage.evaluation.comparison import compare, methods

SETTING = Setting("samples", "reals", 600, 10, "points", "1", "d" * 64, "none", "r", "t")


def normal(n: int, seed: int, d: int = 6, shift: float = 0.0, scale: float = 1.0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) * scale + shift


def sides(seed: int, n: int = 600, **fake: float) -> tuple[Side, Side, Side]:
    train = Side(normal(n, 10 * seed + 1))
    real, made = (with_near(Side(x), train.features) for x in (normal(n, 10 * seed), normal(n, 10 * seed + 2, **fake)))
    return real, made, train


def families(*names: str) -> list[Family]:
    return [family for family in FAMILIES if family.measures[0].name in names]


FEW = families("frechet", "precision", "two_sample")
FAR = families("frechet", "kernel", "mmd")


def evaluation(seed: int, pick: int = 2, families: Sequence[Family] = FAMILIES, **fake: float) -> Evaluation:
    real, _, train = sides(seed)
    made = with_near(Side(normal(600, 10_000 + 10 * seed + pick, **fake)), train.features)
    return Evaluation(SETTING, assess(real, made, train, families=families))


def test_every_measure_has_a_card_with_its_floor_and_noise() -> None:
    cards = assess(*sides(1))
    wanted = [m.name for family in FAMILIES for m in family.measures if not family.needs - {"train"}]
    assert [card.measure for card in cards] == wanted
    for card in cards:
        assert card.floor is not None and card.n == 600 and card.least > 0 and 0 <= (card.p_real or 0) <= 1
        if card.measure in ("frechet_limit", "repeats"):  # these measure their noise themselves
            continue
        assert card.low is not None and card.high is not None and card.spread is not None
        assert card.low <= card.value <= card.high and len(card.at_blocks) == len(card.floor_at_blocks)
        assert (len(card.at_blocks), card.block_size) in {(10, 60), (6, 100)}


def test_real_data_are_called_real_and_others_are_not() -> None:
    told = [card.reading for seed in range(20) for card in assess(*sides(seed), families=FAR)]
    assert sum("worse" in reading or "beyond" in reading for reading in told) <= 3  # of 60, at 5 % a set of three
    for card in assess(*sides(3, shift=0.4), families=FAR):
        assert card.reading == "worse than real data" and (card.p_real or 1) < 0.05


def test_intervals_hold_the_mean_at_this_n() -> None:
    cards = [assess(*sides(seed, shift=0.3), families=families("frechet", "kernel")) for seed in range(60)]
    for k in range(2):
        mean = sum(found[k].value for found in cards) / len(cards)
        held = sum((found[k].low or 0) <= mean <= (found[k].high or 0) for found in cards)
        assert held >= 54, (cards[0][k].measure, held)


def test_copies_are_seen_and_held_out_reals_are_the_floor() -> None:
    real, _, train = sides(5)
    copies = with_near(Side(train.features.clone()), train.features)
    found = {card.measure: card for card in assess(real, copies, train)}
    assert found["memorisation"].value == 0 and found["memorisation"].reading == "below real data"
    assert found["near_train"].value == 1 and found["near_train"].reading == "worse than real data"
    assert found["memorisation"].floor == pytest.approx(1, abs=0.15)
    assert "real data" in found["frechet"].reading and "worse" not in found["frechet"].reading


def test_further_real_examples_play_the_samples() -> None:
    real, made, _ = sides(6)
    halves = assess(Side(real.features), Side(made.features), families=families("frechet"))[0]
    further = Side(normal(600, 99))
    whole = assess(Side(real.features), Side(made.features), others=further, families=families("frechet"))[0]
    assert halves.floor_n == 300 and whole.floor_n == 600
    assert whole.floor is not None and halves.floor is not None and whole.floor < halves.floor


def test_too_few_have_no_interval_and_say_so() -> None:
    real, made, train = (side.take(slice(60)) for side in sides(7))
    for card in assess(real, made, train, families=FEW):
        assert card.low is None and card.p_real is None and card.reading == "no interval: too few examples"
    assert blocks_of(127) == 0 and blocks_of(128) == 4 and blocks_of(10_000) == 10
    with pytest.raises(ValueError, match="2 or more of each"):
        assess(real.take(slice(1)), made)
    with pytest.raises(ValueError, match="of one extractor"):
        assess(real, Side(torch.zeros(9, 3)))


def test_an_evaluation_survives_json() -> None:
    found = evaluation(1)
    again = Evaluation.from_json(found.to_json())
    assert again == found and again["frechet"] == found["frechet"] and "frechet" in again
    with pytest.raises(KeyError, match="there are: frechet"):
        found["speed"]
    for broken in ({}, {"format": 1}, {"format": 99, "setting": {}, "cards": [], "facts": {}}):
        with pytest.raises(ValueError, match="evaluation"):
            Evaluation.from_json(broken)


def test_the_page_holds_a_metric_card_for_each_figure() -> None:
    page = evaluation(1).markdown()
    for card in evaluation(1).cards:
        assert f"### {card.about.title}" in page
    for fact in ("| n | 600 |", "dddddddddddd", "95 % interval", "real data", "torch"):
        assert fact in page


def test_every_measure_says_how_it_is_read() -> None:
    for measure in MEASURES.values():
        assert measure.title and measure.says and measure.least(16) >= 2
        assert Card(measure.name, 1.0, 10).about is measure


def test_the_same_generator_is_no_different_from_itself() -> None:
    differs = sum(compare(evaluation(seed, 1, FEW), evaluation(seed, 2, FEW)).differs for seed in range(40))
    assert differs <= 4, differs  # 5 % of 40 is 2; 5 or more come by chance once in 20 times


def test_a_worse_generator_is_found_worse() -> None:
    found = compare(evaluation(1, 1), evaluation(1, 2, shift=0.4), ("good", "bad"))
    assert found.differs and found.verdict.startswith("good is better in Fréchet distance")
    assert {d.better for d in found.differences if d.significant} - {""} == {"good"}
    assert "good is better" in found.markdown() and found.to_json()["differs"]
    equal = compare(evaluation(1, 1), evaluation(1, 1), ("a", "b"))
    assert equal.verdict.startswith("no difference found") and all(d.p_value == 1 for d in equal.differences)


def test_unlike_evaluations_are_not_compared() -> None:
    one, two = evaluation(1), evaluation(1)
    other = replace(two, setting=replace(two.setting, extractor_digest="e" * 64, n=500))
    with pytest.raises(ValueError, match="extractor digest is .* n is 600 here and 500 there"):
        compare(one, other)


def test_methods_are_compared_over_trainings() -> None:
    def training(shift: float, seed: int) -> Evaluation:
        own = 0.1 * float(normal(1, seed)[0, 0])  # what the seed of a training does
        return evaluation(1, 100 + seed, FEW, shift=shift + own)

    same = methods({"a": [training(0.5, k) for k in range(4)], "b": [training(0.5, 10 + k) for k in range(4)]})
    assert len(same) == 1 and not same[0].differs and same[0].of == "methods"
    apart = methods({"a": [training(0.2, k) for k in range(4)], "b": [training(1.2, 10 + k) for k in range(4)]})
    assert apart[0].differs and "a is better" in apart[0].verdict
    assert methods({"a": [training(0.5, 1)], "b": [training(0.5, 2), training(0.5, 3)]}) == []


def test_the_page_on_judging_names_every_measure() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "judging.md").read_text()
    sources = citing.entries()
    for measure in MEASURES.values():
        assert f"| {measure.title} (`{measure.name}`) | {measure.says} |" in page, measure.name
        assert measure.source in sources, measure.source

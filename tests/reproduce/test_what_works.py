"""The table of what works: every line builds or refuses with a reason, ratios and verdicts, what is empty; its page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mintage.game import Game
from mintage.reproduce import grounds
from mintage.reproduce.changes import Change, game_of
from mintage.reproduce.figures import within_batches
from mintage.reproduce.grounds import GROUNDS, Played
from mintage.reproduce.ranking import ranks, spearman
from mintage.reproduce.row import Found
from mintage.reproduce.rows.fmnist import ARMS, OTHERS, PUBLISHED, read
from mintage.reproduce.rows.what_works import DECLARED, GROUPS, LINES
from mintage.reproduce.rows.what_works_reading import BASELINE, ratios, table
from mintage.runs.console import Console

SCRIPTS = str(Path(__file__).resolve().parents[2] / "scripts")


@pytest.mark.parametrize("ground", ["ring", "fmnist"])
def test_every_line_builds_or_refuses_with_a_sentence(ground):
    refused = {}
    for (_, name), change in LINES[ground].items():
        try:
            assert isinstance(game_of(change, GROUNDS[ground].base, GROUNDS[ground].spec, 0), Game)
        except ValueError as error:
            refused[name] = str(error)
    assert all(len(reason) > 30 for reason in refused.values())
    assert set(refused) <= {"virtual-batch-norm", "reference-batch-norm", "diffaug", "ada", "batch norm x r1",
                            "batch norm x r1 + r2", "batch norm x gradient-penalty"}
    assert len(LINES[ground]) - len(refused) > 60


def test_a_change_is_told_by_what_differs():
    assert Change().told() == {} and LINES["ring"]["", BASELINE] == Change()
    assert Change(loss="hinge", norm="spectral").told() == {"loss": "hinge", "norm": "spectral"}
    slugs = [arm.slug for arm in DECLARED["what-works"].arms]
    assert len(set(slugs)) == len(slugs)


def test_a_cell_is_a_function_of_its_seed(monkeypatch, tmp_path):
    monkeypatch.setitem(GROUNDS, "ring", replace(GROUNDS["ring"], rounds=20))
    monkeypatch.setitem(grounds.COUNTS, "ring", 2_500)
    work, console = Played("ring", Change(stabiliser="minibatch-stddev")), Console(quiet=True)
    first, again, other = (work.run(tmp_path, seed, 1, console) for seed in (0, 0, 1))
    timeless = [{name: value for name, value in one.items() if name != "processor seconds"}
                for one in (first, again, other)]
    assert timeless[0] == timeless[1] != timeless[2] and first["finite"] == 1 and first["distance"] > 0


def test_what_breaks_is_a_figure(monkeypatch, tmp_path):
    monkeypatch.setitem(GROUNDS, "ring", replace(GROUNDS["ring"], rounds=40))
    found = Played("ring", Change(loss="f-reverse-kl", critic_rate=1e4)).run(tmp_path, 0, 1, Console(quiet=True))
    assert found["finite"] == 0 and "distance" not in found


def planted(**lines: list[float]) -> Found:
    return Found({f"ring: {name.replace('_', '-')}": {seed: {"distance": value, "finite": 1.0, "modes": 8.0}
                                                      for seed, value in enumerate(values)}
                  for name, values in lines.items()})


def test_a_ratio_its_interval_and_its_verdict():
    found = planted(baseline=[1.0, 1.1, 0.9, 1.0, 1.05, 0.95], r1=[0.5, 0.55, 0.5], r2=[1.0, 1.05, 1.0],
                    hinge=[2.0, 2.2, 1.9], minimax=[1.0])
    against = ratios(found, "ring", ["r1", "r2", "hinge", "minimax", "dragan"])
    assert against["r1"].value == pytest.approx(0.517, abs=0.01) and against["r1"].verdict == "better"
    assert against["r2"].verdict == "no difference found" and against["hinge"].verdict == "worse"
    assert against["r1"].low < against["r1"].value < against["r1"].high < 1 < against["hinge"].low
    wide, narrow = against["minimax"], against["r2"]
    assert wide.high / wide.low > narrow.high / narrow.low and "dragan" not in against


def test_the_interval_holds_as_often_as_it_says():
    """Lines that are the baseline again: their intervals hold 1 in 95 of 100."""
    g = torch.Generator().manual_seed(0)
    inside = []
    for _ in range(60):
        draws = (0.2 * torch.randn((10, 6), generator=g)).exp().tolist()
        found = planted(baseline=draws[0], **{f"line_{k}": draws[k][:3] for k in range(1, 10)})
        inside += [one.low <= 1 <= one.high for one in ratios(found, "ring", [f"line-{k}" for k in range(1, 10)]
                                                              ).values()]
    assert len(inside) == 540 and 0.91 <= sum(inside) / len(inside) <= 0.985


def test_what_is_empty_says_so():
    made = table(planted(baseline=[1.0, 1.1], r1=[0.5, 0.6]), "ring", GROUPS["ring"])
    rows = {row[1]: row for row in made.rows}
    assert len(rows) == len(GROUPS["ring"]) and rows["r2"][2] == "not run" and rows["r1"][3] == "better"
    assert rows[BASELINE][2] == "" and made.rows[0][1] == BASELINE


def test_the_page_shows_pairs_and_what_is_empty(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    from docmaking import what_works

    made = table(planted(baseline=[1.0, 1.1], r1=[0.5, 0.6], hinge=[2.0, 2.1], **{"r1 x hinge": [0.7, 0.8]}), "ring",
                 GROUPS["ring"])
    record = {"tables": [{"title": made.title, "header": list(made.header), "rows": [list(row) for row in made.rows]}],
              "absent": {"ring: r2": "not run", "grid: r2": "not here"}, "reading": "Read.", "command": "c",
              "machine": {}, "seconds": 1.0, "version": "0", "date": "2026-01-01"}
    text = what_works.page(record)
    order = ["# What works", "## ring", "| r1 |", "penalty x objective", "| hinge | 1.95 | 0.71 |", "**Empty**",
             "- r2: not run", "Read.", "2026-01-01"]
    assert [text.index(part) for part in order] == sorted(text.index(part) for part in order)
    assert "not here" not in text and "Nothing is on record yet" in what_works.page(None)


def test_orders():
    assert ranks([3.0, 1.0, 3.0]) == [1.5, 0.0, 1.5]
    assert spearman([1, 2, 3, 4], [10, 20, 30, 25]) == pytest.approx(0.8)
    assert spearman([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    with pytest.raises(ValueError, match="an order of 2"):
        spearman([1, 2], [1, 2, 3])


def test_the_table_of_fashion_holds_where_the_order_is_the_published_one():
    def cells(order: dict[str, float]) -> Found:
        same = {"floor": 0.1, "precision": 0.5, "recall": 0.5, "diverged": 0.0, "undone rounds": 0.0}
        return Found({arm.name: {seed: {"frechet": order.get(arm.name, 40.0) + seed / 10, **same} for seed in (0, 1, 2)}
                      for arm in (*ARMS, *OTHERS)})

    assert read(cells(PUBLISHED)).holds
    turned = read(cells({name: -value for name, value in PUBLISHED.items()}))
    assert not turned.holds and turned.findings[0].measured == pytest.approx(-1)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_correlation_within_batches_is_the_planted_one(share):
    def latents(n, g):
        own, common = torch.randn((n, 40), generator=g), torch.randn((1, 40), generator=g)
        return share**0.5 * common + (1 - share) ** 0.5 * own, None

    game = SimpleNamespace(nets=None, sampler=SimpleNamespace(latents=latents, generate=lambda nets, z, y: z))
    assert within_batches(game, 16, 400, 0) == pytest.approx(share, abs=0.03)

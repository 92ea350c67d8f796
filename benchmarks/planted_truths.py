"""Planted truths: samples whose fault is known, and which measures say so. The right ones must move, no others.

    python benchmarks/planted_truths.py [fmnist] [adult]

Six kinds of samples stand against held-out examples, with training examples known:

    held-out     other held-out examples: a perfect generator                 nothing moves
    memorised    training examples                                            copying, and only copying
    dropped      held-out examples of half the classes (adult: of one income) diversity and distance
    blurred      held-out examples without their fine detail                  fidelity and distance, nothing of classes
    duplicates   held-out examples, one in a hundred twice                    repeats, and nothing else
    shuffled     held-out examples with the labels of others                  what needs labels, and nothing else

A measure moves when its p-value (of all measures together) is below .01. Expectations were written down before the run,
and `free` are measures of which theory says nothing either way. Writes results/planted-NAME.json. The data are in the
folder that MINTAGE_DATA names.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import recording
import torch
import torch.nn.functional as F

from mintage.data import open_data, tables
from mintage.data.tables import Column, open_table
from mintage.evaluation import FAMILIES, Assessor, Evaluation, Side, small_image_features
from mintage.evaluation.class_families import class_families
from mintage.evaluation.features.table_features import table_features
from mintage.evaluation.sides import see
from mintage.evaluation.table_families import table_families
from mintage.evaluation.wording import number
from mintage.lab.outcome import Finding, Table

MOVES = 0.01
WHAT = {"held-out": "nothing moves", "memorised": "copying moves", "dropped": "distance and diversity move",
        "blurred": "distance and fidelity move", "duplicates": "repeats move", "shuffled": "what needs labels moves"}
COPYING = {"memorisation", "near_train"}
DISTANCES = {"frechet", "kernel", "mmd", "sliced", "two_sample"}
LABELLED = {"label_agreement", "accuracy_score", "intra_frechet"}
TABLE = {"marginals", "worst_column", "pairs", "detection"}
# What must move, and what is free; all else must stay.
EXPECTED: dict[str, tuple[set[str], set[str]]] = {
    "held-out": (set(), set()),
    "memorised": (COPYING, set()),
    "dropped": (DISTANCES | {"recall", "coverage", "classes"} | TABLE,
                {"density", "precision", "repeats", "use", *LABELLED, *COPYING}),
    "blurred": (DISTANCES | {"precision", "density", "coverage"} | TABLE,
                {"recall", "classes", "repeats", "use", *LABELLED, *COPYING}),
    "duplicates": ({"repeats"}, set()),
    "shuffled": (LABELLED, set()),
}


def fmnist() -> tuple[Assessor, dict[str, Side]]:
    """Real: 5,000 of t10k; the spoiled ones are made of the other 5,000; train: the 60,000."""
    train, test = open_data("fmnist"), open_data("fmnist", split="test")
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))
    real, other = test.take(order[:5000]), test.take(order[5000:])
    extractor = small_image_features()
    assessor = Assessor.of(real, train, extractor, n=5000, bank=60_000)
    whole = other.gather(torch.arange(len(other)))

    def side(x: torch.Tensor, y: torch.Tensor | None) -> Side:
        place = iter(zip(x.split(256), [None] * len(x) if y is None else y.split(256), strict=False))
        return see(lambda count: next(place), len(x), extractor)

    x, y = whole.x, whole.y
    if y is None:
        raise SystemExit("fmnist came without its labels")
    copied = train.gather(torch.randperm(len(train), generator=torch.Generator().manual_seed(1))[:5000])
    half = (y < 5).nonzero()[:, 0]
    return assessor, {"held-out": side(x, y), "memorised": side(copied.x, copied.y),
                      "dropped": side(x[half], y[half]), "blurred": side(blurred(x, 0.8), y),
                      "duplicates": side(*(part[doubled(len(x))] for part in (x, y))),
                      "shuffled": side(x, y[torch.randperm(len(y), generator=torch.Generator().manual_seed(2))])}


def blurred(x: torch.Tensor, sigma: float) -> torch.Tensor:
    """Convolved with a Gaussian of this deviation in pixels."""
    t = torch.arange(-4, 5) / sigma
    kernel = torch.softmax(-t * t / 2, 0)
    wide = F.conv2d(F.pad(x, (4, 4, 4, 4), mode="replicate"), kernel.view(1, 1, 1, -1))
    return F.conv2d(wide, kernel.view(1, 1, -1, 1))


def doubled(n: int) -> torch.Tensor:
    """Rows, one in a hundred of them a repeat of another."""
    rows, count = torch.arange(n), n // 100
    chance = torch.randperm(n, generator=torch.Generator().manual_seed(3))
    rows[chance[:count]] = rows[chance[count: 2 * count]]
    return rows


def adult() -> tuple[Assessor, dict[str, Side]]:
    """Half of the rows train; a quarter is real, and the spoiled ones are made of the last quarter. Classes: income."""
    place = Path(os.environ["MINTAGE_DATA"]) / "tabular" / "adult.csv"
    whole = open_table(place)
    order = np.random.default_rng(0).permutation(len(whole))
    quarter = len(whole) // 4
    parts = {"adult, training half": slice(2 * quarter), "adult, real": slice(2 * quarter, 3 * quarter),
             "adult, other": slice(3 * quarter, 4 * quarter)}
    train, real, other = (whole.take(order[part], name) for name, part in parts.items())
    encode, extractor = table_features(real)

    def side(table: tables.Table, labels: np.ndarray | None = None) -> Side:
        y = table.column("income").values if labels is None else labels
        return Side(encode(table), labels=torch.from_numpy(np.asarray(y)).long(), rows=table)

    known = side(train)
    assessor = Assessor(side(real), known, extractor, against=real.name,
                        fingerprints=(real.fingerprint, train.fingerprint),
                        families=(*FAMILIES, *class_families(known, 2), *table_families("income")))
    y = other.column("income").values
    kept, copied = np.flatnonzero(y == y[0]), np.random.default_rng(1).permutation(len(train))[:quarter]
    return assessor, {
        "held-out": side(other), "memorised": side(train.take(copied)),
        "dropped": side(other.take(kept)), "blurred": side(coarse(other)),
        "duplicates": side(other.take(doubled(len(other)).numpy())),
        "shuffled": side(other, y[np.random.default_rng(2).permutation(len(y))])}


def coarse(table: tables.Table) -> tables.Table:
    """Numbers without their detail: each the mean of its decile (what a table's blur is); categories as they are."""
    columns = []
    for column in table.columns:
        if not column.numeric:
            columns.append(column)
            continue
        values, known = column.values.copy(), ~column.missing
        edges = np.unique(np.quantile(values[known], np.linspace(0, 1, 11)))
        bins = np.clip(np.searchsorted(edges, values[known], side="right") - 1, 0, max(0, len(edges) - 2))
        means = np.array([values[known][bins == b].mean() if (bins == b).any() else 0 for b in range(len(edges))])
        values[known] = means[bins]
        columns.append(Column(column.name, values))
    return replace(table, columns=tuple(columns))


DATA: dict[str, Callable[[], tuple[Assessor, dict[str, Side]]]] = {"fmnist": fmnist, "adult": adult}


def judged(found: Evaluation, must: set[str], free: set[str]) -> tuple[dict[str, dict[str, object]], list[str]]:
    """What moved, beside what was expected; and the breaches."""
    rows: dict[str, dict[str, object]] = {}
    breaches = []
    for card in found.cards:
        if card.p_real is None:
            continue
        moved = card.p_real < MOVES
        wanted = "moves" if card.measure in must else "free" if card.measure in free else "stays"
        held = wanted == "free" or moved == (wanted == "moves")
        if not held:
            breaches.append(f"{card.measure} {'moved' if moved else 'stayed'} and should have "
                            f"{'stayed' if moved else 'moved'} (p {card.p_real:.2g})")
        rows[card.measure] = {"value": card.value, "real data": card.floor, "p": card.p_real, "moved": moved,
                              "expected": wanted}
    return rows, breaches


def main() -> None:
    """Judge each and write the tables."""
    for name in sys.argv[1:] or list(DATA):
        began = time.perf_counter()
        assessor, samples = DATA[name]()
        table: dict[str, dict[str, Any]] = {}
        for truth, side in samples.items():
            found = assessor.of_side(side, f"{name}, {truth}")
            rows, breaches = judged(found, *EXPECTED[truth])
            gate = found.gate
            table[truth] = {"n": found.setting.n, "breaches": breaches,
                            "released": None if gate is None else gate.passed, "measures": rows}
            print(f"{name:7} {truth:11} released {None if gate is None else gate.passed!s:6} "
                  f"{'as expected' if not breaches else '; '.join(breaches)}", flush=True)
            print("        moved:", ", ".join(m for m, row in rows.items() if row["moved"]) or "nothing", flush=True)
        tell(name, table, assessor, time.perf_counter() - began)


def tell(name: str, table: dict[str, dict[str, Any]], assessor: Assessor, seconds: float) -> None:
    """Write the record: which measures moved, beside which should have."""
    findings = [Finding(f"{truth}: {WHAT[truth]}", "as expected",
                        "as expected" if not row["breaches"] else "; ".join(row["breaches"]), not row["breaches"])
                for truth, row in table.items()]
    measures = list(dict.fromkeys(m for row in table.values() for m in row["measures"]))
    cells = [[m, *(_cell(row["measures"].get(m)) for row in table.values())] for m in measures]
    released = ["the gate", *({True: "passed", False: "refused", None: "cannot tell"}[row["released"]]
                              for row in table.values())]
    recording.write(
        f"planted-{name}", f"each planted fault of {name} moves the measures that should move, and no others", findings,
        tables=[Table("The figure, beside that of real data; in capitals what was to move, in brackets what was free",
                      ["measure", *table], [*cells, released])],
        reading=f"A measure moves where its p-value, corrected for all measures, is below {MOVES}; features "
                f"{assessor.extractor.name} v{assessor.extractor.version}, n "
                f"{', '.join(str(row['n']) for row in table.values())}.",
        command=f"MINTAGE_DATA=... python benchmarks/planted_truths.py {name}", seconds=seconds)


def _cell(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    text = "moves" if found["moved"] else "stays"
    text = {"moves": text.upper(), "free": f"({text})", "stays": text}[found["expected"]]
    return f"{text} {number(found['value'])} / {number(found['real data'])}"


if __name__ == "__main__":
    main()

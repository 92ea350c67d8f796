"""Comparing generators: runs, or samples of any origin, held against the same real examples in the same blocks.

    comparison.json   every evaluation and every comparison
    comparison.md     a table of all, what differs with p-values, and the sheets
    sheet.png         samples of each, side by side: none of them chosen
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw

from mintage.data import DataError, DataSpec, sheet
from mintage.evaluation import Comparison, Evaluation, compare, methods
from mintage.evaluation.assess import FEWEST_BLOCKS, SMALLEST_BLOCK
from mintage.evaluation.comparison import LEADING
from mintage.evaluation.wording import number, table
from mintage.runs.asked import Asked
from mintage.runs.checkpoints import listed
from mintage.runs.conditions import conditions_of
from mintage.runs.durable import write_file, write_json
from mintage.runs.errors import RunError
from mintage.runs.evaluating import Court, court_of, generator_of
from mintage.runs.film import png
from mintage.runs.folder import Run
from mintage.runs.judging import draw_of
from mintage.runs.pairs import SHOWN, check_pair, open_pair

MARGIN, HEIGHT = 8, 18


@dataclass(frozen=True)
class Compared:
    """The evaluations by name, every pair of generators, every pair of methods, and a sheet where there are images."""

    evaluations: dict[str, Evaluation]
    generators: tuple[Comparison, ...]
    methods: tuple[Comparison, ...]
    groups: dict[str, tuple[str, ...]]
    sheet: Image.Image | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"evaluations": {name: found.to_json() for name, found in self.evaluations.items()},
                "generators": [found.to_json() for found in self.generators],
                "methods": [found.to_json() for found in self.methods],
                "groups": {name: list(members) for name, members in self.groups.items()}}

    def lines(self) -> list[str]:
        """The comparison for reading in a terminal."""
        width = max(map(len, self.evaluations)) + 2
        shown = [m for m in LEADING if all(m in e for e in self.evaluations.values())]
        lines = [" " * width + "".join(f"{m:>12}" for m in shown)]
        lines += [f"{name:{width}}" + "".join(f"{number(e[m].value):>12}" for m in shown)
                  for name, e in self.evaluations.items()]
        first = next(iter(self.evaluations.values()))
        lines.append(f"{'real data':{width}}" + "".join(f"{number(first[m].floor):>12}" for m in shown))
        return [*lines, "", *(c.verdict for c in (*self.methods, *self.generators)), *self._caution()]

    def _caution(self) -> list[str]:
        """What stands in the way of what one would like to conclude, and the notes of the evaluations."""
        notes: dict[str, list[str]] = {}
        for name, found in self.evaluations.items():
            for note in found.setting.notes:
                notes.setdefault(note, []).append(name)
        said = [note if len(names) == len(self.evaluations) else f"{', '.join(names)}: {note}"
                for note, names in notes.items()]
        least = FEWEST_BLOCKS * SMALLEST_BLOCK
        if next(iter(self.evaluations.values())).setting.n < least:
            said.append(f"p-values take at least {least} samples of each and as many real examples")
        if not self.methods:
            said.append("This is about these generators. Whether one method is better than another takes several "
                        "trainings of each, with different seeds: give all their runs.")
        return said

    def markdown(self) -> str:
        """A page of the whole."""
        first = next(iter(self.evaluations.values()))
        s, names = first.setting, list(self.evaluations)
        rows = [(card.about.title, *(self._cell(e, card.measure) for e in self.evaluations.values()),
                 number(card.floor)) for card in first.cards]
        parts = [f"# Comparison\n\n{s.n:,} samples each, against {s.n:,} of {s.against}; features {s.features}.\n\n"
                 "The figure, and in brackets its 95 % interval.\n\n", table(("measure", *names, "real data"), rows)]
        if self.sheet is not None:
            parts.append("\n![samples of each](sheet.png)\n\nNone of the samples was chosen.\n")
        for title, found in (("Methods", self.methods), ("Generators", self.generators)):
            parts += [f"\n## {title}: {c.a} and {c.b}\n\n{c.markdown()}" for c in found]
        parts += [f"\n{line}\n" for line in self._caution()]
        return "".join(parts)

    @staticmethod
    def _cell(evaluation: Evaluation, measure: str) -> str:
        if measure not in evaluation:
            return "–"
        card = evaluation[measure]
        return number(card.value) + ("" if card.low is None else f" ({number(card.low)} to {number(card.high)})")


def compare_runs(runs: Sequence[Run], *, n: int, seed: int, features: str = "auto",
                 weights: Path | None = None) -> Compared:
    """Runs on the same data. Those that differ in nothing but the seed are trainings of one method.

    Raises:
        RunError: fewer than two, runs of other data, or what `court_of` refuses.
    """
    names = names_of([run.path for run in runs])
    data = {run.settings.data.fingerprint: run for run in reversed(runs)}
    if len(data) > 1 or len({run.settings.spec.shape for run in runs}) > 1:
        one, two = list(data.values())[:2] if len(data) > 1 else (runs[0], runs[-1])
        raise RunError(f"{two.path} and {one.path} were trained on different data (or at different sizes), so their "
                       "figures do not compare. Give their samples and the real examples instead: "
                       "mintage compare SAMPLES SAMPLES --real REAL")
    for run in runs:
        refuse_unmade(run)
    court = court_of(runs[0], n=n, features=features, weights=weights)
    evaluations = {name: court.evaluate(run, seed) for name, run in zip(names, runs, strict=True)}
    groups = groups_of(dict(zip(names, runs, strict=True)))
    picture = _sheet({name: _shown(run, court, seed) for name, run in zip(names, runs, strict=True)},
                     runs[0].settings.spec)
    return _compared(evaluations, groups, picture)


def compare_samples(samples: Sequence[str], real: str, train: str | None, asked: Asked) -> Compared:
    """Samples of any origin against the same real examples.

    Raises:
        RunError, DataError: what `open_pair` refuses.
    """
    names = names_of([Path(one) for one in samples])
    for one in samples:
        check_pair(one, real, train, asked)
    pairs = [open_pair(one, real, train, asked) for one in samples]
    for k, name in enumerate(names):
        twin = next((other for other, pair in zip(names[:k], pairs, strict=False) if pair.content == pairs[k].content),
                    None)
        if twin is not None:
            raise RunError(f"{twin} and {name} hold the very same samples; give each once")
    counts = [pair.assessor.n for pair in pairs]
    if min(counts) < max(counts):
        pairs = [open_pair(one, real, train, replace(asked, n=min(counts))) for one in samples]
    evaluations = {name: pair.evaluate(asked.seed) for name, pair in zip(names, pairs, strict=True)}
    shown = {name: pair.shown for name, pair in zip(names, pairs, strict=True) if pair.shown is not None}
    picture = _sheet({name: x for name, (x, _) in shown.items()}, next(iter(shown.values()))[1]) if shown else None
    return _compared(evaluations, {name: (name,) for name in names}, picture)


def _compared(evaluations: dict[str, Evaluation], groups: dict[str, tuple[str, ...]],
              picture: Image.Image | None) -> Compared:
    names = list(evaluations)
    try:
        generators = tuple(compare(evaluations[a], evaluations[b], (a, b))
                           for k, a in enumerate(names) for b in names[k + 1:])
        found = tuple(methods({name: [evaluations[m] for m in members] for name, members in groups.items()}))
    except ValueError as error:
        raise RunError(str(error)) from error
    return Compared(evaluations, generators, found, groups, picture)


def refuse_unmade(run: Run) -> None:
    """Refuse a run that has nothing to sample from, before any other is judged.

    Raises:
        RunError: it has neither a generator nor a checkpoint.
    """
    if not (run.generator / "generator.json").exists() and not listed(run.checkpoints):
        raise RunError(f"{run.path} has no checkpoint yet; go on with: mintage resume {run.path}")


def groups_of(runs: Mapping[str, Run]) -> dict[str, tuple[str, ...]]:
    """Trainings of one method: runs whose settings differ in nothing but the seed. Named by what tells them apart.

    Budgets by the clock are alike where the minutes are. The same seed a second time is no second training.
    """
    members: dict[str, dict[int, str]] = {}
    for name, run in runs.items():
        s = run.settings
        by_clock = s.minutes is not None or s.command and "--examples" not in s.command
        budget = f"{s.minutes} minutes" if by_clock else s.plan.budget
        key = json.dumps([s.system, s.options, s.batch, budget, s.patience, s.precision, s.data.fingerprint,
                          s.data.flip], sort_keys=True, default=str)
        members.setdefault(key, {}).setdefault(s.seed, name)
    groups = [tuple(group.values()) for group in members.values()]
    systems = [runs[group[0]].settings.system for group in groups]
    return {(system if systems.count(system) == 1 else group[0] + " and alike" * (len(group) > 1)): group
            for system, group in zip(systems, groups, strict=True)}


def names_of(paths: Sequence[Path]) -> list[str]:
    """Short names that differ: the last part of each path, with more of it where that is shared.

    Raises:
        RunError: fewer than two, or the same path twice.
    """
    whole = [path.resolve() for path in paths]
    twice = next((path for k, path in enumerate(paths) if whole[k] in whole[:k]), None)
    if twice is not None:
        raise RunError(f"{twice} is given twice; give two or more that differ, each once")
    if len(whole) < 2:
        raise RunError("give two or more to compare")
    depth = 1
    while len({path.parts[-depth:] for path in whole}) < len(whole):
        depth += 1
    return ["/".join(path.parts[-depth:]) for path in whole]


def write(found: Compared, folder: Path) -> None:
    """comparison.json, comparison.md and, for images, sheet.png."""
    folder.mkdir(parents=True, exist_ok=True)
    if found.sheet is None and (folder / "comparison.json").exists():
        (folder / "sheet.png").unlink(missing_ok=True)  # of an earlier comparison
    write_json(folder / "comparison.json", found.to_json())
    write_file(folder / "comparison.md", found.markdown().encode())
    if found.sheet is not None:
        write_file(folder / "sheet.png", png(found.sheet))


def _shown(run: Run, court: Court, seed: int) -> torch.Tensor:
    game, _ = generator_of(run)
    return draw_of(game, seed, "compare", conditions_of(court.train, court.testing, 0))(SHOWN)[0].cpu()


def _sheet(samples: Mapping[str, torch.Tensor], spec: DataSpec) -> Image.Image | None:
    """A strip of samples of each, under its name; where there are classes, one column is of one class."""
    if spec.kind != "image":
        return None
    try:
        strips = {name: sheet(x, spec, columns=SHOWN // 2) for name, x in samples.items()}
    except DataError:
        return None
    width = max(strip.width for strip in strips.values())
    whole = Image.new("RGB", (width, sum(strip.height + HEIGHT + MARGIN for strip in strips.values())), "white")
    y = 0
    for name, strip in strips.items():
        ImageDraw.Draw(whole).text((2, y + 3), name, fill="black")
        whole.paste(strip, (0, y + HEIGHT))
        y += strip.height + HEIGHT + MARGIN
    return whole

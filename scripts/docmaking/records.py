"""Records: results/*.json as tables, and docs/results.md made of all of them."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from docmaking.docstrings import escape
from mintage.lab import EXPERIMENTS

MADE = "<!-- made by scripts/make_docs.py from results/; run that again, do not change this page -->"
Record = dict[str, Any]
Records = dict[str, Record]


def load(folder: Path) -> Records:
    """The records by name: those of the lab in its order, before them what was measured on data."""
    found = {path.stem: whole(path.stem, json.loads(path.read_text(encoding="utf-8")))
             for path in sorted(folder.glob("*.json"))}
    found = {name: record for name, record in found.items() if record}
    for name, record in found.items():
        record["figure"] = (folder / f"{name}.svg").exists()
        record["sheet"] = (folder / f"{name}.png").exists() and not record["figure"]
    on_data = [name for name in found if name not in EXPERIMENTS]
    return {name: found[name] for name in [*on_data, *(name for name in EXPERIMENTS if name in found)]}


def whole(name: str, record: Any) -> Record:
    """A record with every field; {} for what is no record. The runs of benchmarks/minutes.py become a table."""
    if not isinstance(record, dict) or "claim" not in record:
        return {}
    if "runs" in record and "measured" not in record:
        record = _of_runs(record)
    if not isinstance(record.get("expected"), dict):
        record["expected"] = {"": str(record.get("expected", ""))}
    return {"row": name, "measured": {}, "holds": None, "misses": [], "tables": [], "reading": "", "seeds": [],
            "seconds": None, "machine": {}, "version": "", "date": "", "command": "", **record}


def _of_runs(record: Record) -> Record:
    """Systems trained for the same minutes: medians over seeds, and every seed's figure."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for run in record["runs"]:
        groups.setdefault(" ".join([run["system"], *run["options"]]), []).append(run)
    rows = []
    for name, runs in groups.items():
        each = ", ".join(f"{run['fd']:.2f}" for run in runs)
        low, high = min(run["class_share_min"] for run in runs), max(run["class_share_max"] for run in runs)
        rows.append([name, f"{_median(runs, 'fd'):.2f} ({each})", f"{runs[0]['fd_floor']:.3f}",
                     f"{_median(runs, 'confident'):.1%} ({runs[0]['confident_real']:.1%})", f"{low:.1%} to {high:.1%}",
                     ", ".join(f"{run['examples']:,}".replace(",", " ") for run in runs),
                     ", ".join(f"{run['seconds']:.0f}" for run in runs)])
    seeds = sorted({run["seed"] for run in record["runs"]})
    table = {"title": f"Medians, and seeds {', '.join(map(str, seeds))}", "rows": rows, "header": [
        "system", "Fréchet distance (each seed)", "floor", "confident (real)", "class shares", "examples", "seconds"]}
    made = {**record, "tables": [table], "seeds": seeds, "seconds": sum(run["seconds"] for run in record["runs"])}
    if {"r3gan", "dcgan"} <= set(groups):
        ratio = _median(groups["dcgan"], "fd") / _median(groups["r3gan"], "fd")
        what = "dcgan's Fréchet distance / r3gan's, medians"
        made |= {"expected": {what: "≥ 1.5"}, "measured": {what: round(ratio, 2)}, "holds": ratio >= 1.5,
                 "misses": [] if ratio >= 1.5 else [what]}
    return made


def _median(runs: list[dict[str, Any]], field: str) -> float:
    return statistics.median(run[field] for run in runs)


def results(records: Records) -> str:
    """docs/results.md."""
    parts = [MADE, "# Results",
             "Every figure here comes from a command that you can run; the JSON with all details lies in "
             "[`results/`](../results). A figure over several seeds is their median. What does not hold says so.",
             "\n".join(["| row | claim | findings that hold | seeds | time | date |", "|---|---|---|---|---|---|",
                        *(_row(record) for record in records.values())])]
    for name, record in records.items():
        parts.append(f"## {name}\n\n**{_claim(record)}**" + _idea(name))
        parts += [*findings(record), *tables(record)]
        parts += [f"![{name}](../results/{name}.{kind})" for kind in drawn(record)]
        parts += [record["reading"], note(record), made_by(record)]
    return "\n\n".join(part for part in parts if part) + "\n"


def drawn(record: Record) -> list[str]:
    """The kind of file of the record's figure or sheet of samples."""
    return ["svg"] if record["figure"] else ["png"] if record["sheet"] else []


def _idea(name: str) -> str:
    return f"\n\nWhat is measured and how: [its page](ideas/lab-{name}.md)." if name in EXPERIMENTS else ""


def _claim(record: Record) -> str:
    text = str(record["claim"])
    return escape(f"{text[0].upper()}{text[1:]}.")


def _row(record: Record) -> str:
    name = record["row"]
    bounded = [what for what in record["measured"] if what in record["expected"]]
    held = f"{len(bounded) - len(record['misses'])} of {len(bounded)}" if bounded else "no bound set"
    missed = " **(see misses)**" if record["misses"] else ""
    return (f"| [{name}](#{name}) | {_claim(record)} | {held}{missed} | "
            f"{', '.join(map(str, record['seeds']))} | {_time(record['seconds'])} | {record['date']} |")


def findings(record: Record) -> list[str]:
    """Expected, measured, holds: a row a finding."""
    rows = []
    for what, measured in record["measured"].items():
        expected = record["expected"].get(what, "")
        held = "**does not hold**" if what in record["misses"] else "holds" if expected else ""
        rows.append(f"| {escape(what)} | {escape(str(expected))} | {number(measured)} | {held} |")
    return ["\n".join(["| what | expected | measured | |", "|---|---|---|---|", *rows])] if rows else []


def tables(record: Record) -> list[str]:
    """The record's own tables."""
    return [f"**{escape(table['title'])}**\n\n" + "\n".join(
        [_line(table["header"]), "|" + "---|" * len(table["header"]), *map(_line, table["rows"])])
        for table in record["tables"]]


def _line(cells: list[Any]) -> str:
    return f"| {' | '.join(number(cell) for cell in cells)} |"


def number(value: Any) -> str:
    """Six digits of a number, text as it is."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return escape(str(value))


def note(record: Record) -> str:
    """What the program that measured noted beside the figures."""
    text = str(record.get("note", ""))
    return f"Note: {text}." if text else ""


def made_by(record: Record) -> str:
    """Command, machine, time, version, date."""
    machine = record["machine"]
    name = ", ".join(str(part) for part in (
        machine.get("name"), f"{machine['threads']} threads" if machine.get("threads") else "", machine.get("system"),
        f"Python {machine['python']}" if machine.get("python") else "",
        f"torch {machine['torch']}" if machine.get("torch") else "") if part)
    facts = [name, _time(record["seconds"]), f"mintage {record['version']}", record["date"]]
    return f"```\n{record['command']}\n```\n\n*{' · '.join(fact for fact in facts if fact)}.*"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def experiment(name: str, claim: str, records: Records) -> str:
    """An experiment's findings on its own page."""
    if name not in records:
        return f"Not yet on record here: `mintage lab {name}` runs it."
    record = records[name]
    parts = [f"![{claim}](../../results/{name}.svg)"] if record["figure"] else []
    parts += ["## Measured", *findings(record), *tables(record), record["reading"], made_by(record)]
    return "\n\n".join(part for part in parts if part)

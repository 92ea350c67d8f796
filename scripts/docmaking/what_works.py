"""The page of what works: its tables, the interactions as squares, what is empty, and how it is made again."""

from __future__ import annotations

from docmaking import records
from docmaking.docstrings import escape
from docmaking.records import Record

MADE = "<!-- made by scripts/make_docs.py from results/what-works.json; run that again, do not change this page -->"
COMMAND = "mintage reproduce what-works"
ABOUT = f"""Every objective, penalty and stabiliser of mintage alone against one baseline, on the same networks, data,
budget and judge. The baseline is the non-saturating game on plain networks, one step of each player in turn, equal
rates that fall to a hundredth. Each line changes one thing (the last groups change two); nothing is tuned for any line.

**How to read it.** A line's figure is its distance over the baseline's: below 1 it is nearer to the data. The interval
is of 95 %, from the spread over seeds of all lines of that table; *better* and *worse* stand where the difference holds
after the correction for all lines of the table (Holm). *Broke* counts seeds whose losses stopped being finite. What
each line changes is in [`what_works.py`](../src/mintage/reproduce/rows/what_works.py), the data and judges in
[`grounds.py`](../src/mintage/reproduce/grounds.py). `{COMMAND}` fills what is empty, and goes on where it was
stopped."""
EMPTY = "not run"
NONE = "none"


def page(record: Record | None) -> str:
    """docs/what-works.md."""
    parts = [MADE, "# What works", ABOUT]
    if record is None:
        todo = f"Nothing is on record yet. `{COMMAND} --only ring,grid` makes the first two tables."
        return "\n\n".join([*parts, todo]) + "\n"
    for table in record["tables"]:
        filled = [row for row in table["rows"] if row[2] != EMPTY]
        parts += [f"## {escape(table['title'])}"]
        parts += [_table(table["header"], filled)] if len(filled) > 1 else ["Not run yet."]
        parts += squares(filled) + empty(table, record) if len(filled) > 1 else []
    return "\n\n".join([*parts, "## Reading", record["reading"], records.made_by(record)]) + "\n"


def _table(header: list[str], rows: list[list[object]]) -> str:
    """Empty columns are left out."""
    kept = [k for k in range(len(header)) if any(row[k] != "" for row in rows)]
    lines = [[header[k] for k in kept], ["---"] * len(kept), *([records.number(row[k]) for k in kept] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def squares(rows: list[list[object]]) -> list[str]:
    """Two changes together, beside each alone: the ratios of a table's crossed groups as squares."""
    of = {str(row[1]): str(row[2]).partition(" ")[0] for row in rows}
    made = []
    for group in dict.fromkeys(str(row[0]) for row in rows if " x " in str(row[0])):
        first, second = group.split(" x ")
        pairs = [str(row[1]).split(" x ") for row in rows if row[0] == group]
        left, right = (list(dict.fromkeys(pair[k] for pair in pairs)) for k in (0, 1))
        lines = [[f"{second} \\ {first}", NONE, *left], ["---"] * (len(left) + 2),
                 [NONE, "1", *(of.get(a, EMPTY) for a in left)],
                 *([b, of.get(b, EMPTY), *(of.get(f"{a} x {b}", EMPTY) for a in left)] for b in right)]
        made.append(f"**{group}: distance over the baseline's**\n\n"
                    + "\n".join(f"| {' | '.join(escape(cell) for cell in line)} |" for line in lines))
    return made


def empty(table: dict[str, object], record: Record) -> list[str]:
    """The lines of a table that no run has filled, and why."""
    ground = str(table["title"]).partition(":")[0]
    reasons: dict[str, list[str]] = {}
    for arm, reason in record.get("absent", {}).items():
        if arm.startswith(f"{ground}: "):
            reasons.setdefault(reason, []).append(arm.removeprefix(f"{ground}: "))
    lines = [f"- {', '.join(names)}: {escape(reason)}" for reason, names in reasons.items()]
    return ["**Empty**\n\n" + "\n".join(lines)] if lines else []

"""The judgement of a run, as a part of its report: marks of the training, figures of the product, and its release."""

from __future__ import annotations

from html import escape
from typing import Any

from mintage.evaluation import Card, Evaluation
from mintage.evaluation.stopping import choose_best, progress
from mintage.evaluation.wording import number, p_text
from mintage.runs.charts import line_chart
from mintage.runs.evaluating import read
from mintage.runs.folder import Run
from mintage.runs.generator_figures import lines_of
from mintage.runs.judging import marks_of, verdict_of

PATIENCE = 3  # marks to a level, of the ten that a run has


def judgement(run: Run) -> str:
    """The section, as HTML."""
    lines, found = [line for line in run.metrics() if "judge" in line], read(run.path)
    if not lines and found is None:
        return "<h2>Judgement</h2><p class='note'>Nothing has been judged.</p>"
    return (_marks(run, lines) if lines else "") + (_figures(found) if found else "")


def _marks(run: Run, lines: list[dict[str, Any]]) -> str:
    """How the measures went during training, on the examples that chose the checkpoint."""
    marks = marks_of(lines)
    verdict = verdict_of(min(lines, key=lambda line: line["judge"]["frechet"])["judge"])
    chart = line_chart({"Fréchet distance": [(mark.examples, mark.value) for mark in marks]}, across="examples seen",
                       logarithmic=True, level=("real data", verdict.frechet_floor))
    shares = line_chart({name: [(line["examples"], line["judge"][name]) for line in lines]
                         for name in ("precision", "recall", "coverage")}, across="examples seen", bounds=(0.0, 1.0))
    choice = choose_best(marks)
    best, others = lines[choice.best], len(choice.alike) - 1
    alike = (f" {others} other mark{'s' * (others > 1)} cannot be told from it." if others else
             " No other mark comes near it.")
    advice = progress(marks, patience=PATIENCE, budget=2 * run.settings.plan.budget, name="the Fréchet distance").advice
    warning = f"<p class='warning'>{escape(verdict.warning)}</p>" if verdict.warning else ""
    return (f"<h2>Judgement</h2><h3>During training</h3><p>{escape(advice)}</p>{chart}{shares}{warning}"
            f"<p class='note'>{verdict.n:,} samples at each mark, against held-out examples that trained nothing. The "
            f"lowest distance, at round {best['round']:,}, chose the checkpoint.{alike}</p>")


def _figures(found: Evaluation) -> str:
    """The figures of the product, on examples that did not choose it where there are enough, and its release."""
    s = found.setting
    head = ("measure", "samples", "95 % interval", "real data", "p", "against training examples", "reading")
    rows = "".join(_row(card) for card in found.cards)
    titles = "".join(f"<th class='n'>{title}</th>" if k else f"<th>{title}</th>" for k, title in enumerate(head[:-1]))
    more = "".join(f"<li>{escape(line)}</li>" for line in lines_of(found.facts))
    remarks = "".join(f"<li>{escape(line)}</li>" for line in found.remarks())
    return (f"<h3>The generator</h3><p>{s.n:,} samples of {escape(s.samples)}, against {s.n:,} of {escape(s.against)} "
            f"in the features of {escape(s.features)}: {escape(s.preparation)}.</p>"
            f"<table><tr>{titles}<th>reading</th></tr>{rows}</table>"
            f"<ul>{more}{remarks}</ul><p class='note'><em>Real data</em> is what other real examples score in the "
            "samples' place. <em>p</em> is the probability of so large a difference from them by chance, for all "
            "measures together. Figures compare only with others of the same features, count and data; each has its "
            f"card in evaluation.md.</p>{_release(found)}")


def _row(card: Card) -> str:
    interval = "" if card.low is None else f"{number(card.low)} to {number(card.high)}"
    floor = "" if card.floor is None else number(card.floor) + (f" (n {card.floor_n:,})" if card.floor_n != card.n
                                                                else "")
    cells = (number(card.value), interval, floor, "" if card.p_real is None else p_text(card.p_real),
             "" if card.against_train is None else number(card.against_train))
    return (f"<tr><td title='{escape(card.about.says, quote=True)}'>{escape(card.about.title)}</td>"
            + "".join(f"<td class='n'>{escape(cell)}</td>" for cell in cells) + f"<td>{escape(card.reading)}</td></tr>")


def _release(found: Evaluation) -> str:
    gate = found.gate
    if gate is None:
        return ""
    first, *rest = gate.lines()
    kind = "note" if gate.passed else "warning"
    return f"<h3>{escape(first)}</h3><ul class='{kind}'>" + "".join(f"<li>{escape(one)}</li>" for one in rest) + "</ul>"

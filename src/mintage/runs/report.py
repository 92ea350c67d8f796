"""The report of a run: one page that holds everything it shows, and opens anywhere without a network.

It is made from the run's folder alone, so `mintage report` can make it again at any time, also for a run that is still
going or was cut short.
"""

from __future__ import annotations

import base64
import json
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from mintage.runs.charts import line_chart, smooth
from mintage.runs.console import clock
from mintage.runs.durable import write_file
from mintage.runs.folder import Run
from mintage.runs.judgement import judgement
from mintage.runs.product import use

SCRIPT = """
for (const film of document.querySelectorAll('.film')) {
  const frames = film.querySelectorAll('.frames img');
  const bar = film.querySelector('input'), out = film.querySelector('output');
  const show = () => frames.forEach((f, k) => { f.classList.toggle('shown', k == bar.value);
    if (k == bar.value) out.value = f.alt; });
  bar.addEventListener('input', show); show();
  film.querySelector('button').addEventListener('click', () => { bar.value = 0; show();
    const step = () => { if (+bar.value < frames.length - 1) { bar.value++; show(); setTimeout(step, 350); } };
    setTimeout(step, 350); });
}
"""


def write_report(run: Run) -> None:
    """Write `report.html` from what the run's folder holds now."""
    write_file(run.report, page(run).encode())


def page(run: Run) -> str:
    """The whole page."""
    title = f"{run.path.resolve().name}"
    parts = [_head(run), _final(run), _film(run), _neighbours(run), _explored(run), judgement(run), _losses(run),
             _settings(run), _data(run), _again(run)]
    css = (files("mintage.runs") / "report.css").read_text()
    return (f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(title)}: mintage</title>"
            f"<meta name='viewport' content='width=device-width, initial-scale=1'><style>{css}</style><body>"
            f"{''.join(parts)}<script>{SCRIPT}</script></body></html>\n")


def _head(run: Run) -> str:
    s, summary = run.settings, _json(run.path / "summary.json")
    lines = run.metrics()
    done = lines[-1]["examples"] if lines else 0
    rates = sorted(line["rate"] for line in lines if "rate" in line)
    facts = {"system": s.system, "data": f"{s.data.count:,} examples of {'×'.join(map(str, s.spec.shape))}",
             "played": f"{done:,} of {s.plan.budget:,} examples", "on": str(s.machine.get("name", s.device)),
             "rate": f"{rates[len(rates) // 2]:,.0f} examples/s" if rates else "?"}
    if summary:
        facts |= {"took": clock(summary["seconds"]), "memory": f"{summary['memory'] / 1e9:.2f} GB at most"}
    state = "" if summary else "<p class='warning'>This run has not ended; the page shows it as it stands.</p>"
    row = "".join(f"<span>{escape(k)} <b>{escape(v)}</b></span>" for k, v in facts.items())
    return f"<h1>{escape(run.path.resolve().name)}</h1><div class='facts'>{row}</div>{state}"


def _final(run: Run) -> str:
    best, frames = run.samples / "best.png", run.films()
    if not best.exists() and not frames:
        return ""
    picture = best if best.exists() else frames[-1]
    return (f"<h2>Samples</h2>{_image(picture, 'samples of the generator')}"
            "<p class='note'>From the best checkpoint, which is the generator you keep. None of them was chosen.</p>")


def _film(run: Run) -> str:
    frames = run.films()
    if len(frames) < 2:
        return ""
    images = "".join(_image(frame, f"round {int(frame.stem.partition('-')[2]):,}") for frame in frames)
    return ("<h2>The film</h2><p class='note'>The same latents through the whole training.</p><div class='film'>"
            f"<p><button type='button'>Play</button> <input type='range' min='0' max='{len(frames) - 1}' "
            f"value='{len(frames) - 1}' aria-label='frame'> <output></output></p>"
            f"<div class='frames'>{images}</div></div>")


def _neighbours(run: Run) -> str:
    picture = run.samples / "neighbours.png"
    if not picture.exists():
        return ""
    return ("<h2>Nearest training examples</h2>" + _image(picture, "samples over their nearest training examples")
            + "<p class='note'>Top row: samples. Under each, the three training examples nearest to it in the judge's "
            "features. A copy would show as the same picture twice.</p>")


def _explored(run: Run) -> str:
    if not (run.path / "explore" / "index.html").exists():
        return ""
    return ("<h2>The latent space</h2><p>Interpolation, directions and more are in <a href='explore/index.html'>"
            "explore/index.html</a>.</p>")


def _losses(run: Run) -> str:
    lines = [line for line in run.metrics() if "judge" not in line]
    names = sorted({name for line in lines for name in line if "/" in name})
    series = {name: [(line["examples"], line[name]) for line in lines if line.get(name) is not None] for name in names}
    width = max(1, len(lines) // 100)
    smoothed = {name: smooth(points, width) for name, points in series.items()}
    shares = {name: smoothed.pop(name) for name in list(smoothed) if name in ("D/wins", "D/sign")}
    sign = (" D/sign: the mean sign of its logits on real examples; near one, it has learned them by heart."
            if "D/sign" in shares else "")
    losses = {name: points for name, points in smoothed.items() if not name.endswith("/gradient")}
    norms = {name: points for name, points in smoothed.items() if name.endswith("/gradient")}
    skipped = max((line.get("skipped", 0) for line in lines), default=0)
    note = f"<p class='warning'>{skipped} rounds were not finite and were undone.</p>" if skipped else ""
    return (f"<h2>Losses</h2>{note}{line_chart(losses, across='examples seen')}<h3>Gradient norms</h3>"
            f"{line_chart(norms, across='examples seen', logarithmic=True)}"
            "<h3>How often the critic wins</h3><p class='note'>D/wins: the share of pairs in which it finds the real "
            f"example more real than the fake; a half where it cannot tell.{sign}</p>"
            f"{line_chart(shares, across='examples seen', bounds=(0.0, 1.0))}")


def _settings(run: Run) -> str:
    s = run.settings
    values = {"system": s.system, **s.options, "batch": s.batch, "budget": f"{s.plan.budget:,} examples",
              "seed": s.seed, "precision": s.precision, "threads": s.threads, "resolution": s.data.resolution,
              "fit": s.data.fit, "flip": s.data.flip, "mintage": s.version, "torch": s.machine.get("torch"),
              "begun": s.created}
    rows = "".join(f"<tr><td>{escape(str(k))}</td><td>{escape(str(v))}</td></tr>" for k, v in values.items())
    chosen = "".join(f"<li>{escape(sentence)}</li>" for sentence in s.chosen)
    return f"<h2>Settings</h2><table>{rows}</table><p>Decided for you:</p><ul>{chosen or '<li>nothing</li>'}</ul>"


def _data(run: Run) -> str:
    s, rejects = run.settings, run.rejects()
    rows = "".join(f"<tr><td>{escape(r['file'])}</td><td>{escape(r['reason'])}</td></tr>" for r in rejects[:50])
    table = f"<p>{len(rejects)} files could not be used:</p><table>{rows}</table>" if rejects else ""
    labels = f" Classes: {escape(', '.join(s.spec.labels))}." if s.spec.labels else ""
    return (f"<h2>Data</h2><p>{s.data.count:,} examples, fingerprint <code>{s.data.fingerprint[:16]}</code>; "
            f"{s.data.held_out:.0%} of them held out for judging.{labels}</p>{table}")


def _again(run: Run) -> str:
    command = run.settings.command or "(this run was begun from Python)"
    way = use(str(run.path), run.settings.spec, 64).partition("\n")[2].removesuffix("\n```")
    return f"<h2>Use it, and make it again</h2><pre>{escape(way)}</pre><pre>{escape(command)}</pre>"


def _image(path: Path, name: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return f"<img class='pixels' alt='{escape(name)}' src='data:image/png;base64,{data}'>"


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_bytes()) if path.exists() else {}

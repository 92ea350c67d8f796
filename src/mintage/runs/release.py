"""The product with what is said of it: exported, judged, and whether it may be released.

`generator.json` says `released`: true, false with `reasons`, or null where nobody can tell. It always speaks of the
weights beside it: whoever makes new weights the product, or judges it again, comes through here.
"""

from __future__ import annotations

import json
from typing import Any

from mintage.evaluation import Evaluation
from mintage.game import Game, Stages
from mintage.runs.durable import write_file
from mintage.runs.evaluating import Court, write
from mintage.runs.folder import Run
from mintage.runs.product import export

SEED = 1  # of the latents that the product is judged by: not those that chose it


def produce(run: Run, game: Game | Stages, facts: dict[str, Any], court: Court | None) -> Evaluation | None:
    """Make the weights of `game` the product; judged by `court`, or with nothing said where there is none."""
    found = None
    if court is not None:
        found = court.evaluate_game(game, run.settings, f"{run.path.name}, round {facts['round']:,}", SEED)
        write(found, run.path)
    else:
        for name in ("evaluation.json", "evaluation.md"):  # of other weights, if there is one
            (run.path / name).unlink(missing_ok=True)
    export(run, game, facts | released(found))
    return found


def released(found: Evaluation | None) -> dict[str, Any]:
    """What the product says of itself: its figures in lines, and whether it may leave."""
    if found is None:
        return {"verdict_lines": [], "evaluated": None, "released": None, "reasons": ["it was not judged"]}
    gate = found.gate
    return {"verdict_lines": found.leading(), "evaluated": found.setting.reference,
            "released": None if gate is None else gate.passed,
            "reasons": ["the training examples are not known"] if gate is None else gate.reasons}


def judged_again(run: Run, found: Evaluation) -> None:
    """Write the evaluation of the product to the run, and what it says of the release into generator.json."""
    write(found, run.path)
    place = run.generator / "generator.json"
    if place.exists():
        body = json.loads(place.read_bytes()) | released(found)
        write_file(place, json.dumps(body, indent=2, allow_nan=False).encode())

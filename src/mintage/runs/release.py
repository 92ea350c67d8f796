"""The product with what is said of it: exported, judged, and whether it may be released.

`generator.json` says `released`: true, false with `reasons`, or null where nobody can tell. It always speaks of the
weights beside it: whoever makes new weights the product, or judges it again, comes through here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mintage.data import DataSpec
from mintage.evaluation import Evaluation
from mintage.game import Game, Stages
from mintage.runs.durable import write_file
from mintage.runs.errors import RunError
from mintage.runs.evaluating import Court, write
from mintage.runs.folder import Run
from mintage.runs.product import card, export

SEED = 1  # of the latents that the product is judged by: not those that chose it


def produce(run: Run, game: Game | Stages, facts: dict[str, Any], court: Court | None) -> Evaluation | None:
    """Make the weights of `game` the product; judged by `court`, or with nothing said where there is none.

    What is judged is what was written: the product as anyone will load it, in float32.
    """
    for name in ("evaluation.json", "evaluation.md"):  # of other weights, if there is one
        (run.path / name).unlink(missing_ok=True)
    export(run, game, facts | released(None))
    if court is None:
        return None
    found = court.evaluate(run, SEED)
    judged_again(run, found)
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
    """Write the evaluation of the product to the run, and what it says into generator.json and the card."""
    write(found, run.path)
    place = run.generator / "generator.json"
    if place.exists():
        body = json.loads(place.read_bytes()) | released(found)
        write_file(run.generator / "README.md", card(body["system"], DataSpec.from_json(body["spec"]), body).encode())
        write_file(place, json.dumps(body, indent=2, allow_nan=False).encode())


def may_leave(folder: Path, *, despite: bool = False) -> list[str]:
    """What is to be said of a product that is to leave this machine; whatever exports one asks here first.

    Raises:
        RunError: it was refused, and `despite` does not override that. What nobody could tell is said, and leaves.
    """
    place = (folder / "generator" if (folder / "generator").is_dir() else folder) / "generator.json"
    try:
        body = json.loads(place.read_bytes())
    except (OSError, ValueError):
        raise RunError(f"{folder} has no generator that could leave") from None
    passed, reasons = body.get("released"), list(body.get("reasons", []))
    if passed is False and not despite:
        raise RunError(f"this generator is not to be released: {reasons[0] if reasons else 'it failed the gate'} "
                       f"All reasons: mintage evaluate {folder}. To release it all the same, say so")
    return [] if passed else reasons

"""TensorBoard events from a run's log, for those who keep their curves there.

They are derived from `metrics.jsonl` whenever they are wanted, so training never waits for TensorBoard and a run that
was resumed has no doubled curves.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from mintage.runs.errors import RunError
from mintage.runs.folder import Run


def write_events(run: Run) -> Path:
    """Write the log as events into `events/`, replacing what was there; x is examples seen.

    Raises:
        RunError: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise RunError("TensorBoard is not installed; install it with: pip install 'mintage[tensorboard]'") from None
    folder = run.path / "events"
    shutil.rmtree(folder, ignore_errors=True)
    writer = SummaryWriter(str(folder))
    for line in run.metrics():
        for name, value in {**line, **line.get("judge", {})}.items():
            if isinstance(value, int | float) and name not in ("round", "examples"):
                writer.add_scalar(f"judge/{name}" if "judge" in line else name, value, line["examples"])
    writer.close()
    return folder

"""Beginning a run: check what was asked, look at the data, decide what was left open, and make the folder.

Nothing is written before everything has been checked.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

import mintage
from mintage.data import Batches, DataSpec, Examples, Fit
from mintage.game import Game, Stages, derive
from mintage.networks import Grid
from mintage.runs import machine
from mintage.runs.averages import room
from mintage.runs.building import build_game, check_in_parts, open_examples
from mintage.runs.console import Console
from mintage.runs.errors import RunError
from mintage.runs.folder import Run
from mintage.runs.judging import Judging
from mintage.runs.plan import make_plan
from mintage.runs.settings import DataSettings, Settings
from mintage.runs.training import carry_on
from mintage.runs.trial import measure
from mintage.systems import SYSTEMS
from mintage.systems.options import check

JUDGED = 2048
SAVES = 20
JUDGEMENTS = 10
HELD_OUT = 0.1
BATCH = 64


@dataclass(frozen=True)
class Wish:
    """What a user asked for; None means: decide for me."""

    data: str
    system: str = "r3gan"
    options: dict[str, Any] = field(default_factory=dict)
    resolution: tuple[int, int] | None = None
    fit: Fit = "crop"
    channels: int | None = None
    flip: bool = False
    labels: str | None = None
    given: str | None = None
    batch: int | None = None
    examples: int | None = None
    minutes: float | None = None
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    compile: str = "auto"
    accumulate: int = 1
    threads: int | None = None
    judged: int = JUDGED
    patience: int = 0
    saves: int = SAVES
    judgements: int = JUDGEMENTS
    out: str | None = None
    command: str = ""


def begin(wish: Wish, console: Console, *, began: float | None = None) -> Run:
    """Train as wished, from nothing to the report. `began` is when the user's clock started (`time.perf_counter`).

    Raises:
        SettingError, DataError, RunError: what was asked for cannot be; said before anything is written.
        Interrupted: a signal came; the run is saved and can be continued.
    """
    began = time.perf_counter() if began is None else began
    given = check(wish.system, wish.options)
    _check_numbers(wish)
    device = machine.pick_device(wish.device)
    run = Run(wish.out or _free_name(wish))
    run.check_free()
    allocator = machine.settle()
    examples = opened(wish, console)
    train, held_out = examples.split(HELD_OUT)
    options, reasons = resolve(wish.system, given, examples.spec, len(train), device)
    batch = wish.batch or min(batch_of(wish.system), max(2, len(train)))
    settings = _settings(wish, examples, options, batch, device)

    def build(precision: str) -> Game | Stages:
        return build_game(wish.system, options, examples.spec, seed=wish.seed, device=device, precision=precision,
                          accumulate=wish.accumulate, batch=batch)

    judging = Judging(settings, train, held_out)
    batches = Batches(train.to(device), batch, derive(wish.seed, "order"), flip=wish.flip)
    if wish.accumulate > 1:
        check_in_parts(build("fp32"), batches)
    way, budget, compiled, said = measure(wish, build, batches, device, judging, began, examples.spec)
    if wish.batch is None:
        reasons.append(f"batch: {batch} (the system's, or all examples where there are fewer)")
    game = build(way.precision)
    reasons += paddings(game)
    chosen = [*reasons, *([allocator] if allocator else []), *said,
              *([judging.abstains] if judging.abstains else [])]
    settings = replace(settings, precision=way.precision, threads=way.threads, chosen=tuple(chosen),
                       compiled=compiled, graphs=wish.compile == "graphs", accumulate=wish.accumulate,
                       plan=make_plan(budget, batch, saves=wish.saves, judgements=wish.judgements))
    for sentence in chosen:
        console.say(sentence)
    batches.close()
    size = sum(t.numel() * t.element_size() for t in game.tensors().values())
    need = 4 * 3 * size + room(game, len(settings.plan.judge)) + 20_000_000
    run.create(settings, need=need, rejects=examples.rejects)
    if examples.rejects:
        console.say(f"{len(examples.rejects)} files could not be used; they are listed with reasons in "
                    f"{run.path / 'rejects.jsonl'}")
    judging.settings = settings
    carry_on(run, console, judging=judging)
    return run


def opened(wish: Wish, console: Console) -> Examples:
    """The real examples; each sentence about them is said once."""
    said: set[str] = set()

    def say(sentence: str) -> None:
        said.add(sentence)
        console.say(sentence)

    examples = open_examples(_data(wish), say)
    for note in examples.notes:
        if note not in said:
            console.say(note)
    return examples


def paddings(game: Game | Stages) -> list[str]:
    """What networks that climb a grid do to images whose sides do not divide, in sentences."""
    grids = [getattr(net, "grid", None) for net in game.current.nets.children()]
    return sorted({grid.note for grid in grids if isinstance(grid, Grid) and grid.padded != grid.size})


def resolve(system: str, given: dict[str, Any], spec: DataSpec, count: int,
            device: torch.device) -> tuple[dict[str, Any], list[str]]:
    """The options with those left open decided by the system's own `automatic`, and a sentence about each."""
    decide = getattr(import_module(f"mintage.systems.{system}"), "automatic", None)
    found = decide(spec, count, device.type, given) if decide else {}
    options, reasons = dict(given), []
    for name, (value, reason) in found.items():
        if options.get(name) is None:
            options[name] = value
            reasons.append(f"{name}: {value} ({reason})")
    return options, reasons


def batch_of(system: str) -> int:
    """The batch size of a system, where the user leaves it open."""
    return int(getattr(import_module(f"mintage.systems.{system}"), "BATCH", BATCH))


def _settings(wish: Wish, examples: Examples, options: dict[str, Any], batch: int, device: torch.device) -> Settings:
    spec = examples.spec
    resolution = (spec.shape[1], spec.shape[2]) if spec.kind == "image" else None
    data = replace(_data(wish), resolution=resolution, flip=wish.flip, held_out=HELD_OUT, count=len(examples),
                   fingerprint=examples.fingerprint)
    return Settings(system=wish.system, options=options, data=data, spec=spec, batch=batch,
                    plan=make_plan(batch, batch), seed=wish.seed, device=str(device), precision="fp32",
                    threads=torch.get_num_threads(), judged=wish.judged, patience=wish.patience,
                    minutes=wish.minutes, command=wish.command, version=mintage.__version__,
                    machine=machine.describe(device), created=datetime.now(UTC).isoformat(timespec="seconds"))


def _data(wish: Wish) -> DataSettings:
    """What is to be opened, and what the system needs beside it.

    Raises:
        RunError: something is given to a system that makes examples from nothing.
    """
    need = getattr(import_module(f"mintage.systems.{wish.system}"), "GIVEN", None)
    if wish.given is not None and need is None:
        takes = [name for name in SYSTEMS if getattr(import_module(f"mintage.systems.{name}"), "GIVEN", None)]
        raise RunError(f"{wish.system} makes examples from latents alone, and --given is {wish.given!r}; leave it out, "
                       f"or choose a system that makes them from something: {', '.join(takes)}")
    return DataSettings(source=_lasting(wish.data), resolution=wish.resolution, fit=wish.fit, channels=wish.channels,
                        need=need,
                        labels=None if wish.labels is None else _lasting(wish.labels),
                        given=None if wish.given is None else _lasting(wish.given))


def _lasting(source: str) -> str:
    """The source so that it is found from any folder: paths absolute, names as they are, FILE.npz:KEY likewise."""
    path, colon, part = source.rpartition(":")
    if colon and not Path(source).exists() and Path(path).exists():
        return f"{Path(path).resolve()}:{part}"
    return str(Path(source).resolve()) if Path(source).exists() else source


def _check_numbers(wish: Wish) -> None:
    for name, value in (("--batch", wish.batch), ("--examples", wish.examples), ("--accumulate", wish.accumulate),
                        ("--threads", wish.threads)):
        if value is not None and value < 1:
            raise RunError(f"{name} is {value} and must be at least 1")
    if wish.batch is not None and wish.batch > 65_536:
        raise RunError(f"--batch is {wish.batch:,}; at most 65,536")
    if wish.minutes is not None and not 0 < wish.minutes < 1e6:
        raise RunError(f"--minutes is {wish.minutes} and must be above 0")
    if wish.minutes is not None and wish.examples is not None:
        raise RunError("--minutes and --examples are two ways to say how long; give one of them")
    if wish.precision not in ("auto", "fp32", "bf16"):
        raise RunError(f"--precision is {wish.precision!r} and may be auto, fp32 or bf16")
    if wish.compile not in ("auto", "on", "off", "graphs"):
        raise RunError(f"--compile is {wish.compile!r} and may be auto, on, off or graphs")
    if wish.judged < 0:
        raise RunError(f"--judged is {wish.judged} and must be 0 (off) or more")
    if wish.patience not in (0, *range(2, wish.judgements // 2 + 1)):
        raise RunError(f"--patience is {wish.patience} and may be 0 (off), or from 2 to {wish.judgements // 2}, half "
                       "the marks of a run")


def _free_name(wish: Wish) -> str:
    """runs/DATA-SYSTEM, with a number where that is taken."""
    stem = f"runs/{Path(wish.data).stem or 'data'}-{wish.system}"
    taken = [stem, *(f"{stem}-{k}" for k in range(2, 10_000))]
    return next(name for name in taken if not Path(name).exists())


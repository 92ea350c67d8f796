"""Records of benchmarks: results/NAME.json in the form of the lab's, of which docs/results.md is made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch

import mintage
from mintage.lab.outcome import Finding, Outcome, Table
from mintage.lab.record import record
from mintage.runs import machine

RESULTS = Path(__file__).resolve().parents[1] / "results"


def write(name: str, claim: str, findings: Sequence[Finding], *, command: str, seconds: float,
          tables: Sequence[Table] = (), reading: str = "", seeds: Sequence[int] = (0,)) -> Path:
    """Write the record and print what was expected and measured."""
    outcome = Outcome(findings, tables, reading=reading, seeds=seeds)
    made = record(name, claim, outcome, command=command, seconds=seconds,
                  machine=machine.describe(torch.device("cpu")), version=mintage.__version__)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for finding in findings:
        print(f"{finding.what}: {finding.measured} (expected {finding.expected}) "
              f"{'holds' if finding.holds else 'DOES NOT HOLD'}")
    print(f"written: {path.name}")
    return path

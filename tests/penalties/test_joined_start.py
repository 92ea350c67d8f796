"""The joint gradient's first use: it does not wait for torch's symbols to be imported."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys, torch
from mintage.penalties.joined import logits_and_slopes
layer = torch.nn.Linear(3, 1)
logits, slopes = logits_and_slopes(lambda x: torch.relu(layer(x)).squeeze(1), torch.randn(4, 3))
torch.autograd.grad(logits.sum() + slopes.sum(), list(layer.parameters()))
print("sympy" in sys.modules)
"""


def test_no_symbols_are_imported() -> None:
    found = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"

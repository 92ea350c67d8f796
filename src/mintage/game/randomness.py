"""Randomness as a function: every draw of a game is keyed by (seed, round, move, turn, purpose, how-manieth).

There is no random state to save, because a generator is made from its key whenever it is needed. So a run that
goes on after a crash draws what it would have drawn, and any round can be replayed alone. The global generators of
torch are never touched.
"""

from __future__ import annotations

from hashlib import blake2b

import torch


def derive(*key: int | str) -> int:
    """A 63-bit seed from a key; different keys give independent seeds (BLAKE2b)."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in key)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def generator(*key: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A fresh generator on `device`, seeded by `derive(*key)`."""
    return torch.Generator(device=device).manual_seed(derive(*key))

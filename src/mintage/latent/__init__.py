"""Latent space: priors, interpolation and truncation, on plain tensors."""

from __future__ import annotations

from mintage.latent.interpolation import corners_grid, linear, slerp, walk
from mintage.latent.priors import Prior, normal, uniform
from mintage.latent.truncation import truncate, truncated

__all__ = ["Prior", "corners_grid", "linear", "normal", "slerp", "truncate", "truncated", "uniform", "walk"]

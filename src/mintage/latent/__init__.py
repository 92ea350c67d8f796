"""Latent space: priors, interpolation, truncation, arithmetic, directions and inversion, on plain tensors."""

from __future__ import annotations

from mintage.latent.arithmetic import (
    DIRECTIONS,
    combined,
    difference_of_means,
    logistic_direction,
    mean_code,
    mean_codes,
    ridge_direction,
)
from mintage.latent.codes import Codes, code_sheet
from mintage.latent.directions import Directions, of_features, of_spread, of_weights
from mintage.latent.interpolation import corners_grid, linear, slerp, walk
from mintage.latent.inversion import Inverted, best_start, invert
from mintage.latent.priors import Prior, normal, uniform
from mintage.latent.styles import style_mixing
from mintage.latent.truncation import truncate, truncated

__all__ = ["DIRECTIONS", "Codes", "Directions", "Inverted", "Prior", "best_start", "code_sheet", "combined",
           "corners_grid", "difference_of_means", "invert", "linear", "logistic_direction", "mean_code", "mean_codes",
           "normal", "of_features", "of_spread", "of_weights", "ridge_direction", "slerp", "style_mixing", "truncate",
           "truncated", "uniform", "walk"]

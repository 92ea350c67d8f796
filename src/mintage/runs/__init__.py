"""Runs: a training on disk, from its settings to its product."""

"""Measures: one figure of merit a file, plain functions of features, logits, labels, cells or pixels."""

"""The studio: pages on this machine, for this machine, to look at runs and to be asked about them."""

from __future__ import annotations

"""The parts of scripts/make_docs.py: from docstrings and records to pages."""

"""Readers under coverage-guided random bytes; see `targets.py` for what is read, `__main__.py` for how it is run."""

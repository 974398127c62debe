"""Tests; only `tests.helpers` is imported from elsewhere."""

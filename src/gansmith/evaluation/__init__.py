"""Evaluation: compares generated images with real ones by metrics with intervals, all under one protocol."""

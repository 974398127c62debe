"""Metrics: pure functions of features or of images, each with a 95 % interval."""

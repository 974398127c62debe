"""Differentiable augmentation of what D sees."""

"""Weights from and to other frameworks, as arrays; none of those frameworks is imported."""

"""Weights to and from other frameworks: arrays in, arrays out; nothing of those frameworks is imported."""

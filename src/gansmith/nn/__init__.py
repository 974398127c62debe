"""Layers without opinions: what the models are made of."""

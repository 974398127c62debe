"""Checkpoints: written atomically, verified when loaded."""

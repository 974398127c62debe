"""Runs against real images and against each other."""

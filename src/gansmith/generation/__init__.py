"""The trained generator: sample and interpolate. Nothing in this package imports an optimiser."""

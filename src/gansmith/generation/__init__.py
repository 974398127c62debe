"""The trained generator: sampling and interpolation."""

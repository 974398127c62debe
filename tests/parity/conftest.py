"""Keras in float64, on torch unless KERAS_BACKEND says otherwise: an implementation of the layers that is not ours."""

import os

import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")


def pytest_ignore_collect(config):
    """Leave the fast suite alone: all of this is slow, and to look at it takes Keras, which only `make check` has."""
    return "not slow" in config.option.markexpr or None


@pytest.fixture(autouse=True)
def _keras_in_float64(monkeypatch):
    import keras
    from keras.src.backend.common import dtypes

    # Outside TensorFlow, Keras rounds 64-bit results to 32 bits on purpose, as JAX does; this table says so.
    monkeypatch.setitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    keras.utils.set_random_seed(1)

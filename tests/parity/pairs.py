"""A classic system twice, in our networks and in Keras', with the same weights: carried over by `interop.keras`."""

from dataclasses import dataclass

import keras
import masks
import networks
import numpy as np
import torch

from gansmith.interop.keras import dump
from gansmith.recipes import recipe
from gansmith.rng import stream
from gansmith.training.engine import make_engine
from gansmith.training.state import build

BATCH = 3


@dataclass(frozen=True, kw_only=True)
class Pair:
    recipe: object
    gan: object
    G: object
    D: object
    logits: object
    """D without its last layer, the sigmoid."""
    book: masks.MaskBook


def pair(name, norm, settings=()):
    """Float64 networks whose biases and moving statistics are not all 0 and 1; Keras' ones with the same weights."""
    made = recipe(name, [f"batch={BATCH}", "precision='fp32'", *settings])
    gan = build(made, make_engine("cpu", "fp32"))
    for number, tensor in enumerate([*gan.G.state_dict().values(), *gan.D.state_dict().values()]):
        if tensor.dim() == 1:
            tensor += 0.1 * torch.rand(tensor.shape, generator=stream(1, "test", number))
    gan.G.double()
    gan.D.double()
    book = masks.MaskBook()
    parts = networks.Parts(norm=norm, dropout=lambda rate, picture=None: masks.GivenDropout(book, rate, picture))
    G, D = networks.SYSTEMS[name].make(parts)
    G.set_weights(dump(gan.G))
    D.set_weights(dump(gan.D))
    logits = keras.Model(D.inputs[0], D.layers[-2].output)
    return Pair(recipe=made, gan=gan, G=G, D=D, logits=logits, book=book)


def for_keras(images, D):
    """[N, C, H, W] -> channels last, in the shape in which Keras' generator gives pictures and its D takes them."""
    return images.detach().permute(0, 2, 3, 1).reshape(-1, *D.input_shape[1:]).numpy()


def assert_same_weights(network, model, tolerance):
    """Every array of `get_weights()`; says how far the furthest value is."""
    for number, (mine, other) in enumerate(zip(dump(network), model.get_weights(), strict=True)):
        np.testing.assert_allclose(mine, other, rtol=0, atol=tolerance, err_msg=f"array {number}")

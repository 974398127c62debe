"""A classic system twice, in our networks and in Keras', with the same weights: carried over by `interop.keras`."""

from dataclasses import dataclass

import keras
import masks
import numpy as np
import torch

from gansmith import recipe
from gansmith.engine import Engine, make_engine
from gansmith.interop.keras import get_weights
from gansmith.nn.dropout import drawing_from
from gansmith.pixels import to_model
from gansmith.rng import stream
from gansmith.schema import Recipe
from gansmith.training.optim import make_optimizer
from gansmith.training.state import GAN, build
from tests.helpers import keras_networks as networks

BATCH = 3
COSTLY = {"cifar-ships": 1}
"""Images in a batch where three would take minutes: 256 channels at 32x32 in float64."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    recipe: Recipe
    engine: Engine
    gan: GAN
    G: keras.Model
    D: keras.Model
    logits: keras.Model
    """D without its last layer, the sigmoid."""
    book: masks.MaskBook

    @property
    def batch_size(self):
        return self.recipe.batch_size


def pair(name, norm=networks.keras_norm, changes=()):
    """Float64 networks whose biases and moving statistics are not all 0 and 1; Keras' ones with the same weights."""
    made, engine = (
        recipe(name, [f"batch_size={COSTLY.get(name, BATCH)}", "precision='fp32'", *changes]),
        make_engine("cpu", "fp32"),
    )
    gan = build(made, engine)
    for number, tensor in enumerate([*gan.G.state_dict().values(), *gan.D.state_dict().values()]):
        if tensor.dim() == 1:
            tensor += 0.1 * torch.rand(tensor.shape, generator=stream(1, "test", number))
    gan.G.double()
    gan.D.double()
    gan.optimizer_g = make_optimizer(made.generator_optimizer, gan.optimizer_g.parameters)
    gan.optimizer_d = make_optimizer(made.discriminator_optimizer, gan.optimizer_d.parameters)
    book = masks.MaskBook()
    parts = networks.Parts(norm=norm, dropout=lambda rate, image=None: masks.GivenDropout(book, rate, image))
    G, D = networks.SYSTEMS[name].make(parts)
    G.set_weights(get_weights(gan.G))
    D.set_weights(get_weights(gan.D))
    logits = keras.Model(D.inputs[0], D.layers[-2].output)
    return Pair(recipe=made, engine=engine, gan=gan, G=G, D=D, logits=logits, book=book)


def images(spec, num, pixel_range, clock):
    """[N, C, H, W] of whole grey levels, in float64."""
    shape = (num, spec.channels, spec.height, spec.width)
    pixels = torch.randint(0, 256, shape, generator=stream(3, "images", clock)).to(torch.uint8)
    return to_model(pixels, pixel_range).double()


def reading_masks(both, monkeypatch):
    """The context in which our networks' dropout reads the pair's book."""
    monkeypatch.setattr("gansmith.nn.dropout.kept_from_words", both.book.kept)
    return drawing_from(stream(0, "unused", 0), both.gan.G, both.gan.D)


def for_keras(images, D):
    """[N, C, H, W] -> channels last, in the shape in which Keras' generator gives images and its D takes them."""
    return images.detach().permute(0, 2, 3, 1).reshape(-1, *D.input_shape[1:]).numpy()


def assert_same_weights(network, model, tolerance):
    """All arrays of `get_weights()`."""
    for number, (mine, other) in enumerate(zip(get_weights(network), model.get_weights(), strict=True)):
        np.testing.assert_allclose(mine, other, rtol=0, atol=tolerance, err_msg=f"array {number}")

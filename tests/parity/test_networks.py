"""All nine systems against Keras with copied weights, in float64; `make parity` runs this on TensorFlow as well."""

import numpy as np
import pytest
import torch
from keras import ops
from pairs import assert_same_weights, for_keras, images, pair, reading_masks

from gansmith.interop.keras import dump, expected, load
from gansmith.rng import stream
from tests.helpers import keras_networks as networks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),  # seconds on a quiet machine
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras' own get_weights()
]

EVERY_SYSTEM = pytest.mark.parametrize("name", networks.SYSTEMS)
BOUND = 1e-9


def draws(both, clock):
    """Images [N, C, H, W] and latents [N, size], in float64."""
    spec = both.recipe.spec
    z = torch.randn(both.batch_size, spec.latents, generator=stream(3, "z", clock), dtype=torch.float64)
    return images(spec, both.batch_size, "-1..1", clock), z


def assert_close(mine, other):
    np.testing.assert_allclose(mine.detach().numpy(), ops.convert_to_numpy(other), rtol=0, atol=BOUND)


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
@EVERY_SYSTEM
def test_images_and_logits_are_those_of_keras(name, training, monkeypatch):
    both = pair(name, networks.keras_norm)
    real, z = draws(both, 0)
    both.gan.G.train(training)
    both.gan.D.train(training)
    with reading_masks(both, monkeypatch), torch.no_grad():
        both.book.open("forward")
        images, answers = both.gan.G(z), both.gan.D(real)
    both.book.open("forward")
    assert_close(torch.from_numpy(for_keras(images, both.D)), both.G(z.numpy(), training=training))
    assert_close(answers[:, None], both.logits(for_keras(real, both.D), training=training))


@EVERY_SYSTEM
def test_probabilities_are_those_of_keras(name):
    both = pair(name, networks.keras_norm)
    real, _ = draws(both, 0)
    both.gan.D.eval()
    assert_close(torch.sigmoid(both.gan.D(real))[:, None], both.D(for_keras(real, both.D), training=False))


NORMALISED = [name for name, system in networks.SYSTEMS.items() if system.G[1] or system.D[1]]


@pytest.mark.parametrize("name", NORMALISED)
def test_moving_statistics_agree_after_three_batches(name, monkeypatch):
    """With Keras' own layer; where the variance is Bessel-corrected, which no Keras of today does, with a formula."""
    both = pair(name, networks.formula_norm)
    before = both.G.get_weights()
    with reading_masks(both, monkeypatch), torch.no_grad():
        for clock in range(3):
            real, z = draws(both, clock)
            both.book.open(f"batch {clock}")
            both.gan.G(z)
            both.gan.D(real)
            both.book.open(f"batch {clock}")
            both.G(z.numpy(), training=True)
            both.D(for_keras(real, both.D), training=True)
    assert_same_weights(both.gan.G, both.G, BOUND)
    assert_same_weights(both.gan.D, both.D, BOUND)
    assert any(np.abs(old - new).max() > 1e-3 for old, new in zip(before, both.G.get_weights(), strict=True))


@EVERY_SYSTEM
def test_weights_trained_in_keras_give_the_same_images_here(name):
    both = pair(name, networks.keras_norm)
    generator = np.random.default_rng(1)
    for model, network in ((both.G, both.gan.G), (both.D, both.gan.D)):
        model.set_weights([array + generator.uniform(-0.03, 0.03, array.shape) for array in model.get_weights()])
        load(network, model.get_weights())
        for mine, other in zip(dump(network), model.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, other)
        network.eval()
    real, z = draws(both, 0)
    assert_close(torch.from_numpy(for_keras(both.gan.G(z), both.D)), both.G(z.numpy(), training=False))
    assert_close(both.gan.D(real)[:, None], both.logits(for_keras(real, both.D), training=False))


@EVERY_SYSTEM
def test_parameters_are_counted_as_keras_and_the_articles_do(name):
    both = pair(name, networks.keras_norm)
    system = networks.SYSTEMS[name]
    for network, model, counts in ((both.gan.G, both.G, system.G), (both.gan.D, both.D, system.D)):
        trainable = sum(parameter.numel() for parameter in network.parameters())
        assert (trainable, sum(buffer.numel() for buffer in network.buffers())) == counts
        assert (
            tuple(
                sum(int(np.prod(weight.shape)) for weight in weights)
                for weights in (model.trainable_weights, model.non_trainable_weights)
            )
            == counts
        )
        assert model.count_params() == sum(counts)


@EVERY_SYSTEM
def test_layers_have_the_names_and_shapes_of_keras(name):
    both = pair(name, networks.keras_norm)
    for network, model in ((both.gan.G, both.G), (both.gan.D, both.D)):
        theirs = [
            (type(layer).__name__, tuple((weight.name, tuple(weight.shape)) for weight in layer.weights))
            for layer in model.layers
            if layer.weights
        ]
        assert [(layer.kind, layer.weights) for layer in expected(network)] == theirs

"""Files that Keras 3 itself wrote, of all nine systems, against what Keras computes with the same weights."""

import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from keras import layers

from gansmith import recipe
from gansmith.checkpoints.load import load_tensors
from gansmith.checkpoints.manifest import find_checkpoint
from gansmith.interop.import_run import import_keras
from gansmith.interop.keras import expected_layers
from gansmith.interop.keras_file import find_networks, read_models
from gansmith.nn.conv import Conv2dSame
from gansmith.nn.modes import eval_mode
from gansmith.nn.stack import Stack
from gansmith.rng import latents, stream
from tests.helpers import keras_networks as networks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras' own saving
]

SUFFIXES = [".weights.h5", ".keras", ".h5"]
PARTS = networks.Parts(norm=networks.keras_norm, dropout=lambda rate, image=None: layers.Dropout(rate))


@pytest.fixture(autouse=True)
def _keras_in_float32(_keras_in_float64):
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def saved(model, suffix):
    """A file in the form that its name asks Keras for."""
    file = Path(f"saved{suffix}")
    (model.save_weights if suffix == ".weights.h5" else model.save)(file)
    return file


def trained(model):
    """The model with moving statistics, scales and biases that are not all 0 and 1."""
    numbers = np.random.default_rng(5)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(weight + numbers.uniform(0, 0.1, weight.shape).astype(np.float32))
    return model


def networks_of(run, made):
    """The networks in the run's checkpoint, by name."""
    built = made.model.build(made.spec)
    folder = find_checkpoint(run).folder
    there = {"G": built.G, "D": built.D}
    for name, network in there.items():
        if (folder / f"{name}.safetensors").exists():
            load_tensors(folder, name, network.state_dict())
    return there


def same_images(G, model, made):
    z = latents(made.latents.distribution, 3, made.latents.size, stream(1, "test", 0))
    with torch.no_grad(), eval_mode(G):
        images = G(z).permute(0, 2, 3, 1).numpy()
    theirs = np.asarray(model.predict(z.numpy(), verbose=0))
    assert images.std() > 0.01
    np.testing.assert_allclose(images.reshape(theirs.shape), theirs, rtol=0, atol=1e-5)
    return theirs


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", networks.SYSTEMS)
def test_a_generator_makes_the_images_that_it_makes_in_keras(name, suffix):
    made, (G, _) = recipe(name), networks.SYSTEMS[name].make(PARTS)
    run = import_keras(saved(trained(G), suffix), made)
    assert run.info()["source"]["networks"] == ["G"]
    same_images(networks_of(run, made)["G"], G, made)


def nested(G, D):
    z = keras.Input(G.input_shape[1:])
    return keras.Model(z, D(G(z)))


def nested_in_a_row(G, D):
    return keras.Sequential([keras.Input(G.input_shape[1:]), G, D])


def flat(G, D):
    return keras.Sequential([keras.Input(G.input_shape[1:]), *G.layers, *D.layers])


def compiled_with_frozen_discriminator(G, D):
    """As the articles train: D compiled first, then frozen, and a step of the stack taken."""
    D.compile("rmsprop", "binary_crossentropy")
    D.trainable = False
    stack = nested(G, D)
    stack.compile("adam", "binary_crossentropy")
    stack.train_on_batch(np.zeros((2, *G.input_shape[1:]), np.float32), np.ones((2, 1), np.float32))
    return stack


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("put_together", [nested, nested_in_a_row, flat, compiled_with_frozen_discriminator])
@pytest.mark.parametrize("name", ["mnist-small-dcgan", "mnist-mlp"])
def test_a_stack_gives_both_networks(name, put_together, suffix):
    made, (G, D) = recipe(name), networks.SYSTEMS[name].make(PARTS)
    stack = put_together(trained(G), trained(D))
    run = import_keras(saved(stack, suffix), made)
    assert run.info()["source"]["networks"] == ["G", "D"]
    there = networks_of(run, made)
    images = same_images(there["G"], G, made)
    verdicts = np.asarray(D.predict(images, verbose=0))[:, 0]
    ours = torch.from_numpy(images.reshape(3, 28, 28, 1)).permute(0, 3, 1, 2)
    with torch.no_grad(), eval_mode(there["D"]):
        np.testing.assert_allclose(torch.sigmoid(there["D"](ours)).numpy(), verdicts, rtol=0, atol=1e-5)


def test_two_models_that_are_attributes_of_a_third_give_both():
    """A model with a train step of its own, as Keras' tutorials have it; only its weights can be saved."""
    made, (G, D) = recipe("mnist-mlp"), networks.SYSTEMS["mnist-mlp"].make(PARTS)

    class GAN(keras.Model):
        def __init__(self):
            super().__init__()
            self.discriminator, self.generator = D, G
            self.loss_metric = keras.metrics.Mean()

        def call(self, z):
            return self.discriminator(self.generator(z))

    gan = GAN()
    gan(np.zeros((1, 100), np.float32))
    same_images(networks_of(import_keras(saved(gan, ".weights.h5"), made), made)["G"], G, made)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_names_of_their_writers_and_more_than_ten_of_a_kind_do_not_mix_the_layers(suffix):
    x = image = keras.Input((4, 4, 1))
    for number in range(23):
        given = f"block_{30 - number}" if number % 3 == 0 else None
        x = layers.Conv2D(1, 3, padding="same", name=given, bias_initializer=keras.initializers.Constant(number))(x)
    file = saved(keras.Model(image, x), suffix)
    content = unzipped(file) if suffix == ".keras" else file
    with content.open("rb") as opened:
        arrays = find_networks(
            read_models(opened), {"G": expected_layers(Stack(*[Conv2dSame(1, 1, 3) for _ in range(23)]))}
        )
    assert [float(bias) for (bias,) in arrays["G"][1::2]] == list(range(23))


def unzipped(file):
    with zipfile.ZipFile(file) as archive:
        return Path(archive.extract("model.weights.h5"))

"""The two classic systems against Keras with copied weights, in float64, dropout off."""

import numpy as np
import pytest
import torch

from gansmith.nn.modes import inference_mode
from gansmith.pixels import to_model
from gansmith.recipes import recipe
from gansmith.rng import latents, stream
from gansmith.training.engine import make_engine
from gansmith.training.state import build
from gansmith.training.steps import discriminator_step, generator_step

pytestmark = pytest.mark.slow

SYSTEMS = ["mnist-dcgan", "fashion-dcgan"]
BATCH = 6


def ours(name):
    """Recipe without dropout, engine, and a float64 GAN whose biases and moving statistics are not all 0 and 1."""
    small = recipe(name, ["model.dropout=0.0", f"batch={BATCH}", "precision='fp32'"])
    engine = make_engine("cpu", "fp32")
    gan = build(small, engine)
    for number, tensor in enumerate([*gan.G.state_dict().values(), *gan.D.state_dict().values()]):
        if tensor.dim() == 1:
            tensor += 0.1 * torch.rand(tensor.shape, generator=stream(1, "test", number))
    gan.G.double()
    gan.D.double()
    return small, engine, gan


def theirs(name, gan, batch_norm=None):
    import networks

    stem = name.split("-")[0]
    G = getattr(networks, f"{stem}_generator")(batch_norm or networks.FormulaBatchNorm)
    D = getattr(networks, f"{stem}_discriminator")()
    networks.copy_weights(gan.G, G)
    networks.copy_weights(gan.D, D)
    return G, D


def draws(small, clock):
    z_d, z_g = (
        latents(small.latents.law, BATCH, small.latents.size, stream(3, f"z{kind}", clock)).double() for kind in "dg"
    )
    pixels = torch.randint(0, 256, (BATCH, 1, 28, 28), generator=stream(3, "real", clock)).to(torch.uint8)
    return to_model(pixels, small.data.pixel_range).double(), z_d, z_g


def nhwc(images):
    return images.permute(0, 2, 3, 1)


def as_array(tensor):
    return tensor.detach().numpy()


def same_weights(network, model, tolerance):
    import networks

    layers = [layer for layer in model.layers if layer.weights]
    for layer, arrays in zip(layers, networks.weights_for_keras(network), strict=True):
        for mine, other in zip(arrays, layer.weights, strict=True):
            np.testing.assert_allclose(mine, as_array(other.value), rtol=0, atol=tolerance)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", SYSTEMS)
def test_networks_agree_with_keras(name, training):
    import networks

    small, _, gan = ours(name)
    G, D = theirs(name, gan, networks.keras_batch_norm)
    real, z, _ = draws(small, 0)
    gan.G.train(training)
    images = gan.G(z)
    np.testing.assert_allclose(as_array(nhwc(images)), as_array(G(z, training=training)), rtol=0, atol=1e-9)
    probability = torch.sigmoid(gan.D(real))
    np.testing.assert_allclose(
        as_array(probability), as_array(D(nhwc(real), training=training))[:, 0], rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("name", SYSTEMS)
def test_batch_norm_statistics_agree_after_a_training_pass(name):
    small, _, gan = ours(name)
    G, _ = theirs(name, gan)
    for clock in range(3):
        _, z, _ = draws(small, clock)
        gan.G(z)
        G(z, training=True)
    same_weights(gan.G, G, 1e-9)


def test_moving_statistics_of_the_mnist_article_are_those_of_keras_own_layer():
    import networks

    small, _, gan = ours("mnist-dcgan")
    G, _ = theirs("mnist-dcgan", gan, networks.keras_batch_norm)
    _, z, _ = draws(small, 0)
    gan.G(z)
    G(z, training=True)
    same_weights(gan.G, G, 1e-9)


@pytest.mark.parametrize("name", SYSTEMS)
def test_updates_follow_the_specification(name):
    """Three alternating iterations: gradients from Keras' networks, rules of §2.2 written out in torch below."""
    small, engine, gan = ours(name)
    G, D = theirs(name, gan)
    slots_d, slots_g = {}, {}
    with_d = small.objective.generator_step_trains_discriminator
    assert with_d == (name == "mnist-dcgan")
    for step in range(3):
        real, z_d, z_g = draws(small, step)
        with torch.no_grad(), inference_mode(gan.G):
            fake = gan.G(z_d)
        np.testing.assert_allclose(as_array(nhwc(fake)), as_array(G(z_d, training=False)), rtol=0, atol=1e-8)
        discriminator_step(gan, real, z_d, small.objective, engine, stream(0, "d", step), step)
        images = torch.cat([real, fake]) if name == "mnist-dcgan" else torch.cat([fake, real])
        targets = torch.tensor([1.0, 0.0] if name == "mnist-dcgan" else [0.0, 1.0], dtype=torch.float64)
        answers = D(nhwc(images), training=True)[:, 0]
        keras_update(
            D.trainable_variables,
            cross_entropy(name, answers, targets.repeat_interleave(BATCH)),
            slots_d,
            small.discriminator_optimizer,
            step,
        )
        same_weights(gan.D, D, 1e-8)

        generator_step(gan, z_g, small.objective, engine, stream(0, "g", step), step)
        answers = D(G(z_g, training=True), training=True)[:, 0]
        moved = [*G.trainable_variables, *(D.trainable_variables if with_d else [])]
        keras_update(
            moved,
            cross_entropy(name, answers, torch.ones(BATCH, dtype=torch.float64)),
            slots_g,
            small.generator_optimizer,
            step,
        )
        same_weights(gan.G, G, 1e-8)
        same_weights(gan.D, D, 1e-8)


def cross_entropy(name, answers, targets):
    """Mean over the batch; Keras 2.0, of the MNIST article, clips the probability first."""
    if name == "mnist-dcgan":
        answers = answers.clamp(1e-7, 1 - 1e-7)
    return -(targets * answers.log() + (1 - targets) * (1 - answers).log()).mean()


def keras_update(variables, loss, slots, settings, step):
    """RMSprop of §2.2 with the numbers of §4 and §5: rho 0.9, epsilon outside the root, clip before, decayed rate."""
    gradients = torch.autograd.grad(loss, [variable.value for variable in variables])
    for number, (variable, gradient) in enumerate(zip(variables, gradients, strict=True)):
        if settings.clip_value:
            gradient = gradient.clamp(-settings.clip_value, settings.clip_value)
        slots[number] = 0.9 * slots.get(number, 0) + 0.1 * gradient**2
        rate = settings.lr / (1 + settings.lr_decay * step)
        variable.assign(variable.value.detach() - rate * gradient / (slots[number].sqrt() + settings.epsilon))


def test_the_recipes_hold_the_articles_numbers():
    mnist, fashion = recipe("mnist-dcgan"), recipe("fashion-dcgan")
    d, g = mnist.discriminator_optimizer, mnist.generator_optimizer
    assert (d.lr, d.lr_decay, d.clip_value, d.rho, d.epsilon) == (8e-4, 6e-8, 1.0, 0.9, 1e-8)
    assert (g.lr, g.lr_decay, g.clip_value, g.rho, g.epsilon) == (4e-4, 3e-8, 1.0, 0.9, 1e-8)
    assert (mnist.batch, mnist.steps, mnist.latents.law, mnist.data.skip) == (256, 10_000, "uniform", 5000)
    for optimizer in (fashion.discriminator_optimizer, fashion.generator_optimizer):
        assert (optimizer.lr, optimizer.lr_decay, optimizer.clip_value, optimizer.rho) == (1e-3, 0, 0, 0.9)
        assert optimizer.epsilon == 1e-7
    assert (fashion.batch, fashion.steps, fashion.latents.law) == (32, 9375, "normal")
    assert (fashion.data.order, fashion.data.shuffle_buffer) == ("shuffle-buffer", 1000)

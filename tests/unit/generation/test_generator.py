"""A generator: what its numbers, classes and text are."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from gansmith import recipe
from gansmith.engine import make_engine
from gansmith.generation.generator import CHUNK, Draws
from gansmith.training.state import build, generator_of
from tests.helpers.plain import PLAIN

ENGINE = make_engine("cpu", "fp32")


@pytest.fixture
def generator():
    made = recipe(PLAIN, ["model.width=8"])
    return generator_of(build(made, ENGINE), made, ENGINE)


def test_images_are_the_rounded_outputs_with_channels_last(generator):
    z = Draws(seed=0).chunk(generator.recipe, 0)
    outputs = generator(z)
    assert outputs.shape == (CHUNK, 1, 28, 28)
    levels = (outputs.double() * 127.5 + 127.5).round().clamp(0, 255)
    images = generator.images(z)
    assert images.dtype == np.uint8
    assert np.abs(images[..., 0] - levels[:, 0].numpy()).max() <= 1


def test_an_image_depends_on_its_number_and_not_on_how_many_there_are(generator):
    many = generator.sample(CHUNK + 3, seed=7)
    assert np.array_equal(generator.sample(5, seed=7), many[:5])
    assert np.array_equal(np.concatenate([*generator.sample_chunks(CHUNK + 3, Draws(seed=7))]), many)
    assert not np.array_equal(generator.sample(5, seed=8), many[:5])


def test_interpolation_begins_each_segment_with_its_image(generator):
    images = np.concatenate([*generator.interpolate((2, CHUNK + 1), 40, seed=7)])
    sample = generator.sample(CHUNK + 2, seed=7)
    assert images.shape == (80, 28, 28, 1)
    assert np.array_equal(images[[0, 40]], sample[[2, CHUNK + 1]])


def test_its_text_is_one_line_without_weights(generator):
    assert repr(generator) == "Generator('plain', step 0: 64 latents -> 28x28x1 images)"
    assert "tensor(" not in repr(generator)


def test_dropout_and_batch_norm_are_in_eval_mode_and_their_modes_stay(generator):
    generator.G.train()
    z = torch.zeros(4, generator.recipe.latents.size)
    assert torch.equal(generator(z)[0], generator(z[:1])[0])
    assert generator.G.training


def test_it_imports_nothing_of_the_training():
    code = "import sys, gansmith; gansmith.load; print([m for m in sys.modules if m.startswith('gansmith.training')])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"

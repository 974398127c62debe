"""What every model file and every recipe promises."""

import importlib

import pytest
import torch

from gansmith.errors import RecipeError
from gansmith.models.base import Spec, model_config, model_names
from gansmith.nn.dropout import drawing_from
from gansmith.nn.init import glorot_uniform
from gansmith.recipes import recipe, recipe_names
from gansmith.report import network_tables
from gansmith.rng import stream
from gansmith.training.engine import make_engine
from gansmith.training.state import build

SPECS = [Spec(channels=1, height=28, width=28, latents=7), Spec(channels=3, height=8, width=20, latents=3)]
NARROW = 8
"""A width that every model can be built with."""


def networks(name, spec):
    made = model_config({"name": name, "width": NARROW}).build(spec)
    glorot_uniform(made.G, stream(0, "G", 0))
    glorot_uniform(made.D, stream(0, "D", 0))
    return made


@pytest.mark.parametrize("spec", SPECS, ids=["grey", "rgb"])
@pytest.mark.parametrize("name", model_names())
@pytest.mark.parametrize("num", [1, 5])
def test_shapes_are_as_promised_even_for_one_picture(name, spec, num):
    made = networks(name, spec)
    made.G.eval()
    made.D.eval()
    images = made.G(torch.zeros(num, spec.latents))
    assert images.shape == (num, spec.channels, spec.height, spec.width)
    assert made.D(images).shape == (num,)


@pytest.mark.parametrize("name", model_names())
def test_gradients_reach_every_parameter(name):
    spec = SPECS[0]
    made = networks(name, spec)
    with drawing_from(stream(0, "dropout", 0), made.G, made.D):
        made.D(made.G(torch.randn(5, spec.latents, generator=stream(0, "z", 0)))).square().sum().backward()
    for network in (made.G, made.D):
        for parameter_name, parameter in network.named_parameters():
            assert parameter.grad is not None, parameter_name
            assert parameter.grad.isfinite().all(), parameter_name


@pytest.mark.parametrize("name", model_names())
def test_the_files_name_is_the_public_name(name):
    config = importlib.import_module(f"gansmith.models.{name.replace('-', '_')}").Config
    assert config().name == name
    assert model_config(config().model_dump()) == config()


@pytest.mark.parametrize("name", model_names())
def test_pictures_that_cannot_be_built_are_refused_in_a_sentence(name):
    with pytest.raises(RecipeError, match="30x28"):
        model_config({"name": name}).build(Spec(channels=1, height=30, width=28, latents=10))


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_has_its_files_name_and_says_what_it_is(name):
    made = recipe(name)
    assert made.name == name
    assert made.about
    module = importlib.import_module(f"gansmith.recipes.{name.replace('-', '_')}")
    assert f"gansmith train {name}" in getattr(module, name.replace("-", "_")).__doc__


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipes_length_is_whole_batches(name):
    assert recipe(name).length.images % recipe(name).batch == 0


# The specification's §4 and §5: total and trainable parameters of G and D
COUNTS = {
    "mnist-dcgan": ((2_394_241, 2_368_705), (4_311_553, 4_311_553)),
    "fashion-dcgan": ((840_705, 840_321), (212_865, 212_865)),
}


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_those_of_the_article(name):
    tables = network_tables(recipe(name)).values()
    assert tuple((table.total, table.trainable) for table in tables) == COUNTS[name]


def test_layers_of_the_mnist_article_have_its_parameters():
    generator, discriminator = network_tables(recipe("mnist-dcgan")).values()
    counted = [row.parameters for row in generator.layers if row.parameters]
    assert counted == [1_266_944, 50_176, 819_328, 512, 204_864, 256, 51_232, 128, 801]
    counted = [row.parameters for row in discriminator.layers if row.parameters]
    assert counted == [1664, 204_928, 819_456, 3_277_312, 8193]


@pytest.mark.parametrize("name", recipe_names())
def test_first_weights_repeat_and_depend_on_the_seed(name):
    engine = make_engine("cpu", "fp32")

    def first_weight(seed):
        return next(build(recipe(name, [f"seed={seed}", "model.width=8"]), engine).G.parameters())

    before = torch.random.get_rng_state()
    assert torch.equal(first_weight(1), first_weight(1))
    assert not torch.equal(first_weight(1), first_weight(2))
    assert torch.equal(torch.random.get_rng_state(), before), "torch's own generator was touched"

"""What every model file and every recipe promises."""

import importlib
from dataclasses import replace

import pytest
import torch

from gansmith import recipe
from gansmith.engine import make_engine
from gansmith.errors import RecipeError
from gansmith.models.base import Spec, model_config, model_names
from gansmith.networks import network_tables
from gansmith.nn.dropout import drawing_from
from gansmith.nn.init import init_weights
from gansmith.recipes import recipe_names
from gansmith.rng import stream
from gansmith.training.state import build

SPECS = [Spec(channels=1, height=32, width=32, latents=7), Spec(channels=3, height=24, width=40, latents=3)]
NARROW = 8
"""A width that every model can be built with."""


def networks(name, spec):
    made = model_config({"name": name, "width": NARROW}).build(spec)
    init_weights(made.G, stream(0, "G", 0))
    init_weights(made.D, stream(0, "D", 0))
    return made


@pytest.mark.parametrize("spec", SPECS, ids=["grey", "rgb"])
@pytest.mark.parametrize("name", model_names())
@pytest.mark.parametrize("num", [1, 5])
def test_shapes_are_as_promised_even_for_one_image(name, spec, num):
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


def test_either_way_of_doubling_makes_images_of_one_shape_from_as_many_parameters():
    spec, made = SPECS[0], {}
    for doubling in ("upsampling", "transposed"):
        G = model_config({"name": "mnist-dcgan", "width": NARROW, "doubling": doubling}).build(spec).G
        init_weights(G, stream(0, "G", 0))
        images = G.eval()(torch.ones(1, spec.latents))
        made[doubling] = (images.shape, sum(parameter.numel() for parameter in G.parameters()), images)
    assert made["upsampling"][:2] == made["transposed"][:2]
    assert not torch.equal(made["upsampling"][2], made["transposed"][2])


@pytest.mark.parametrize("name", model_names())
def test_the_files_name_is_the_public_name(name):
    config = importlib.import_module(f"gansmith.models.{name.replace('-', '_')}").Config
    assert config().name == name
    assert model_config(config().model_dump()) == config()


@pytest.mark.parametrize(
    ("name", "sides"),
    [
        ("mnist-dcgan", (30, 28)),
        ("fashion-dcgan", (28, 30)),
        ("notmnist-dcgan", (30, 28)),
        ("mnist-small-dcgan", (30, 28)),
        ("svhn-dcgan", (28, 28)),
        ("cifar-ships", (32, 22)),
        ("cifar-ships", (31, 32)),
        ("upsample-dcgan", (30, 28)),
        ("thin-dcgan", (7, 28)),
        ("residual", (28, 7)),
    ],
)
def test_images_that_do_not_fit_are_refused_in_a_sentence(name, sides):
    with pytest.raises(RecipeError, match=f"{sides[0]}x{sides[1]}"):
        model_config({"name": name}).build(Spec(channels=1, height=sides[0], width=sides[1], latents=10))


@pytest.mark.parametrize("name", model_names())
def test_classes_are_refused_or_needed(name):
    model, spec = model_config({"name": name, "width": NARROW}), replace(SPECS[0], num_classes=3)
    if not model.is_conditional:
        with pytest.raises(RecipeError, match=rf"model '{name}' is not conditional; .*\(.*thin-dcgan.*\)"):
            model.networks(spec)
        return
    made = model.networks(spec)
    with pytest.raises(ValueError, match="give it a label for each image"):
        made.G(torch.zeros(2, spec.latents))
    with pytest.raises(ValueError, match="give it a label for each image"):
        made.D(torch.zeros(2, spec.channels, spec.height, spec.width))


@pytest.mark.parametrize("name", ["fashion-mlp", "mnist-mlp"])
def test_dense_networks_take_any_size(name):
    made = networks(name, Spec(channels=1, height=5, width=7, latents=10))
    images = made.G(torch.zeros(2, 10))
    assert images.shape == (2, 1, 5, 7)
    assert made.D(images).shape == (2,)


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_has_its_files_name_and_says_what_it_is(name):
    made = recipe(name)
    assert made.name == name
    assert made.about
    module = importlib.import_module(f"gansmith.recipes.{name.replace('-', '_')}")
    assert f"gansmith train {name}" in getattr(module, name.replace("-", "_")).__doc__


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipes_length_is_whole_batches(name):
    assert recipe(name).length.images % recipe(name).batch_size == 0


# The specification's §3 to §8: total and trainable parameters of G and D
COUNTS = {
    "mnist-dcgan": ((2_394_241, 2_368_705), (4_311_553, 4_311_553)),
    "fashion-mlp": ((136_634, 136_634), (132_951, 132_951)),
    "fashion-dcgan": ((840_705, 840_321), (212_865, 212_865)),
    "notmnist-dcgan": ((839_937, 839_937), (212_865, 212_865)),
    "mnist-mlp": ((114_064, 114_064), (100_609, 100_609)),
    "mnist-small-dcgan": ((93_009, 92_913), (633_073, 631_473)),
    "svhn-dcgan": ((4_936_963, 4_935_171), (1_034_881, 1_034_113)),
    "celeba32-dcgan": ((4_936_963, 4_935_171), (1_034_881, 1_034_113)),
    "cifar-ships": ((9_410_307, 9_410_307), (790_913, 790_913)),
    "cifar-ships:draft": ((6_264_579, 6_264_579), (790_913, 790_913)),
}

# The same sections' tables, layer by layer: those that have parameters
LAYERS = {
    "mnist-dcgan": (
        [1_266_944, 50_176, 819_328, 512, 204_864, 256, 51_232, 128, 801],
        [1664, 204_928, 819_456, 3_277_312, 8193],
    ),
    "fashion-mlp": ([3100, 15_150, 118_384], [117_750, 15_100, 101]),
    "fashion-dcgan": ([633_472, 512, 204_864, 256, 1601], [1664, 204_928, 6273]),
    "notmnist-dcgan": ([633_472, 204_864, 1601], [1664, 204_928, 6273]),
    "mnist-mlp": ([12_928, 101_136], [100_480, 129]),
    "mnist-small-dcgan": ([79_184, 64, 12_832, 128, 801], [832, 12_816, 64, 615_440, 3136, 785]),
    "svhn-dcgan": (
        [827_392, 2048, 3_277_056, 1024, 819_328, 512, 9603],
        [4864, 204_928, 512, 819_456, 1024, 4097],
    ),
    "cifar-ships": (
        [4_227_072, 819_456, 1_048_832, 1_638_656, 1_638_656, 37_635],
        [3584, 262_272, 262_272, 262_272, 513],
    ),
}


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_those_of_the_article(name):
    tables = network_tables(recipe(name)).values()
    assert tuple((table.total, table.trainable) for table in tables) == COUNTS[name]


@pytest.mark.parametrize("name", LAYERS)
def test_layers_have_the_articles_parameters(name):
    counted = [
        [row.parameters for row in table.layers if row.parameters] for table in network_tables(recipe(name)).values()
    ]
    assert tuple(counted) == LAYERS[name]


@pytest.mark.parametrize("name", recipe_names())
def test_first_weights_repeat_and_depend_on_the_seed(name):
    engine = make_engine("cpu", "fp32")

    def first_weight(seed):
        return next(build(recipe(name, [f"seed={seed}", "model.width=8"]), engine).G.parameters())

    before = torch.random.get_rng_state()
    assert torch.equal(first_weight(1), first_weight(1))
    assert not torch.equal(first_weight(1), first_weight(2))
    assert torch.equal(torch.random.get_rng_state(), before), "torch's own generator was touched"

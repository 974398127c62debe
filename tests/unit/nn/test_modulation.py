"""What a generator's layers are told of the latents."""

import pytest
import torch
from torch import nn

from gansmith.nn.init import init_weights
from gansmith.nn.modulation import SelfModulation
from gansmith.nn.stack import Stack
from gansmith.rng import stream


@pytest.fixture
def layer():
    made = SelfModulation(latents=5, features=3, hidden=4)
    init_weights(made, stream(0, "layer", 0))
    return made


def test_gains_and_shifts_are_those_of_a_hidden_layer_of_the_latents(layer):
    x, z = torch.randn(2, 3, 4, 6), torch.randn(2, 5)
    hidden = (z @ layer.hidden.weight.T + layer.hidden.bias).clamp(min=0)
    given = hidden @ layer.out.weight.T + layer.out.bias
    expected = x * (1 + given[:, :3, None, None]) + given[:, 3:, None, None]
    torch.testing.assert_close(layer(x, z), expected)


def test_it_starts_near_the_identity_and_not_at_it(layer):
    x, z = torch.randn(2, 3, 4, 6), torch.randn(2, 5)
    off = (layer(x, z) - x).abs().max()
    assert 0 < off < 0.5


def test_a_stack_gives_it_what_the_network_was_given(layer):
    network = Stack(nn.Linear(5, 12), nn.Unflatten(1, (3, 2, 2)), layer)
    first, z = network.layers, torch.randn(2, 5)
    torch.testing.assert_close(network(z), layer(first[1](first[0](z)), z))


def test_its_result_has_the_type_of_the_image(layer):
    assert layer(torch.randn(2, 3, 4, 4).bfloat16(), torch.randn(2, 5)).dtype == torch.bfloat16

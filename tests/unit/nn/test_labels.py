import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gansmith.nn.init import init_weights
from gansmith.nn.labels import Logit, Modulation
from gansmith.nn.stack import Stack
from gansmith.nn.summary import summarize
from gansmith.rng import stream

LABELS = torch.tensor([2, 0, 2])


def begun(network):
    init_weights(network, stream(0, "init", 0))
    return network


def images(*shape):
    return torch.randn(*shape, generator=stream(0, "x", 0))


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 5, 6)])
def test_modulation_starts_as_the_identity(shape):
    x = images(*shape)
    assert torch.equal(begun(Modulation(4, 3))(x, LABELS), x)


def test_modulation_scales_and_shifts_by_class():
    layer, x = Modulation(2, 3), images(3, 2, 4, 4)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.0, 0, 0, 0], [9, 9, 9, 9], [1, -1, 5, 7]]))
    y = layer(x, LABELS)
    assert torch.equal(y[1], x[1])
    assert torch.equal(y[0], torch.stack([2 * x[0, 0] + 5, torch.full((4, 4), 7.0)]))


def test_modulation_keeps_the_type_of_what_it_modulates():
    assert begun(Modulation(2, 3))(images(3, 2).bfloat16(), LABELS).dtype == torch.bfloat16


def test_classes_add_a_scalar_product_to_the_logit():
    layer, x = begun(Logit(5, classes=3)), images(3, 5)
    unconditional = x @ layer.weight[0] + layer.bias
    assert_close(layer(x, LABELS) - unconditional, (x * layer.weight[1:][LABELS]).sum(1))


def test_the_logit_of_bf16_features_is_computed_in_fp32():
    layer, x = begun(Logit(300)), images(3, 300).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        logits = layer(x)
    assert logits.dtype == torch.float32
    assert_close(logits, layer(x.float()), rtol=1e-6, atol=1e-6)


def test_a_label_that_is_no_class_is_refused():
    with pytest.raises(IndexError):
        Logit(5, classes=3)(images(1, 5), torch.tensor([3]))


def test_a_stack_gives_its_labels_to_the_layers_that_take_them():
    layer = Modulation(4, 3)
    with torch.no_grad():
        layer.weight.copy_(images(3, 8))
    x = images(3, 4)
    network = Stack(nn.ReLU(), layer, nn.ReLU())
    assert torch.equal(network(x, LABELS), layer(x.relu(), LABELS).relu())


def test_the_summary_of_a_conditional_network_counts_its_classes():
    table = summarize(Stack(nn.Linear(5, 4), Modulation(4, 3), Logit(4, 3)), (5,))
    assert [row.parameters for row in table.layers] == [24, 24, 17]

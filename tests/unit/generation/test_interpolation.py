"""Ways between latents: arcs and lines in closed form, and laws that do not change on the way."""

import math

import pytest
import torch
from torch.testing import assert_close

from gansmith.generation.generator import CHUNK, Draws
from gansmith.generation.walk import closed_walk, spherical
from gansmith.recipes import recipe
from gansmith.rng import stream

SHARES = torch.linspace(0, 1, 9, dtype=torch.float64)[:, None]


def unit(angle):
    return torch.tensor([math.cos(angle), math.sin(angle), 0.0], dtype=torch.float64)


@pytest.mark.parametrize("angle", [0.01, 1.0, math.pi / 2, 3.0])
def test_an_arc_between_unit_vectors_has_unit_length_and_even_angles(angle):
    arc = spherical(unit(0.3), unit(0.3 + angle), SHARES)
    assert_close(arc, torch.stack([unit(0.3 + angle * share) for share in SHARES[:, 0].tolist()]))


def test_halfway_on_the_arc_between_orthogonal_vectors_is_their_sum_over_root_two():
    a, b = torch.tensor([[3.0, 0, 0, 4], [0, 1, 2, 0]], dtype=torch.float64)
    assert_close(spherical(a, b, torch.tensor([[0.5]], dtype=torch.float64))[0], (a + b) / math.sqrt(2))


@pytest.mark.parametrize("factor", [1.0, 2.5, -1.5])
def test_between_parallel_vectors_the_way_is_straight(factor):
    a = torch.tensor([1.0, -2, 3], dtype=torch.float64)
    assert_close(spherical(a, factor * a, SHARES), a + SHARES * (factor - 1) * a)


@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_each_leg_begins_with_its_end_to_the_last_bit_and_the_last_leads_back(law):
    ends = torch.randn(3, 20, generator=stream(0, "test", 0))
    path = closed_walk(ends, 7, law)
    assert path.shape == (21, 20)
    assert path.dtype == torch.float32
    assert torch.equal(path[::7], ends)
    gaps = (path.roll(-1, 0) - path).norm(dim=1)
    assert gaps.max() < 3 * gaps.min(), "no frame jumps, the last to the first neither"


def test_walks_are_lines_for_uniform_latents_and_stay_in_their_cube():
    ends = torch.tensor([[1.0, 1, 0, 0], [1, -1, 0, 0]])
    assert_close(
        closed_walk(ends, 2, "uniform"), torch.tensor([[1.0, 1, 0, 0], [1, 0, 0, 0], [1, -1, 0, 0], [1, 0, 0, 0]])
    )
    assert closed_walk(ends, 2, "normal").max() > 1.4, "the arc leaves the cube"


def test_halfway_between_normal_latents_is_normal_on_an_arc_and_not_on_a_line():
    ends = torch.randn(400, 100, generator=stream(0, "test", 0))
    halfway = {law: closed_walk(ends, 2, law)[1::2].square().mean().item() for law in ("normal", "uniform")}
    assert halfway["normal"] == pytest.approx(1, abs=0.02)
    assert halfway["uniform"] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("law", "variance"), [("normal", 1), ("uniform", 1 / 3)])
@pytest.mark.parametrize("psi", [1.0, 0.6])
def test_truncated_latents_have_the_law_narrowed(law, variance, psi):
    base = recipe("demo", [f"latents.distribution={law}", "latents.size=400"])
    z = Draws(seed=3, truncation=psi).chunk(base, 0)
    assert z.shape == (CHUNK, 400)
    assert z.var().item() == pytest.approx(psi**2 * variance, rel=0.03)
    assert distance(z / psi, law) < 1.63 / math.sqrt(z.numel()), "Kolmogorov's test at 1 %"
    assert torch.equal(z, Draws(seed=3).chunk(base, 0) * psi), "the same directions"


def distance(z, law):
    """Kolmogorov's, between the values of z and the law."""
    values = z.double().flatten().sort().values
    expected = torch.special.ndtr(values) if law == "normal" else (values + 1) / 2
    steps = torch.arange(len(values) + 1) / len(values)
    return max((expected - steps[:-1]).abs().max().item(), (steps[1:] - expected).abs().max().item())

"""Augmentation against closed forms, its controller on a simulated signal, and how the steps use both."""

import copy

import pytest
import torch
from torch.testing import assert_close

from gansmith.augment.augmenter import BATCHES, draws, make_augmenter, observe
from gansmith.augment.operations import OPERATIONS, colour, cutout, flip, rotate, translate
from gansmith.augment.settings import Augment
from gansmith.checkpoints.load import load_checkpoint
from gansmith.checkpoints.manifest import find_checkpoint
from gansmith.checkpoints.save import save_checkpoint
from gansmith.engine import make_engine
from gansmith.errors import CheckpointError, RecipeError
from gansmith.recipes import recipe
from gansmith.rng import stream
from gansmith.runs.run import create_run
from gansmith.training.batch import make_batch
from gansmith.training.loop import train_step
from gansmith.training.state import build
from gansmith.training.steps import discriminator_step, generator_step
from tests.helpers.plain import PLAIN

ENGINE = make_engine("cpu", "fp32")


def images(num=6, channels=3, height=8, width=8):
    return torch.rand(num, channels, height, width, dtype=torch.float64, generator=stream(0, "x", 0)) * 2 - 1


def uniform(num, columns, clock=0):
    return torch.rand(num, columns, dtype=torch.float64, generator=stream(0, "uniform", clock))


def numbers(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_a_flip_mirrors_left_to_right_for_the_upper_half_of_the_numbers():
    x = images(2)
    assert torch.equal(flip(x, numbers([0.49], [0.5])), torch.stack([x[0], x[1].flip(2)]))


def test_a_rotation_is_by_quarter_turns_each_equally_likely():
    x = images(4)
    found = rotate(x, numbers([0.0], [0.25], [0.5], [0.999999]))
    assert torch.equal(found, torch.stack([x[k].rot90(k, (1, 2)) for k in range(4)]))


def test_a_translation_moves_whole_pixels_and_brings_in_zeros():
    x = images(3, height=16, width=8)  # at most two rows and one column
    found = translate(x, numbers([0.0, 0.5], [0.999, 0.999], [0.5, 0.0]))
    expected = torch.zeros_like(x)
    expected[0, :, :14] = x[0, :, 2:]
    expected[1, :, 2:, 1:] = x[1, :, :14, :7]
    expected[2, :, :, :7] = x[2, :, :, 1:]
    assert torch.equal(found, expected)


def test_every_translation_is_equally_likely():
    x = torch.zeros(5000, 1, 8, 8)
    x[:, 0, 4, 4] = 1
    places = translate(x, uniform(5000, 2)).mean((0, 1))[3:6, 3:6]
    assert_close(places, torch.full((3, 3), 1 / 9), atol=0.02, rtol=0)


def test_a_cutout_is_a_rectangle_of_half_the_sides_and_may_reach_beyond_the_edge():
    x = torch.ones(3, 2, 8, 12)
    found = cutout(x, numbers([0.5, 0.5], [0.0, 0.0], [0.9999, 0.9999]))
    assert (found == 0).sum((1, 2, 3)).tolist() == [2 * 4 * 6, 2 * 2 * 3, 2 * 2 * 3]
    assert (found[0, :, 2:6, 3:9] == 0).all()
    assert (found[1, :, :2, :3] == 0).all()
    assert (found[2, :, 6:, 9:] == 0).all()


def test_colour_is_brightness_saturation_and_contrast_in_this_order():
    x = images(1)
    assert_close(colour(x, numbers([0.5, 0.5, 0.5])), x)
    assert_close(colour(x, numbers([0.9, 0.5, 0.5])), x + 0.4)
    assert_close(colour(x, numbers([0.5, 0.0, 0.5])), x.mean(1, keepdim=True).expand_as(x))
    assert_close(colour(x, numbers([0.5, 0.5, 1.0])), x.mean() + 1.5 * (x - x.mean()))
    bright = x + 0.25
    grey = bright.mean(1, keepdim=True)
    vivid = grey + 1.6 * (bright - grey)
    assert_close(colour(x, numbers([0.75, 0.8, 0.2])), vivid.mean() + 0.7 * (vivid - vivid.mean()))


def test_saturation_leaves_grey_images_and_colour_leaves_transparency():
    grey = images(2, channels=1)
    assert_close(colour(grey, numbers([0.5, 0.1, 0.5], [0.5, 0.9, 0.5])), grey)
    seen = images(2, channels=4)
    found = colour(seen, uniform(2, 3))
    assert torch.equal(found[:, 3], seen[:, 3])
    assert_close(found[:, :3], colour(seen[:, :3], uniform(2, 3)))


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_can_be_differentiated_twice(name):
    operation, x = OPERATIONS[name], images(2, height=4, width=4).requires_grad_()
    chosen = uniform(2, operation.draws, clock=1)
    assert torch.autograd.gradcheck(lambda x: operation.apply(x, chosen), x)
    assert torch.autograd.gradgradcheck(lambda x: operation.apply(x, chosen).square(), x)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_image_is_augmented_the_same_alone_and_in_company(name):
    operation, x = OPERATIONS[name], images()
    chosen = uniform(6, operation.draws)
    assert_close(operation.apply(x, chosen)[2:3], operation.apply(x[2:3], chosen[2:3]))


ALL = Augment(operations=tuple(OPERATIONS), probability=0.3)


def test_an_operation_acts_on_its_share_of_images():
    augmenter = make_augmenter(Augment(operations=("translate",), probability=0.3), "-1..1")
    x = torch.rand(4000, 1, 8, 8, generator=stream(0, "x", 0))
    found = augmenter(x, torch.rand(4000, 3, generator=stream(0, "uniform", 0)), 0)
    share = (found != x).flatten(1).any(1).float().mean().item()
    assert share == pytest.approx(0.3 * 8 / 9, abs=0.03)  # of nine translations one moves nothing


def test_in_the_range_0_to_1_everything_is_as_in_the_other_one():
    x, chosen = images(), uniform(6, draws(ALL))
    twice = [make_augmenter(ALL, "-1..1")(x, chosen, 0), 2 * make_augmenter(ALL, "0..1")((x + 1) / 2, chosen, 0) - 1]
    assert_close(*twice)


def test_all_together_colour_comes_first_as_in_diffaugment_so_that_what_comes_in_is_grey():
    settings = Augment(operations=("translate", "cutout", "colour"))  # the order in which they are listed says nothing
    x, chosen = images(), uniform(6, draws(settings))
    found = make_augmenter(settings, "-1..1")(x, chosen, 0)
    coloured = colour(x, chosen[:, 1:4])
    assert_close(found, cutout(translate(coloured, chosen[:, 5:7]), chosen[:, 8:10]))
    assert (found == 0).any()


def controlled(target=0.6, speed=1000, most=0.8):
    return make_augmenter(Augment(operations=("flip",), target=target, speed=speed, probability=most), "-1..1")


def margins_with(share, num=10):
    """Margins of which a share is above 0: their mean sign is 2 share - 1."""
    return torch.where(torch.arange(num) < round(share * num), 3.0, -0.1)


def test_the_controller_waits_four_batches_and_then_moves_by_the_images_in_them():
    augmenter = controlled(speed=400)
    found = []
    for _ in range(2 * BATCHES):
        observe(augmenter, margins_with(1.0))
        found.append(augmenter.probability_at(0))
    assert found == pytest.approx([0, 0, 0, 0.1, 0.1, 0.1, 0.1, 0.2])


@pytest.mark.parametrize(("share", "ends"), [(0.9, 0.8), (0.7, 0.0)])
def test_above_its_target_the_chance_rises_to_its_bound_and_below_it_falls_to_nothing(share, ends):
    """r_t = 0.8 and 0.4 against a target of 0.6."""
    augmenter = controlled()
    augmenter.state[0] = 0.4
    for _ in range(400):
        observe(augmenter, margins_with(share))
    assert augmenter.probability_at(0) == pytest.approx(ends)


def test_the_controller_finds_the_chance_at_which_d_is_as_sure_as_it_should_be():
    """A simulated D whose overfitting falls with augmentation: r = 0.9 - p reaches 0.6 at p = 0.3."""
    augmenter = controlled()
    noise = stream(0, "noise", 0)
    for _ in range(600):
        p = augmenter.probability_at(0)
        right = torch.rand(64, generator=noise) < (1 + 0.9 - p) / 2
        observe(augmenter, torch.where(right, 1.0, -1.0))
    found = []
    for _ in range(200):
        observe(
            augmenter, torch.where(torch.rand(64, generator=noise) < (1.9 - augmenter.probability_at(0)) / 2, 1.0, -1.0)
        )
        found.append(augmenter.probability_at(0))
    assert sum(found) / len(found) == pytest.approx(0.3, abs=0.1)


def test_without_a_target_the_chance_stays():
    augmenter = make_augmenter(ALL, "-1..1")
    for _ in range(10):
        observe(augmenter, margins_with(1.0))
    assert augmenter.probability_at(0) == 0.3


DIFFAUGMENT = 'augment.operations=["colour", "translate", "cutout"]'


def tiny(*changes):
    return recipe(PLAIN, ["model.width=8", "batch_size=4", "precision=fp32", *changes])


def pixels(small, clock):
    shape = (small.batch_size, small.data.channels, small.data.height, small.data.width)
    return torch.randint(0, 256, shape, generator=stream(0, "x", clock)).to(torch.uint8)


@pytest.mark.parametrize("loss", ["non-saturating", "relativistic"])
def test_d_sees_augmented_images_of_both_kinds_in_both_steps_and_nothing_else(loss):
    small = tiny(DIFFAUGMENT, f"objective.loss={loss}")
    gan, given = build(small, ENGINE), make_batch(small, 0, pixels(small, 0), ENGINE)
    seen, made = [], []
    gan.D.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0].detach()))
    gan.G.register_forward_hook(lambda _module, _inputs, output: made.append(output.detach()))
    discriminator_step(gan, given, small.objective, ENGINE)
    generator_step(gan, given, small.objective, ENGINE)
    expected = [
        torch.cat(
            [gan.augment(given.real, given.augment["d/real"], 0), gan.augment(made[0], given.augment["d/fake"], 0)]
        ),
        gan.augment(made[1], given.augment["g/fake"], 0),
    ]
    if loss == "relativistic":
        expected.append(gan.augment(given.real, given.augment["g/real"], 0))
    for found, wanted in zip(seen, expected, strict=True):
        assert torch.equal(found, wanted)
    assert not torch.equal(seen[0][:4], given.real)
    chosen = list(given.augment.values())
    assert not any(torch.equal(a, b) for i, a in enumerate(chosen) for b in chosen[:i])


def test_the_gradient_goes_through_the_augmentation_to_g():
    small = tiny(DIFFAUGMENT)
    gan = build(small, ENGINE)
    before = copy.deepcopy(gan.G.state_dict())
    train_step(gan, pixels(small, 0), small, ENGINE)
    assert all(not torch.equal(tensor, before[name]) for name, tensor in gan.G.state_dict().items())


def test_a_penalty_is_on_the_slope_at_the_image_before_it_is_augmented():
    small = tiny(DIFFAUGMENT, "objective.penalty=r1", "objective.gamma=1.0")
    gan, given = build(small, ENGINE), make_batch(small, 0, pixels(small, 0), ENGINE)
    D = copy.deepcopy(gan.D)
    values = discriminator_step(gan, given, small.objective, ENGINE)
    real = given.real.clone().requires_grad_()
    (slope,) = torch.autograd.grad(D(gan.augment(real, given.augment["d/real"], 0)).sum(), real)
    assert_close(values["penalty"], slope.square().sum((1, 2, 3)) / 2)


@pytest.mark.parametrize("loss", ["non-saturating", "relativistic"])
def test_augmentation_and_pairs_go_through_in_parts_as_in_the_whole(loss):
    after = []
    for parts in (1, 2):
        small = recipe("fashion-mlp", ["batch_size=4", f"microbatches={parts}", DIFFAUGMENT, f"objective.loss={loss}"])
        gan, given = build(small, ENGINE), make_batch(small, 0, pixels(small, 0), ENGINE)
        values = discriminator_step(gan, given, small.objective, ENGINE)
        after.append([*values.values(), *generator_step(gan, given, small.objective, ENGINE).values()])
    assert_close(*after, rtol=1e-4, atol=1e-5)


def test_checkpoints_carry_the_controller_and_go_on_exactly(tmp_path):
    """Stopped in the middle of the controller's four batches."""
    small = tiny('augment.operations=["translate"]', "augment.target=0.1", "augment.speed=100", "ema_half_life=20.0")
    gan, run = build(small, ENGINE), create_run(tmp_path, "small")
    for clock in range(7):
        train_step(gan, pixels(small, clock), small, ENGINE)
    save_checkpoint(run, gan, small)
    again = build(small, ENGINE)
    load_checkpoint(find_checkpoint(run).folder, again)
    assert again.augment.state.tolist() == gan.augment.state.tolist()
    assert again.augment.state[2] == 3
    for clock in range(7, 10):
        for one in (gan, again):
            train_step(one, pixels(small, clock), small, ENGINE)
    assert again.augment.state.tolist() == gan.augment.state.tolist()
    for name, tensor in gan.G_ema.state_dict().items():
        assert torch.equal(tensor, again.G_ema.state_dict()[name]), name


def test_a_fork_may_begin_to_control_its_augmentation_and_a_continued_run_may_not(tmp_path):
    small = tiny()
    gan, run = build(small, ENGINE), create_run(tmp_path, "small")
    train_step(gan, pixels(small, 0), small, ENGINE)
    save_checkpoint(run, gan, small)
    fork = build(tiny('augment.operations=["flip"]', "augment.target=0.6", "augment.speed=100"), ENGINE)
    with pytest.raises(CheckpointError):
        load_checkpoint(find_checkpoint(run).folder, fork)
    load_checkpoint(find_checkpoint(run).folder, fork, forking=True)
    assert (fork.seen, fork.augment.state.tolist()) == (4, [0, 0, 0])


def test_a_fixed_chance_is_not_saved(tmp_path):
    small = tiny(DIFFAUGMENT)
    gan, run = build(small, ENGINE), create_run(tmp_path, "small")
    save_checkpoint(run, gan, small)
    assert not (find_checkpoint(run).folder / "augment.safetensors").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (['operations=["fliip"]'], "unknown augmentation 'fliip'. Did you mean 'flip'?"),
        (['operations=["flip", "flip"]'], "augment.operations=['flip', 'flip'] names one twice"),
        (["probability=0.5"], "have no effect without augment.operations"),
        (["target=0.6", "speed=1000"], "have no effect without augment.operations"),
        (['operations=["flip"]', "target=0.6"], "augment.speed=0 does not go with augment.target=0.6"),
        (['operations=["flip"]', "speed=1000"], "augment.speed=1000 does not go with augment.target=0.0"),
        (['operations=["flip"]', "probability=0.0"], "augment.probability must be greater than 0"),
        (["operations=flip"], "augment.operations must be"),
    ],
)
def test_a_wrong_augmentation_is_refused_in_a_sentence(changes, message):
    with pytest.raises(RecipeError) as caught:
        tiny(*(f"augment.{change}" for change in changes))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_images_that_are_not_square_are_not_turned():
    with pytest.raises(RecipeError, match=r"^augmentation 'rotate' needs images as high as wide, got 32x28\.$"):
        recipe("fashion-mlp", ["data.height=32", 'augment.operations=["rotate"]'])

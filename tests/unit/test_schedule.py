"""Numbers that move over the run: their values, how they are written, and that every consumer goes by the clock."""

import copy
import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from gansmith import recipe
from gansmith.checkpoints.manifest import find_checkpoint
from gansmith.config import Schedule, scaled, value_at
from gansmith.engine import make_engine
from gansmith.errors import RecipeError, UsageError
from gansmith.recipe_file import from_values, override, read_toml, to_toml
from gansmith.rng import stream
from gansmith.runs.run import create_run
from gansmith.schema import Adam, RMSprop
from gansmith.sessions.changes import changes_between, check_changes_are_safe
from gansmith.sessions.extension import notes_on_extension
from gansmith.sessions.rollback import slowed
from gansmith.training.batch import make_batch
from gansmith.training.optim import make_optimizer
from gansmith.training.state import build, load_checkpoint, save_checkpoint
from gansmith.training.steps import discriminator_step
from tests.helpers.plain import PLAIN
from tests.helpers.stepped import step_on

ENGINE = make_engine("cpu", "fp32")

BURN_IN = (
    "generator_optimizer.lr={start = 2e-3, end = 0.0, until = 40}",
    'discriminator_optimizer.lr={start = 1e-3, end = 2e-3, begin = 8, until = 36, shape = "linear"}',
    "generator_optimizer.beta2={start = 0.9, end = 0.99, until = 30}",
    "discriminator_optimizer.beta2={start = 0.9, end = 0.99, until = 30}",
    "objective.penalty=r1+r2",
    "objective.gamma={start = 1.0, end = 0.1, until = 40}",
    "ema_half_life={start = 0.0, end = 20.0, until = 40}",
    'augment.operations=["translate", "cutout"]',
    "augment.probability={start = 0.0, end = 0.8, until = 40}",
)
"""Every field that may move, over ten steps of a batch of four."""


def tiny(*changes):
    return recipe(PLAIN, ["model.width=8", "batch_size=4", "precision=fp32", *changes])


def pixels(small, clock):
    shape = (small.batch_size, small.data.channels, small.data.height, small.data.width)
    return torch.randint(0, 256, shape, generator=stream(0, "x", clock)).to(torch.uint8)


def snapshot(gan):
    networks = {"G": gan.G, "D": gan.D, "G_ema": gan.G_ema}
    weights = {f"{of}.{name}": t for of, network in networks.items() for name, t in network.state_dict().items()}
    slots = {
        f"{of}.{slot}.{i}": tensor
        for of, optimizer in (("g", gan.optimizer_g), ("d", gan.optimizer_d))
        for slot, tensors in optimizer.state.items()
        for i, tensor in enumerate(tensors)
    }
    return copy.deepcopy(weights | slots)


def test_a_schedule_is_its_start_before_and_its_end_after_and_exactly_so():
    for shape in ("cosine", "linear"):
        one = Schedule(start=0.3, end=0.1, begin=100, until=300, shape=shape)
        assert [value_at(one, seen) for seen in (0, 99, 100)] == [0.3] * 3
        assert [value_at(one, seen) for seen in (300, 301, 10**9)] == [0.1] * 3


def test_between_its_ends_it_goes_evenly_or_as_half_a_wave():
    linear = Schedule(start=1.0, end=5.0, begin=100, until=300, shape="linear")
    assert [value_at(linear, seen) for seen in (150, 200, 250)] == pytest.approx([2, 3, 4], rel=1e-15)
    cosine = Schedule(start=1.0, end=5.0, begin=100, until=300)
    expected = [1 + 4 * math.sin(math.pi / 2 * share) ** 2 for share in (0.25, 0.5, 0.75)]
    assert [value_at(cosine, seen) for seen in (150, 200, 250)] == pytest.approx(expected, rel=1e-14)


def test_the_cosine_is_that_of_the_paper_that_burns_in():
    """Huang et al. 2025, their code's law: b + (1 - (1 + cos(pi t)) / 2) (f - b)."""
    one = Schedule(start=2e-4, end=5e-5, until=20_000_000)
    for seen in range(0, 20_000_000, 1_234_567):
        decay = (1 + np.cos(np.pi * seen / 2e7)) / 2
        assert value_at(one, seen) == pytest.approx(2e-4 + (1 - decay) * (5e-5 - 2e-4), rel=1e-12)


def test_a_plain_number_is_itself_at_any_clock():
    assert [value_at(0.25, seen) for seen in (0, 10**6)] == [0.25, 0.25]


def test_half_of_a_schedule_is_half_of_it_everywhere_to_the_bit():
    one = Schedule(start=3e-3, end=1e-4, begin=10, until=90)
    half = scaled(one, 0.5)
    assert all(value_at(half, seen) == value_at(one, seen) / 2 for seen in range(100))
    assert scaled(0.3, 0.25) == 0.075


@pytest.mark.parametrize("comments", [False, True])
def test_toml_and_json_come_back(comments):
    made = tiny(*BURN_IN)
    text = to_toml(made, comments=comments)
    assert (
        'lr = {start = 0.002, end = 0.0, begin = 0, until = 40, shape = "cosine"}\n'
        in text.split("[generator_optim")[1]
    )
    back = from_values(read_toml(text, "test"))
    assert back == made
    assert to_toml(back, comments=comments) == text
    assert from_values(read_toml(text, "test")) == from_values(made.model_dump(mode="json"))


def test_a_file_may_write_it_as_a_table_of_its_own(tmp_path):
    (tmp_path / "mine.toml").write_text(
        'from = "demo"\n[generator_optimizer.lr]\nstart = 0.01\nend = 0\nuntil = 5000\n'
    )
    made = recipe(str(tmp_path / "mine.toml"))
    assert made.generator_optimizer.lr == Schedule(start=0.01, end=0.0, until=5000)
    assert made.generator_optimizer.beta1 == recipe("demo").generator_optimizer.beta1


def test_a_schedule_given_whole_keeps_nothing_of_the_one_before():
    text = "generator_optimizer.lr={start = 0.1, end = 0.0, until = 9}"
    before = override(tiny(), ["generator_optimizer.lr={start = 1, end = 0, begin = 40, until = 80, shape = 'linear'}"])
    assert override(before, [text]).generator_optimizer.lr == Schedule(start=0.1, end=0.0, until=9)


def test_a_set_moves_one_end_and_a_plain_number_takes_the_place_of_all():
    made = override(tiny(*BURN_IN), ["generator_optimizer.lr.end=1e-4", "generator_optimizer.lr.until=80"])
    assert made.generator_optimizer.lr == Schedule(start=2e-3, end=1e-4, until=80)
    assert override(made, ["generator_optimizer.lr=0.5"]).generator_optimizer.lr == 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "generator_optimizer.lr.end=0",
            "generator_optimizer.lr.start is missing: a schedule in place of a number has",
        ),
        (
            "generator_optimizer.lr={start=0.1, end=0}",
            "generator_optimizer.lr.until is missing: a schedule in place of a number has",
        ),
        (
            "generator_optimizer.lr={start=0.1, end=0, untill=9}",
            "unknown field of Schedule 'untill'. Did you mean 'unt",
        ),
        (
            "generator_optimizer.lr={start=-1, end=0, until=9}",
            "generator_optimizer.lr.start must be greater than or eq",
        ),
        ("generator_optimizer.lr={start=0, end=nan, until=9}", "generator_optimizer.lr.end must be a finite number"),
        ("generator_optimizer.lr={start=1, end=0, until=9.5}", "generator_optimizer.lr.until must be a valid integer"),
        (
            'generator_optimizer.lr={start=1, end=0, until=9, shape="step"}',
            "generator_optimizer.lr.shape must be 'cosine' or 'linear', got 'step'",
        ),
        (
            "generator_optimizer.lr={start=1, end=0, begin=9, until=9}",
            "generator_optimizer.lr must be a schedule whose begin comes before its until, got {",
        ),
        (
            "generator_optimizer.lr={start=1, end=1, until=9}",
            "generator_optimizer.lr must be a plain number when a schedule would start and end at the same, got {",
        ),
        (
            "generator_optimizer.beta2={start=0.9, end=1, until=9}",
            "generator_optimizer.beta2 must be less than 1 at both ends, got {",
        ),
        ("augment.probability={start=0, end=2, until=9}", "augment.probability must be at most 1 at both ends, got {"),
        (
            "objective.gamma={start=1, end=0, until=9}",
            "objective.gamma={start = 1.0, end = 0.0, begin = 0, until = 9, sh",
        ),
        ("ema_half_life={start=1, end=-1, until=9}", "ema_half_life.end must be greater than or equal to 0, got -1"),
        ("generator_optimizer.beta1={start=0.9, end=1, until=9}", "generator_optimizer.beta1 must be a valid number"),
        ("generator_optimizer.lr=0", "generator_optimizer.lr must be greater than 0, got 0"),
    ],
)
def test_a_wrong_schedule_is_refused_in_a_sentence_that_names_its_place(change, message):
    with pytest.raises(RecipeError) as caught:
        tiny(change)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_controlled_probability_has_no_schedule_beside_its_target():
    with pytest.raises(RecipeError, match=r"^augment\.target=0\.6 moves the probability itself, and augment\.proba"):
        tiny(
            'augment.operations=["flip"]',
            "augment.target=0.6",
            "augment.speed=9",
            "augment.probability={start=0, end=1, until=9}",
        )


def test_a_weight_that_ends_at_nothing_goes_with_a_penalty_and_its_last_steps_have_none():
    small = tiny("objective.penalty=r1", "objective.gamma={start=1, end=0, begin=4, until=8}")
    gan = build(small, ENGINE)
    logged = [step_on(gan, pixels(small, gan.seen), small, ENGINE) for _ in range(4)]
    assert ["penalty" in values for values in logged] == [True, True, False, False]


def test_the_penalty_is_weighed_by_the_clock():
    found = []
    for gamma, seen in (
        ("{start = 3.0, end = 1.0, until = 8}", 4),
        ("2.0", 4),
        ("{start = 3.0, end = 1.0, until = 8}", 0),
    ):
        small = tiny("objective.penalty=r1", f"objective.gamma={gamma}")
        gan = build(small, ENGINE)
        gan.seen = seen
        found.append(
            discriminator_step(gan, make_batch(small, 0, pixels(small, 0), ENGINE), small.objective, ENGINE)["penalty"]
        )
    assert_close(found[0], found[1])
    assert_close(found[2], found[1] * 1.5)


def descend(optimizer, parameter, updates_done, seen):
    with optimizer.update(updates_done, seen) as add:
        add((parameter**3).sum())


def test_the_rate_of_an_update_is_that_of_the_clock_times_keras_decay():
    """RMSprop without memory moves by the rate against the gradient's sign."""
    lr = Schedule(start=0.5, end=0.25, begin=10, until=20, shape="linear")
    parameter = torch.nn.Parameter(torch.full((1,), 4.0, dtype=torch.float64))
    optimizer, positions = make_optimizer(RMSprop(lr=lr, lr_decay=0.5, rho=0.0, epsilon=1e-30), [parameter]), [4.0]
    for done, seen in enumerate((0, 14, 30)):
        descend(optimizer, parameter, done, seen)
        positions.append(parameter.item())
    assert -np.diff(positions) == pytest.approx([0.5, 0.4 / 1.5, 0.25 / 2], rel=1e-12)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("epsilon_hat", [True, False])
def test_a_moving_beta2_corrects_the_bias_by_its_value_of_now(fused, epsilon_hat):
    """By hand in float64, with the mean square kept under the law of each moment."""
    lr, beta2 = Schedule(start=0.1, end=0.02, until=12), Schedule(start=0.5, end=0.9, until=16, shape="linear")
    rule = Adam(lr=lr, beta1=0.25, beta2=beta2, epsilon=0.3, epsilon_hat=epsilon_hat)
    p = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    optimizer, q, m, v = make_optimizer(rule, [p], fused=fused), np.array([1.0, -2.0]), 0.0, 0.0
    for t in range(1, 7):
        seen = 4 * (t - 1)
        b = min(0.5 + 0.4 * seen / 16, 0.9)
        rate = 0.02 + 0.08 * (1 + math.cos(math.pi * min(seen / 12, 1))) / 2
        descend(optimizer, p, t - 1, seen)
        g = 3 * q**2
        m, v = 0.25 * m + 0.75 * g, b * v + (1 - b) * g**2
        if epsilon_hat:
            q = q - rate * np.sqrt(1 - b**t) / (1 - 0.25**t) * m / (np.sqrt(v) + 0.3)
        else:
            q = q - rate * m / (1 - 0.25**t) / (np.sqrt(v / (1 - b**t)) + 0.3)
    np.testing.assert_allclose(p.detach().numpy(), q, rtol=1e-12)


def test_where_schedules_have_ended_the_run_trains_as_with_their_ends():
    moving = tiny(*BURN_IN, "generator_optimizer.lr.end=1e-4")
    ends = (
        "generator_optimizer.lr=1e-4",
        "discriminator_optimizer.lr=2e-3",
        "generator_optimizer.beta2=0.99",
        "discriminator_optimizer.beta2=0.99",
        "objective.gamma=0.1",
        "ema_half_life=20.0",
        "augment.probability=0.8",
    )
    both = []
    for small in (moving, override(moving, ends)):
        gan = build(small, ENGINE)
        gan.seen = 100
        for _ in range(3):
            step_on(gan, pixels(small, gan.seen), small, ENGINE)
        both.append(snapshot(gan))
    assert all(torch.equal(tensor, both[1][name]) for name, tensor in both[0].items())
    assert "start" not in to_toml(override(moving, ends))


def test_the_chance_of_an_augmentation_follows_the_clock():
    small = tiny(*BURN_IN)
    gan, x = build(small, ENGINE), torch.rand(2000, 1, 8, 8, generator=stream(0, "x", 0))
    numbers = torch.rand(2000, 6, generator=stream(0, "uniform", 0))
    shares = [(gan.augment(x, numbers, seen) != x).flatten(1).any(1).float().mean().item() for seen in (0, 20, 40)]
    assert shares[0] == 0
    assert shares[1:] == pytest.approx([1 - 0.6 * (1 - 0.4 * 8 / 9), 1 - 0.2 * (1 - 0.8 * 8 / 9)], abs=0.03)
    assert [gan.augment.probability_at(seen) for seen in (0, 20, 40, 99)] == pytest.approx([0, 0.4, 0.8, 0.8])


def test_the_half_life_of_the_average_follows_the_clock():
    """At 0 the average is G itself; later it lags behind."""
    small = tiny("ema_half_life={start = 0.0, end = 1000.0, begin = 4, until = 8}")
    gan = build(small, ENGINE)
    follows = []
    for _ in range(4):
        step_on(gan, pixels(small, gan.seen), small, ENGINE)
        follows.append(all(map(torch.equal, gan.G.parameters(), gan.G_ema.parameters())))
    assert follows == [True, True, False, False]


def test_a_run_that_goes_on_in_the_middle_of_its_schedules_is_the_same_to_the_bit(tmp_path):
    small = tiny(*BURN_IN)
    gan, run = build(small, ENGINE), create_run(tmp_path, "small")
    for _ in range(5):
        step_on(gan, pixels(small, gan.seen), small, ENGINE)
    save_checkpoint(run, gan, small)
    again = build(small, ENGINE)
    load_checkpoint(find_checkpoint(run).folder, again)
    before = snapshot(gan)
    for _ in range(3):
        for one in (gan, again):
            step_on(one, pixels(small, one.seen), small, ENGINE)
    found, wanted = snapshot(again), snapshot(gan)
    assert all(torch.equal(tensor, found[name]) for name, tensor in wanted.items())
    assert any(not torch.equal(tensor, before[name]) for name, tensor in wanted.items())
    assert not (find_checkpoint(run).folder / "augment.safetensors").exists()


def test_a_roll_back_halves_both_ends_of_both_rates():
    slow = slowed(tiny(*BURN_IN), 2)
    assert slow.generator_optimizer.lr == Schedule(start=5e-4, end=0.0, until=40)
    assert (slow.discriminator_optimizer.lr.start, slow.discriminator_optimizer.lr.end) == (2.5e-4, 5e-4)


def test_a_change_of_a_schedule_is_one_change_and_is_refused_with_settings_that_can_be_typed(tmp_path):
    run = create_run(tmp_path, "small")
    run.update(seen=0)
    plain, moving = tiny(), tiny(BURN_IN[0])
    (change,) = changes_between(plain, moving)
    assert (change.field, change.old) == ("generator_optimizer.lr", plain.generator_optimizer.lr)
    with pytest.raises(UsageError) as caught:
        check_changes_are_safe(run, plain, moving)
    (typed,) = [part.split("'")[0] for part in str(caught.value).split("--set '")[1:]]
    assert override(plain, [typed]) == moving


def test_keys_of_a_schedule_can_be_set_one_by_one():
    before = recipe("auto").generator_optimizer.lr
    keys = [
        "generator_optimizer.lr.start=1e-3",
        "generator_optimizer.lr.end=1e-4",
        "generator_optimizer.lr.until=900000",
    ]
    after = recipe("auto", keys).generator_optimizer.lr
    assert (after.start, after.end, after.until) == (1e-3, 1e-4, 900_000)
    assert (after.begin, after.shape) == (before.begin, before.shape)


def test_a_name_may_come_after_the_values_of_its_table():
    assert recipe("auto", ["model.width=8", "model.name=residual"]).model.width == 8


def test_a_run_that_goes_on_beyond_its_schedule_says_what_its_rate_stays_at():
    done = tiny("length.images=400", "generator_optimizer.lr={start=1e-3, end=1e-4, until=100}")
    longer, shorter = (override(done, [f"length.images={images}"]) for images in (800, 300))
    (said,) = notes_on_extension(done, longer)
    assert said.startswith("generator_optimizer.lr stays at 0.0001, where its schedule ended; ")
    assert notes_on_extension(done, shorter) == []
    moving = override(done, ["generator_optimizer.lr.until=1000"])
    assert notes_on_extension(moving, override(moving, ["length.images=800"])) == []

"""What the recipe that sets itself makes of the facts."""

from dataclasses import replace

import pytest

from gansmith import recipe
from gansmith.config import value_at
from gansmith.errors import DataError
from gansmith.planning.explain import about_short_budget, explain_auto
from gansmith.recipe_file import override
from gansmith.recipes import auto, family, load_recipe, recipe_names, sets_itself, stated_fields
from gansmith.recipes.fitting import EVALUATIONS, EXAMPLE, FEW, DatasetFacts, short_side_for
from gansmith.schema import Data

OURS = [name for name in recipe_names() if family(name).sets_itself]


def photos(count=300, height=64, width=96, channels=3, name="/photos", **more):
    data = Data(name=name, channels=channels, height=height, width=width)
    return DatasetFacts(data=data, count=count, **more)


def made(name, facts):
    return load_recipe(name, [], facts)


def explained(facts, *changes, name="auto"):
    stated = stated_fields(name, changes)
    return explain_auto(load_recipe(name, changes, facts), facts, stated)


def starting(text, sentences):
    return next((one for one in sentences if one.startswith(text)), "")


@pytest.mark.parametrize("name", OURS)
def test_the_named_recipe_is_the_one_for_the_example(name):
    assert recipe(name) == made(name, EXAMPLE)
    assert sets_itself(name)
    assert not sets_itself("demo")


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("height", "width"), [(28, 28), (64, 64), (96, 64), (32, 256)])
@pytest.mark.parametrize("count", [8, 300, 70_000])
def test_every_shape_and_number_of_images_gives_a_recipe(name, channels, height, width, count):
    facts = photos(count, height, width, channels)
    found = made(name, facts)
    assert found.data == facts.data
    assert found.batch_size <= count
    for interval in (found.evaluate.every, found.length.sample_every, found.length.log_every, found.length.images):
        assert interval % found.batch_size == 0
        assert interval <= found.length.images
    assert found.length.images % found.evaluate.every == 0, "the end is not evaluated"
    assert max(found.grid.rows * height, found.grid.columns * width) <= 1024


@pytest.mark.parametrize(("count", "batch"), [(8, 8), (20, 16), (31, 16), (32, 32), (10**6, 32)])
def test_a_set_smaller_than_a_batch_gets_a_smaller_batch(count, batch):
    assert made("auto", photos(count)).batch_size == batch


def test_too_few_images_are_refused_in_a_sentence():
    with pytest.raises(DataError, match=r"^/photos has 7 images that can be used; 8 are the least to train on, and"):
        made("auto", photos(7))


@pytest.mark.parametrize(
    ("name", "count", "channels", "operations"),
    [
        ("/photos", FEW, 3, ("colour", "translate", "cutout")),
        ("/photos", FEW, 1, ("translate", "cutout")),
        ("/photos", FEW + 1, 3, ()),
        ("mnist[3]", 900, 1, ("translate", "cutout")),
        ("cifar10[ship]", FEW, 3, ("flip", "colour", "translate", "cutout")),
    ],
)
def test_few_images_are_augmented_and_mirrored_only_where_that_is_right(name, count, channels, operations):
    assert made("auto", photos(count, channels=channels, name=name)).augment.operations == operations


def test_the_option_that_mirrors_own_images_is_given():
    assert starting("augmentation is on", explained(photos())).endswith("to allow them: --mirror")


def test_many_images_that_are_mirrored_are_not_called_few():
    mirrored = override(made("auto", photos(FEW + 1)), ['augment.operations=["flip"]'])
    assert starting("images are mirrored", explain_auto(mirrored, photos(FEW + 1), ())).endswith("D does not overfit")


def test_a_gpu_gets_wider_networks():
    for name in OURS:
        assert made(name, photos(gpu=True)).model.width > made(name, photos()).model.width


def test_the_length_follows_the_images_within_bounds_and_a_given_one_is_kept():
    lengths = [made("auto", photos(count)).length.images for count in (8, 20_000, 10**7)]
    assert lengths[0] == pytest.approx(500_000, rel=0.01)
    assert lengths[0] < lengths[1] < lengths[2] == pytest.approx(2_000_000, rel=0.01)
    assert made("auto", photos(images=3200)).steps == 100


def test_average_and_intervals_are_shares_of_the_length():
    short, long = (made("auto", photos(images=images)) for images in (64_000, 256_000))
    assert (short.ema_half_life, long.ema_half_life) == (3200, 12_800)
    assert long.length.images // long.length.sample_every == short.length.images // short.length.sample_every == 20


@pytest.mark.parametrize("steps", [2, 19, 39, 399, 400, 1000, 6250, 31_250, 156_249])
@pytest.mark.parametrize("most", [1, 3, EVALUATIONS])
def test_the_last_evaluation_is_within_a_few_steps_of_the_end_of_any_length(steps, most):
    found = made("auto", photos(images=32 * steps, evaluations=most))
    every = found.evaluate.every // found.batch_size
    assert steps // every <= most
    assert steps % every < EVALUATIONS


def test_without_a_trial_evaluations_paint_a_twentieth_of_what_is_trained_on_and_are_several_if_that_buys_them():
    def evaluated(images, **more):
        found = made("auto", photos(images=images, **more))
        return found.length.images // found.evaluate.every, found.evaluate.images

    lengths = (3200, 32_000, 50_000, 160_000, 320_000, 10**6)
    expected = [(1, 500), (3, 500), (5, 500), (5, 1600), (8, 2000), (EVALUATIONS, 2000)]
    assert [evaluated(images) for images in lengths] == expected
    assert evaluated(50_000, fewest_evaluated=769) == (3, 769), "the features need more"


def test_some_lines_of_the_log_meet_a_lazy_penalty():
    for images in (0, 32_000, 1_000_000):
        found = made("auto", photos(images=images))
        apart = found.length.log_every // found.batch_size
        lines = range(apart, found.steps + 1, apart)
        of_penalty = [step for step in lines if (step - 1) % found.objective.penalty_every == 0]
        assert len(of_penalty) >= len(lines) // 16 > 0


def test_another_length_sets_it_anew_without_images_too():
    assert recipe("auto", ["length.images=64_000"]) == made("auto", replace(EXAMPLE, images=64_000))
    assert recipe("auto", ["length.images=64_000"]).generator_optimizer.lr.until == 64_000
    assert recipe("demo", ["length.images=64_000"]).generator_optimizer.lr == recipe("demo").generator_optimizer.lr


def test_the_rate_falls_over_the_second_half_of_whatever_length():
    for images in (64_000, 256_000):
        rate = made("auto", photos(images=images)).generator_optimizer.lr
        assert value_at(rate, images // 2) == value_at(rate, 0) == auto.RATE
        assert value_at(rate, images * 3 // 4) == pytest.approx((auto.RATE + auto.LAST_RATE) / 2)
        assert value_at(rate, images) == auto.LAST_RATE


def test_what_a_person_sets_holds_and_is_not_explained_by_the_rules():
    changes = ["batch_size=16", "augment.operations=[]"]
    found = load_recipe("auto", changes, photos())
    assert found.batch_size == 16
    assert found.data == photos().data
    sentences = explained(photos(), *changes)
    assert not starting("batch size", sentences)
    assert not starting("augmentation", sentences)
    assert starting("31,240 steps", sentences)


def test_a_file_that_starts_from_it_is_set_too_but_for_what_it_states(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('from = "auto"\nbatch_size = 16\n')
    assert sets_itself(str(file))
    found = load_recipe(str(file), [], photos())
    assert (found.name, found.batch_size, found.data) == ("mine", 16, photos().data)
    sentences = explained(photos(), name=str(file))
    assert not starting("batch size", sentences)
    assert starting("small network (thin-dcgan, width 16)", sentences)


def test_reasons_are_of_the_recipe_as_it_is_in_the_end(tmp_path):
    def said(name, *changes):
        return explained(photos(images=3200), *changes, name=name)

    assert starting("100 steps: ", said("auto"))
    assert starting("50 steps: ", said("auto", "batch_size=64"))
    assert not starting("small network", said("auto", "model.name=residual", "model.width=16"))
    file = tmp_path / "mine.toml"
    file.write_text('from = "auto"\nema_half_life = {start=0.0, end=5000.0, until=1000}\n[model]\nname="residual"\n')
    assert not starting("small network", said(str(file)))
    assert not starting("EMA", said(str(file)))


@pytest.mark.parametrize(
    ("facts", "changes", "said"),
    [
        ({"count": 300, "images": 3200}, [], "evaluated 5 times during training"),
        ({"count": 256, "images": 3200}, [], ""),
        ({"count": 300, "images": 3200}, ["evaluate.validation=40"], ""),
        ({"count": 300, "images": 3200}, ["evaluate.images=200"], ""),
        ({"count": 200, "images": 3200, "height": 16, "width": 16}, [], "evaluated 5 times during training"),
        ({"count": 300, "images": 5}, ["batch_size=1"], ""),
    ],
)
def test_evaluations_are_announced_where_there_will_be_some(facts, changes, said):
    sentences = explained(photos(**facts, evaluations=5), *changes, f"length.images={facts['images']}")
    told = starting("evaluated", sentences)
    assert told.startswith(said)
    assert bool(told) == bool(said)


def test_every_decision_is_one_line():
    for facts in (photos(), photos(20), replace(EXAMPLE, images=64, evaluations=1), photos(gpu=True)):
        sentences = explained(facts)
        assert len(sentences) >= 5
        for text in sentences:
            assert "\n" not in text
            assert len(text) < 260, text


def test_haste_on_a_processor_makes_small_images_and_says_so():
    assert [short_side_for(seconds, gpu=False) for seconds in (0, 40, 7200)] == [64, 32, 64]
    assert short_side_for(40, gpu=True) == 64
    assert "for larger ones: --size 48x64" in about_short_budget(48, 64)

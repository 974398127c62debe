"""Options and names that people bring from other programs: taken, or answered with the line that does it."""

import json
import re
from pathlib import Path

import pytest

import gansmith as package
from gansmith.cli.expected import HABITS
from gansmith.errors import RecipeError, UsageError
from tests.helpers.small_images import file, photo


def refused(result, *parts):
    assert result.code == 2, result.err
    assert len(result.err.splitlines()) == 1
    for part in parts:
        assert part in result.err


def planned(gansmith, *arguments):
    result = gansmith("train", *arguments, "--dry-run", "--json")
    assert result.code == 0, result.err
    return json.loads(result.out)["recipe"]


@pytest.fixture
def photos():
    """A folder of 12 colour images of 40x48."""
    Path("photos").mkdir()
    for number in range(12):
        (Path("photos") / f"{number}.png").write_bytes(file(photo(40, 48, seed=number)))
    return "photos"


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ("train demo --epochs 10", "--steps N, with N = 10 x images / batch size"),
        ("train demo --epochs", "--steps N, with N = EPOCHS x images / batch size"),
        ("train demo --num_epochs=3", "--steps N, with N = 3 x images / batch size"),
        ("train demo --iterations 500", "--steps 500"),
        ("train demo --kimg 250", "--budget 250k-images"),
        ("train demo --resolution 64", "--size 64"),
        ("train demo --img-size 64", "--size 64"),
        ("data prepare a b --resolution=64", "--size 64"),
        ("recipes show demo --resolution 64", "--set data.height=64 --set data.width=64"),
        ("train demo --gpu", "--device cuda"),
        ("train demo --gpus 1", "--device cuda"),
        ("train demo --cpu", "--device cpu"),
        ("train demo --workers 4", "gansmith data prepare SRC OUT --workers 4"),
        ("resume --num-workers=8", "gansmith data prepare SRC OUT --workers 8"),
        ("train demo --output here", "--runs here"),
        ("train demo --outdir ~/x", "--runs ~/x"),
        ("sample last --output x.png", "--out x.png"),
        ("runs animate last --output x.gif", "--out x.gif"),
        ("train --dataset photos", "--data photos"),
        ("train --dataroot photos", "--data photos"),
        ("evaluate last --dataset photos", "--against photos"),
        ("train demo --learning-rate 1e-3", "--lr 1e-3"),
        ("train demo --learning_rate=1e-3", "--lr 1e-3"),
        ("resume --lr 1e-4", "--set discriminator_optimizer.lr=1e-4 --set generator_optimizer.lr=1e-4"),
        ("recipes show demo --lr 1e-4", "--set discriminator_optimizer.lr=1e-4"),
        ("resume --batch-size 16", "--set batch_size=16"),
        ("train demo -bs 16", "--batch-size 16"),
        ("train demo --batch 16", "--batch-size 16"),
        ("train demo --beta1 0.5", "--set discriminator_optimizer.beta1=0.5 --set generator_optimizer.beta1=0.5"),
        ("train demo --latent-dim 100", "--set latents.size=100"),
        ("train demo --nz 100", "--set latents.size=100"),
        ("train demo --ngf 32", "--set model.width=32"),
        ("train demo --channels 3", "--set data.channels=3"),
        ("train demo --loss hinge", "--set objective.loss=hinge"),
        ("train demo --gamma 2", "--set objective.gamma=2"),
        ("train demo --fp16", "--precision bf16"),
        ("train demo --manualSeed 4", "--seed 4"),
        ("train demo --cond", "--labels"),
        ("train demo --flip", "--mirror"),
        ("train demo --model mnist-dcgan", "gansmith train mnist-dcgan"),
        ("train demo --config mine.toml", "gansmith train mine.toml"),
        ("train demo --resume runs/00001-demo", "gansmith resume runs/00001-demo"),
        ("train demo --time 2h", "--budget 2h"),
        ("train demo --save-every 500", "--set length.checkpoint_every=500"),
        ("train demo --run-name first", "--name first"),
        ("sample last --seeds 0-9", "--seed S --num N"),
        ("sample last --num-samples 9", "--num 9"),
        ("sample last --trunc 0.7", "--truncation 0.7"),
        ("evaluate last --num-samples 900", "--num 900"),
        ("train demo --gpu-id -1", "--device cuda"),
        ("train demo -e 3", "--steps N, with N = 3 x images / batch size"),
        ("train demo --patience 3", "--set evaluate.patience=3"),
        ("train demo --evaluate.patience=3", "--set evaluate.patience=3"),
        ("resume --keep-last 3", "--set checkpoints.keep_last=3"),
        ("resume --beta2=0.9", "--set discriminator_optimizer.beta2=0.9 --set generator_optimizer.beta2=0.9"),
        ("recipes show demo --penalty r1", "--set objective.penalty=r1"),
        ("train demo --rows 3", "--set grid.rows=3"),
    ],
)
def test_an_option_of_other_programs_is_answered_with_what_does_it(gansmith, arguments, answer):
    refused(gansmith(*arguments.split()), "unknown option '-", answer, "--help.")


def test_an_option_like_no_other_is_answered_with_where_fields_are_listed(gansmith):
    for verb in ("train", "resume"):
        refused(gansmith(verb, "--n-critic", "5"), "Fields of the recipe: --set FIELD=VALUE, see gansmith recipes show")
    told = gansmith("evaluate", "last", "--n-critic", "5")
    assert told.code == 2
    assert "--set" not in told.err


@pytest.mark.slow
def test_an_answer_names_only_options_that_the_command_has(gansmith):
    for verb in ("train", "resume", "sample", "evaluate"):
        known = set(re.findall(r"--[a-z][a-z-]+", gansmith(verb, "--help").out))
        for name in {name for habit in HABITS for name in habit.names.split()}:
            if f"--{name}" in known:
                continue
            told = gansmith(verb, *(["last"] if verb in ("evaluate", "sample") else []), f"--{name}", "3")
            assert told.code == 2
            if found := re.search(r"here it is (--.*?)\. See", told.err):
                assert set(re.findall(r"--[a-z][a-z-]+", found[1])) <= known, told.err


@pytest.mark.parametrize("name", ["mnist", "fashion-10k", "cifar10", "mnist[0,1]"])
def test_the_name_of_a_dataset_is_told_from_that_of_a_recipe(gansmith, name):
    refused(gansmith("train", name), f"{name} is a dataset", "gansmith train --data ", "recipe")
    with pytest.raises(RecipeError, match="is a dataset"):
        package.recipe(name)


def test_recipes_for_the_dataset_are_named(gansmith):
    refused(gansmith("train", "mnist"), "mnist-mlp", "mnist-dcgan", "gansmith train --data mnist")


def test_the_name_of_a_recipe_is_told_from_that_of_a_dataset(gansmith):
    refused(gansmith("train", "--data", "demo"), "demo is a recipe", "gansmith train demo")
    refused(gansmith("train", "auto", "--data", "mnist-dcgan"), "is a recipe", "gansmith train mnist-dcgan")


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        ("lr", ("discriminator_optimizer.lr", "generator_optimizer.lr")),
        ("learning_rate", ("discriminator_optimizer.lr", "generator_optimizer.lr")),
        ("generator.lr", ("generator_optimizer.lr",)),
        ("optimizer.learning_rate", ("discriminator_optimizer.lr", "generator_optimizer.lr")),
        ("generator_optimizer.learning_rate", ("generator_optimizer.lr",)),
        ("beta1", ("discriminator_optimizer.beta1", "generator_optimizer.beta1")),
        ("batch", ("batch_size",)),
        ("batchsize", ("batch_size",)),
        ("train.batch_size", ("batch_size",)),
        ("epochs", ("length.images",)),
        ("length.epochs", ("length.images",)),
        ("size", ("data.height", "data.width")),
        ("data.size", ("data.height", "data.width")),
        ("resolution", ("data.height", "data.width")),
        ("loss", ("objective.loss",)),
        ("width", ("data.width", "model.width")),
        ("nz", ("latents.size",)),
        ("dataset", ("data.name",)),
        ("bach_size", ("batch_size",)),
    ],
)
def test_an_unknown_field_is_answered_with_the_fields_of_that_meaning(gansmith, field, meant):
    refused(gansmith("train", "demo", "--set", f"{field}=3"), f"'{field}'", *(f"'{one}'" for one in meant))
    with pytest.raises(RecipeError) as told:
        package.recipe("demo", [f"{field}=3"])
    named = set(re.findall(r"'([a-z_.0-9]+)'", str(told.value))) - {field}
    assert named == {*meant}
    assert "--set" not in str(told.value)


def test_an_unknown_field_of_a_file_is_answered_too(gansmith):
    Path("mine.toml").write_text('from = "demo"\nlr = 3e-4\n')
    refused(gansmith("train", "mine.toml"), "'discriminator_optimizer.lr' or 'generator_optimizer.lr'")


@pytest.mark.parametrize(("size", "height", "width"), [("32", 32, 32), ("24x32", 24, 32), ("24X32", 24, 32)])
def test_a_size_is_read_as_data_prepare_reads_it(gansmith, photos, size, height, width):
    data = planned(gansmith, "--data", photos, "--size", size, "--steps", 1)["data"]
    assert (data["height"], data["width"], data["channels"]) == (height, width, 3)


@pytest.mark.parametrize("size", ["x", "0", "32x", "32x32x3", "-4", "5000"])
def test_a_size_that_is_none(gansmith, photos, size):
    refused(gansmith("train", "--data", photos, f"--size={size}"), "is neither a side nor HEIGHTxWIDTH")


def test_a_size_for_networks_of_one_size_is_refused_in_a_sentence(gansmith):
    refused(gansmith("train", "mnist-dcgan", "--size", 30))


def test_batch_size_and_rate_are_those_of_the_recipe(gansmith):
    recipe = planned(gansmith, "fashion-dcgan", "--batch-size", 16, "--lr", "3e-4", "--steps", 2)
    assert recipe["batch_size"] == 16
    assert recipe["discriminator_optimizer"]["lr"] == recipe["generator_optimizer"]["lr"] == 3e-4


def test_a_rate_that_falls_falls_by_as_much_from_the_one_given(gansmith):
    before = planned(gansmith, "demo")["generator_optimizer"]["lr"]
    recipe = planned(gansmith, "demo", "--lr", "3e-4")
    rates = [recipe[f"{network}_optimizer"]["lr"] for network in ("discriminator", "generator")]
    assert rates[0] == rates[1] == before | {"start": 3e-4, "end": 1.5e-5}


@pytest.mark.slow
def test_a_rate_that_falls_does_so_at_the_shares_of_the_run_that_the_length_gives(gansmith):
    for arguments in (["auto", "--steps", 100], ["demo", "--budget", "6400-images"]):
        before, after = (
            planned(gansmith, *arguments, *more)["generator_optimizer"]["lr"] for more in ([], ["--lr=3e-4"])
        )
        assert after == before | {"start": 3e-4, "end": 1.5e-5}


def test_a_rate_where_there_are_two_names_both_settings(gansmith):
    changed = ["--set", "generator_optimizer.lr=2e-4", "--set", "discriminator_optimizer.lr=1e-4"]
    Path("two.toml").write_text(
        'from = "demo"\n[generator_optimizer]\nlr = 2e-5\n[discriminator_optimizer]\nlr = 5e-5\n'
    )
    refused(
        gansmith("train", "two.toml", "--lr", "3e-5"),
        "two has 5e-5 for D and 2e-5 for G",
        "--set discriminator_optimizer.lr=3e-5 --set generator_optimizer.lr=3e-5",
    )
    refused(gansmith("train", "demo", "--lr", "3e-4", *changed), "both set the learning rate")


@pytest.mark.parametrize(
    ("option", "change"),
    [("--size=32", "data.height=32"), ("--size=32", "data.width=32"), ("--batch-size=8", "batch_size=8")],
)
def test_an_option_and_a_set_of_the_same_field_are_refused(gansmith, option, change):
    refused(gansmith("train", "demo", option, "--set", change), "give one of them")


@pytest.mark.parametrize(("option", "part"), [("--batch-size=0", "batch_size"), ("--lr=0", "lr"), ("--lr=nan", "lr")])
def test_numbers_that_cannot_be(gansmith, option, part):
    refused(gansmith("train", "demo", option), part)


def test_mirror_adds_flips_to_what_there_is(gansmith, photos):
    few = ["colour", "translate", "cutout"]
    assert planned(gansmith, "--data", photos, "--steps", 1)["augment"]["operations"] == few
    assert planned(gansmith, "--data", photos, "--steps", 1, "--mirror")["augment"]["operations"] == ["flip", *few]
    assert planned(gansmith, "demo", "--mirror")["augment"]["operations"] == ["flip"]
    own = ["--set", 'augment.operations=["cutout", "flip"]']
    assert planned(gansmith, "demo", "--mirror", *own)["augment"]["operations"] == ["cutout", "flip"]


def test_a_plan_says_how_mirroring_is_allowed_and_that_it_is(gansmith, photos):
    assert (
        "flips are off, since they would mirror text; to allow them: --mirror"
        in gansmith("train", "--data", photos, "--steps", 1, "--dry-run").out
    )
    assert (
        "augmentation is on (flip, colour, translate, cutout)"
        in gansmith("train", "--data", photos, "--steps", 1, "--dry-run", "--mirror").out
    )


def test_python_has_the_same_options(photos):
    there = package.plan(data=photos, steps=1, mirror=True, lr=3e-4).recipe
    assert there.augment.operations == ("flip", "colour", "translate", "cutout")
    assert there.generator_optimizer.lr.start == 3e-4


def test_numbers_are_written_as_people_write_them(gansmith):
    out = gansmith("recipes", "show", "auto").out
    assert "end = 7.5e-5," in out
    assert not re.search(r"e-0\d|\d\.\d*(?:0{7}|9{7})\d*", out)
    out = gansmith("train", "demo", "--dry-run", "--steps", 777, "--lr", "7e-5").out
    assert not re.search(r"e-0\d|\d\.\d*(?:0{7}|9{7})\d*", out)


def test_changes_of_a_recipe_may_be_keywords():
    assert package.recipe("demo", {"batch_size": 16}) == package.recipe("demo", batch_size=16)
    assert package.recipe("demo", model={"width": 8}) == package.recipe("demo", {"model.width": 8})
    assert package.recipe("demo", ["seed=3"], batch_size=16) == package.recipe("demo", {"seed": 3, "batch_size": 16})
    with pytest.raises(UsageError, match="'batch_size'"):
        package.recipe("demo", batch=64)
    with pytest.raises(UsageError, match=r"'discriminator_optimizer\.lr' or 'generator_optimizer\.lr'"):
        package.recipe("demo", lr=64)
    with pytest.raises(UsageError, match="seed"):
        package.recipe("demo", {"seed": 3}, seed=4)


@pytest.mark.parametrize("changes", [{"lr": 1}, ["batch"], 3, [3], {3: 4}, {"batch_size": object()}, [("a", 1)]])
def test_wrong_changes_are_refused_in_the_terms_of_python(changes):
    with pytest.raises(UsageError) as told:
        package.recipe("demo", changes)
    assert "--set" not in str(told.value)

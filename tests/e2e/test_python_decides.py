"""What the command decides or refuses, the Python function of the same name decides or refuses."""

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import gansmith as package
from gansmith.errors import CheckpointError, UsageError
from gansmith.planning import plan
from gansmith.recipe_file import recipe_of
from gansmith.sessions import session
from tests.helpers.small_images import file, photo

NARROW = ["model.width=8", "batch_size=4", "length.log_every=4"]


@pytest.fixture
def photos():
    """A folder of 12 colour images of 40x48."""
    Path("photos").mkdir()
    for number in range(12):
        (Path("photos") / f"{number}.png").write_bytes(file(photo(40, 48, seed=number)))
    return "photos"


@pytest.fixture
def untrained(monkeypatch):
    """Trials answer at once, and no step is taken; returns the recipes that would have been trained."""
    costs = {"step": 0.01, "log": 0.001, "evaluation": 0.2, "grid": 0.02, "checkpoint": 0.03, "once": 1.0}
    about = {"device": "cpu", "precision": "fp32", "available": 1 << 30, "peak": 300 << 20, "seconds": costs}
    monkeypatch.setattr(plan, "try_out", lambda *_arguments, **_options: about)
    recipes = []

    def stop(recipe, *_arguments):
        recipes.append(recipe)
        raise UsageError("not trained")

    monkeypatch.setattr(session, "build", stop)
    return recipes


def trained_by(function, *arguments, **options):
    """Call what would train, and is kept from it."""
    with pytest.raises(UsageError, match="not trained"):
        function(*arguments, **options)


def test_a_toml_file_is_trained_in_the_size_of_its_images(photos, untrained, gansmith):
    Path("mine.toml").write_text(f'from = "auto"\nbatch_size = 4\n[data]\nname = "{photos}"\n')
    gansmith("train", "mine.toml")
    trained_by(package.train, "mine.toml")
    trained_by(lambda: next(package.training_steps("mine.toml")))
    assert untrained[0].data.shape.height == 40
    assert untrained[0] == untrained[1] == untrained[2] == package.recipe("mine.toml")


def test_auto_by_its_name_has_the_length_that_the_command_gives_it(untrained, gansmith):
    gansmith("train", "auto")
    trained_by(package.train, "auto")
    assert untrained[0] == untrained[1]


@pytest.mark.parametrize("name", ["auto", "svhn-dcgan"])
def test_changes_that_name_the_images_give_their_size(name, photos, untrained, gansmith):
    shown = json.loads(gansmith("train", name, "--set", "data.name=photos", "--dry-run", "--json").out)["recipe"]
    assert package.recipe(name, ["data.name='photos'"]).model_dump(mode="json") == shown


@pytest.mark.parametrize("given", ["photos", "~/photos"])
@pytest.mark.parametrize("way", ["set", "toml", "recipe", "own recipe"])
def test_a_run_of_a_relative_path_goes_on_in_another_folder(way, given, photos, monkeypatch):
    monkeypatch.setenv("HOME", str(Path.cwd()))
    sides = ["data.height=16", "data.width=16", "data.channels=3"]
    planned = package.plan("auto", [*NARROW, *sides, f"data.name={photos}"], steps=1)
    if way == "set":
        run = package.train(package.plan("auto", [*NARROW, *sides, f"data.name={given}"], steps=1))
    elif way == "toml":
        Path("mine.toml").write_text(f'from = "auto"\n[data]\nname = "{given}"\n')
        run = package.train(package.plan("mine.toml", [*NARROW, *sides], steps=1))
    elif way == "recipe":
        made = package.recipe("auto", [*NARROW, *sides, f"data.name={given}", "length.images=4"])
        run = package.train(made)
    else:
        own = planned.recipe.model_copy(update={"data": planned.recipe.data.model_copy(update={"name": given})})
        run = package.train(own)
    assert recipe_of(run).data.name == str(Path("photos").resolve())
    run_path = run.path.resolve()
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert package.resume(run_path, steps=2).info()["step"] == 2


def test_a_new_location_may_be_relative(photos):
    run = package.train(package.plan("auto", NARROW, data=photos, steps=1))
    Path("photos").rename("moved")
    package.resume(run, ["data.name=moved"], steps=2)
    assert recipe_of(run).data.name == str(Path("moved").resolve())


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        ((0,), {}, "give at least 1"),
        ((-3,), {}, "give at least 1"),
        ((2,), {"seed": -1}, "seed"),
        ((2,), {"truncation": 0}, "truncation"),
        ((2,), {"truncation": 1.5}, "truncation"),
        ((2,), {"truncation": float("nan")}, "truncation"),
    ],
)
def test_samples_that_the_command_refuses_are_refused(trained, gansmith, arguments, options, sentence):
    with pytest.raises(UsageError, match=sentence):
        package.load(trained).sample(*arguments, **options)
    given = [part for name, value in {"num": arguments[0], **options}.items() for part in (f"--{name}", value)]
    refused = gansmith("sample", trained, "--out", "x.png", *given)
    assert refused.code == 2
    assert sentence in refused.err


@pytest.mark.parametrize(
    ("numbers", "options"),
    [
        ((0,), {}),
        ((), {}),
        ((0, 0), {}),
        ((0, 7, 0), {}),
        ((0, -1), {}),
        ((0, 1), {"frames": 0}),
        ((0, 1), {"seed": -1}),
        ((0, 1), {"truncation": 2}),
    ],
)
def test_interpolations_that_the_command_refuses_are_refused(trained, gansmith, numbers, options):
    with pytest.raises(UsageError):
        package.load(trained).interpolate(numbers, **{"frames": 2, **options})
    given = [part for name, value in {"frames": 2, **options}.items() for part in (f"--{name}", value)]
    refused = gansmith("sample", trained, "--out", "x.gif", f"--interpolate={','.join(map(str, numbers))}", *given)
    assert refused.code == 2


def test_measures_that_the_command_refuses_are_refused(trained, gansmith):
    for options in ({"seed": -1}, {"checkpoint": "newest"}):
        with pytest.raises((UsageError, CheckpointError)):
            package.evaluate(trained, **options)
    with pytest.raises(CheckpointError):
        package.load(trained, "newest")
    with pytest.raises(UsageError):
        package.plan("demo", steps=0)
    with pytest.raises(UsageError):
        package.resume(trained, steps=0)
    with pytest.raises(UsageError):
        package.check_data("fashion-10k", workers=0)


@pytest.mark.slow
def test_no_public_function_moves_the_random_generators_of_the_caller(trained, photos):
    other = shutil.copytree(Path(trained).resolve(), "runs/00009-other")

    def states():
        return torch.get_rng_state().tolist(), repr(np.random.get_state()), random.getstate()

    calls = {
        "load": lambda: package.load(trained),
        "sample": lambda: package.load(trained).sample(3),
        "recipe": lambda: package.recipe("demo"),
        "plan": lambda: package.plan("auto", NARROW, data=photos, steps=1),
        "build": lambda: package.build(package.recipe("demo")),
        "check_data": lambda: package.check_data(photos, workers=1),
        "train": lambda: package.train(package.plan("auto", NARROW, data=photos, steps=1)),
        "resume": lambda: package.resume("last", steps=2),
        "evaluate": lambda: package.evaluate(trained, metrics="kid", features="random", num_images=20),
        "compare": lambda: package.compare({"a": [trained], "b": [other]}, "kid", 20, features="random"),
        "summary": lambda: package.summary(trained),
    }
    moved = []
    for name, call in calls.items():
        before = states()
        call()
        if states() != before:
            moved.append(name)
    assert moved == []


def test_what_loads_and_builds_is_shown_on_one_line(trained):
    for one in (package.load(trained), package.build(package.recipe("demo"))):
        assert len(repr(one)) < 120
        assert "\n" not in repr(one)


def test_a_change_without_a_value_is_told_in_words_that_hold_in_python_too():
    with pytest.raises(UsageError, match=r"^a change is FIELD=VALUE, got 'batch'\.$"):
        package.recipe("demo", ["batch"])

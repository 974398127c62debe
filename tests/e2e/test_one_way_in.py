"""From the command to the first step: what is done once, and what Python users get of it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gansmith as package
from gansmith.data import paths
from gansmith.errors import RecipeError, UsageError
from gansmith.models.base import ModelConfig
from gansmith.planning import plan
from gansmith.recipe_file import recipe_of
from gansmith.runs.run import Run
from gansmith.sessions import session
from tests.helpers.small_images import file, photo

COSTS = {"step": 0.01, "log": 0.001, "evaluation": 0.2, "grid": 0.02, "checkpoint": 0.03, "once": 1.0}

NARROW = ["model.width=8", "length.log_every=32"]


@pytest.fixture
def zoo():
    """A folder of 40 images in two class folders."""
    for name in ("cat", "dog"):
        (Path("zoo") / name).mkdir(parents=True)
        for number in range(20):
            (Path("zoo") / name / f"{number}.png").write_bytes(file(photo(40, 48, seed=number)))
    return "zoo"


@pytest.fixture
def counted(monkeypatch):
    """Counts calls in this process, by what is done."""
    calls = {"listed": 0, "hashed": 0, "built": 0}

    def count(owner, name, what):
        original = getattr(owner, name)

        def counting(*arguments, **options):
            calls[what] += 1
            return original(*arguments, **options)

        monkeypatch.setattr(owner, name, counting)

    count(paths, "open_archive", "listed")
    count(paths, "file_hashes", "hashed")
    count(ModelConfig, "networks", "built")
    return calls


@pytest.fixture
def quick(monkeypatch):
    """Trials answer at once; returns the datasets that they were given."""
    given = []

    def try_out(task, recipe, _device, datasets=None, _reporter=None):
        about = {"device": "cpu", "precision": "fp32", "available": 1 << 30}
        given.append(datasets)
        if task == "memory":
            return about | {"peak": (200 + recipe.batch_size) << 20}
        return about | {"peak": 300 << 20, "seconds": COSTS}

    monkeypatch.setattr(plan, "try_out", try_out)
    return given


def test_a_planned_run_lists_and_hashes_its_folder_once_and_builds_few_networks(
    gansmith, zoo, counted, quick, monkeypatch
):
    built = []
    loop = session.train_loop
    monkeypatch.setattr(session, "train_loop", lambda *arguments: (built.append(counted["built"]), loop(*arguments))[1])
    changes = [part for change in NARROW for part in ("--set", change)]
    result = gansmith("train", "--data", zoo, "--labels", "--budget", "640-images", *changes)
    assert result.code == 0, result.err
    assert (counted["listed"], counted["hashed"]) == (1, 1)
    assert 0 < built[0] <= 6
    assert recipe_of(Run(result.run)).data.num_classes == 2


@pytest.mark.slow
def test_a_trial_gets_the_packed_images_and_looks_no_source_up(gansmith, zoo, monkeypatch):
    packed = []
    original = plan.try_out

    def try_out(task, recipe, device, datasets=None, reporter=None):
        if datasets is not None:
            Path(zoo).rename("moved")
            packed.append(datasets)
        return original(task, recipe, device, datasets)

    monkeypatch.setattr(plan, "try_out", try_out)
    options = ("--labels", "--budget", "640-images", "--set", "model.width=8", "--dry-run", "--json")
    result = gansmith("train", "--data", zoo, *options)
    assert result.code == 0, result.err
    assert json.loads(result.out)["plan"]["seconds_each"]["step"] > 0
    assert len(packed) == 1


def test_auto_from_python_is_set_from_the_images_as_by_the_command(gansmith, zoo, quick):
    shown = json.loads(gansmith("train", "auto", "--data", zoo, "--budget", "1h", "--dry-run", "--json").out)
    made = package.recipe("auto", data=zoo, budget="1h")
    assert made.model_dump(mode="json") == shown["recipe"]
    assert (made.data.channels, made.data.height, made.data.width) == (3, 40, 48)
    trap = package.recipe("auto", [f"data.name={zoo}"])
    assert (trap.data.channels, trap.data.height, trap.data.width) == (3, 40, 48)
    assert package.recipe("auto", data=zoo, labels=True).data.num_classes == 2


def test_a_plan_from_python_trains_on_the_dataset_that_it_opened(zoo, quick, counted):
    found = package.plan("auto", {"model.width": 8, "batch_size": 4}, data=zoo, steps=2)
    assert found.to_dict()["recipe"]["length"]["images"] == 8
    run = package.train(found)
    assert counted["listed"] == 1
    assert set(found.notes) <= set(json.loads((run.path / "run.json").read_text())["notes"])
    images = package.load(run).sample(3)
    assert (images.shape, images.dtype) == ((3, 40, 48, 3), np.uint8)
    assert package.resume(run.path, {"length.log_every": 4}, steps=3).info()["step"] == 3


def test_changes_may_be_a_mapping():
    flat = {"batch_size": 16, "data.order": "sequential", "augment.operations": ["flip"]}
    nested = {"batch_size": 16, "data": {"order": "sequential"}, "augment": {"operations": ("flip",)}}
    assignments = ["batch_size=16", "data.order=sequential", 'augment.operations=["flip"]']
    made = [package.recipe("demo", changes) for changes in (flat, nested, assignments)]
    assert made[0] == made[1] == made[2]
    assert package.recipe("demo", "batch_size=16").batch_size == 16


def test_a_name_that_is_no_recipe_is_told_in_a_sentence():
    with pytest.raises(RecipeError, match=r"^unknown recipe 'dmeo'\. Did you mean 'demo'\?"):
        package.train("dmeo")
    with pytest.raises(UsageError, match="both say how long the run is"):
        package.plan("demo", budget="10m", steps=3)


def test_the_public_names_are_shown():
    assert {"build", "load", "plan", "recipe", "resume", "train"} <= {*dir(package)}
    for name in package.__all__:
        assert getattr(package, name)


@pytest.mark.parametrize("module", ["schema", "recipe_file", "recipes", "runs.run", "runs.history", "report"])
def test_recipes_and_runs_are_read_without_torch(module):
    code = f"import sys, gansmith.{module}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("arguments", [["recipes", "list"], ["recipes", "list", "--json"], ["runs", "list"]])
def test_lists_are_shown_without_torch(arguments):
    code = f"import sys; from gansmith.cli.main import main; main({arguments}); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()

"""Every command that a message offers does what the message says, in a folder with blanks, quotes and umlauts."""

import ast
import json
import re
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import gansmith as package
from gansmith.cli.main import main
from gansmith.errors import Interrupted
from gansmith.runs.run import find_run
from tests.helpers.keras_files import write_numbered
from tests.helpers.small_images import file, photo, write_images

SOURCE = Path(package.__file__).parent
SMALL = ["--set", "model.width=4", "--set", "batch_size=4", "--set", "data.limit=12", "--set", "grid.rows=2"]
SMALL += ["--set", "evaluate.every=0", "--set", "length.checkpoint_every=8"]
PLACE = 'Meine Bilder, "größte" & Bob\'s $HOME'

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    (tmp_path / PLACE).mkdir()
    monkeypatch.chdir(tmp_path / PLACE)
    monkeypatch.setenv("GANSMITH_RUNS", str(tmp_path / PLACE / "runs of mine"))
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / PLACE / "cache"))
    write_images(Path("my photos"), [f"{number}.png" for number in range(12)])


@pytest.fixture
def gansmith(capfd):
    """Runs a command; returns its exit code and all that it printed."""

    def call(*words):
        capfd.readouterr()
        code = main([str(word) for word in words])
        return code, "".join(capfd.readouterr())

    return call


def commands(text, *words):
    """The commands of a message that begin with these words, as a shell takes them apart."""
    found = re.findall(r"gansmith (" + " ".join(words) + r"\b.*?)(?:`| \(a change of .*|\s*$)", text, re.M)
    return [shlex.split(one) for one in found]


def run_of(gansmith, *more):
    code, printed = gansmith("train", "demo", "--data", "my photos", "--steps", "4", *SMALL, *more)
    assert code == 0, printed
    return find_run("last")


SITES = {
    "report": ["resume", "runs figures"],
    "sessions.changes": ["resume", "resume", "train"],
    "sessions.resume": ["train"],
    "sessions.session": ["resume"],
    "sessions.rollback": ["resume"],
    "comparison.moments": ["evaluate"],
    "cli.data.own": ["train"],
    "cli.data.known": ["data get"],
    "cli.features": ["features get"],
    "cli.runs.keep": ["resume"],
    "checkpoints.save": ["resume"],
    "cli.runs.show": ["resume"],
    "cli.train": ["recipes show", "train"],
    "recipes.__init__": ["train", "train"],
    "data.open_source": ["data check", "data prepare"],
    "data.check.check_data": ["train"],
}
"""Where messages offer commands. Each has its test below, but those of the report, which test_pages reads."""


def test_every_place_that_offers_a_command_is_tried_here():
    found = {}
    for path in SOURCE.rglob("*.py"):
        name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "command":
                words = [one.value for one in call.args[:2] if isinstance(one, ast.Constant)]
                verb = " ".join(word for word in words if not word.startswith("-"))
                found.setdefault(name, []).append(verb)
    assert {name: sorted(verbs) for name, verbs in found.items()} == SITES


def test_data_check_offers_to_pack_and_a_packed_dataset_to_train(gansmith):
    code, printed = gansmith("data", "check", "my photos")
    (prepare,) = commands(printed, "data prepare")
    assert (code, gansmith(*prepare)[0]) == (0, 0)
    printed = gansmith("data", "check", "OUT")[1]
    (train,) = commands(printed, "train")
    assert gansmith(*train, "--dry-run")[0] == 0
    code, printed = gansmith("data", "prepare", "OUT", "again")
    (train,) = commands(printed, "train")
    assert (code, gansmith(*train, "--dry-run")[0]) == (2, 0)


def test_a_folder_in_the_place_of_a_recipe_and_one_without_images(gansmith):
    code, printed = gansmith("train", "./my photos")
    (train,) = commands(printed, "train")
    assert (code, gansmith(*train, "--dry-run")[0]) == (2, 0)
    Path("no images").mkdir()
    Path("no images/a.txt").write_text("text")
    code, printed = gansmith("train", "--data", "no images")
    (check,) = commands(printed, "data check")
    assert code == 3
    assert gansmith(*check)[0] == 3
    assert "not an image" in gansmith(*check)[1]


def test_a_dataset_in_the_place_of_a_recipe_and_the_other_way_round(gansmith):
    code, printed = gansmith("train", "fashion-10k")
    (train,) = commands(printed, "train")
    assert (code, gansmith(*train, "--steps", "2", "--dry-run")[0]) == (2, 0)
    code, printed = gansmith("train", "--data", "demo")
    assert code in (2, 3)
    assert "no dataset: gansmith train demo trains it" in printed
    assert gansmith("train", "demo", "--dry-run", "--steps", "2")[0] == 0


def test_a_change_that_is_another_run_is_offered_as_a_fork_with_all_that_it_needs(gansmith):
    run = run_of(gansmith)
    code, printed = gansmith("resume", "last", "--steps", "6", "--set", "generator_optimizer.beta1=0.4")
    (fork,) = commands(printed, "resume")
    assert (code, gansmith(*fork)[0]) == (2, 0)
    code, printed = gansmith("resume", run.path, "--set", "generator_optimizer.beta1=0.3")
    (fork,) = commands(printed, "resume")
    assert (code, gansmith(*fork)[0]) == (2, 0)
    assert len(list(run.path.parent.glob("0*"))) == 3


@pytest.mark.parametrize("change", ["model.width=8", "latents.size=7", "data.height=20"])
def test_a_change_of_the_networks_is_offered_as_a_new_training(gansmith, change):
    run_of(gansmith)
    code, printed = gansmith("resume", "last", "--steps", "6", "--set", change)
    assert not commands(printed, "resume")
    (train,) = commands(printed, "train")
    assert (code, gansmith(*train, "--steps", "4")[0]) == (2, 0)


def test_images_that_changed_or_moved(gansmith):
    run = run_of(gansmith)
    Path("my photos/0.png").write_bytes(file(photo(40, 40, seed=77)))
    code, printed = gansmith("resume", "last", "--steps", "6")
    (fork,) = commands(printed, "resume")
    assert (code, gansmith(*fork)[0]) == (2, 0)
    Path("my photos").rename("elsewhere; rm")
    code, printed = gansmith("resume", run.path, "--steps", "6")
    (moved,) = commands(printed, "resume")
    code, printed = gansmith(*["elsewhere; rm" if word == "PATH" else word for word in moved], "--steps", "6")
    (fork,) = commands(printed, "resume")
    assert "elsewhere; rm" in " ".join(fork)
    assert (code, gansmith(*fork)[0]) == (2, 0)


def test_a_full_disk_and_a_best_that_is_gone_say_how_to_go_on(gansmith, monkeypatch):
    usage, calls = shutil.disk_usage, []

    def full_after_the_first(path):
        calls.append(path)
        return usage(path) if len(calls) == 1 else SimpleNamespace(free=0)

    with monkeypatch.context() as patch:
        patch.setattr("gansmith.checkpoints.save.shutil.disk_usage", full_after_the_first)
        code, printed = gansmith("train", "demo", "--data", "my photos", "--steps", "4", *SMALL)
    (resume,) = commands(printed, "resume")
    assert (code, gansmith(*resume)[0]) == (8, 0)
    best = find_run("last").checkpoints / "best"
    best.unlink(missing_ok=True)
    best.write_text("00000099\n")
    code, printed = gansmith("runs", "verify", "last")
    (resume,) = commands(printed, "resume")
    assert (code, gansmith(*resume, "--steps", "6")[0]) == (5, 0)
    assert gansmith("runs", "verify", "last")[0] == 0


def test_a_dry_run_without_a_trial_says_what_tells_the_time(gansmith):
    code, printed = gansmith("train", "fashion-mlp", "--steps", "2", "--dry-run")
    (show,) = commands(printed, "recipes", "show")
    assert (code, show) == (0, ["recipes", "show", "fashion-mlp", "--trial"])


def test_what_is_not_here_names_the_command_that_fetches_it(gansmith, monkeypatch, tmp_path):
    monkeypatch.setenv("GANSMITH_DATA", str(tmp_path / "none"))
    for listed, words in (("data", "data get"), ("features", "features get")):
        for fetch in commands(gansmith(listed, "list")[1], words):
            code, printed = gansmith(*fetch, "--offline")
            assert code == 3
            assert "offline" in printed


def test_a_stopped_run_says_how_to_go_on(gansmith):
    class Stopping:
        def note(self, text):
            pass

        def progress(self, progress):
            (find_run("last").control / "stop").touch()

    recipe = package.recipe(
        "demo",
        [
            f"data.name={json.dumps(str(Path('my photos').resolve()), ensure_ascii=False)}",
            *SMALL[1::2],
            "length.images=400",
        ],
    )
    with pytest.raises(Interrupted) as stopped:
        package.train(recipe, reporter=Stopping())
    (resume,) = commands(str(stopped.value), "resume")
    (again,) = commands(gansmith("runs", "show", "last")[1], "resume")
    assert resume == again
    assert gansmith(*resume)[0] == 0


def test_a_run_that_diverged_says_how_to_go_on(gansmith):
    code, printed = gansmith("train", "demo", *SMALL, "--steps", "30", "--set", "discriminator_optimizer.lr=1e30")
    assert code == 4
    (resume,) = commands(printed, "resume")
    assert gansmith(*resume)[0] == 4  # no rate of a few halvings helps here


def test_an_imported_run_says_how_to_train_its_recipe(gansmith):
    write_numbered("gan.h5", package.build(package.recipe("fashion-dcgan")).G)
    assert gansmith("import-keras", "gan.h5", "--recipe", "fashion-dcgan")[0] == 0
    code, printed = gansmith("resume", "last")
    (train,) = commands(printed, "train")
    assert code == 5
    assert gansmith(*train, "--dry-run")[0] == 0


def test_runs_without_evaluations_say_how_to_measure_them(gansmith):
    run_of(gansmith)
    run_of(gansmith, "--set", "generator_optimizer.beta1=0.3")
    printed = gansmith("runs", "compare", "1", "2", "-n", "12", "--metrics", "kid")[1]
    evaluate = commands(printed, "evaluate")
    assert evaluate
    assert gansmith(*evaluate[0], "-n", "12", "--metrics", "kid")[0] == 0


def test_images_of_another_size_are_compared_after_packing(gansmith):
    np.save("made.npy", np.zeros((12, 20, 24, 3), np.uint8))
    code, printed = gansmith("evaluate", "made.npy", "--against", "my photos", "-n", "12", "--metrics", "kid")
    (prepare,) = commands(printed, "data prepare")
    assert (code, gansmith(*prepare)[0]) == (3, 0)
    against = gansmith("evaluate", "made.npy", "--against", "OUT", "-n", "12", "--metrics", "kid")
    assert against[0] == 0, against[1]

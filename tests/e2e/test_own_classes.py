"""Images with and without classes, label files of every kind, and train/ beside test/, as a user trains on them."""

import json
from pathlib import Path

import pytest

from gansmith.data import dataset, prepare, sources
from gansmith.data.prepare import earlier_key
from gansmith.runs.run import Run
from tests.helpers.small_images import write_images

SHORT = ("--steps", 2, "--set", "batch_size=4", "--set", "model.width=4")


@pytest.fixture
def photos():
    """Twelve images of each of three classes; those of birds have a suffix that is not known."""
    names = [f"{kind}/{number}.jpg" for kind in ("cat", "dog") for number in range(12)]
    return write_images(Path("photos"), [*names, *(f"bird/{number}.jfif" for number in range(12))])


def notes_of(result):
    return Run(result.run).info()["notes"]


def test_all_images_are_trained_on_and_their_folders_are_classes(gansmith, photos):
    result = gansmith("train", "--data", photos, *SHORT)
    assert result.code == 0, result.err
    assert "36 of the 36 images of photos" in result.err
    told = gansmith("train", "--data", photos, "--labels", *SHORT)
    assert told.code == 0, told.err
    assert "conditional on 3 classes: bird, cat, dog" in told.err
    assert Run(told.run).info()["data"]["class_counts"] == [12, 12, 12]


def test_images_without_a_class_are_trained_on_unless_classes_are_asked_for(gansmith, photos):
    write_images(photos, ["stray.png", "strays.gif"])
    plain = gansmith("train", "--data", photos, *SHORT)
    assert "38 of the 38 images of photos" in plain.err
    for options in (("--labels",), ("--set", "data.num_classes=3")):
        refused = gansmith("train", "--data", photos, *options, *SHORT)
        assert refused.code == 3
        assert "2 of the 38 images of " in refused.err
        assert "have no class, the first is stray.png; give them one, remove them," in refused.err
    told = gansmith("train", "--data", photos, "--labels", "--allow-dropped", *SHORT)
    assert told.code == 0, told.err
    assert "36 of the 38 images of photos" in told.err
    assert "2 images have no class and are not trained on, the first is stray.png" in notes_of(told)
    resumed = gansmith("resume", told.run, "--steps", 3, "--allow-dropped")
    assert resumed.code == 0, resumed.err


def test_a_label_file_of_another_kind_is_a_note_and_an_error_only_for_who_asks_for_classes(gansmith):
    write_images(Path("photos"), [f"{number}.png" for number in range(12)])
    Path("photos/labels.json").write_text(json.dumps({"images": [], "annotations": []}))
    result = gansmith("train", "--data", "photos", *SHORT)
    assert result.code == 0, result.err
    (note,) = [note for note in notes_of(result) if "labels.json" in note]
    assert note.startswith("labels.json gives no classes: it is a COCO file")
    for options, instead in (
        (("--data", "photos", "--labels"), "leave out --labels."),
        (("--data", "photos[cat]"), "leave out [cat]."),
        (("--data", "photos", "--set", "data.num_classes=2"), "leave out data.num_classes=2."),
    ):
        refused = gansmith("train", *options, *SHORT)
        assert refused.code == 3
        assert f"{note}, or {instead}\n" in refused.err


@pytest.fixture
def parts():
    counts = {"train": 24, "val": 5, "test": 20}
    return write_images(Path("parts"), [f"{part}/{n}.png" for part, num in counts.items() for n in range(num)])


SAID = "train/: 24 of 49 images; test/ 20 and val/ 5 are not trained on"


def test_train_is_trained_on_and_test_evaluated_against_and_the_plan_says_so(gansmith, parts):
    dry = gansmith("train", "--data", parts, *SHORT, "--dry-run")
    assert SAID in dry.out.splitlines()
    assert SAID in json.loads(gansmith("train", "--data", parts, *SHORT, "--dry-run", "--json").out)["notes"]
    result = gansmith("train", "--data", parts, *SHORT)
    assert result.code == 0, result.err
    assert "24 of the 24 images of parts" in result.err
    assert notes_of(result).count(SAID) == 1
    assert f"note: {SAID}" in gansmith("data", "check", parts).out
    measured = gansmith("evaluate", result.run, "--metrics", "pr", "--json")
    assert measured.code == 0, measured.err
    assert json.loads(measured.out)["protocol"]["split"] == "test"
    assert "24 images of 40x40x3" in gansmith("data", "prepare", parts, "store").err
    assert "20 images of 40x40x3" in gansmith("data", "prepare", parts, "tests", "--split", "test").err


def test_both_splits_are_train_and_test(gansmith, parts):
    result = gansmith("train", "--data", parts, "--set", "data.split=both", *SHORT)
    assert "44 of the 44 images of parts" in result.err
    assert "train/ and test/: 44 of 49 images; val/ 5 are not trained on" in result.err


def test_a_run_of_an_earlier_version_goes_on_with_the_images_it_had(gansmith, parts, monkeypatch):
    """It took all parts for one set. As long as the files are the same, so does its continuation."""
    with monkeypatch.context() as earlier:
        earlier.setattr(sources, "take_split", lambda source, split: source)
        for module in (dataset, prepare):
            earlier.setattr(module, "source_key", earlier_key)
        run = gansmith("train", "--data", parts, *SHORT).run
    assert Run(run).info()["data"]["count"] == 49
    resumed = gansmith("resume", run, "--steps", 3)
    assert resumed.code == 0, resumed.err
    write_images(parts, ["train/new.png"])
    refused = gansmith("resume", run, "--steps", 4)
    assert refused.code == 2
    assert "its images are not those it was trained on" in refused.err

"""`gansmith runs compare`, from runs on disk to table, page and verdict."""

import json

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # much measuring, slow beside other work


@pytest.fixture
def three(gansmith, trained, tiny):
    """Two seeds of one recipe, and a wider one; all evaluated during training."""
    evaluating = ("--set", "evaluate.every=16", "--set", "evaluate.images=200")
    for changes in (("seed=1",), ("seed=2",), ("model.width=8",)):
        options = [part for change in changes for part in ("--set", change)]
        assert gansmith("train", tiny, *options, *evaluating).code == 0
    return "2", "3", "4"


def test_seeds_are_one_group_and_the_table_ends_with_a_verdict_and_the_page(gansmith, three):
    result = gansmith("runs", "compare", *three, "-n", "300")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[0].startswith("A  00002-tiny (seed 1, 48 images), 00003-tiny (seed 2, 48 images)")
    assert lines[1].startswith("B  00004-tiny")
    assert not any(line.startswith("note: without") for line in lines), "300 images are enough for all"
    assert "   model.width: 4 | 8" in lines
    assert {"fd", "kid", "precision", "recall", "density", "coverage"} <= {line.split()[0] for line in lines if line}
    assert any(line.startswith("equal time") for line in lines), (
        "with a distance or, as the clocks would have it, why not"
    )
    assert any("(fd of A minus B: " in line for line in lines)
    assert result.run.read_text().startswith("<!doctype html>")


def test_json_holds_the_same_and_names_the_page(gansmith, three):
    facts = json.loads(gansmith("runs", "compare", *three, "-n", "300", "--metrics", "fd", "--json").out)
    assert facts["groups"] == {"A": ["00002-tiny", "00003-tiny"], "B": ["00004-tiny"]}
    assert len(facts["moments"][0]["rows"]["fd"]["A"]["values"]) == 2
    assert facts["protocol"]["fake"] == 300
    assert facts["page"] == "runs/comparison-2-3-4.html"


def test_one_run_or_seeds_alone_are_refused_before_anything_is_measured(gansmith, three):
    result = gansmith("runs", "compare", "2")
    assert result.code == 2
    assert "takes two runs or more, got 1" in result.err
    assert "differ in the seed only" in gansmith("runs", "compare", "2", "3").err


def test_too_few_images_for_one_measure_leave_out_that_one(gansmith, three):
    facts = json.loads(gansmith("runs", "compare", *three, "-n", "100", "--json").out)
    assert facts["decides"] == "kid"
    assert facts["left_out"].keys() == {"fd"}
    assert facts["notes"][0].startswith("fd is left out: it needs at least 129 images of either kind")
    asked = gansmith("runs", "compare", *three, "-n", "100", "--metrics", "fd")
    assert asked.code == 2
    assert "fd needs at least 129 images" in asked.err


def test_features_are_those_asked_for(gansmith, three):
    facts = json.loads(
        gansmith("runs", "compare", *three, "-n", "300", "--metrics", "kid", "--features", "random", "--json").out
    )
    assert facts["protocol"]["features"] == "random"


def test_runs_on_other_images_are_refused_with_both_named(gansmith, trained, tiny):
    assert gansmith("train", tiny, "--data", "fashion-10k[8]").code == 0
    result = gansmith("runs", "compare", "1", "2", "-n", "300")
    assert result.code == 2
    assert "the real images of 00001-tiny and 00002-tiny are not the same: " in result.err.splitlines()[-1]
    assert "evaluate both" not in result.err

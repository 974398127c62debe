"""`gansmith runs list`: which runs, in which order, and the settings in which they differ."""

import pytest

from gansmith.cli.main import main
from gansmith.errors import UsageError
from gansmith.runs.listing import differing_settings, select_runs
from gansmith.runs.run import create_run
from gansmith.runs.summary import summary


@pytest.fixture
def root(tmp_path):
    def made(name, status, loss, lr, fd):
        run = create_run(tmp_path / "runs", name)
        optimizer = {"lr": lr, "beta1": 0.5}
        recipe = {"name": name, "data": {"name": "digits"}, "objective": {"loss": loss}, "G": optimizer, "seed": 1}
        run.update(status=status, recipe=recipe, step=4)
        if fd is not None:
            run.append_metric({"step": 4, "seen": 16, "fd": {"value": fd, "low": fd - 1, "high": fd + 1}})

    made("dcgan", "done", "hinge", 0.002, 30.0)
    made("dcgan", "failed", "non-saturating", {"start": 0.1, "end": 0.01}, 10.0)
    made("mlp", "done", "hinge", 0.5, None)
    made("dcgan", "done", "hinge", 0.001, 20.0)
    return tmp_path / "runs"


@pytest.fixture
def four(root):
    return [summary(str(number), root) for number in (1, 2, 3, 4)]


def numbers(runs):
    return [one.run.number for one in runs]


@pytest.mark.parametrize(
    ("where", "sort", "expected"),
    [
        ((), "run", [1, 2, 3, 4]),
        ((), "fd", [2, 4, 1, 3]),
        (("status=done",), "fd", [4, 1, 3]),
        (("recipe=dcgan", "objective.loss=hinge"), "run", [1, 4]),
        (("G.lr=0.001",), "run", [4]),
        (("dataset=digits",), "run", [1, 2, 3, 4]),
        (("status=stopped",), "run", []),
    ],
)
def test_runs_are_filtered_and_sorted(four, where, sort, expected):
    assert numbers(select_runs(four, where, sort)) == expected


def test_wrong_fields_conditions_and_orders_are_named(four):
    with pytest.raises(UsageError, match=r"unknown field 'objective.los'. Did you mean 'objective.loss'"):
        select_runs(four, ["objective.los=hinge"])
    with pytest.raises(UsageError, match="--where takes FIELD=VALUE"):
        select_runs(four, ["done"])
    with pytest.raises(UsageError, match="unknown order 'fid'"):
        select_runs(four, sort="fid")


def test_settings_that_differ_are_those_among_runs_of_one_recipe(four):
    assert differing_settings(four) == ["objective.loss", "G.lr"]
    assert differing_settings(four[::2]) == [], "another recipe differs in all, which says nothing"


def test_the_command_shows_columns_of_settings_and_says_when_nothing_fits(root, capsys):
    assert main(["runs", "list", "--runs", str(root), "--sort", "fd", "--where", "status=done"]) == 0
    heading, first, *_ = capsys.readouterr().out.splitlines()
    assert heading.split()[-1] == "G.lr"
    assert first.startswith("00004-dcgan")
    assert first.split()[-1] == "0.001"
    assert main(["runs", "list", "--runs", str(root), "--where", "status=stopped"]) == 0
    assert "none of the 4 runs" in capsys.readouterr().err


def test_a_damaged_run_is_listed_and_fits_only_its_status(root, four):
    (root / "00001-dcgan" / "run.json").write_text("{")
    from gansmith.runs.run import find_run
    from gansmith.runs.summary import summary_or_unreadable

    damaged = summary_or_unreadable(find_run("1", root))
    assert numbers(select_runs([damaged, *four[1:]], ["status=unreadable"])) == [1]
    assert differing_settings([damaged, four[2]]) == []

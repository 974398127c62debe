"""What a reviewer asks of a comparison: named groups, paired seeds, named contradictions, tables for a paper."""

import csv
import io
import json
from dataclasses import replace

import pytest

import gansmith
from gansmith.cli.runs.compare import _groups
from gansmith.comparison.compare import compare_measured
from gansmith.comparison.page import write_page
from gansmith.comparison.tables import latex_table, markdown_table
from gansmith.errors import UsageError
from gansmith.evaluation.seeds import difference, summarise
from tests.unit.comparison.test_comparison import estimate, measured_run


def named(tmp_path, name, number, *changes, **more):
    return replace(measured_run(tmp_path, number, *changes, **more), group_name=name)


def hinge_and_ns(tmp_path, hinge=(10, 30, 20), ns=(15, 36, 24)):
    return [
        named(tmp_path, name, first + seed, f"seed={seed}", f"batch_size={first}", fd=fd)
        for name, first, values in (("hinge", 10, hinge), ("ns", 20, ns))
        for seed, fd in enumerate(values)
    ]


def test_names_of_groups_are_in_lines_json_and_page(tmp_path):
    found = compare_measured(hinge_and_ns(tmp_path))
    assert [line.split()[0] for line in found.lines() if line][:2] == ["hinge", "ns"]
    assert found.to_dict()["groups"].keys() == {"hinge", "ns"}
    assert found.verdicts == {"hinge, ns": "hinge better"}
    write_page(found, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "<th>hinge</th>" in text
    assert "hinge better, by fd" in text


def test_runs_without_a_name_have_letters_that_no_name_has(tmp_path):
    runs = [named(tmp_path, "A", 1), measured_run(tmp_path, 2, "model.width=8"), measured_run(tmp_path, 3, "seed=5")]
    assert [group.name for group in compare_measured(runs).groups] == ["A", "B", "C"]


def test_a_named_group_of_unlike_recipes_is_noted_and_equal_recipes_are_too(tmp_path):
    runs = [named(tmp_path, "mixed", 1), named(tmp_path, "mixed", 2, "model.width=8"), named(tmp_path, "other", 3)]
    notes = compare_measured(runs).notes
    assert "runs of mixed differ in more than the seed: model.width" in notes
    assert "the groups have the same recipe, so that any difference is chance" in notes


def test_one_named_group_alone_is_refused(tmp_path):
    with pytest.raises(UsageError, match="all runs are in the group 'hinge'; give a second group"):
        compare_measured([named(tmp_path, "hinge", 1), named(tmp_path, "hinge", 2, "model.width=8")])


@pytest.mark.parametrize(
    ("what", "groups"),
    [
        (["hinge=1,2", "ns=3"], {"hinge": ["1", "2"], "ns": ["3"]}),
        (["hinge=1", "hinge=2", "3"], {"hinge": ["1", "2"], "": ["3"]}),
        (["1", "2"], {"": ["1", "2"]}),
    ],
)
def test_the_command_names_groups(what, groups):
    assert _groups(what) == groups


@pytest.mark.parametrize("text", ["=1,2", "hinge=", "hinge=1,,2", "a,b=1", " =1"])
def test_a_group_without_a_name_or_a_run_is_refused_with_the_form(text):
    with pytest.raises(UsageError, match="write NAME=RUN,RUN"):
        _groups([text])


def test_a_run_whose_path_holds_an_equals_sign_is_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr=3").mkdir()
    assert _groups(["lr=3"]) == {"": ["lr=3"]}


@pytest.mark.parametrize("name", ["a,b", "a=b", " a"])
def test_a_name_that_the_command_could_not_write_is_refused_in_python(tmp_path, name):
    with pytest.raises(UsageError, match="cannot name a group"):
        gansmith.compare({name: ["1"], "b": ["2"]}, root=tmp_path)


def test_runs_with_the_same_seeds_are_compared_seed_by_seed():
    a = summarise("fd", [estimate(one) for one in (10, 30, 20)], (1, 2, 3))
    b = summarise("fd", [estimate(one) for one in (24, 15, 36)], (3, 1, 2))
    found = difference(a, b)
    assert found.paired_seeds == (1, 2, 3)
    # differences -5, -6, -4: mean -5, deviation 1, Student's 4.303 / sqrt(3)
    assert (found.mean, found.high - found.mean) == (pytest.approx(-5), pytest.approx(4.303 / 3**0.5))
    assert found.better("fd") == 1


@pytest.mark.parametrize("seeds", [(1, 2, 4), (1, 2, 2), ()])
def test_other_seeds_or_one_twice_are_not_paired(seeds):
    a = summarise("fd", [estimate(one) for one in (10, 30, 20)], (1, 2, 3))
    b = summarise("fd", [estimate(one) for one in (15, 36, 24)], seeds)
    found = difference(a, b)
    assert found.paired_seeds == ()
    assert found.better("fd") == 0


def test_a_paired_interval_is_not_narrower_than_the_measurements():
    a, b = (summarise("fd", [estimate(one, half=3) for one in values], (1, 2)) for values in ((10, 20), (11, 21)))
    found = difference(a, b)
    assert found.high - found.mean == pytest.approx((2 * (3**2 + 3**2)) ** 0.5 / 2)


def test_the_conclusion_says_by_which_seeds_it_is_paired(tmp_path):
    (said,) = compare_measured(hinge_and_ns(tmp_path)).conclusions
    assert said.startswith("hinge better, by fd (fd of hinge minus ns: -5.")
    assert said.endswith("paired by the seeds 0, 1 and 2)")


def test_the_mean_is_shown_and_lies_inside_its_interval(tmp_path):
    found = compare_measured(hinge_and_ns(tmp_path, hinge=(10, 10, 40), ns=(50, 51, 52)))
    row = found.moments[0].rows["fd"][0]
    assert row.mean == 20
    assert row.mean - row.low <= row.half
    assert row.high - row.mean == pytest.approx(row.half)


def test_a_contradiction_of_other_metrics_is_named(tmp_path):
    wide = {"coverage": 0.9, "recall": 0.7}
    runs = hinge_and_ns(tmp_path)
    for one, values in zip(runs, [{"coverage": 0.2, "recall": 0.1}] * 3 + [wide] * 3, strict=True):
        one.measured.values.update({name: estimate(value, half=0.01) for name, value in values.items()})
    found = compare_measured(runs)
    said = "hinge better by fd, ns better by coverage and recall: fd alone does not decide"
    assert found.contradictions == {"hinge, ns": said}
    assert found.conclusions[0].startswith(said)
    assert json.loads(json.dumps(found.to_dict()))["contradictions"] == {"hinge, ns": said}


def test_metrics_that_agree_or_cannot_tell_contradict_nothing(tmp_path):
    runs = hinge_and_ns(tmp_path)
    for one in runs:
        one.measured.values["recall"] = estimate(0.5)
    assert compare_measured(runs).contradictions == {}


def test_one_seed_is_said_to_have_the_interval_of_its_images(tmp_path):
    found = compare_measured([named(tmp_path, "a", 1), named(tmp_path, "b", 2, "model.width=8")])
    assert any("the interval is that of the sampled images alone" in note for note in found.notes)
    assert "a: 1 seed, the interval of the sampled images alone" in found.caption


def test_csv_holds_every_number_of_every_moment(tmp_path):
    rows = list(csv.DictReader(io.StringIO(compare_measured(hinge_and_ns(tmp_path)).to_csv())))
    assert [(row["moment"], row["metric"], row["group"], float(row["mean"])) for row in rows] == [
        ("last checkpoints", "fd", "hinge", 20),
        ("last checkpoints", "fd", "ns", 25),
    ]
    assert rows[0]["seeds"] == "0 1 2"
    assert rows[0]["runs"] == "00010-demo 00011-demo 00012-demo"


def test_a_table_for_a_paper_has_booktabs_rules_and_escaped_names(tmp_path):
    runs = [named(tmp_path, "r1_50%", 1), named(tmp_path, r"a\b{&}", 2, "model.width=8", fd=20)]
    text = compare_measured(runs).to_latex()
    assert r" & r1\_50\% & a\textbackslash{}b\{\&\} \\" in text
    assert r"fd $\downarrow$ & 10.00 (9.90 to 10.10) & 20.00 (19.90 to 20.10) \\" in text
    assert text.index(r"\toprule") < text.index(r"\midrule") < text.index(r"\bottomrule")
    assert "95 \\% interval" in text


def test_latex_leaves_no_character_that_is_a_command():
    body = latex_table(["", "#$%&_{}~^\\"], [["a", "1"]], "").split("\\midrule")[0].split("\\toprule\n")[1]
    assert body == r" & \#\$\%\&\_\{\}\textasciitilde{}\textasciicircum{}\textbackslash{} \\" + "\n"


def test_a_markdown_table_keeps_its_columns_whatever_the_names_are():
    text = markdown_table(["", "a|b", "*c*"], [["fd", "1", "2"]], "caption")
    assert text.splitlines()[:3] == ["|  | a\\|b | \\*c\\* |", "| :-- | --: | --: |", "| fd | 1 | 2 |"]


def test_a_spreadsheet_computes_no_name(tmp_path):
    runs = [named(tmp_path, "-1+2", 1), named(tmp_path, "b", 2, "model.width=8")]
    assert "last checkpoints,fd,'-1+2,10.0" in compare_measured(runs).to_csv()


def test_losses_lie_over_each_other_on_the_page_and_no_empty_chart_of_distances(tmp_path):
    runs = hinge_and_ns(tmp_path)
    for one in runs:
        for step in (1, 2, 3):
            one.run.append_event({"step": step, "seen": 4 * step, "loss/d": 1.0 / step, "loss/g": float(step)})
    write_page(compare_measured(runs), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "Losses" in text
    assert "Evaluations during training" not in text


def test_a_run_without_evaluations_is_measured_by_its_kept_checkpoints(tmp_path, monkeypatch):
    from gansmith.comparison import moments

    monkeypatch.setattr(moments, "saved_checkpoints", lambda run: {40: run.path, 80: run.path})
    runs = [
        measured_run(tmp_path, 1, "evaluate.every=0"),
        measured_run(tmp_path, 2, "evaluate.every=0", "batch_size=8"),
    ]
    why_not = moments.at_equal_time(compare_measured(runs).groups).why_not
    assert why_not == (
        "00001-demo, 00002-demo: no evaluations during training; kept checkpoints can be measured without training "
        f"again, such as: gansmith evaluate {tmp_path / '00001-demo'} --checkpoint 40"
    )

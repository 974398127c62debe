"""Runs beside each other: what is put together, what is fair, and what intervals allow to say."""

import json
from dataclasses import replace

import pytest
from plain import PLAIN

import gansmith
from gansmith.comparison import Judged, at_equal_images, at_equal_time, compare, differences, summarise, verdict
from gansmith.comparison_page import better, cells, write_page
from gansmith.errors import UsageError
from gansmith.evaluation.measure import Measured
from gansmith.metrics.intervals import Estimate
from gansmith.metrics.protocol import Protocol
from gansmith.recipe_file import override
from gansmith.runs import Run

PROTOCOL = Protocol(
    features="fashion-mnist",
    features_hash="a" * 64,
    resize="none",
    fake=1000,
    real=1000,
    reference="Fashion-MNIST",
    split="test",
    reference_sha256="b" * 64,
    checkpoint=10,
)
DEMO = override(gansmith.recipe(PLAIN), ["batch=4", "length.images=40"])


def estimate(value, half=0.1):
    return Estimate(value, value - half, value + half, "given")


def judged(tmp_path, number, *changes, fd=10.0, half=0.1, step=10, protocol=PROTOCOL, **more):
    folder = tmp_path / f"{number:05}-demo"
    folder.mkdir()
    (folder / "run.json").write_text("{}")
    values = {"fd": estimate(fd, half), **{name: estimate(value) for name, value in more.items()}}
    measured = Measured(protocol=replace(protocol, checkpoint=step), values=values, left_out={}, classes={})
    return Judged(run=Run(folder), recipe=override(DEMO, changes), measured=measured)


def evaluated(one, lines, seconds_an_image=0.5, **differ):
    """Evaluations on the way: images seen -> distance."""
    facts = replace(PROTOCOL, **differ).facts()
    (one.run.path / "run.json").write_text(json.dumps({"evaluate": {"protocol": facts}}))
    for seen, fd in lines.items():
        step = seen // 4
        one.run.append_metric({"step": step, "seen": seen, "fd": {"value": fd, "low": fd - 0.1, "high": fd + 0.1}})
        one.run.append_event({"step": step, "seen": seen, "time": {"seconds": seen * seconds_an_image}})
    return one


def test_runs_that_differ_in_the_seed_only_are_one_side(tmp_path):
    a, b = judged(tmp_path, 1, "seed=1"), judged(tmp_path, 2, "seed=2", "checkpoints.keep_last=1")
    found = compare([a, judged(tmp_path, 3, "seed=1", "model.width=8"), b])
    assert [[one.run.number for one in side.runs] for side in found.sides] == [[1, 2], [3]]
    assert differences(found.sides) == {"model.width": [64, 8]}


def test_nothing_to_compare_is_refused(tmp_path):
    a = judged(tmp_path, 1)
    with pytest.raises(UsageError, match="00001-demo, 00002-demo differ in the seed only"):
        compare([a, judged(tmp_path, 2, "seed=5")])
    with pytest.raises(UsageError, match="is given twice"):
        compare([a, a])


def test_unlike_protocols_are_refused_with_the_difference_named(tmp_path):
    other = judged(tmp_path, 2, "batch=8", protocol=replace(PROTOCOL, fake=500))
    with pytest.raises(UsageError, match="differ in the number of generated pictures, 1,000 and 500"):
        compare([judged(tmp_path, 1), other])


def test_the_interval_of_seeds_is_students_and_not_narrower_than_the_measurements():
    found = summarise([estimate(10), estimate(12), estimate(11)])
    assert (found.median, found.values) == (11, (10, 12, 11))
    assert found.high - 11 == pytest.approx(4.303 / 3**0.5)
    alike = summarise([estimate(10, half=3), estimate(10, half=3), estimate(10, half=3)])
    assert alike.high - 10 == pytest.approx(3 / 3**0.5)
    alone = summarise([estimate(10, half=3)])
    assert (alone.low, alone.high) == (7, 13)


def test_an_interval_of_distances_does_not_reach_below_zero():
    assert summarise([estimate(1), estimate(9)]).low == 0


@pytest.mark.parametrize(
    ("name", "a", "b", "says"),
    [
        ("fd", 10, 20, "A better"),
        ("fd", 20, 10, "B better"),
        ("fd", 10, 10.1, "cannot tell"),
        ("recall", 10, 20, "B better"),
        ("diversity", 10, 20, "cannot tell"),
    ],
)
def test_a_verdict_needs_the_interval_of_the_difference_to_leave_out_zero(name, a, b, says):
    assert verdict(name, summarise([estimate(a)]), summarise([estimate(b)])) == says


def test_seeds_that_scatter_leave_the_verdict_open_and_steady_ones_do_not(tmp_path):
    def of(first, values):
        return [
            judged(tmp_path, first + seed, f"seed={seed}", f"batch={first}", fd=fd) for seed, fd in enumerate(values)
        ]

    assert compare([*of(10, (10, 30, 20)), *of(20, (25, 45, 35))]).verdicts == {"A, B": "cannot tell"}
    assert compare([*of(30, (10, 11, 12)), *of(40, (25, 26, 27))]).verdicts == {"A, B": "A better"}


def test_of_three_sides_every_two_have_a_verdict_and_the_best_beats_all(tmp_path):
    runs = [judged(tmp_path, n, f"model.width={8 * n}", fd=fd) for n, fd in ((1, 20), (2, 10), (3, 20.05))]
    found = compare(runs)
    assert found.verdicts == {"A, B": "B better", "A, C": "cannot tell", "B, C": "B better"}
    assert better(found, "fd", found.moments[0].rows["fd"]) == "B"


def test_one_seed_and_unlike_lengths_are_remarked_upon(tmp_path):
    found = compare([judged(tmp_path, 1), judged(tmp_path, 2, "model.width=8", step=20)])
    assert any("A 40; B 80" in one for one in found.remarks)
    assert any("one seed of A and of B" in one for one in found.remarks)


def test_at_equal_images_the_nearest_evaluations_are_compared(tmp_path):
    a = evaluated(judged(tmp_path, 1), {16: 30.0, 40: 10.0})
    b = evaluated(judged(tmp_path, 2, "model.width=8", step=20), {16: 40.0, 44: 20.0, 80: 5.0})
    found = at_equal_images(compare([a, b]).sides)
    assert [one.median for one in found.rows["fd"]] == [10, 20]
    assert "40 images" in found.title


def test_at_equal_time_the_slower_run_is_further_back(tmp_path):
    a = evaluated(judged(tmp_path, 1), {16: 30.0, 40: 10.0}, seconds_an_image=2.0)
    b = evaluated(judged(tmp_path, 2, "model.width=8"), {16: 40.0, 40: 20.0})
    found = at_equal_time(compare([a, b]).sides)
    assert [one.median for one in found.rows["fd"]] == [30, 20]
    assert "20 seconds" in found.title


def test_runs_of_one_length_are_compared_at_equal_images_by_their_last_states(tmp_path):
    found = at_equal_images(compare([judged(tmp_path, 1), judged(tmp_path, 2, "model.width=8")]).sides)
    assert not found.rows
    assert "all after 40 images" in found.why_not


def test_without_evaluations_on_the_way_it_is_said_what_would_give_them(tmp_path):
    a = evaluated(judged(tmp_path, 1), {40: 10.0})
    found = at_equal_time(compare([a, judged(tmp_path, 2, "model.width=8")]).sides)
    assert "00002-demo has no evaluations on the way; train with --set evaluate.every=N" in found.why_not


def test_evaluations_on_the_way_of_unlike_protocols_are_not_put_beside_each_other(tmp_path):
    a = evaluated(judged(tmp_path, 1), {40: 10.0})
    b = evaluated(judged(tmp_path, 2, "model.width=8"), {40: 20.0}, fake=10)
    why_not = at_equal_time(compare([a, b]).sides).why_not
    assert "differ in the number of generated pictures, 1,000 and 10" in why_not


def test_real_pictures_drawn_by_another_seed_are_no_other_protocol(tmp_path):
    a = evaluated(judged(tmp_path, 1), {40: 10.0})
    b = evaluated(judged(tmp_path, 2, "model.width=8"), {40: 20.0}, reference_sha256="c" * 64)
    assert at_equal_time(compare([a, b]).sides).rows


def test_all_of_it_is_plain_data(tmp_path):
    facts = compare([judged(tmp_path, 1, recall=0.5), judged(tmp_path, 2, "model.width=8", recall=0.6)]).facts()
    assert json.loads(json.dumps(facts))["verdicts"] == {"A, B": "cannot tell"}
    assert facts["moments"][0]["rows"]["recall"]["B"]["median"] == 0.6


def test_values_of_a_row_are_shown_with_the_same_digits():
    assert cells((summarise([estimate(10)]), summarise([estimate(12.3456, half=2)]))) == [
        "10.0 (9.9 to 10.1)",
        "12.3 (10.3 to 14.3)",
    ]


def test_a_name_from_a_recipe_cannot_put_markup_into_the_page(tmp_path):
    sides = [judged(tmp_path, 1), judged(tmp_path, 2, "data.name=<script>x</script>")]
    write_page(compare(sides), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "<script" not in text
    assert "&lt;script&gt;" in text

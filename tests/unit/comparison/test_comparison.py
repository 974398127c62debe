"""Runs beside each other: what is put together, what is fair, and what intervals allow to say."""

import json
from dataclasses import replace

import pytest

import gansmith
from gansmith.comparison.compare import better, cells, compare_measured
from gansmith.comparison.groups import MeasuredRun, check_same_shapes, differences
from gansmith.comparison.moments import at_equal_images, at_equal_time
from gansmith.comparison.page import write_page
from gansmith.errors import UsageError
from gansmith.evaluation.measure import Measured
from gansmith.evaluation.protocol import Protocol
from gansmith.evaluation.seeds import summarise, verdict
from gansmith.metrics.intervals import Estimate
from gansmith.recipe_file import override
from gansmith.runs.run import Run
from tests.helpers.plain import PLAIN

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
DEMO = override(gansmith.recipe(PLAIN), ["batch_size=4", "length.images=40"])


def estimate(value, half=0.1):
    return Estimate(value, value - half, value + half, "given")


def measured_run(tmp_path, number, *changes, fd=10.0, half=0.1, step=10, protocol=PROTOCOL, info=None, **more):
    folder = tmp_path / f"{number:05}-demo"
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps(info or {}))
    values = {"fd": estimate(fd, half), **{name: estimate(value) for name, value in more.items()}}
    measured = Measured(protocol=replace(protocol, checkpoint=step), values=values, left_out={}, classes={})
    return MeasuredRun(run=Run(folder), recipe=override(DEMO, changes), measured=measured)


def evaluated(one, lines, seconds_an_image=0.5, **differ):
    """Evaluations during training: images seen -> distance."""
    facts = replace(PROTOCOL, **differ).to_dict()
    (one.run.path / "run.json").write_text(json.dumps({"evaluate": {"protocol": facts}}))
    for seen, fd in lines.items():
        step = seen // 4
        one.run.append_metric({"step": step, "seen": seen, "fd": {"value": fd, "low": fd - 0.1, "high": fd + 0.1}})
        one.run.append_event({"step": step, "seen": seen, "time": {"seconds": seen * seconds_an_image}})
    return one


def test_runs_that_differ_in_the_seed_only_are_one_group(tmp_path):
    a, b = measured_run(tmp_path, 1, "seed=1"), measured_run(tmp_path, 2, "seed=2", "checkpoints.keep_last=1")
    found = compare_measured([a, measured_run(tmp_path, 3, "seed=1", "model.width=8"), b])
    assert [[one.run.number for one in group.runs] for group in found.groups] == [[1, 2], [3]]
    assert differences(found.groups) == {"model.width": [64, 8]}


@pytest.mark.parametrize(
    "change",
    [
        "length.log_every=8",
        "length.sample_every=8",
        "length.checkpoint_every=8",
        "grid.rows=2",
        "evaluate.every=20",
        "evaluate.images=300",
        "evaluate.features=random",
        "validation_losses.images=8",
    ],
)
def test_what_moves_no_weight_makes_no_other_group(tmp_path, change):
    groups = compare_measured(
        [
            measured_run(tmp_path, 1),
            measured_run(tmp_path, 2, change, "seed=5"),
            measured_run(tmp_path, 3, "batch_size=8"),
        ]
    ).groups
    assert [[one.run.number for one in group.runs] for group in groups] == [[1, 2], [3]]


def test_images_of_a_validation_set_make_another_group(tmp_path):
    found = compare_measured([measured_run(tmp_path, 1), measured_run(tmp_path, 2, "validation_losses.every=20")])
    assert differences(found.groups) == {"validation_losses.every": [0, 20]}


def of_images(sha256):
    return {"data": {"count": 100, "sha256": {"images": sha256}}}


def test_the_same_images_in_a_folder_that_was_moved_are_one_group(tmp_path):
    here = measured_run(tmp_path, 1, "data.name=here", info=of_images("a" * 64))
    moved = measured_run(tmp_path, 2, "data.name=there", "seed=5", info=of_images("a" * 64))
    found = compare_measured(
        [here, moved, measured_run(tmp_path, 3, "data.name=there", "batch_size=8", info=of_images("a" * 64))]
    )
    assert [[one.run.number for one in group.runs] for group in found.groups] == [[1, 2], [3]]
    assert differences(found.groups) == {"batch_size": [4, 8]}


def test_labels_count_where_there_are_classes_only(tmp_path):
    here, there = of_images("a" * 64), of_images("a" * 64)
    here["data"]["sha256"]["labels"], there["data"]["sha256"]["labels"] = "b" * 64, "c" * 64
    a, b = measured_run(tmp_path, 1, info=here), measured_run(tmp_path, 2, info=there)
    told_apart = measured_run(tmp_path, 3, "data.num_classes=2", "model.name=thin-dcgan", info=here)
    found = compare_measured([a, b, told_apart])
    assert [[one.run.number for one in group.runs] for group in found.groups] == [[1, 2], [3]]
    assert differences(found.groups)["data.num_classes"] == [0, 2]
    assert "data.name" not in differences(found.groups)


def test_other_images_of_a_folder_or_a_class_are_another_group(tmp_path):
    runs = [
        measured_run(tmp_path, 1, "data.name=here", info=of_images("a" * 64)),
        measured_run(tmp_path, 2, "data.name=here", info=of_images("b" * 64)),
    ]
    assert differences(compare_measured(runs).groups) == {"data.name": ["here (aaaaaaaaaaaa)", "here (bbbbbbbbbbbb)"]}
    runs[1] = measured_run(tmp_path, 3, "data.name=here[1]", info=of_images("a" * 64))
    assert differences(compare_measured(runs).groups) == {"data.name": ["here", "here[1]"]}


def test_groups_of_another_length_only_are_told_how_to_be_one(tmp_path):
    rate = "generator_optimizer.lr={{start = 1e-3, end = 1e-4, until = {}}}"
    a = measured_run(tmp_path, 1, rate.format(40), "ema_half_life=10.0", "seed=1")
    b = measured_run(tmp_path, 2, rate.format(48), "ema_half_life=12.0", "length.images=48", "seed=2", step=12)
    said = [one for one in compare_measured([a, b]).notes if "--steps 10" in one]
    assert said
    assert said[0].startswith("A and B differ only in their length and what follows from it")
    other = measured_run(tmp_path, 3, "model.width=8", "length.images=48", step=12)
    assert not any("--steps" in one for one in compare_measured([a, other]).notes)


def test_one_run_made_twice_is_no_second_seed(tmp_path):
    found = compare_measured(
        [measured_run(tmp_path, 1), measured_run(tmp_path, 2, "grid.rows=2"), measured_run(tmp_path, 3, "batch_size=8")]
    )
    assert any(one.startswith("runs of A have the same seed") for one in found.notes)


def test_runs_of_unlike_shape_are_refused_with_the_options_that_would_do(tmp_path):
    pairs = [
        (one.run, one.recipe)
        for one in (
            measured_run(tmp_path, 1),
            measured_run(tmp_path, 2, "data.height=32", "data.width=32", "data.channels=3"),
        )
    ]
    with pytest.raises(UsageError, match="00001-demo makes 28x28 grey images, 00002-demo 32x32 RGB ones") as caught:
        check_same_shapes(pairs)
    assert "--set data.channels=1 --set data.height=28 --set data.width=28" in str(caught.value)
    assert check_same_shapes([pairs[0], pairs[0]]) is None


def test_nothing_to_compare_is_refused(tmp_path):
    a = measured_run(tmp_path, 1)
    with pytest.raises(UsageError, match="00001-demo, 00002-demo differ in the seed only"):
        compare_measured([a, measured_run(tmp_path, 2, "seed=5")])
    with pytest.raises(UsageError, match="is given twice"):
        compare_measured([a, a])


def test_unlike_protocols_are_refused_with_the_difference_named(tmp_path):
    other = measured_run(tmp_path, 2, "batch_size=8", protocol=replace(PROTOCOL, fake=500))
    with pytest.raises(UsageError, match="differ in the number of generated images, 1,000 and 500"):
        compare_measured([measured_run(tmp_path, 1), other])


def test_the_interval_of_seeds_is_students_and_not_narrower_than_the_measurements():
    found = summarise("fd", [estimate(10), estimate(12), estimate(11)])
    assert (found.mean, found.values) == (11, (10, 12, 11))
    assert found.high - 11 == pytest.approx(4.303 / 3**0.5)
    alike = summarise("fd", [estimate(10, half=3), estimate(10, half=3), estimate(10, half=3)])
    assert alike.high - 10 == pytest.approx(3 / 3**0.5)
    alone = summarise("fd", [estimate(10, half=3)])
    assert (alone.low, alone.high) == (7, 13)


def test_an_interval_of_distances_does_not_reach_below_zero():
    assert summarise("fd", [estimate(1), estimate(9)]).low == 0


def test_an_interval_of_shares_does_not_reach_beyond_one():
    found = summarise("precision", [estimate(0.95, half=0.01), estimate(0.99, half=0.01)])
    assert found.high == 1
    assert found.half == pytest.approx(12.706 * 0.02)
    assert summarise("density", [estimate(0.95, half=0.01), estimate(0.99, half=0.01)]).high > 1


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
    assert verdict(name, summarise(name, [estimate(a)]), summarise(name, [estimate(b)])) == says


def test_seeds_that_scatter_leave_the_verdict_open_and_steady_ones_do_not(tmp_path):
    def of(first, values):
        return [
            measured_run(tmp_path, first + seed, f"seed={seed}", f"batch_size={first}", fd=fd)
            for seed, fd in enumerate(values)
        ]

    assert compare_measured([*of(10, (10, 30, 20)), *of(20, (45, 25, 35))]).verdicts == {"A, B": "cannot tell"}
    assert compare_measured([*of(30, (10, 11, 12)), *of(40, (25, 26, 27))]).verdicts == {"A, B": "A better"}


def test_of_three_groups_every_two_have_a_verdict_and_the_best_beats_all(tmp_path):
    runs = [measured_run(tmp_path, n, f"model.width={8 * n}", fd=fd) for n, fd in ((1, 20), (2, 10), (3, 20.05))]
    found = compare_measured(runs)
    assert found.verdicts == {"A, B": "B better", "A, C": "cannot tell", "B, C": "B better"}
    assert better(found, "fd", found.moments[0].rows["fd"]) == "B"


def test_one_seed_and_unlike_lengths_are_remarked_upon(tmp_path):
    found = compare_measured([measured_run(tmp_path, 1), measured_run(tmp_path, 2, "model.width=8", step=20)])
    assert any(one.endswith("A 40; B 80") for one in found.notes), "there are no rows of equal images"
    assert any("one seed of A and of B" in one for one in found.notes)


def test_two_seeds_that_cannot_tell_are_said_to_be_few(tmp_path):
    def of(first, *values):
        return [
            measured_run(tmp_path, first + seed, f"seed={seed}", f"batch_size={first}", fd=fd)
            for seed, fd in enumerate(values)
        ]

    undecided = compare_measured([*of(10, 10, 30), *of(20, 15, 35, 25)])
    assert "two seeds of A: Student's factor is 12.7 with two seeds and 4.3 with three" in "".join(undecided.notes)
    decided = compare_measured([*of(30, 10, 10.1), *of(40, 25, 25.1)])
    assert not any("Student" in one for one in decided.notes)


def test_between_evaluations_equal_images_are_on_a_straight_line(tmp_path):
    a = evaluated(measured_run(tmp_path, 1), {16: 30.0, 40: 10.0})
    b = evaluated(measured_run(tmp_path, 2, "model.width=8", step=20), {16: 40.0, 48: 20.0, 80: 5.0})
    found = compare_measured([a, b])
    moment = found.moments[1]
    assert [one.mean for one in moment.rows["fd"]] == pytest.approx([10, 25])
    assert [one.low for one in moment.rows["fd"]] == pytest.approx([9.9, 24.9])
    assert moment.title.startswith("equal images, 40 images, interpolated between")
    assert any(one.endswith("A 40; B 80; see the rows of equal images") for one in found.notes)


def test_before_its_first_evaluation_a_run_has_no_distance(tmp_path):
    a = evaluated(measured_run(tmp_path, 1), {16: 30.0, 40: 10.0})
    b = evaluated(measured_run(tmp_path, 2, "model.width=8", step=20), {48: 20.0, 80: 5.0})
    found = at_equal_images(compare_measured([a, b]).groups)
    assert not found.rows
    assert found.why_not == "00002-demo had no evaluation yet at 40 images, where the evaluations of 00001-demo end"


def test_at_equal_time_the_slower_run_is_further_back(tmp_path):
    a = evaluated(measured_run(tmp_path, 1), {8: 50.0, 16: 30.0, 40: 10.0}, seconds_an_image=2.0)
    b = evaluated(measured_run(tmp_path, 2, "model.width=8"), {16: 40.0, 40: 20.0})
    found = at_equal_time(compare_measured([a, b]).groups)
    assert [one.mean for one in found.rows["fd"]] == pytest.approx([45, 20])
    assert "20 seconds" in found.title


def test_runs_of_one_length_are_compared_at_equal_images_by_their_last_states(tmp_path):
    found = at_equal_images(
        compare_measured([measured_run(tmp_path, 1), measured_run(tmp_path, 2, "model.width=8")]).groups
    )
    assert not found.rows
    assert "all after 40 images" in found.why_not


def test_without_evaluations_on_the_way_it_is_said_what_would_give_them(tmp_path):
    a = evaluated(measured_run(tmp_path, 1), {40: 10.0})
    found = at_equal_time(compare_measured([a, measured_run(tmp_path, 2, "evaluate.every=0", "model.width=8")]).groups)
    assert found.why_not == "00002-demo: no evaluations during training; train with --set evaluate.every=N"


def test_why_a_run_was_not_evaluated_is_what_the_run_said(tmp_path):
    said = "not evaluated: 149 images are too few for the features 'random', which need 257"
    info = {"notes": ["149 of the 149 images of photos", said]}
    a = measured_run(tmp_path, 1, "evaluate.every=20", info=info)
    b = measured_run(tmp_path, 2, "evaluate.every=20", "model.width=8", info=info)
    c = measured_run(tmp_path, 3, "evaluate.every=20", "model.width=16")
    assert at_equal_time(compare_measured([a, b, c]).groups).why_not == (
        f"00001-demo, 00002-demo: {said}; 00003-demo: ended before its first evaluation, evaluate.every=20; train "
        "longer, or with a smaller value"
    )


def test_evaluations_during_training_of_unlike_protocols_are_not_put_beside_each_other(tmp_path):
    a = evaluated(measured_run(tmp_path, 1), {40: 10.0})
    b = evaluated(measured_run(tmp_path, 2, "model.width=8"), {40: 20.0}, fake=10)
    why_not = at_equal_time(compare_measured([a, b]).groups).why_not
    assert why_not == (
        "the evaluations during training of 00001-demo and 00002-demo differ in the number of generated images, "
        "1,000 and 10"
    )


def test_real_images_drawn_by_another_seed_are_no_other_protocol(tmp_path):
    a = evaluated(measured_run(tmp_path, 1), {40: 10.0})
    b = evaluated(measured_run(tmp_path, 2, "model.width=8"), {40: 20.0}, reference_sha256="c" * 64)
    assert at_equal_time(compare_measured([a, b]).groups).rows


@pytest.mark.parametrize(("left", "decides"), [(("fd",), "kid"), (("fd", "kid"), "recall")])
def test_without_the_frechet_distance_the_kernel_distance_decides_or_else_the_first(tmp_path, left, decides):
    def without(one):
        measured = one.measured
        values = {name: value for name, value in measured.values.items() if name not in left}
        why = dict.fromkeys(left, "needs at least 257 images")
        return replace(one, measured=replace(measured, values=values, left_out=why))

    numbers = {"recall": 0.5, "kid": 0.1}
    found = compare_measured([without(measured_run(tmp_path, n, f"batch_size={n}", **numbers)) for n in (1, 2)])
    assert found.decides == decides
    left_out = "are left out: each" if len(left) > 1 else "is left out: it"
    assert found.notes[0] == f"{', '.join(left)} {left_out} needs at least 257 images"
    assert found.to_dict()["left_out"].keys() == set(left)


def test_all_of_it_is_plain_data(tmp_path):
    facts = compare_measured(
        [measured_run(tmp_path, 1, recall=0.5), measured_run(tmp_path, 2, "model.width=8", recall=0.6)]
    ).to_dict()
    assert json.loads(json.dumps(facts))["verdicts"] == {"A, B": "cannot tell"}
    assert facts["moments"][0]["rows"]["recall"]["B"]["mean"] == 0.6


def test_values_of_a_row_are_shown_with_the_same_digits():
    assert cells((summarise("fd", [estimate(10)]), summarise("fd", [estimate(12.3456, half=2)]))) == [
        "10.0 (9.9 to 10.1)",
        "12.3 (10.3 to 14.3)",
    ]


def test_a_name_from_a_recipe_cannot_put_markup_into_the_page(tmp_path):
    groups = [measured_run(tmp_path, 1), measured_run(tmp_path, 2, "data.name=<script>x</script>")]
    write_page(compare_measured(groups), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "<script" not in text
    assert "&lt;script&gt;" in text

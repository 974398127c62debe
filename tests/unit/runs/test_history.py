"""What a run's evaluations came to, whoever wrote the file that holds them."""

import json

import pytest

from gansmith.checkpoints.manifest import find_checkpoint, named_best
from gansmith.errors import CheckpointError, RecipeError
from gansmith.recipes import recipe
from gansmith.runs.history import Evaluated, best_of, evaluations, stalled_since
from gansmith.runs.run import Run, create_run
from gansmith.training.evaluation import Evaluator


def of(*values, half=1.0):
    """Evaluations of these values, whose intervals reach `half` to both sides."""
    numbered = enumerate(values, start=1)
    return [Evaluated(step=n, seen=8 * n, value=v, low=v - half, high=v + half) for n, v in numbered]


def test_the_best_is_the_lowest_and_the_first_of_equals():
    assert best_of([]) is None
    assert best_of(of(5.0, 3.0, 4.0, 3.0)).step == 2


def test_only_what_lies_below_the_whole_interval_of_the_last_gain_is_a_gain():
    falling_slowly = of(10.0, 9.5, 9.2, 8.9, 8.5)
    assert stalled_since(falling_slowly[:3], 2).step == 1
    assert stalled_since(falling_slowly[:4], 2) is None  # 8.9 is below 10 - 1
    assert stalled_since(of(10.0, 20.0, 20.0, 8.0), 2) is None
    assert stalled_since(of(10.0, 20.0, 20.0, 20.0), 2).step == 1
    assert stalled_since(of(10.0, 20.0), 2) is None
    assert stalled_since(of(*[10.0] * 50), 0) is None


@pytest.mark.parametrize("bad", ["12", '{"value": 1, "low": 0}', '{"value": true, "low": 0, "high": 2}', "[1]", "null"])
def test_a_line_without_a_distance_is_no_evaluation(tmp_path, bad):
    good = {"step": 3, "seen": 24, "fd": {"value": 2, "low": 1.5, "high": 2.5}}
    huge = f'{{"value": 1{"0" * 400}, "low": 0, "high": 1}}'
    lines = [json.dumps(good), f'{{"step": 4, "seen": 32, "fd": {bad}}}', f'{{"step": 5, "seen": 40, "fd": {huge}}}']
    (tmp_path / "metrics.jsonl").write_text("\n".join([*lines, '{"step": 6, "seen": 48, "held_out/d": 1.0}']))
    assert evaluations(Run(tmp_path)) == [Evaluated(step=3, seen=24, value=2.0, low=1.5, high=2.5)]


@pytest.mark.parametrize("text", ["", "12", "../../00000003", "0000000x", "00000003\n\n", "9" * 19, "-0000003"])
def test_a_file_that_names_no_step_names_no_best(tmp_path, text):
    run = create_run(tmp_path, "x")
    (run.checkpoints / "00000003").mkdir()
    (run.checkpoints / "best").write_text(text)
    assert named_best(run) is None
    with pytest.raises(CheckpointError, match="has no best checkpoint, for it was not evaluated in training; it has 3"):
        find_checkpoint(run, "best")


def test_a_link_names_no_best(tmp_path):
    run = create_run(tmp_path, "x")
    (tmp_path / "else").write_text("00000003\n")
    (run.checkpoints / "best").symlink_to(tmp_path / "else")
    assert named_best(run) is None


@pytest.mark.parametrize("change", ["evaluate.patience=3", "evaluate.validation=100"])
def test_a_setting_of_evaluations_that_do_not_take_place_is_refused(change):
    with pytest.raises(RecipeError, match=r"has no effect with evaluate\.every=0"):
        recipe("fashion-mlp", [change])


@pytest.mark.parametrize(("count", "said"), [(1, "1 evaluation took 3.0 s"), (2, "2 evaluations took 3.0 s")])
def test_what_evaluations_cost_is_told_in_good_grammar(count, said):
    judge = Evaluator(
        recipe=None, train=None, validation=None, extractor=None, names=[], num=0, count=count, measuring=3.0
    )
    assert judge.cost().startswith(said)

"""SIGKILL at any moment of a save, of a continuation, and at random: the run goes on and ends in the same bytes."""

import json
import subprocess

import pytest

from tests.helpers import helper_command, helper_environment

pytestmark = pytest.mark.timeout(600)


def cases(*arguments):
    """What came of each kill, from a process of its own."""
    command = [*helper_command("kills"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=helper_environment())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def all_survived(found, at_least):
    assert [case for case in found if not case["survived"]] == []
    print(f"kills survived: {len(found)} of {len(found)}")
    assert len(found) >= at_least


@pytest.mark.slow
def test_a_kill_at_calls_of_a_save_loses_one_interval_at_most_and_not_a_bit(tmp_path):
    found = cases("sweep", tmp_path / "runs", "--every", 2)
    points = [case["point"] for case in found]
    assert {"open", "write", "half of a write", "fsync", "rename", "replace", "mkdir"} <= set(points)
    all_survived(found, at_least=40)
    assert {case["lost"] for case in found} == {0, 4}


@pytest.mark.slow
def test_the_same_in_the_last_save_which_no_other_follows(tmp_path):
    all_survived(cases("sweep", tmp_path / "runs", "--last", "--every", 3), at_least=25)


@pytest.mark.slow
def test_the_same_where_the_file_system_refuses_to_rename(tmp_path):
    all_survived(cases("sweep", tmp_path / "runs", "--refuse", "EXDEV", "--every", 5), at_least=30)


@pytest.mark.slow
def test_a_kill_in_a_continuation_that_sets_a_checkpoint_aside_loses_nothing_more(tmp_path):
    all_survived(cases("resume", tmp_path / "runs", "--every", 4), at_least=20)


@pytest.mark.slow
def test_kills_at_random_times_lose_one_interval_at_most_and_not_a_bit(tmp_path):
    all_survived(cases("random", tmp_path / "runs", "--kills", 25), at_least=25)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", [("sweep",), ("sweep", "--last"), ("sweep", "--refuse", "EXDEV"), ("resume",)])
def test_the_same_at_each_single_call(tmp_path, kind):
    what, *options = kind
    all_survived(cases(what, tmp_path / "runs", *options), at_least=80)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_three_hundred_kills_at_random_times(tmp_path):
    all_survived(cases("random", tmp_path / "runs", "--kills", 300, "--seed", 1), at_least=300)

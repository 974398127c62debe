"""Run folders made to do harm: a sentence and an exit code, no code run, and nothing outside touched."""

import json
import subprocess

import pytest

from tests.helpers import helper_command, helper_environment
from tests.helpers.small_states import saved_run, small_recipe

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """case -> verb -> code, output, what the audit hook heard, and whether the outside is as it was."""
    root = tmp_path_factory.mktemp("hostile")
    lengths = ("images=16", "log_every=4", "sample_every=1000", "checkpoint_every=4")
    made = small_recipe(*(f"length.{length}" for length in lengths), "grid.rows=2", "grid.columns=2")
    run, _ = saved_run(root / "base", made=made)
    for step in (1, 2, 3):
        run.append_event({"step": step, "seen": 4 * step, "time": {"seconds": 1.0, "images_per_second": 1.0}})
    command = [*helper_command("hostile_runs"), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=helper_environment(), cwd=root)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_there_are_sixty_of_them(results):
    assert len(results) >= 60


def test_every_one_ends_in_a_sentence_and_an_exit_code(results):
    wrong = {
        f"{case}, {verb}": result["err"]
        for case, verbs in results.items()
        for verb, result in verbs.items()
        if result["code"] not in (0, 2, 3, 4, 5, 7, 8, 9)
        or "Traceback" in result["err"]
        or (result["code"] and not result["err"].splitlines()[-1].startswith("error: "))
    }
    assert wrong == {}


def test_none_is_taken_for_good_by_all_verbs(results):
    harmless = {"latest", "log", "lock", "leftover", "events", "run", "samples", "control", "recipe"}
    taken = [
        case
        for case, verbs in results.items()
        if case.split(":")[0] not in harmless
        and all(result["code"] == 0 for result in verbs.values())
        and "set aside" not in verbs["resume"]["err"]
    ]
    assert taken == [
        "state: _target_",  # a key that nobody reads
        "checkpoint: under a number of 30 digits",  # not the name of a checkpoint
        "checkpoint: under digits of another script",
        "checkpoint: under a name with an escape",
    ]


def test_no_code_of_theirs_is_run_and_no_file_outside_is_opened(results):
    heard = {f"{case}, {verb}": result["heard"] for case, verbs in results.items() for verb, result in verbs.items()}
    assert {name: events for name, events in heard.items() if events} == {}


def test_nothing_outside_is_touched(results):
    touched = [f"{case}, {verb}" for case, verbs in results.items() for verb, r in verbs.items() if not r["outside"]]
    assert touched == []

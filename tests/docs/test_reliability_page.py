"""Each promise of the page on reliability is held by tests that exist; it says what came of the kills."""

import ast
import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
KILLS = json.loads((ROOT / "benchmarks" / "results" / "kills.json").read_text())


def test_the_kills_are_those_that_were_tried_and_all_survived():
    assert f"{KILLS['survived']} of {KILLS['tried']} kills" in PAGE
    assert KILLS["survived"] == KILLS["tried"]
    save, last, refused, continuation, at_random = (kind["tried"] for kind in KILLS["kinds"].values())
    for said in (
        f"each of the {save} calls of a save",
        f"of the {last} of a run's last save",
        f"of the {refused} where",
        f"of the {continuation} of a continuation",
        f"{at_random} at random times",
    ):
        assert said in PAGE
    assert all(kind["most_steps_lost"] <= KILLS["steps_between_checkpoints"] for kind in KILLS["kinds"].values())


FAULTS = "tests/faults/test_"
PROMISES = {
    "A run that is stopped at any step": [
        "running_stops.py::test_a_run_that_is_stopped_and_continued_is_the_run_that_never_stopped"
    ],
    "So does a run that is stopped repeatedly": [
        "running_stops.py::test_a_run_that_is_stopped_again_and_again_too",
        "running_stops.py::test_a_run_that_is_killed_before_its_first_checkpoint_begins_again",
    ],
    "Ctrl-C and SIGTERM finish the step": [
        "running_stops.py::test_run_json_says_how_it_ended",
        "running_stops.py::test_a_second_signal_leaves_at_once",
        "running_stops.py::test_sigusr1_saves_and_goes_on",
    ],
    "SIGHUP, which a closed terminal sends": [
        "tests/e2e/test_consoles.py::test_a_terminal_that_is_closed_stops_a_training_which_saves_first",
        "tests/e2e/test_consoles.py::test_a_shell_that_sends_the_hangup_twice_does_not_cut_the_saving_off",
        "tests/e2e/test_consoles.py::test_under_nohup_a_training_outlives_its_terminal",
    ],
    "A training goes on when nobody reads": [
        "tests/e2e/test_consoles.py::test_a_training_goes_on_when_nobody_reads_any_more",
        "tests/e2e/test_consoles.py::test_closed_streams_do_not_matter_and_no_file_takes_their_place",
        "tests/e2e/test_consoles.py::test_every_verb_does_its_work_at_every_console",
        "tests/e2e/test_consoles.py::test_every_verb_does_its_work_when_its_terminal_or_reader_is_gone",
    ],
    "A result that cannot be written": [
        "tests/e2e/test_consoles.py::test_a_result_that_cannot_be_written_is_an_error",
        "tests/e2e/test_consoles.py::test_a_reader_who_has_enough_is_no_error",
    ],
    "Characters that a console lacks": ["tests/e2e/test_consoles.py::test_characters_that_a_console_lacks_are_spelled"],
    "`touch RUN/control/stop`": ["running_stops.py::test_the_control_files_save_draw_and_stop"],
    "A loss, gradient, weight, statistic or EMA": [
        "running_numbers.py::test_what_is_not_finite_is_named_in_its_step_and_not_saved"
    ],
    'With `on_divergence = "roll-back"`': [
        "running_numbers.py::test_a_run_that_may_roll_back_goes_on_with_half_the_rates",
        "running_numbers.py::test_a_run_rolls_back_three_times_at_most",
        "running_stops.py::test_a_run_is_stopped_and_rolled_back_in_the_middle_of_its_schedules_and_goes_on_exactly",
    ],
    "`resume` applies changes": [
        "running_changes.py::test_intervals_and_length_are_applied_and_move_no_weight",
        "running_changes.py::test_any_other_change_is_refused_by_name_with_both_values",
        "running_changes.py::test_a_fork_is_a_new_run_that_goes_on_from_the_checkpoint",
        "tests/unit/sessions/test_extension.py::test_a_run_that_was_made_longer_is_bit_exact_however_often_it_stops",
    ],
    "Evaluations, the best checkpoint": [
        "running_evaluations.py::test_stopped_anywhere_and_continued_it_measures_and_keeps_the_same",
        "running_evaluations.py::test_a_shorter_run_that_is_made_longer_measures_and_keeps_the_same",
        "running_evaluations.py::test_a_plateau_ends_a_run_which_says_why_and_can_be_overruled",
    ],
    "A run resumes only with its own images": [
        "running_changes.py::test_other_images_are_refused_and_the_same_ones_elsewhere_are_not"
    ],
    "One process trains a run": [
        "running_alone.py::test_a_second_trainer_is_refused_and_names_the_first",
        "running_alone.py::test_the_lock_of_a_dead_process_is_taken_over_with_a_remark",
        "running_alone.py::test_without_flock_a_process_is_told_from_a_later_one_with_its_number",
    ],
    "An out-of-memory error": ["running_alone.py::test_out_of_memory_says_which_batch_fits_and_it_does"],
    "`train --fit-batch`": [
        "running_alone.py::test_a_batch_that_does_not_fit_goes_through_in_parts",
        "tests/unit/training/test_steps.py::test_microbatches_that_would_change_the_mathematics_are_refused",
    ],
    "Memory and open files": ["running_alone.py::test_20_000_steps_take_no_more_memory_and_no_more_files"],
    "SIGKILL at any moment": [
        "storage_kills.py::test_a_kill_at_calls_of_a_save_loses_one_interval_at_most_and_not_a_bit",
        "storage_kills.py::test_the_same_in_the_last_save_which_no_other_follows",
        "storage_kills.py::test_the_same_where_the_file_system_refuses_to_rename",
        "storage_kills.py::test_a_kill_in_a_continuation_that_sets_a_checkpoint_aside_loses_nothing_more",
        "storage_kills.py::test_kills_at_random_times_lose_one_interval_at_most_and_not_a_bit",
    ],
    "Power cuts": [
        "storage_order.py::test_each_file_is_on_disk_before_its_name_and_the_old_one_goes_last",
        "storage_order.py::test_the_kernel_sees_the_same_order",
    ],
    "A file system that cannot rename": [
        "storage_order.py::test_where_renaming_is_refused_everything_still_works",
        "storage_order.py::test_a_marker_that_says_anything_but_yes_is_damage_and_not_a_leftover",
    ],
    "A damaged checkpoint is detected": [
        "storage_damage.py::test_every_damage_is_noticed_and_the_checkpoint_before_is_used",
        "storage_damage.py::test_when_all_are_damaged_the_command_line_leaves_with_5_in_a_sentence",
        "storage_checkpoints.py::test_damaged_ones_are_set_aside_with_a_sentence_and_nothing_is_deleted",
    ],
    "When the same step is saved again": [
        "storage_checkpoints.py::test_at_every_moment_of_a_replacement_there_is_a_good_one"
    ],
    "No checkpoint with a value": ["storage_checkpoints.py::test_a_value_that_is_not_finite_is_never_published"],
    "A full disk": [
        "storage_full.py::test_no_room_at_any_call_leaves_the_checkpoints_before_and_says_how_much_is_needed",
        "storage_full.py::test_room_is_looked_for_before_anything_is_written",
        "storage_full.py::test_a_limit_of_the_system_on_files_ends_a_run_with_8_and_it_goes_on_when_the_limit_is_gone",
    ],
    "A malicious run folder": [
        "hostile_runs.py::test_every_one_ends_in_a_sentence_and_an_exit_code",
        "hostile_runs.py::test_no_code_of_theirs_is_run_and_no_file_outside_is_opened",
        "hostile_runs.py::test_nothing_outside_is_touched",
    ],
    "`runs verify` finds": [
        "tests/e2e/test_runs_keep.py::test_a_damaged_checkpoint_is_told_by_its_file_and_left_where_it_is",
        "tests/e2e/test_runs_keep.py::test_a_run_that_is_being_trained_is_left_alone",
    ],
    "The page that is rewritten": [
        "tests/unit/sessions/test_live_page.py::test_pages_draw_no_random_numbers_and_change_no_byte_of_the_run",
        "tests/unit/sessions/test_live_page.py::test_a_page_that_cannot_be_written_is_told_once_and_changes_nothing",
        "tests/unit/sessions/test_live_page.py::test_pages_take_no_more_than_their_share_of_the_time",
        "tests/unit/sessions/test_live_page.py::test_a_page_is_whole_at_every_moment",
        "tests/unit/sessions/test_live_page.py::test_the_page_of_a_run_that_was_left_says_so",
    ],
}
"""How each promise begins, and the tests that hold it; those without a folder are among `FAULTS`."""
MEASURED = "Checking that all numbers are finite costs little"
"""The one row that a script measures, and no test."""


def rows():
    """Each promise of the page with the files in its last column."""
    table = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")][1:]
    found, files = {}, []
    for promise, *_, last in table:
        files = re.findall(r"`([^`]+\.py)`", last) if "`" in last else files
        found[promise] = [file if "/" in file else f"tests/faults/{file}" for file in files]
    return found


def place_of(test):
    """The file of a test, and its name."""
    file, name = test.split("::")
    return (file if "/" in file else f"{FAULTS}{file}"), name


def test_each_promise_is_in_the_table_and_each_entry_of_it_is_a_promise():
    promises = [promise for promise in rows() if not promise.startswith(MEASURED)]
    assert len(promises) == len(PROMISES)
    for promise, start in zip(promises, PROMISES, strict=True):
        assert promise.startswith(start)


def test_each_promise_names_the_file_of_a_test_that_holds_it():
    for promise, files in rows().items():
        assert files, promise
        assert all((ROOT / file).is_file() for file in files), promise
        for start, tests in PROMISES.items():
            if promise.startswith(start):
                assert {place_of(test)[0] for test in tests} & {*files}, promise


def test_the_tests_of_each_promise_exist():
    for test in (test for tests in PROMISES.values() for test in tests):
        file, name = place_of(test)
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}, test

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from gansmith.errors import DiskError, UsageError
from gansmith.runs.run import create_run, find_run, folder_name, list_runs, write_atomically
from gansmith.system.names import portable_name


@pytest.fixture
def root(tmp_path):
    return tmp_path / "runs"


def made(root, name):
    run = create_run(root, name)
    run.update(status="done")
    return run


def test_numbers_are_never_reused(root):
    first, second = made(root, "a"), made(root, "b")
    shutil.rmtree(second.path)
    assert [first.number, made(root, "c").number] == [1, 3]


def test_runs_made_at_once_get_different_numbers(root):
    with ThreadPoolExecutor(8) as pool:
        numbers = [run.number for run in pool.map(lambda n: create_run(root, f"r{n}"), range(24))]
    assert sorted(numbers) == list(range(1, 25))


def test_a_run_is_found_by_path_number_name_or_last(root):
    older, newer, other = made(root, "a"), made(root, "a"), made(root, "b")
    assert find_run(str(older.path), root) == older
    assert find_run("1", root) == find_run("00001-a", root) == older
    assert find_run("a", root) == newer
    assert find_run("last", root) == other


@pytest.mark.parametrize("wanted", ["7", "nothing", "last", "/nowhere"])
def test_a_run_that_is_not_there_is_a_usage_error(root, wanted):
    with pytest.raises(UsageError, match=f"no run '{wanted}'.*holds no runs yet"):
        find_run(wanted, root)


def test_a_root_that_cannot_be_made_is_a_disk_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="no run folder can be made"):
        create_run(tmp_path / "file", "a")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("my cats", "got 'my cats', which holds ' '."),
        ("chats/été", "got 'chats/été', which holds '/'."),
        ("a" * 101, "', which has 101."),
        (".hidden", "got '.hidden', which begins with '.'."),
        ("", "got ''."),
    ],
)
def test_a_name_that_cannot_be_a_folders_is_told_with_what_is_wrong_in_it(given, said):
    with pytest.raises(UsageError) as caught:
        folder_name(given)
    assert str(caught.value).endswith(said)


def test_a_variant_gets_a_folder_that_windows_takes_and_is_found_by_its_name(root):
    run = create_run(root, "notmnist-dcgan:full-passes")
    assert run.path.name == "00001-notmnist-dcgan-full-passes"
    run.update(name="notmnist-dcgan:full-passes")
    assert find_run("notmnist-dcgan:full-passes", root) == run
    assert create_run(root, "two.").path.name == "00002-two"
    older = root / "00003-demo:variant"  # made by an earlier version
    older.mkdir()
    (older / "run.json").write_text("{}")
    assert find_run("demo:variant", root).path == older


def test_a_number_that_another_process_took_is_left_out(root, monkeypatch):
    """Where the file system has no locks, two processes may read the same number."""
    create_run(root, "a")
    numbers = iter([1, 2])
    monkeypatch.setattr("gansmith.runs.run._next_number", lambda root: next(numbers))
    assert create_run(root, "a").path.name == "00002-a"


@pytest.mark.parametrize(
    ("name", "portable"),
    [
        ("a:b", "a-b"),
        ('<a>|"?*\\', "-a------"),
        ("con", "con_"),
        ("LPT1.txt", "LPT1.txt_"),
        ("console", "console"),
        ("a. .", "a"),
        ("...", "_"),
        ("mine-2.png", "mine-2.png"),
    ],
)
def test_file_names_that_windows_refuses_are_changed(name, portable):
    assert portable_name(name) == portable


def test_a_line_cut_short_is_left_out(root):
    run = made(root, "a")
    for step in range(3):
        run.append_event({"step": step, "seen": step * 8})
    whole = (run.path / "events.jsonl").read_bytes()
    for length in range(len(whole)):
        (run.path / "events.jsonl").write_bytes(whole[:length])
        assert [event["step"] for event in run.events()] == list(range(whole[: length + 1].count(b"\n")))


def test_lines_are_kept_by_what_they_say_and_a_cut_one_goes(root):
    run = made(root, "a")
    for step in range(5):
        run.append_event({"step": step, "seen": step * 8})
    with (run.path / "events.jsonl").open("a") as file:
        file.write('{"step": 5, "se')
    run.keep_lines("events.jsonl", lambda line: line["seen"] != 16)
    assert [event["seen"] for event in run.events()] == [0, 8, 24, 32]
    assert (run.path / "events.jsonl").read_text().count("\n") == 4
    run.keep_lines("metrics.jsonl", lambda line: True)
    assert run.metrics() == []


def test_an_atomic_write_has_the_usual_mode_and_leaves_nothing_else(tmp_path):
    write_atomically(tmp_path / "file", "new")
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~mask
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_info_grows_by_updates(root):
    run = made(root, "a")
    run.update(step=3)
    assert json.loads((run.path / "run.json").read_text()) == {"status": "done", "step": 3}
    assert list_runs(root) == [run]


@pytest.mark.parametrize("given", [None, 1.5, ["last"], object()])
def test_what_names_no_run_is_a_sentence(given):
    with pytest.raises(UsageError, match=f"by its path, number or name, got a {type(given).__name__}"):
        find_run(given)

"""How our own processes are started."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from gansmith.cli import main
from gansmith.system.processes import watch_worker, worker_command, worker_environment


def test_a_worker_imports_nothing_from_the_current_folder_and_is_told_its_arguments():
    for name in ("calendar", "datetime"):  # the module itself, and one that it imports
        Path(f"{name}.py").write_text("raise SystemExit('the current folder was imported')")
    done = subprocess.run(worker_command("calendar", "2026", "1"), capture_output=True, text=True, check=False)
    assert "January 2026" in done.stdout, done.stderr


def test_a_worker_has_so_many_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    for threads in (1, 3):
        environment = worker_environment(threads)
        assert {environment[f"{library}_NUM_THREADS"] for library in ("OMP", "OPENBLAS")} == {str(threads)}
    assert worker_environment()["OMP_NUM_THREADS"] == "1"


def test_a_watched_worker_is_given_and_says_more_than_a_pipe_holds():
    numbers, lines = list(range(50_000)), []
    done = watch_worker("json.tool", content=json.dumps(numbers).encode(), timeout=100, threads=1, on_line=lines.append)
    assert (done.returncode, json.loads(done.stdout)) == (0, numbers)
    assert b"".join(lines) == done.stdout


def test_a_watched_worker_that_ends_before_it_reads_says_why():
    done = watch_worker("json.tool", "no-file", content=bytes(1 << 20), timeout=100, threads=1, on_line=print)
    assert done.returncode
    assert b"no-file" in done.stderr


def test_a_watched_worker_needs_no_temporary_file(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "nowhere")
    done = watch_worker("json.tool", content=b"[]", timeout=100, threads=1, on_line=print)
    assert done.stdout.strip() == b"[]"


def test_a_watched_worker_is_ended_when_its_time_is_over_and_when_we_are_interrupted(tmp_path):
    os.mkfifo(tmp_path / "never written")
    waits = ("json.tool", str(tmp_path / "never written"))
    with pytest.raises(subprocess.TimeoutExpired):
        watch_worker(*waits, content=b"", timeout=0.5, threads=1, on_line=print)

    def interrupt(_line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch_worker("calendar", content=bytes(1 << 20), timeout=100, threads=1, on_line=interrupt)


@pytest.mark.parametrize(
    ("given", "spins"),
    [({}, main.SPINS), ({"OMP_WAIT_POLICY": "ACTIVE"}, None), ({"GOMP_SPINCOUNT": "7"}, "7")],
)
def test_the_command_has_threads_spin_briefly_unless_the_environment_says_otherwise(monkeypatch, capsys, given, spins):
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["gansmith", "--version"])
    with pytest.raises(SystemExit) as left:
        main.run()
    assert left.value.code == 0
    assert os.environ.get("GOMP_SPINCOUNT") == spins

"""How our own processes are started."""

import subprocess
from pathlib import Path

from gansmith.processes import worker_command, worker_environment


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

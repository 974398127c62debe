"""Everything is imported, trained, resumed and sampled in a process without what only POSIX has, as on Windows.

`sys.platform` stays, so that torch and the others do not look for their Windows files. What they and Python itself need
on such a platform (os.getuid, signal.SIGKILL) stays as well; the first test forbids those names to our code.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gansmith
from gansmith.system.processes import worker_environment

HIDE = '''
"""Run by Python at the start of every process below this folder, the workers included."""
import os, signal, sys

HIDDEN = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "readline", "syslog"}


class Hide:
    def find_spec(self, name, path=None, target=None):
        if name in HIDDEN:
            raise ImportError(f"{name} is hidden")


for name in HIDDEN:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Hide())
for name in (
    "getegid", "fchmod", "fchown", "chown", "sysconf", "sched_getaffinity", "getpgid",
    "killpg", "setsid", "fork", "mkfifo", "O_NOFOLLOW", "O_DIRECTORY", "O_NONBLOCK", "O_CLOEXEC",
):
    vars(os).pop(name, None)
for name in ("SIGUSR1", "SIGUSR2", "SIGHUP", "SIGALRM", "SIGQUIT", "SIGCHLD", "setitimer", "alarm", "pause"):
    vars(signal).pop(name, None)
'''

EVERYTHING = """
import importlib, pkgutil, sys
import gansmith

for module in pkgutil.walk_packages(gansmith.__path__, "gansmith."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
        print(module.name)
assert "fcntl" not in sys.modules and "resource" not in sys.modules
"""


@pytest.fixture
def python(tmp_path):
    """Runs Python with these arguments in such a process."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(HIDE)
    source = str(Path(gansmith.__file__).parents[1])
    environment = worker_environment() | {"PYTHONPATH": os.pathsep.join([str(hidden), source]), "USERNAME": "somebody"}

    def run(*arguments):
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


POSIX_ONLY = re.compile(
    r"\b(fcntl|resource\.|pwd|grp|termios|os\.(get(e?[ug]id|pgid)|kill|killpg|fork|setsid|mkfifo|sysconf|fchmod|sched_\w+"
    r"|O_NOFOLLOW|O_NONBLOCK|O_DIRECTORY)|signal\.(SIG(KILL|USR\d|HUP|ALRM|CHLD|QUIT)|setitimer|alarm|pause))\b"
)


def test_only_the_system_room_names_what_only_posix_has():
    source = Path(gansmith.__file__).parent
    found = [
        f"{file.relative_to(source)}: {line.strip()}"
        for file in source.rglob("*.py")
        if file.parent.name != "system"
        for line in file.read_text().splitlines()
        if POSIX_ONLY.search(line)
    ]
    assert found == []


def test_what_is_hidden_cannot_be_used(python):
    code = "import os\ntry:\n    import fcntl\nexcept ImportError:\n    print(hasattr(os, 'sysconf'))"
    assert python("-c", code) == "False\n"


def test_every_module_can_be_imported(python):
    imported = python("-c", EVERYTHING).split()
    assert len(imported) > 150
    assert "gansmith.system.locks" in imported


@pytest.mark.slow
def test_ten_steps_are_trained_resumed_and_sampled(python, tiny):
    command = ["-m", "gansmith"]
    python(*command, "train", tiny, "--steps", 6, "--device", "cpu")
    run = Path("runs/00001-tiny")
    assert (run / ".lock").read_text() == ""
    python(*command, "resume", run, "--steps", 10)
    assert (run / "checkpoints/latest").read_text().strip().endswith("10")
    python(*command, "sample", run, "-n", 3, "--out", "fakes")
    assert len(list(Path("fakes").glob("*.png"))) == 3


def test_images_are_checked_and_packed_by_worker_processes(python, tmp_path):
    from tests.helpers.small_images import photo

    (tmp_path / "photos").mkdir()
    for number in range(3):
        photo(40, 40, seed=number).save(tmp_path / f"photos/{number}.png")
    assert "used 3" in python("-m", "gansmith", "data", "check", "photos")
    python("-m", "gansmith", "data", "prepare", "photos", "packed", "--size", "32", "--channels", "3")
    assert (tmp_path / "packed/images.npy").stat().st_size == 128 + 3 * 3 * 32 * 32

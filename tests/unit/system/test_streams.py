"""What is written to a console, and when."""

import subprocess
import sys
from pathlib import Path

import pytest

NOTE = """
import sys
from pathlib import Path
from gansmith.system.streams import open_streams

open_streams()
sys.stderr.write("a note\\n")
sys.stdout.write(Path("log.txt").read_text())
"""


@pytest.mark.parametrize("options", [[], ["-u"]])
def test_a_note_is_in_a_log_file_at_once(options):
    with Path("log.txt").open("wb") as log:
        done = subprocess.run([sys.executable, *options, "-c", NOTE], stdout=subprocess.PIPE, stderr=log, check=True)
    assert done.stdout == b"a note\n"

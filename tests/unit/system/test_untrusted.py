"""Files that others may have written are read up to a limit, and take no more memory than they hold."""

import tracemalloc
from pathlib import Path

import pytest

from gansmith.system.untrusted import read_plain


@pytest.mark.parametrize("most", [5, 1 << 20, 1 << 32])
def test_a_file_is_read_up_to_its_limit_and_takes_the_memory_of_its_size(most):
    Path("log").write_bytes(b"12345")
    tracemalloc.start()
    assert read_plain(Path("log"), most) == b"12345"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_file_of_one_byte_more_is_refused():
    Path("log").write_bytes(b"123456")
    with pytest.raises(ValueError, match="it holds more than 5 bytes"):
        read_plain(Path("log"), 5)

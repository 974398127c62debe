import pytest

from gansmith.data.images import load
from gansmith.errors import DataError
from tests.fuzz import __main__ as fuzz
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_every_fuzz_target_reads_its_seeds_within_its_limits(tmp_path, monkeypatch, name):
    monkeypatch.setattr(load, "MAX_JPEG_PIXELS", load.MAX_JPEG_PIXELS)
    monkeypatch.setattr(load, "MAX_PIXELS", load.MAX_PIXELS)  # so that what the target sets does not stay
    (tmp_path / "findings").mkdir()
    target = TARGETS[name]
    seeds = target.begin()
    if not name.startswith("tar"):  # whose reader refuses twice by itself
        target.read(seeds[0])
    checked = fuzz.watch(target.read, target.refusal, tmp_path / "findings")
    for seed in seeds:
        checked(seed)
    assert [file.read_text() for file in (tmp_path / "findings").glob("*.txt")] == []


def test_the_fuzzer_keeps_what_is_no_refusal_or_takes_too_long_once(tmp_path, monkeypatch):
    def read(content):
        if content == b"refused":
            raise DataError("fine")
        raise KeyError(content)

    checked = fuzz.watch(read, DataError, tmp_path)
    for content in (b"refused", b"bad", b"as bad"):
        checked(content)
    assert sorted(file.read_bytes() for file in tmp_path.glob("*[!t]")) == [b"bad"]
    monkeypatch.setattr(fuzz, "MAX_SECONDS", 0)
    checked(b"refused")
    assert len([file for file in tmp_path.glob("*.txt") if "took" in file.read_text()]) == 1

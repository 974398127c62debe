"""Decoding in other processes: order, equality, and what a bad image may cost."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gansmith.data.images import pool
from gansmith.data.images.decode import decode
from gansmith.data.images.pool import Decoders, Job
from gansmith.data.images.resize import ImageShape
from gansmith.data.images.worker import FAULTS, read_frame, write_frame
from tests.helpers.small_images import file, photo

SMALL = ImageShape(channels=3, height=12, width=10)


def jobs(num=9):
    good = [Job(f"{n}.png", file(photo(16 + n, 24, seed=n))) for n in range(num)]
    return [*good[:3], Job("gone.png", None, "cannot be read"), Job("empty.png", b""), *good[3:], Job("x", b"nothing")]


def summary(images):
    return [(image, None if image.pixels is None else image.pixels.tobytes()) for image in images]


def expected():
    found = [decode(job.name, job.content or b"", SMALL) for job in jobs()]
    return [(p.reasons, None if p.pixels is None else p.pixels.tobytes()) for p in found]


@pytest.mark.parametrize("num", [1, 2, 3])
def test_any_number_of_processes_gives_the_same_in_the_same_order(num):
    with Decoders(num) as decoders:
        found = summary(decoders.decode(jobs(), SMALL))
    wanted = expected()
    wanted[3] = (("cannot be read",), None)
    assert [(image.reasons, pixels) for image, pixels in found] == wanted


@pytest.mark.parametrize("num", [1, 2])
@pytest.mark.parametrize(
    ("fault", "reason"),
    [(b"FAULT exit", "decoder crashed"), (b"FAULT hang", "decoder hung"), (b"FAULT memory", "decoder crashed")],
)
def test_a_image_that_kills_its_process_is_the_only_one_lost(monkeypatch, fault, reason, num):
    monkeypatch.setenv(FAULTS, "1")
    mixed = [*jobs()[:3], Job("bad.png", fault), *jobs()[5:8]]
    with Decoders(num, timeout=1.0 if b"hang" in fault else 30.0) as decoders:
        found = list(decoders.decode(mixed, SMALL))
    assert [image.outcome == "dropped" for image in found] == [False] * 3 + [True] + [False] * 3
    assert found[3].reasons == (reason,)


def test_faults_are_for_tests_only():
    with Decoders(1) as decoders:
        assert next(decoders.decode([Job("bad.png", b"FAULT exit")])).reasons == ("not an image",)


@pytest.mark.parametrize("following", [[], [Job("bad.png", b"FAULT hang")] * 4])
def test_leaving_the_block_ends_every_process_idle_or_not(monkeypatch, following):
    monkeypatch.setenv(FAULTS, "1")
    with Decoders(2) as decoders:
        results = decoders.decode([*jobs(), *following])
        next(results)
        started = [one._process for one in decoders._processes if one._process]
        assert started
    assert all(process.poll() is not None for process in started)
    assert all(one._process is None for one in decoders._processes)


def test_files_are_read_only_a_little_ahead():
    taken = []

    def endless():
        for job in jobs()[:1] * 50:
            taken.append(job)
            yield job

    with Decoders(2) as decoders:
        next(decoders.decode(endless()))
        assert len(taken) <= 10


def test_the_process_limits_its_own_memory_and_ignores_the_current_folder(tmp_path):
    (tmp_path / "PIL.py").write_text("raise SystemExit('the images folder was imported')")
    with Decoders(1) as decoders:
        assert next(decoders.decode(jobs()[:1])).outcome == "used"
        pid = decoders._processes[0]._process.pid
        limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    line = next(line for line in limits if line.startswith("Max address space"))
    assert int(line.split()[3]) <= 2 << 30


def test_a_process_that_does_not_start_is_an_error_and_not_a_lost_image(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Decoders(1) as decoders, pytest.raises(RuntimeError, match="does not start"):
        next(decoders.decode(jobs()[:1]))


def test_frames_are_bounded_and_a_torn_one_is_the_end():
    buffer = io.BytesIO()
    write_frame(buffer, {"name": "ä\udcff"}, b"12345")
    whole = buffer.getvalue()
    assert read_frame(io.BytesIO(whole)) == ({"name": "ä\udcff"}, b"12345")
    assert read_frame(io.BytesIO(whole), max_content=4) is None
    assert read_frame(io.BytesIO(whole), max_header=4) is None
    assert all(read_frame(io.BytesIO(whole[:cut])) is None for cut in range(len(whole)))


@pytest.mark.parametrize(
    ("images", "pixels"),
    [
        ([{"reasons": [], "surprise": 1, "outcome": "used"}], SMALL.bytes_per_image),
        ([{"reasons": [], "outcome": "used"}], 123),
        ([{"reasons": [], "outcome": "used"}], SMALL.bytes_per_image + 1),
        ([{"reasons": [], "outcome": "used"}], 0),
        ([{"reasons": [], "outcome": "dropped"}], 1),
        ([{"reasons": [], "outcome": "dropped"}] * 2, 0),
        ([7], 0),
    ],
)
def test_an_answer_that_is_no_image_is_refused(images, pixels):
    with pytest.raises(ValueError, match=r"answer|reshape"):
        pool._images({"images": images}, bytes(pixels), 1, SMALL)


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "reason"), [(b"FAULT exit", "decoder crashed"), (b"FAULT hang", "decoder hung")])
def test_of_files_given_at_once_only_the_culprits_are_lost(monkeypatch, fault, reason):
    monkeypatch.setenv(FAULTS, "1")
    mixed = jobs()[:1] * 300
    for place in (100, 101, 250):
        mixed[place] = Job("bad.png", fault)
    with Decoders(2, timeout=1.0) as decoders:
        found = list(decoders.decode(mixed, SMALL))
    assert {n: one.reasons for n, one in enumerate(found) if one.outcome == "dropped"} == dict.fromkeys(
        (100, 101, 250), (reason,)
    )


def test_a_script_without_a_main_guard_runs_once(tmp_path):
    (tmp_path / "a.png").write_bytes(file(photo()))
    script = tmp_path / "script.py"
    script.write_text(
        "import json\nfrom pathlib import Path\nfrom gansmith.data.images.pool import Decoders, Job\n"
        "print('started')\nwith Decoders(2) as d:\n"
        "    print(json.dumps([p.outcome for p in d.decode([Job('a.png', Path('a.png').read_bytes())] * 3)]))\n"
    )
    out = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout.splitlines()
    assert out[0] == "started"
    assert json.loads(out[1]) == ["used"] * 3
    assert len(out) == 2


def test_pixels_can_be_kept_after_the_block():
    with Decoders(1) as decoders:
        (image,) = decoders.decode(jobs()[:1], SMALL)
    assert image.pixels.dtype == np.uint8

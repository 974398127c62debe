"""Which precision a run gets where it asks for none."""

import pytest
import torch

from gansmith import engine
from gansmith.system.machine import describe_machine


@pytest.fixture
def multiplying(monkeypatch):
    """Sets how long a product takes in each type, by a clock of its own; the processor has the instruction."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    engine._multiplies_faster_in_bf16.cache_clear()
    seconds, now = {torch.float32: 1.0}, [0.0]

    def multiply(matrix, _):
        now[0] += seconds[matrix.dtype]

    monkeypatch.setattr(engine.torch, "mm", multiply)
    monkeypatch.setattr(engine.time, "perf_counter", lambda: now[0])
    yield seconds
    engine._multiplies_faster_in_bf16.cache_clear()


@pytest.mark.parametrize(("bf16", "precision"), [(0.5, "bf16"), (0.9, "fp32"), (2.0, "fp32")])
def test_auto_takes_bf16_only_where_it_multiplies_faster(multiplying, bf16, precision):
    multiplying[torch.bfloat16] = bf16
    assert engine.make_engine("cpu", "auto").precision == precision


def test_who_asks_for_bf16_gets_it_however_slow(multiplying):
    multiplying[torch.bfloat16] = 9.0
    assert engine.make_engine("cpu", "bf16").precision == "bf16"


def test_without_the_instruction_nothing_is_tried(multiplying, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    assert engine.make_engine("cpu", "auto").precision == "fp32"


def info(**changes):
    """What run.json has of a run that was trained here."""
    return {"device": "cpu", "precision": "bf16", "machine": {"processor": describe_machine()["processor"]}, **changes}


def test_what_auto_found_for_a_run_holds_for_it_however_the_clock_goes_now(multiplying):
    multiplying[torch.bfloat16] = 9.0
    assert engine.make_engine("cpu", "auto").precision == "fp32"
    assert engine.same_engine(info(), "cpu", "auto").precision == "bf16"
    assert engine.same_engine(info(precision="fp32"), "cpu", "auto").precision == "fp32"
    assert engine.same_engine(info(), "cpu", "fp32").precision == "fp32"


@pytest.mark.parametrize("changes", [{"machine": {"processor": "another"}}, {"device": "cuda:0"}, {"machine": None}])
def test_on_another_device_or_processor_auto_finds_out_again(multiplying, changes):
    multiplying[torch.bfloat16] = 9.0
    assert engine.same_engine(info(**changes), "cpu", "auto").precision == "fp32"

"""Rules of the project that a machine can check."""

from pathlib import Path

import gansmith

SOURCE = Path(gansmith.__file__).parent


def test_the_loop_can_be_read_at_a_sitting():
    assert len((SOURCE / "training/loop.py").read_text().splitlines()) <= 120


def test_nothing_loads_what_could_run_code():
    for file in SOURCE.rglob("*.py"):
        text = file.read_text()
        for forbidden in ("torch.load", "import pickle", "eval(", "exec(", "allow_pickle=True"):
            assert forbidden not in text.replace(".eval()", ""), f"{file.name}: {forbidden}"


def test_the_public_names_are_there():
    for name in gansmith.__all__:
        assert getattr(gansmith, name)


def test_every_random_draw_names_its_stream():
    for file in SOURCE.rglob("*.py"):
        for line in file.read_text().splitlines():
            if any(draw in line for draw in ("torch.rand(", "torch.randn(", "torch.randint(", "torch.randperm(")):
                assert "generator=" in line, f"{file.name}: {line.strip()}"

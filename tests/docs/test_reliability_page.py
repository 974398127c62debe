"""The page on reliability says what came of the kills."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
KILLS = json.loads((ROOT / "benchmarks" / "results" / "kills.json").read_text())


def test_the_kills_are_those_that_were_tried_and_all_survived():
    assert f"{KILLS['survived']} of {KILLS['tried']} kills" in PAGE
    assert KILLS["survived"] == KILLS["tried"]
    save, last, refused, continuation, at_random = (kind["tried"] for kind in KILLS["kinds"].values())
    for said in (
        f"each of the {save} calls of a save",
        f"of the {last} of a run's last save",
        f"of the {refused} where",
        f"of the {continuation} of a continuation",
        f"{at_random} at random times",
    ):
        assert said in PAGE
    assert all(kind["most_steps_lost"] <= KILLS["steps_between_checkpoints"] for kind in KILLS["kinds"].values())

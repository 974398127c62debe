"""The bake-off's arithmetic, its table of candidates, and its page."""

import pytest

from benchmarks.pages.bakeoff_page import page
from benchmarks.quality.bakeoff_contests import CONTESTS, FIRST
from benchmarks.quality.bakeoff_runs import BusyError, changed, claimed, entered
from benchmarks.quality.bakeoff_sums import changing, in_unit, read, rise_after_best, steps_in, time_to_reach
from gansmith.recipe_file import override, to_toml

BOTH = [(name, candidate) for name, contest in CONTESTS.items() for candidate in contest.candidates]


def test_as_many_whole_steps_as_fit_into_a_time_are_trained_one_at_least():
    assert steps_in(10, 0.3) == 33
    assert steps_in(0.1, 0.3) == 1


def test_a_later_measurement_on_a_machine_twice_as_slow_counts_half():
    assert in_unit(0.2, 0.6, None) == 0.2
    assert in_unit(0.2, 0.6, 0.3) == pytest.approx(0.1)


def test_a_distance_is_reached_at_the_first_reading_as_low():
    curve = [(1, 9.0), (2, 5.0), (3, 6.0), (4, 2.0)]
    assert time_to_reach(curve, 5.0) == 2
    assert time_to_reach(curve, 4.9) == 4
    assert time_to_reach(curve, 1.9) is None


def test_the_rise_is_that_of_the_highest_value_after_the_lowest():
    assert rise_after_best([9, 4, 5, 4.4]) == pytest.approx(0.25)
    assert rise_after_best([9, 4]) == 0


@pytest.mark.parametrize(("name", "candidate"), BOTH)
def test_every_candidate_of_a_contest_gets_the_same_images_and_so_many_steps(name, candidate):
    one = entered(name, candidate, steps=700, seed=2)
    other = entered(name, next(iter(CONTESTS[name].candidates)), steps=1)
    assert (one.steps, one.seed) == (700, 2)
    for field in ("name", "split", "skip", "limit", "channels", "height", "width", "resize", "box", "resample"):
        assert getattr(one.data, field) == getattr(other.data, field)
    assert one.evaluate.images == other.evaluate.images
    assert (one.evaluate.every == 0) == (CONTESTS[name].kind != "quality")


@pytest.mark.parametrize(("name", "candidate"), BOTH)
def test_every_candidate_is_another_recipe_than_the_others(name, candidate):
    same = [
        one for one in CONTESTS[name].candidates if not changed(to_toml(entered(name, one)), entered(name, candidate))
    ]
    assert same == [candidate]


def test_a_candidate_that_has_changed_is_told_from_one_that_has_more_fields_now():
    now = entered("fashion-mnist", "auto")
    before = to_toml(override(now, ["batch_size=64"]))
    assert "batch_size 64 -> 32" in changed(before, now)
    assert not changed(to_toml(now).replace('name = "auto"\n', ""), now)


def test_what_is_kept_is_added_to(tmp_path):
    file = tmp_path / "results" / "kept.json"
    for number in (1, 2):
        with changing(file) as kept:
            kept["runs"][f"run {number}"] = {"steps": number}
    assert read(file)["runs"] == {"run 1": {"steps": 1}, "run 2": {"steps": 2}}


def run(name, candidate, seed, values, curve):
    values = {key: {"value": value, "low": value, "high": value} for key, value in values.items()}
    facts = {"set": name, "candidate": candidate, "seconds": 100, "seed": seed, "steps": curve[-1][0]}
    return facts | {"seconds_per_step": 1.0, "status": "done", "values": values, "curve": curve}


def page_of(*runs):
    return page({"measured": {}, "runs": {str(number): one for number, one in enumerate(runs)}})


def test_the_page_shows_medians_ranges_ratios_and_when_the_articles_distance_was_reached():
    def of(candidate, seed, fd, coverage, curve):
        values = {"fd": fd, "coverage": coverage, "precision": 0.5, "recall": 0.25}
        return run("fashion-mnist", candidate, seed, values, curve)

    text = page_of(
        *(of(FIRST, seed, 20 + seed, 0.05, [(50, 30), (100, 20)]) for seed in range(3)),
        *(of("auto", seed, 5 + seed, 0.8, [(5, 25), (10, 19), (50, 4), (100, 5)]) for seed in range(3)),
    )
    assert "### fashion-mnist, 100 s" in text
    assert "| article | 21 (20 to 22) | 1.000 | 0.050 | 0.500 | 0.250 | 3 of 3 |" in text
    assert (
        "| auto | 6 (5 to 7) | 0.286 | 0.800 | 0.500 | 0.250 | 0 of 3 | 10 s (1/10) | 25% (25% to 25%) | 100 |" in text
    )
    assert text.index("| article |") < text.index("| auto |")
    at_once = page_of(of(FIRST, 0, 20, 0.05, [(50, 30), (100, 20)]), of("auto", 0, 5, 0.8, [(5, 19), (100, 5)]))
    assert "| 0 of 1 | ≤ 5 s (1/20) | 0% | 100 |" in at_once


def test_the_page_shows_a_run_that_diverged_as_fallen_and_one_that_never_got_there_as_such():
    lost = run("mnist", "fast", 0, {}, [(100, 90)]) | {"status": "diverged"}
    values = {"fd": 20, "coverage": 0.5, "precision": 0.5, "recall": 0.5}
    text = page_of(run("mnist", FIRST, 0, values, [(100, 20)]), lost)
    assert "| fast | – | – | – | – | – | 1 of 1 | never | 0% | 100 |" in text


def test_the_page_shows_the_rise_of_few_images_and_the_modes_on_the_way():
    few = run("small-500", "plain", 0, {"fd": 8}, [(10, 9), (20, 5), (30, 6), (40, 8)])
    stacked = run("stacked-mnist", "auto", 0, {"modes": 990, "modes-kl": 0.1}, [(10, 100), (20, 990)])
    text = page_of(few, stacked)
    assert "| plain | 5 | 33% | 8 | 60% | 40 |" in text
    assert "| auto | 990 | 0.1 | 100, 990 | 20 |" in text


def test_a_run_is_of_one_process_from_before_it_is_there(tmp_path):
    with claimed("a.auto.60.0", tmp_path / "runs"):
        with pytest.raises(BusyError), claimed("a.auto.60.0", tmp_path / "runs"):
            pass
        with claimed("a.auto.60.1", tmp_path / "runs"):
            pass
    with claimed("a.auto.60.0", tmp_path / "runs"):
        pass

"""What is said about the articles' claims follows from what was measured."""

import json

import pytest

from benchmarks.pages.claims_page import PAGE, RESULT, judge, page, verdicts
from benchmarks.quality.claims_tested import CLAIMS, FAMILIES, SEEDS
from gansmith.recipe_file import override


def exact(*values):
    return [[value] * 3 for value in values]


def test_the_page_is_what_its_script_makes_of_the_results():
    made = page(json.loads(RESULT.read_text()))
    assert PAGE.read_text(encoding="utf-8") == made, "run: python -m benchmarks.pages.claims_page"


def test_every_claim_is_there_with_its_verdict_and_all_its_seeds():
    kept = json.loads(RESULT.read_text())
    assert kept["claims"] == verdicts(kept["families"])
    assert [one["claim"] for one in kept["claims"]] == [claim.says for claim in CLAIMS]
    for name, family in FAMILIES.items():
        assert kept["families"][name]["arms"].keys() == family.arms.keys()
        for runs in kept["families"][name]["arms"].values():
            assert list(runs) == [str(seed) for seed in SEEDS]


def test_the_claims_cover_what_the_articles_compare():
    compared = {(claim.article, claim.less, claim.more) for claim in CLAIMS}
    arms = {arm for article, less, more in compared for arm in (less, more)}
    assert arms == {arm for family in FAMILIES.values() for arm in family.arms}
    assert {article for article, less, more in compared if "D frozen" in (less, more)} == {0, 3}


@pytest.mark.parametrize("name", FAMILIES)
def test_an_arm_differs_from_its_baseline_in_its_own_changes_only(name):
    family = FAMILIES[name]
    for arm, changes in family.arms.items():
        assert family.made(arm, 1) == override(family.made("as published", 1), changes)
        assert family.made(arm, 1).steps == family.steps


def test_a_steady_difference_is_told_and_its_direction_decides():
    less, more = exact(10, 12, 11), exact(20, 25, 21)
    assert judge(less, more, equal=False).says == "supported"
    assert judge(more, less, equal=False).says == "not supported"
    assert judge(less, more, equal=False).ratio == pytest.approx((2 * 25 / 12 * 21 / 11) ** (1 / 3))


def test_the_interval_is_students_of_the_logarithms():
    found = judge(exact(1, 1, 1), exact(2.718281828, 2.718281828**2, 2.718281828**3), equal=False)
    assert (found.low, found.high) == pytest.approx(
        (2.718281828 ** (2 - 2.4844), 2.718281828 ** (2 + 2.4844)), rel=1e-3
    )
    assert found.says == "cannot tell"


def test_seeds_that_agree_by_chance_do_not_hide_the_noise_of_each_value():
    less, more = [[10, 2, 18]] * 3, [[12, 4, 20]] * 3
    assert judge(less, more, equal=False).says == "cannot tell"
    assert judge(exact(10, 10, 10), exact(12, 12, 12.001), equal=False).says == "supported"


def test_as_good_as_each_other_needs_a_narrow_interval():
    assert judge(exact(10, 10, 10), exact(10.1, 9.9, 10), equal=True).says == "supported"
    assert judge(exact(10, 10, 10), exact(5, 20, 10), equal=True).says == "cannot tell"
    assert judge(exact(10, 10, 10), exact(20, 20, 20.1), equal=True).says == "not supported"


def test_one_seed_alone_tells_nothing():
    assert judge(exact(10), exact(90), equal=False).says == "cannot tell"

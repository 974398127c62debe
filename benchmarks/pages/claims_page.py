"""Write docs/claims.md from results/claims.json: what became of each claim. A test holds the page against it."""

import json
import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.quality.claims_tested import ARTICLES, CLAIMS, FAMILIES, SEEDS, Claim

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "benchmarks" / "results" / "claims.json"
PAGE = ROOT / "docs" / "claims.md"

MEASURES = {
    "distance": "Fréchet distance",
    "d_loss": "mean of D's loss over the second half",
    "oscillation": "standard deviation of D's validation loss over the second half",
}
"""Of what one arm has less than the other."""

STUDENT = {2: 12.706, 3: 4.303}
"""The 97.5 % quantile of Student's law for so many seeds."""
SAME = 1.25
"""Up to this ratio either way, two arms are as good as each other."""

HEAD = """\
# The articles' claims, put to the test

Each article says what works better, from its author's own runs. Here each claim is tested by one change of one setting,
with three seeds per arm and the same number of steps, on real images. All trainings together take two cores less than
an hour, so they are shorter and thinner than the articles' own. A result of such small networks need not hold at full
length. `python -m benchmarks.quality.claims --dry-run` prints every change.
"""

METHOD = """\
## How a verdict is found

Each seed gives the logarithm of the ratio of the two arms' values. The verdict uses their mean over the seeds with
Student's 95 % interval of two degrees of freedom, never narrower than the intervals of the single values allow.
*Supported*: the whole interval lies on the side that the article names. *Not supported*: it lies on the other side.
*Cannot tell*: it contains 1.

A claim that two arms are equally good is supported when the whole interval lies within a factor of {same:.2f}, and not
supported when it lies outside. Three seeds are few: only a large or very steady effect can be seen. Distances are
measured on {images:,} images of each run's last checkpoint against the test split, by features of the dataset's own
network. The articles had no such measure; their authors judged the images by eye.
"""


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """How much more of the measure the one arm has, as a ratio with its interval, and what follows; None: no pairs."""

    ratio: float | None
    low: float | None
    high: float | None
    says: str


def judge(less: list[list[float]], more: list[list[float]], *, equal: bool) -> EvaluationResult:
    """Of values [value, low, high] of either arm, by seed."""
    logs = [math.log(b[0] / a[0]) for a, b in zip(less, more, strict=True)]
    if len(logs) not in STUDENT:
        return EvaluationResult(None, None, None, "cannot tell")
    by_seeds = STUDENT[len(logs)] * statistics.stdev(logs) / math.sqrt(len(logs))
    single = math.sqrt(sum(((high - low) / 2 / value) ** 2 for value, low, high in (*less, *more))) / len(logs)
    middle, half = statistics.mean(logs), max(by_seeds, single)
    low, high = middle - half, middle + half
    if equal:
        border = math.log(SAME)
        supported, refuted = -border < low and high < border, low > border or high < -border
    else:
        supported, refuted = low > 0, high < 0
    says = "supported" if supported else "not supported" if refuted else "cannot tell"
    return EvaluationResult(math.exp(middle), math.exp(low), math.exp(high), says)


def verdict(claim: Claim, families: dict[str, Any]) -> EvaluationResult:
    """Of the seeds with which both arms have a value."""
    arms = families[claim.family]["arms"]
    less, more = ({seed: _value(run, claim.of) for seed, run in arms[arm].items()} for arm in (claim.less, claim.more))
    both = [seed for seed in less if less[seed] and more.get(seed)]
    return judge([less[seed] for seed in both], [more[seed] for seed in both], equal=claim.equal)


def verdicts(families: dict[str, Any]) -> list[dict[str, Any]]:
    """Of all claims whose family was trained."""
    rows = [(claim, verdict(claim, families)) for claim in CLAIMS if claim.family in families]
    return [
        {"article": claim.article, "claim": claim.says, "verdict": one.says, "ratio": [one.ratio, one.low, one.high]}
        for claim, one in rows
    ]


def _value(run: dict[str, Any], of: str) -> list[float]:
    """[value, low, high]; empty where the run has none. Losses of all logged steps have no sampling error."""
    found = run[of]
    if isinstance(found, list):
        return found
    return [] if found is None or not found > 0 else [found] * 3


def page(kept: dict[str, Any]) -> str:
    families = kept["families"]
    lines = [HEAD, "| claim | measured by | ratio, 95 % | verdict |", "|---|---|---:|---|"]
    for claim in CLAIMS:
        if claim.family in families:
            lines.append(_row(claim, verdict(claim, families)))
    lines += ["", "The articles: " + "; ".join(f"({n}) {one.cited()}" for n, one in ARTICLES.items()) + ".", ""]
    for name, found in families.items():
        lines += _family(name, found)
    lines += [METHOD.format(same=SAME, images=kept["images"])]
    machine = kept["machine"]
    lines += [f"{kept['date']}, {machine.get('processor')}, {machine.get('cores')} cores (`claims.py`).", ""]
    return "\n".join(lines)


def _row(claim: Claim, found: EvaluationResult) -> str:
    arms = f"{claim.more} / {claim.less}"
    ratio = "–" if found.ratio is None else f"{found.ratio:.2f} ({found.low:.2f} to {found.high:.2f})"
    says = f"{claim.says} ({claim.article})"
    return f"| {says} | {MEASURES[claim.of]}, {arms} | {ratio} | **{found.says}** |"


def _family(name: str, found: dict[str, Any]) -> Iterator[str]:
    family, protocol = FAMILIES[name], found["protocol"]
    yield f"## {name}\n"
    yield f"{family.why[0].upper()}{family.why[1:]}.\n"
    yield "| arm | " + " | ".join(f"seed {seed}" for seed in SEEDS) + " | D's loss | its deviation |"
    yield "|---|" + "---:|" * (len(SEEDS) + 2)
    for arm, runs in found["arms"].items():
        distances = " | ".join(_distance(runs.get(str(seed))) for seed in SEEDS)
        yield f"| {arm} | {distances} | {_mean(runs, 'd_loss')} | {_mean(runs, 'oscillation')} |"
    yield ""
    yield (
        f"Fréchet distances with their intervals, features `{protocol['features']}`, {protocol['fake']:,} generated "
        f"against {protocol['real']:,} real images of {protocol['reference']}, {protocol['split']}. Floor "
        f"{found['floor']:.2f} ({found['floor_is']}), noise {found['noise']:,.0f}.\n"
    )


def _distance(run: dict[str, Any] | None) -> str:
    if not run:
        return "–"
    if not run["distance"]:
        return run["status"]
    value, low, high = run["distance"]
    return f"{value:.1f} ({low:.1f} to {high:.1f})"


def _mean(runs: dict[str, Any], of: str) -> str:
    found = [run[of] for run in runs.values() if run[of] is not None]
    return f"{statistics.mean(found):.2f}" if found else "–"


def main() -> None:
    PAGE.write_text(page(json.loads(RESULT.read_text())), encoding="utf-8")


if __name__ == "__main__":
    main()

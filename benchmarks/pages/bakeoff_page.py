"""docs/bakeoff.md, and a part of README.md, of what `bakeoff.py` has kept. Tests hold both against it."""

import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.pages.marked import with_part
from benchmarks.quality.bakeoff_contests import CONTESTS, FIRST, names_of
from benchmarks.quality.bakeoff_sums import middle_and_ends, read, rise_after_best, time_to_reach

ROOT = Path(__file__).parents[2]
PAGE, README = ROOT / "docs" / "bakeoff.md", ROOT / "README.md"
RESULTS = ROOT / "benchmarks" / "results"
SHOWN = (FIRST, "auto")
"""Whose sheets are on the page."""
COLLAPSED = 0.1
"""Coverage below which a run counts as collapsed."""

Result = dict[str, Any]
Group = dict[str, list[Result]]
"""The runs of each candidate, one a seed."""

HEAD = """\
# Bake-off: the best images in the same time

This page measures which recipe makes the best images on a processor. Every candidate gets the same images and the same
seconds of training: the steps of all candidates of a dataset are timed in turns, and each run does as many steps as
fit. Numbers are medians over the seeds, with the smallest and the largest. Where only one number stands, one seed was
trained, and a difference below a tenth says little. Candidates that lost stay in the tables. `fast`, with spectral norm
and the hinge loss, was a recipe of its own when these runs were made; it lost and was removed.

*Distance* is the Fréchet distance between 10,000 samples of the last checkpoint and the real images, by the features of
the dataset's own network. A run *fell* when its coverage is below 0.1, or when it diverged. *Reached* is the time of
the first evaluation that was as low as the article's last one; "≤" marks the first evaluation of all. *Rise* is how far
the distance rose again after its lowest evaluation.

The first table of distances shows why `auto` has its settings. On a processor the number of updates decides: networks
twice as wide, a batch four times as large, or R3GAN's loss with both penalties in every step make fewer updates in the
same time, and end worse. Augmentation of a dataset that is large enough also ends worse, and so does a D without R1.
Pairs of images, R2 in addition, half the width, no EMA, and a constant learning rate make no difference that one seed
could show.

`benchmarks/quality/bakeoff.py` makes the numbers and this page; `bakeoff_contests.py` beside it has the candidates.
"""

IN_SHORT = """\
## In short

Each row compares `auto` with the article's own system on the same images and for the same time of one processor core.
*As good after* is how long `auto` takes to reach the distance that the article's system has at its end; "≤" means that
its first evaluation was already as good. Two of the articles' systems are too large for a processor: `mnist-dcgan` and
`cifar-ships` make about a hundred of their 10,000 steps in ten minutes.
"""


def write_page(out: Path, sheets: Path | None = None) -> None:
    """Write the page of the results in `out`; copy the sheets it shows, of seed 0, if their folder is given."""
    kept = read(out)
    for result in kept["runs"].values() if sheets else ():
        if (sheet := _sheet(result)) and (sheets / result["sheet"]).is_file():
            shutil.copy(sheets / result["sheet"], sheet)
    PAGE.write_text(page(kept), encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8"), kept), encoding="utf-8")


def page(kept: dict[str, Any]) -> str:
    blocks = [HEAD, _in_short(kept), *_contests(kept)]
    if not kept["runs"]:
        blocks.append("No run is kept yet.\n")
    return "\n".join(blocks)


def readme(text: str, kept: dict[str, Any]) -> str:
    """README.md with one sentence on `auto` and the articles' own systems."""
    compared = [*_compared(kept)]
    ratios = [
        middle_and_ends(_values(group["auto"], "fd"))[0] / middle_and_ends(_values(group[FIRST], "fd"))[0]
        for _, _, group in compared
    ]
    (length,) = {_time(seconds) for _, seconds, _ in compared}
    seeds = min(len(group[candidate]) for _, _, group in compared for candidate in SHOWN)
    sentence = (
        f"On {len(ratios)} datasets, after the same {length} of one processor core, the Fréchet distance of `auto` is "
        f"{min(ratios):.3f} to {max(ratios):.3f} times that of the article's system (medians of {seeds} seeds, lower "
        "is better). [The bake-off](docs/bakeoff.md) has every number, the ablations, and the recipes that lost."
    )
    return with_part(text, "bake-off", textwrap.fill(sentence, 120))


def _compared(kept: dict[str, Any]) -> Iterator[tuple[str, float, Group]]:
    """Set, seconds and runs of each contest of the article's system and `auto`, at most seeds, then at most time."""
    for name in names_of("quality"):
        groups = {seconds: group for seconds, group in _groups(kept, name).items() if {*SHOWN} <= group.keys()}
        if groups:
            seconds = max(groups, key=lambda one: (min(len(groups[one][candidate]) for candidate in SHOWN), one))
            yield name, seconds, groups[seconds]


def _in_short(kept: dict[str, Any]) -> str:
    rows = [
        "| images | each | the article's system | `auto` | ratio | coverage, article / `auto` | as good after |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, seconds, group in _compared(kept):
        article, auto = (group[candidate] for candidate in SHOWN)
        first, found = _values(article, "fd"), _values(auto, "fd")
        coverage = " / ".join(_middle(_values(results, "coverage")) for results in (article, auto))
        reached = _reached(auto, _last_on_the_way(article))
        cells = [name, _time(seconds), _range(first), _range(found), _ratio(found, first), coverage, reached]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([IN_SHORT, *rows, ""])


def _contests(kept: dict[str, Any]) -> Iterator[str]:
    parts = {"quality": _quality, "small": _small, "modes": _modes}
    titles = {"quality": "## Distance to real images\n", "small": "## Few images\n", "modes": "## Modes\n"}
    for kind, part in parts.items():
        title = titles[kind]
        for name in names_of(kind):
            for seconds, group in sorted(_groups(kept, name).items()):
                yield from [title] if title else []
                title = ""
                yield _block(kept, name, seconds, group, part(group))


def _groups(kept: dict[str, Any], name: str) -> dict[float, Group]:
    """The contest's runs by seconds, then by candidate, in the order of the contest's table."""
    found: dict[float, Group] = {}
    for candidate in CONTESTS[name].candidates:
        for result in kept["runs"].values():
            if (result["set"], result["candidate"]) == (name, candidate):
                found.setdefault(result["seconds"], {}).setdefault(candidate, []).append(result)
    return found


def _block(kept: dict[str, Any], name: str, seconds: float, group: Group, table: list[str]) -> str:
    about = CONTESTS[name].about
    lines = [f"### {name}, {_time(seconds)}", "", f"{about[0].upper()}{about[1:]}.", "", *table, ""]
    for candidate in SHOWN:
        for result in group.get(candidate, []):
            if (sheet := _sheet(result)) and sheet.is_file():
                lines += [f"![samples of {candidate}, {name}](../benchmarks/results/{sheet.name})", ""]
    lines += [f"*{candidate}*: {_of(name, candidate)}" + ("" if last else ";") for candidate, last in _marked(group)]
    measured = kept["measured"].get(name, {})
    found = next((measured[candidate] for candidate in group if candidate in measured), None)
    if found:
        machine = found["machine"]
        threads = f"{found['threads']} thread{'s' if found['threads'] > 1 else ''}, {found['clock']} time"
        lines += ["", f"Timed {found['began'][:10]} on {machine.get('processor')}, {threads}."]
    return "\n".join([*lines, ""])


def _marked(group: Group) -> list[tuple[str, bool]]:
    names = list(group)
    return [(name, name == names[-1]) for name in names]


def _of(name: str, candidate: str) -> str:
    one = CONTESTS[name].candidates[candidate]
    num = len(one.changes)
    changes = f", {num} change{'s' if num > 1 else ''}" if num else ""
    return f"{one.about} (`{one.recipe}`{changes})"


def _sheet(result: Result) -> Path | None:
    """Where the sheet of a run lies beside the results, if it is one of those that the page shows."""
    wanted = result["candidate"] in SHOWN and result["seed"] == 0 and "sheet" in result
    return RESULTS / f"bakeoff-{result['set']}-{result['candidate']}-{result['seconds']:g}.png" if wanted else None


def _quality(group: Group) -> list[str]:
    first = _values(group.get(FIRST, []), "fd")
    target = _last_on_the_way(group.get(FIRST, []))
    rows = []
    for candidate, results in group.items():
        found = _values(results, "fd")
        collapsed = sum(one < COLLAPSED for one in _values(results, "coverage")) + len(results) - len(found)
        cells = [
            _range(found),
            _ratio(found, first),
            *(_middle(_values(results, name)) for name in ("coverage", "precision", "recall")),
            f"{collapsed} of {len(results)}",
            _reached(results, target) if candidate != FIRST else "",
            _rise(results),
            f"{results[0]['steps']:,}",
        ]
        rows.append(f"| {candidate} | {' | '.join(cells)} |")
    return [
        "| candidate | distance | to the article's | coverage | precision | recall | fell | reached | rise | steps |",
        "|---|---|---:|---:|---:|---:|---:|---|---:|---:|",
        *rows,
    ]


def _small(group: Group) -> list[str]:
    rows = []
    for candidate, results in group.items():
        best = [min(values) for values in _curves(results)]
        at = [values.index(min(values)) / (len(values) - 1) for values in _curves(results) if len(values) > 1]
        cells = [_range(best), _percent(at), _range(_values(results, "fd")), _rise(results), f"{results[0]['steps']:,}"]
        rows.append(f"| {candidate} | {' | '.join(cells)} |")
    return [
        "| candidate | best distance on the way | after | last distance | rise after the best | steps |",
        "|---|---|---:|---|---:|---:|",
        *rows,
    ]


def _modes(group: Group) -> list[str]:
    rows = []
    for candidate, results in group.items():
        found = _values(results, "modes")
        cells = [
            _range(found),
            _range(_values(results, "modes-kl")),
            ", ".join(f"{value:.0f}" for value in (_curves(results) or [[]])[0]),
            f"{results[0]['steps']:,}",
        ]
        rows.append(f"| {candidate} | {' | '.join(cells)} |")
    return [
        "| candidate | modes of 1,000 | their divergence | on the way, first seed | steps |",
        "|---|---|---|---|---:|",
        *rows,
    ]


def _values(results: list[Result], name: str) -> list[float]:
    return [result["values"][name]["value"] for result in results if name in result["values"]]


def _curves(results: list[Result]) -> list[list[float]]:
    return [[value for _, value in result["curve"]] for result in results if result["curve"]]


def _last_on_the_way(results: list[Result]) -> float | None:
    """Median of the last evaluations on the way."""
    last = [values[-1] for values in _curves(results)]
    return middle_and_ends(last)[0] if last else None


def _reached(results: list[Result], target: float | None) -> str:
    """Such as "24 s (1/25)": the median over seeds; of how many, where some never are as low.

    "≤ 12 s" where the first evaluation already was: nobody looked before.
    """
    if target is None:
        return "–"
    curves = [[(step * result["seconds_per_step"], value) for step, value in result["curve"]] for result in results]
    times = [time_to_reach(curve, target) for curve in curves]
    there = [time for time in times if time is not None]
    if not there:
        return "never"
    middle, seconds = middle_and_ends(there)[0], results[0]["seconds"]
    share = f" (1/{seconds / middle:.3g})" if middle < seconds else ""
    unseen = "≤ " if middle <= middle_and_ends([curve[0][0] for curve in curves if curve])[0] else ""
    return f"{unseen}{_time(middle)}{share}" + (
        "" if len(there) == len(times) else f", {len(there)} of {len(times)} runs"
    )


def _rise(results: list[Result]) -> str:
    return _percent([rise_after_best(values) for values in _curves(results)])


def _percent(shares: list[float]) -> str:
    if not shares:
        return "–"
    middle, low, high = middle_and_ends(shares)
    return f"{middle:.0%}" + (f" ({low:.0%} to {high:.0%})" if len(shares) > 1 else "")


def _ratio(values: list[float], first: list[float]) -> str:
    return f"{middle_and_ends(values)[0] / middle_and_ends(first)[0]:.3f}" if values and first else "–"


def _middle(values: list[float]) -> str:
    return f"{middle_and_ends(values)[0]:.3f}" if values else "–"


def _range(values: list[float]) -> str:
    if not values:
        return "–"
    middle, low, high = middle_and_ends(values)
    return f"{middle:.4g}" + (f" ({low:.4g} to {high:.4g})" if len(values) > 1 else "")


def _time(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds < 120 else f"{seconds / 60:.3g} minutes"

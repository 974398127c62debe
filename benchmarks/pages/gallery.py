"""Write docs/gallery.md from the recipes and from what `classic_runs.py` has kept. A test compares the two."""

import json
from pathlib import Path

from gansmith import recipe
from gansmith.recipes import family, recipe_names
from gansmith.recipes.base import ARTICLES, OURS

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "gallery.md"

OTHERS = ("precision", "recall", "coverage", "class-kl")

HEAD = """\
# Gallery: nine classic systems

This page shows what each article reports, what its system produced here, and why the two differ. `gansmith runs
figures` draws the images in the article's own layout and colours, from random latents that nobody chose. The tests
compare every system's layers, updates and settings with Keras. Some of the datasets, a GPU and the articles' random
draws were not available here, so only the kind of result can be compared. The times are those of the runs below, on a
machine that did other work besides: they are not a benchmark.
"""

GLANCE = """\
## All systems at a glance

*Floor* is the distance of real images from other real images. *Blurred* and *noise* are the distances of blurred real
images and of uniform noise. `svhn-dcgan` and `celeba32-dcgan` were trained on stand-ins: files in the exact format of
SVHN and CelebA, built from other images. Rows of different datasets are not comparable, because each has its own
features, reference images and counts. [Metrics](metrics.md) explains the columns.
"""


def main() -> None:
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(gallery(), encoding="utf-8")


def gallery() -> str:
    names = recipe_names()
    blocks = [HEAD, GLANCE, _table()]
    for article in ARTICLES:
        if article != OURS:
            blocks.append(f"## {article.title}\n\n{article.author}, {article.date}.\n")
            blocks += [_system(name) for name in names if family(name).article == article]
    return "\n".join(blocks)


def _system(name: str) -> str:
    about, made = family(name), recipe(name)
    result = json.loads((RESULTS / f"{name}.json").read_text())
    event, data = result["last_event"], result["data"]
    length = f"{result['step']:,} of the published {result['published_steps']:,} steps"
    if result["step"] == result["published_steps"]:
        length = f"all {result['step']:,} published steps"
    lines = [
        f"### {name}",
        "",
        f"{made.about[0].upper()}{made.about[1:]}.",
        "",
        f"*The author:* {about.finding}",
        "",
        f"*Here:* {about.measured}",
        "",
        _image(name, "", f"samples of {name}"),
        "",
    ]
    if (RESULTS / f"{name}-clipped.png").is_file():
        lines += ["Above is the article's display. Displayed correctly, the same samples look like this:", ""]
        lines += [_image(name, "-clipped", f"the same samples of {name}, displayed correctly"), ""]
    lines += [
        _image(name, "-evolution", f"the same latents of {name} during training"),
        "",
        _image(name, "-losses", f"losses of {name}"),
        "",
        f"{length} of {made.batch_size}, {data['count']:,} images of {data['name']}, "
        f"{event['time']['seconds']:,.0f} s, "
        f"{result['precision']}, {result['started'][:10]}." + (f" {result['note']}" if result["note"] else ""),
        "",
        *_measured(result["evaluation"]),
    ]
    return "\n".join(lines)


def _measured(found: dict) -> list[str]:
    """The numbers of a run with intervals and reference scores, and its classes beside those of real images."""
    stamp = found["protocol"]
    rows = []
    for name, value in found["values"].items():
        beside = [found[side].get(name) for side in ("floor", "blur", "noise")]
        cells = [_interval(value), *("" if one is None else _figure(one["value"]) for one in beside)]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return [
        "| metric | value, 95 % interval | floor | blurred | noise |",
        "|---|---:|---:|---:|---:|",
        *rows,
        "",
        f"{stamp['fake']:,} samples against {stamp['real']:,} images of {stamp['reference']} ({stamp['split']}), "
        f"features `{stamp['features']}` {stamp['features_hash'][:12]}; floor: {found['floor_is']}. "
        + _classes(found["classes"]),
        "",
    ]


def _classes(found: dict[str, dict[str, float]]) -> str:
    if not found:
        return ""
    shares = (f"{name} {one['generated']:.0%} ({one['real']:.0%})" for name, one in found.items())
    return f"Shares of the classes by that network, real images in brackets: {', '.join(shares)}."


def _interval(value: dict[str, float]) -> str:
    return f"{_figure(value['value'])} ({_figure(value['low'])} to {_figure(value['high'])})"


def _figure(number: float) -> str:
    return f"{number:.2f}" if abs(number) >= 1 else f"{number:.3f}"


def _table() -> str:
    head = [
        "| recipe | Fréchet distance, 95 % | floor | blurred / noise | precision | recall | coverage | class KL |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    names = [name for name in recipe_names() if family(name).article != OURS]
    return "\n".join([*head, *(_row(name) for name in names), ""])


def _row(name: str) -> str:
    found = json.loads((RESULTS / f"{name}.json").read_text())["evaluation"]
    values = found["values"]
    ceilings = " / ".join(_figure(found[side]["fd"]["value"]) for side in ("blur", "noise"))
    others = (_figure(values[one]["value"]) if one in values else "–" for one in OTHERS)
    distance, floor = _interval(values["fd"]), _figure(found["floor"]["fd"]["value"])
    return f"| `{name}` | {distance} | {floor} | {ceilings} | {' | '.join(others)} |"


def _image(name: str, suffix: str, words: str) -> str:
    return f"![{words}](../benchmarks/results/{name}{suffix}.png)"


if __name__ == "__main__":
    main()

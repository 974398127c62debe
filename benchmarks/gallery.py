"""Write docs/gallery.md from the recipes and from what `classic_runs.py` has kept. A test holds the page against it."""

import json
from pathlib import Path

from gansmith.recipes import family, recipe, recipe_names
from gansmith.recipes.base import ARTICLES, OURS

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "gallery.md"

HEAD = """\
# Gallery: nine classic systems

What the articles claim, what came of their systems here, and where the two differ and why. Pictures are drawn by
`gansmith runs figures` in the articles' own layout and colours, from random latents that nobody chose. Every system's
layers, updates and rules are held against Keras by the tests; what could not be had here are some of the data, a GPU,
and the articles' random draws, so only the kind of result can be compared. The times are those of the runs below, on a
machine that did other work besides: they are no benchmark.
"""


def main() -> None:
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(gallery(), encoding="utf-8")


def gallery() -> str:
    names = recipe_names()
    blocks = [HEAD]
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
        _picture(name, "", f"samples of {name}"),
        "",
    ]
    if (RESULTS / f"{name}-clipped.png").is_file():
        lines += ["The article's display is at work above; displayed right, the same samples are:", ""]
        lines += [_picture(name, "-clipped", f"the same samples of {name}, displayed right"), ""]
    lines += [
        _picture(name, "-evolution", f"the same latents of {name} as training goes on"),
        "",
        _picture(name, "-losses", f"losses of {name}"),
        "",
        f"{length} of {made.batch}, {data['count']:,} pictures of {data['name']}, {event['time']['seconds']:,.0f} s, "
        f"{result['precision']}, {result['started'][:10]}." + (f" {result['note']}" if result["note"] else ""),
        "",
    ]
    return "\n".join(lines)


def _picture(name: str, suffix: str, words: str) -> str:
    return f"![{words}](../benchmarks/results/{name}{suffix}.png)"


if __name__ == "__main__":
    main()

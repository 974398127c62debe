"""The tables and the chart of step-time*.json: this module, run, makes them again."""

import json
import statistics
from collections.abc import Callable
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "results"
OWN, PUBLISHED = "gansmith auto", "keras fp32"
WITHOUT_ARTICLE = "auto"
KEPT = ("step-time", "step-time-auto")
GREY, LIGHT, PALE, ORANGE, BLUE = "#9a9a9a", "#c9c9c9", "#f0c9a4", "#d9822b", "#3b76c4"
COLUMNS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "Keras": (GREY, lambda way: way == PUBLISHED),
    "Keras, tuned": (LIGHT, lambda way: way.startswith("keras") and way != PUBLISHED),
    "torch": (PALE, lambda way: way == "torch fp32"),
    "torch, tuned": (ORANGE, lambda way: way.startswith("torch") and way != "torch fp32"),
    "gansmith fp32": (GREY, lambda way: way == "gansmith fp32"),
    "gansmith": (BLUE, lambda way: way == OWN),
}
"""What stands in a column: the fastest of the ways that it takes."""
MISSING = "–"
BARS = ("Keras, tuned", "torch", "torch, tuned", "gansmith")


def summary(result: dict) -> dict:
    """Ratios of each system and their geometric means over the nine that have an article; above 1 gansmith is faster.

    What was not measured is left out.
    """
    systems = {name: _ratios(found) for name, found in result["systems"].items() if OWN in found["ways"]}
    classic = [ratios for name, ratios in systems.items() if name != WITHOUT_ARTICLE]
    means = {
        f"geometric_mean_{key}": statistics.geometric_mean([ratios[key] for ratios in classic])
        for key in ("to_keras", "to_best_peer")
        if classic and all(key in ratios for ratios in classic)
    }
    least = {name: ratios["to_best_peer"] for name, ratios in systems.items() if "to_best_peer" in ratios}
    worst = min(least, key=lambda name: least[name], default=None)
    return {
        **means,
        "classic_systems": len(classic),
        "least_to_best_peer": {worst: least.get(worst)},
        "systems": systems,
    }


def _ratios(found: dict) -> dict:
    """Of one system: gansmith's images a second, how much faster it is, and how near to the machine's limit."""
    ways = found["ways"]
    own, peers = ways[OWN], {name: way["seconds"] for name, way in ways.items() if name.startswith(("keras", "torch"))}
    ratios: dict = {"images_per_second": found["batch"] / own["seconds"]}
    if PUBLISHED in peers:
        ratios["to_keras"] = peers[PUBLISHED] / own["seconds"]
    if peers:
        best = min(peers, key=lambda name: peers[name])
        ratios |= {"best_peer": best, "to_best_peer": peers[best] / own["seconds"]}
    rates = {
        name.removeprefix("matmul "): way["multiply_adds"] / way["seconds"]
        for name, way in ways.items()
        if name.startswith("matmul")
    }
    ratios["matmul_rates"] = rates
    ratios["limit_seconds"] = {precision: found["multiply_adds"] / rate for precision, rate in rates.items()}
    if rate := rates.get(own["precision"]):
        ratios["share_of_rate_as_written"] = found["multiply_adds"] / own["seconds"] / rate
        ratios["share_of_rate_as_done"] = found["multiply_adds_done"] / own["seconds"] / rate
    return ratios


def table(result: dict) -> str:
    """Markdown: milliseconds a step, images a second, ratios, limit; then the means and the memory.

    What none of the systems has is no column.
    """
    head = ["system", "batch", *COLUMNS, "images/s", "× Keras", "× best peer", "limit", "of the rate", "spread"]
    columns = zip(head, *(_cells(name, found) for name, found in result["systems"].items()), strict=True)
    rows = list(zip(*(column for column in columns if set(column[1:]) != {MISSING}), strict=True))
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|---|" + "---:|" * (len(rows[0]) - 1))
    return "\n".join([*lines, "", *_below(result)]) + "\n"


def _cells(name: str, found: dict) -> list[str]:
    ways, ratios = found["ways"], _ratios(found) if OWN in found["ways"] else {}
    cells = [name, str(found["batch"]), *(milliseconds(fastest(found, column)) for column in COLUMNS)]
    cells.append(f"{ratios['images_per_second']:,.0f}" if ratios else MISSING)
    cells += [f"{ratios[key]:.2f}" if key in ratios else MISSING for key in ("to_keras", "to_best_peer")]
    cells.append(milliseconds(ratios.get("limit_seconds", {}).get(ways.get(OWN, {}).get("precision"))))
    cells.append(f"{ratios['share_of_rate_as_done']:.0%}" if "share_of_rate_as_done" in ratios else MISSING)
    spreads = [(way["quartiles"][1] - way["quartiles"][0]) / way["seconds"] for way in ways.values()]
    return [*cells, f"{statistics.median(spreads):.0%}"]


def _below(result: dict) -> list[str]:
    machine, found = result["machine"], result["summary"]
    versions = ", ".join(f"{name} {version}" for name, version in {**result["versions"]}.items())
    lines = [
        f"Milliseconds a step, medians of {result['rounds']} rounds, {result['began'][:10]}, {machine['processor']}, "
        f"{machine['cores']} cores, {versions}."
    ]
    if "geometric_mean_to_keras" in found and "geometric_mean_to_best_peer" in found:
        lines.append(
            f"Geometric means over {found['classic_systems']} classic systems: "
            f"{found['geometric_mean_to_keras']:.2f} × Keras as published, "
            f"{found['geometric_mean_to_best_peer']:.2f} × the best peer of each."
        )
    for name, ratio in found["least_to_best_peer"].items():
        if ratio is not None and len(result["systems"]) > 1:
            lines.append(f"Least against a best peer: {ratio:.2f}, {name}.")
    ways = result["systems"].get("mnist-dcgan", {}).get("ways", {})
    if OWN in ways and PUBLISHED in ways:
        lines.append(
            f"Peak memory of mnist-dcgan: gansmith {ways[OWN]['peak_mib']:,.0f} MiB, Keras "
            f"{ways[PUBLISHED]['peak_mib']:,.0f} MiB."
        )
    return [*(["**A quick run: these numbers say nothing.**"] if result["quick"] else []), *lines]


def fastest(found: dict, column: str) -> float | None:
    """Seconds of the fastest way of a column, or None when there is none."""
    takes = COLUMNS[column][1]
    return min((way["seconds"] for name, way in found["ways"].items() if takes(name)), default=None)


def milliseconds(seconds: float | None) -> str:
    """Three digits: 0.852, 14.2, 1,040."""
    if seconds is None:
        return MISSING
    value = 1e3 * seconds
    digits = 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"


def draw(result: dict, file: Path) -> None:
    """Bars of each system's speed relative to Keras as published, which is 1."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    systems = {name: found for name, found in result["systems"].items() if fastest(found, "Keras")}
    if not systems:
        return
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.75 * len(systems)), layout="constrained")
    thick = 0.8 / len(BARS)
    for number, column in enumerate(BARS):
        for row, found in enumerate(systems.values()):
            seconds = fastest(found, column)
            if seconds is None:
                continue
            ratio, middle = fastest(found, "Keras") / seconds, row + (number - (len(BARS) - 1) / 2) * thick
            axes.barh(middle, ratio, 0.9 * thick, color=COLUMNS[column][0], label=None if row else column)
            heavy = "bold" if column == "gansmith" else "normal"
            axes.text(ratio, middle, f" {ratio:.2f}", va="center", fontsize=7, fontweight=heavy)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(systems)), list(systems))
    axes.invert_yaxis()
    axes.set_xlabel("steps a second, relative to Keras 3 on TensorFlow as the article has it (fp32)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=len(BARS), frameon=False)
    figure.savefig(file, dpi=120)
    plt.close(figure)


def main() -> None:
    for name in KEPT:
        if (file := RESULTS / f"{name}.json").exists():
            result = json.loads(file.read_text())
            (RESULTS / f"{name}.md").write_text(table(result))
            draw(result, RESULTS / f"{name}.png")


if __name__ == "__main__":
    main()

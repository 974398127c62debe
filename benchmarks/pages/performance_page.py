"""Write docs/performance.md, and the speeds in the README, from results/*.json. A test holds both against them."""

import json
import runpy
import textwrap
from collections.abc import Callable
from pathlib import Path

from benchmarks.pages.marked import with_part
from gansmith.cli.main import SPINS

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGE, README = ROOT / "docs" / "performance.md", ROOT / "README.md"
AUTO_TABLE = "step-time-auto"

HEAD = """\
# Performance

The tables come from scripts in `benchmarks/` and are dated. They were measured on one machine unless another is named;
`make bench` repeats them. The steps of the articles' systems were measured a few commits before this page. Later
changes (microbatches, a cheaper check for finite numbers, transposed convolutions of stride 1 as before) touch every
step a little, and the steps have not been timed again. Ratios compare processes that took turns in one run, so a slow
moment of the machine affected all of them. The machine is a virtual one with two cores, shared with others: times
change by a tenth and more from run to run, most of all those of the small dense systems, whose steps take a few
milliseconds.
"""

WANTED = """\
These aims are not reached: 2.3 times Keras as published and 1.4 times the best peer in the mean (only `mnist-dcgan` and
`notmnist-dcgan` exceed both, `fashion-dcgan` is near), three times Keras on the dense systems and on
`mnist-small-dcgan`, and no system slower than any peer. Two reasons are known. A step of a few milliseconds spends half
of its time on the overhead of some 600 small torch operations, and the other half on the same products that every peer
computes. The transposed convolutions of `svhn-dcgan`, `celeba32-dcgan` and `mnist-small-dcgan` crop their images as
TensorFlow does, one row before and two after. torch computes that with an extra row and column, 13 to 27 % more pixels;
the peers' PyTorch code crops the other way, which is another network and costs nothing.
"""

AUTO = """\
## The step of `auto`

No article has the step of `auto`, so there is no Keras script for it. The peers are the same networks and the same step
in PyTorch, on grey 28x28 images. One pass of G makes the images of both updates. The penalty is computed in one step of
16, so whole cycles are timed and divided by their steps. `python -m benchmarks.speed.step_time --systems auto --name
step-time-auto` measures it; `arithmetic.py` says what the limit counts.
"""

WHY = """\
## Why it is fast

Every fast path computes the same mathematics as a readable reference beside it, and a test compares the two. Times are
of forward and backward together:
"""

TRIED = """\
The last two rows were tried and are not used. The following did not help either. Each was tried once, by hand, on the
busy machine before the run above, so the factors are rough:

- Consecutive dense layers as one node of the graph, with a backward pass of our own: 0.9 to 1.1 times as fast. A call
  from Python costs as much as the bookkeeping of the autograd engine.
- Weight gradients of 5x5 strided convolutions as one matrix product over unfolded images: the same speed at batch 64,
  0.6 times at 256. Writing the unfolded images takes as long as the product.
- Strided convolutions as dense ones over pixels gathered into channels: 0.9 times with 64 channels.
- Transposed 5x5 convolutions of stride 2 with a 6x6 kernel, to avoid the crop: 0.8 times.
- Flushing denormal numbers to zero: no difference; there were none.
- Winograd's convolutions for the 5x5 kernels of `cifar-ships`, by arithmetic only: F(2, 5) needs 9 products where the
  plain way needs 25, but bf16 has too few digits for its transforms, and in fp32 this machine multiplies at 0.4 times
  the rate. The two are equal before the transforms, and Winograd is slower with them.
"""


BUSY = """\
## Beside other work

The threads of a step wait for one another some hundred times, and OpenMP lets them spin meanwhile. When other processes
want the cores, a spinning thread takes the time that the other thread needs. The command line therefore lets GNU's
OpenMP, which PyTorch uses on Linux, spin {spins} times and then sleep, unless OMP_WAIT_POLICY or GOMP_SPINCOUNT is set.
Your own program has to set GOMP_SPINCOUNT before it starts. Milliseconds a step, medians of {rounds} rounds,
`benchmarks/speed/busy.py`, {day}, {where}:
"""


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")


def page() -> str:
    step_table = runpy.run_path(str(ROOT / "benchmarks/speed/step_table.py"))
    blocks = [HEAD, "## A training step\n", step_table["table"](results("step-time"))]
    blocks += ["![bars of each system's speed](../benchmarks/results/step-time.png)\n", _columns(), WANTED]
    blocks += [*auto(step_table["table"]), WHY, _layers(), TRIED, _busy(), _precision(), _growth(), _rest()]
    return "\n".join(blocks)


def _busy() -> str:
    found = results("busy")
    rows = {
        f"`{recipe}`, {load}": {way: one["seconds"] for way, one in ways.items()}
        for recipe, loads in found["recipes"].items()
        for load, ways in loads.items()
    }
    ways = [*next(iter(rows.values()))]
    lines = [f"| | {' | '.join(ways)} |", f"|---|{'---:|' * len(ways)}"]
    lines += [f"| {name} | {' | '.join(f'{1e3 * row[way]:.1f}' for way in ways)} |" for name, row in rows.items()]
    rounds = {len(one["rounds"]) for loads in found["recipes"].values() for one in loads["quiet"].values()}
    machine = found["machine"]
    text = BUSY.format(
        spins=f"{int(SPINS):,}",
        rounds=max(rounds),
        day=found["began"][:10],
        where=f"{machine['processor']}, {machine['cores']} cores",
    )
    return "\n".join([text, *lines, ""])


def readme(text: str) -> str:
    """The README with one sentence on the speeds of the results between its two marks."""
    kept = results("step-time")
    summary, machine = kept["summary"], kept["machine"]
    systems = summary["systems"].values()
    slower = sum(ratios["to_best_peer"] < 1 for ratios in systems if "to_keras" in ratios)
    sentence = (
        f"A training step of the {summary['classic_systems']} classic systems is "
        f"{summary['geometric_mean_to_keras']:.2f} times as fast as their Keras code on TensorFlow, and "
        f"{summary['geometric_mean_to_best_peer']:.2f} times as fast as the fastest tuned Keras or torch version of "
        f"each (geometric means; {slower} systems are slower than that version; {machine['cores']} cores of an "
        f"{machine['processor']}, {kept['began'][:10]}). [Performance](docs/performance.md) has every number, how it "
        "was measured, and what did not help."
    )
    return with_part(text, "speed", textwrap.fill(sentence, 120))


def _exponents() -> str:
    kept = results("growth")
    powers = (f"{what}^{kept[what]['exponents']['seconds']['upper_half']:.1f}" for what in ("batch", "side", "width"))
    order = kept["images, permutation"]["exponents"]["seconds"]["upper_half"]
    return (
        f"Towards large values, the time of a step grows as {', '.join(powers)}; the time to draw a batch grows as the "
        f"number of images^{order:.1f}.\n"
    )


def results(name: str) -> dict:
    return json.loads((RESULTS / f"{name}.json").read_text())


def auto(table: Callable[[dict], str]) -> list[str]:
    """The table of `auto`, measured on its own machine; nothing before it is measured."""
    if not (RESULTS / f"{AUTO_TABLE}.json").exists():
        return []
    kept = results(AUTO_TABLE)
    own, rates = kept["systems"]["auto"]["ways"]["gansmith auto"], kept["summary"]["systems"]["auto"]["matmul_rates"]
    found = " and ".join(f"{rate / 1e9:,.0f} in {precision}" for precision, rate in rates.items())
    chosen = f'`precision = "auto"` selects {own["precision"]} on this machine: a large matrix product does {found}, '
    return [AUTO, table(kept), f"{chosen}in thousand millions of multiply-adds a second.\n"]


def _columns() -> str:
    return (
        "Milliseconds. *Keras* is Keras 3 on TensorFlow with the articles' own calls, in fp32; *tuned* is the fastest "
        "of bf16 and, for dense networks, XLA. *torch* is PyTorch as a good engineer writes it, in "
        "fp32; *tuned* is the fastest of fused optimisers, channels-last and bf16. *limit* is the step's products, as "
        "the article writes them, at the rate of a large matrix product in the same rounds; *of the rate* is how much "
        "of that rate gansmith reaches on the multiply-adds that it does, which folding makes fewer; *images/s* are "
        "gansmith's, a batch a step.\n"
    )


def _layers() -> str:
    kept = results("layers")
    rows = [
        f"| {name} | {1e3 * row['fast']:.2f} | {1e3 * row['reference']:.2f} | {row['ratio']:.2f} |"
        for name, row in kept["rows"].items()
    ]
    about = f"\n{kept['precision']}, medians of {kept['rounds']} turns, {kept['began'][:10]} (`layers.py`).\n"
    return "\n".join(["| what | ms | its reference, ms | times as fast |", "|---|---:|---:|---:|", *rows, about])


def _precision() -> str:
    kept = results("precision")
    rows = [
        f"| {name} | {of['steps']:,} | {_seeds(of, 'fp32')} | {_seeds(of, 'bf16')} | {of['bf16 - fp32']:+.2f} "
        f"({of['interval'][0]:+.2f} to {of['interval'][1]:+.2f}) | {of['real against real']:.2f} |"
        for name, of in kept["recipes"].items()
    ]
    return "\n".join(
        [
            "## bf16 and quality\n",
            "Fréchet distance to the data over 64 principal components, three seeds each "
            f"({kept['date']}, `precision.py`). Neither system shows a difference. `mnist-small-dcgan` "
            "could only show a large one: at this length its images in inference mode are black, partly formed or good "
            "depending on the seed, in fp32 as in bf16.\n",
            "| recipe | steps | fp32 | bf16 | mean difference by seed, 95 % | real against real |",
            "|---|---:|---|---|---:|---:|",
            *rows,
            "",
        ]
    )


def _seeds(of: dict, precision: str) -> str:
    return ", ".join(f"{distance:.2f}" for distance in of["distances"][precision])


def _growth() -> str:
    kept = results("growth")
    rows = []
    for what, measures in GROWTH.items():
        points, exponents = kept[what]["points"], kept[what]["exponents"]
        for measure, name in measures.items():
            first, last = (f"{point[measure]:.3g}" for point in (points[0], points[-1]))
            both = exponents[measure]
            rows.append(
                f"| {what} | {points[0]['at']:,} to {points[-1]['at']:,} | {name} | {first} to {last} | "
                f"{both['all']:.2f} | {both['upper_half']:.2f} |"
            )
    return "\n".join(
        [
            "## Growth\n",
            "The networks `upsample-dcgan` at 32x32 in colour and 128 wide, one setting at a time, "
            f"{kept['began'][:10]} (`growth.py`). An exponent e says "
            "that a measure grows as x^e. Small values include fixed costs, so the upper half says more.\n",
            _exponents(),
            "| what grows | from, to | measure | from, to | exponent | upper half |",
            "|---|---|---|---|---:|---:|",
            *rows,
            "",
        ]
    )


GROWTH = {
    "batch": {"seconds": "s a step", "above_built_mib": "MiB"},
    "side": {"seconds": "s a step", "above_built_mib": "MiB"},
    "width": {"seconds": "s a step", "above_built_mib": "MiB"},
    "images, permutation": {"seconds": "s a batch", "order_seconds": "s for a pass's order", "anonymous_mib": "MiB"},
}


def _rest() -> str:
    start = results("startup")
    watch, saving = results("watch"), results("checkpoint_time")["recipes"]
    lines = ["## Around the step\n", "| what | measured | script |", "|---|---:|---|"]
    lines += [f"| `gansmith {what}` | {of['median']:.2f} s | `startup.py` |" for what, of in start["seconds"].items()]
    lines.append(f"| samples a second, the whole command | {start['samples_per_second']:,.0f} | `startup.py` |")
    share = watch["share_inside_the_watch"]
    lines.append(f"| checking that numbers are finite, share of a fashion-dcgan step | {share:.2%} | `watch.py` |")
    for name, of in results("overhead")["recipes"].items():
        added = f"{of['as_run']:.1%} as run, {of['over_the_recipe']:.1%} over the whole recipe"
        lines.append(f"| time that the loop adds to a bare step of {name} | {added} | `overhead.py` |")
    for name, of in saving.items():
        times = ", ".join(f"{kind} {figure['median']:.3f} s" for kind, figure in of["seconds"].items())
        lines.append(f"| a checkpoint of {name}, {of['bytes'] / 1e6:.1f} MB | {times} | `checkpoint_time.py` |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()

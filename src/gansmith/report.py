"""The pictures and the page that a run leaves behind, rebuilt at any time from its folder alone."""

import base64
import html
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from gansmith.nn.summary import Summary, summarize
from gansmith.recipe_file import recipe_of, to_toml
from gansmith.runs import Run, write_atomically
from gansmith.schema import Recipe
from gansmith.viz.curves import curves
from gansmith.viz.evolution import evolution, evolution_steps
from gansmith.viz.grids import png, tiles

EVOLUTION_ROWS = 8
"""Latents shown in the evolution strip."""


def write_report(run: Run) -> None:
    """Write curves.png, evolution.png and report.html from what the run folder holds."""
    recipe = recipe_of(run)
    if events := run.events():
        write_atomically(run.path / "curves.png", curves(events))
    if columns := _evolution_columns(run, recipe):
        write_atomically(run.path / "evolution.png", png(evolution(columns)))
    write_atomically(run.report, _page(run, recipe, events))


def network_tables(recipe: Recipe) -> dict[str, Summary]:
    """The tables of G and D for the recipe's pictures; no weight is made."""
    spec = recipe.spec
    with torch.device("meta"):
        networks = recipe.model.build(spec)
    return {
        "Generator": summarize(networks.G, (spec.latents,)),
        "Discriminator": summarize(networks.D, (spec.channels, spec.height, spec.width)),
    }


def _evolution_columns(run: Run, recipe: Recipe) -> list[tuple[str, Any]]:
    """For each percentage that was reached: its label and the first latents' pictures, cut out of the sample grid."""
    data, columns = recipe.data, recipe.grid.columns
    num = min(EVOLUTION_ROWS, recipe.grid.rows * columns)
    found = []
    for step, percentage in evolution_steps(recipe.steps).items():
        file = run.samples / f"{step:08}.png"
        if file.is_file():
            with Image.open(file, formats=["PNG"]) as sheet:
                found.append((f"{percentage} %", tiles(sheet, num, columns, data.height, data.width)))
    return found


def _page(run: Run, recipe: Recipe, events: list[dict[str, Any]]) -> str:
    info = run.info()
    last = events[-1] if events else {}
    samples = sorted(run.samples.glob("*.png"))
    sections = [
        _figure(
            "What the generator makes now", samples[-1] if samples else None, "Random latents, not chosen.", "half"
        ),
        _figure("Real pictures", run.path / "reals.png", f"From {_described(info)}.", "half"),
        _figure(
            "How it learned",
            run.path / "evolution.png",
            "Each row is one latent vector, each column a share of the training.",
            "wide",
        ),
        _figure(
            "Curves",
            run.path / "curves.png",
            "Faint: single steps; strong: their running mean. The losses of a GAN do not say how good the pictures "
            "are; D near 50 % right on both kinds means that it can hardly tell them apart.",
            "wide",
        ),
    ]
    tables = "".join(_network_table(name, table) for name, table in network_tables(recipe).items())
    return _PAGE.format(
        title=html.escape(run.path.name),
        about=html.escape(recipe.about),
        facts=_facts(info, recipe, last),
        figures="".join(sections),
        tables=tables,
        recipe=html.escape(to_toml(recipe, comments=True)),
        machine=_pairs(info.get("machine", {})),
    )


def _described(info: dict[str, Any]) -> str:
    data = info.get("data", {})
    return f"{data.get('name', 'the data')}, {data.get('count', 0):,} pictures"


def _facts(info: dict[str, Any], recipe: Recipe, last: dict[str, Any]) -> str:
    clock = last.get("time", {})
    facts = {
        "status": info.get("status", ""),
        "steps": f"{last.get('step', 0):,} of {recipe.steps:,}",
        "images seen": f"{last.get('seen', 0):,}",
        "training time": f"{clock.get('seconds', 0):,.0f} s",
        "speed": f"{clock.get('images_per_second', 0):,.0f} images/s",
        "device": f"{info.get('device', '')}, {info.get('precision', '')}",
        "seed": recipe.seed,
        "started": info.get("started", ""),
    }
    remarks = "".join(f"<li>{html.escape(remark)}</li>" for remark in info.get("remarks", []))
    return f"{_pairs(facts)}<ul>{remarks}</ul>"


def _pairs(facts: dict[str, Any]) -> str:
    rows = (
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(str(value))}</dd></div>" for name, value in facts.items()
    )
    return f"<dl>{''.join(rows)}</dl>"


def _figure(title: str, file: Path | None, caption: str, size: str) -> str:
    if file is None or not file.is_file():
        return ""
    data = base64.b64encode(file.read_bytes()).decode()
    return (
        f'<figure class="{size}"><h2>{title}</h2><img alt="{title}" src="data:image/png;base64,{data}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _network_table(name: str, table: Summary) -> str:
    rows = "".join(
        f"<tr><td>{layer.kind}</td><td>{' × '.join(map(str, layer.shape))}</td><td>{layer.parameters:,}</td></tr>"
        for layer in table.layers
    )
    totals = f"{table.total:,} parameters: {table.trainable:,} trainable, {table.non_trainable:,} not"
    return (
        f"<div><h3>{name}</h3><table><thead><tr><th>layer</th><th>output</th><th>parameters</th></tr></thead>"
        f"<tbody>{rows}</tbody><tfoot><tr><td colspan=3>{totals}</td></tr></tfoot></table></div>"
    )


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · gansmith</title>
<style>
:root {{ color-scheme: light dark; --line: #8884; --soft: #7779; }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1.25rem; }}
h1 {{ font-size: 1.6rem; margin: 0; }}
h2 {{ font-size: 1.1rem; margin: 0 0 .5rem; }}
h3 {{ font-size: 1rem; margin: 0 0 .5rem; }}
.about {{ color: GrayText; margin: .25rem 0 1.25rem; }}
dl {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .5rem 1.5rem; margin: 0; }}
dl {{ border-block: 1px solid var(--line); padding: .75rem 0; }}
dt {{ color: GrayText; font-size: .8rem; }}
dd {{ margin: 0; font-variant-numeric: tabular-nums; }}
.figures {{ display: grid; grid-template-columns: 1fr 1fr; gap: 2rem; margin: 2rem 0; }}
ul {{ color: GrayText; padding-left: 1.1rem; }}
figure {{ margin: 0; min-width: 0; }}
figure.wide {{ grid-column: 1 / -1; }}
figure img {{ width: 100%; height: auto; border-radius: 4px; background: white; }}
figure.half img {{ image-rendering: pixelated; }}
figcaption {{ color: GrayText; font-size: .9rem; }}
.tables {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); gap: 2rem; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: left; padding: .2rem .5rem .2rem 0; border-bottom: 1px solid var(--line); }}
th:last-child, tbody td:last-child {{ text-align: right; }}
details {{ margin-top: 1.5rem; }}
summary {{ cursor: pointer; font-weight: 600; }}
pre {{ overflow: auto; padding: 1rem; border: 1px solid var(--line); border-radius: 4px; font-size: .85rem; }}
@media (max-width: 44rem) {{ .figures {{ grid-template-columns: 1fr; }} .tables {{ grid-template-columns: 1fr; }} }}
</style>
</head>
<body>
<h1>{title}</h1>
<p class="about">{about}</p>
{facts}
<div class="figures">{figures}</div>
<h2>The networks</h2>
<div class="tables">{tables}</div>
<details><summary>The recipe</summary><pre>{recipe}</pre></details>
<details open><summary>The machine</summary>{machine}</details>
</body>
</html>
"""

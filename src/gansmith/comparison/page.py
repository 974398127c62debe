"""The page of a comparison: verdict, table, what differs, curves and the newest images of each side."""

import html
from collections.abc import Iterator
from pathlib import Path

from gansmith.comparison.compare import Comparison, Moment, seconds_at
from gansmith.comparison.groups import Group, differences
from gansmith.evaluation.seeds import SeedSummary, verdict
from gansmith.evaluation.table import METRICS
from gansmith.evaluation.text import decimals, number
from gansmith.metrics.intervals import Estimate
from gansmith.runs.history import evaluations
from gansmith.runs.run import write_atomically
from gansmith.viz.group_curves import RunLine, group_curves
from gansmith.viz.page import image_source, page

_ARROWS = {"lower": "↓", "higher": "↑"}


def write_page(found: Comparison, file: Path) -> None:
    """Write it, self-contained, to `file`. Raises OSError."""
    recipes = dict.fromkeys(group.recipe.name for group in found.groups)
    names = "; ".join(f"{group.letter}: {_names(group)}" for group in found.groups)
    body = [
        _headline(found),
        *(_table(found, moment) for moment in found.moments),
        _differing(found),
        f'<div class="figures">{"".join([*_curves(found), *_images(found)])}</div>',
        _protocol(found),
    ]
    write_atomically(file, page(f"{' and '.join(recipes)} compared", names, body))


def cells(row: tuple[SeedSummary, ...]) -> list[str]:
    """Each as "12.3 (11.9 to 12.8)", all with the decimals of the least exact one."""
    places = min(decimals(Estimate(one.median, one.low, one.high, "")) for one in row)
    return [f"{number(one.median, places)} ({number(one.low, places)} to {number(one.high, places)})" for one in row]


def better(found: Comparison, name: str, row: tuple[SeedSummary, ...]) -> str:
    """The letter of the side that is better than every other one by this measure, or a dash."""
    for group, one in zip(found.groups, row, strict=True):
        others = [other for other in row if other is not one]
        if all(verdict(name, one, other) == "A better" for other in others):
            return group.letter
    return "–"


def _headline(found: Comparison) -> str:
    several = len(found.verdicts) > 1
    said = "".join(
        f"<p><strong>{f'{pair}: ' if several else ''}{html.escape(text)}</strong>, by {found.decides} of the last "
        "states</p>"
        for pair, text in found.verdicts.items()
    )
    notes = "".join(f"<li>{html.escape(one)}</li>" for one in found.notes)
    return f"{said}<ul>{notes}</ul>"


def _table(found: Comparison, moment: Moment) -> str:
    heading = f"<h2>{html.escape(moment.title[0].upper() + moment.title[1:])}</h2>"
    if not moment.rows:
        return f'{heading}<p class="about">{html.escape(moment.why_not)}</p>'
    heads = "".join(f"<th>{group.letter}</th>" for group in found.groups)
    rows = "".join(
        f"<tr><td>{name} {_ARROWS.get(METRICS[name].better, '')}</td>"
        f"{''.join(f'<td>{cell}</td>' for cell in cells(row))}<td>{better(found, name, row)}</td>"
        f"<td>{html.escape(METRICS[name].about)}</td></tr>"
        for name, row in moment.rows.items()
    )
    return (
        f'{heading}<div class="scroll"><table class="words"><thead><tr><th></th>{heads}<th>better</th><th></th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div>"
    )


def _differing(found: Comparison) -> str:
    heads = "".join(f"<th>{group.letter}</th>" for group in found.groups)
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td>{''.join(f'<td>{html.escape(shown(value))}</td>' for value in values)}</tr>"
        for name, values in differences(found.groups).items()
    )
    return (
        '<h2>What differs</h2><div class="scroll"><table class="words"><thead><tr><th>field of the recipe</th>'
        f"{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _curves(found: Comparison) -> Iterator[str]:
    lines = [
        RunLine(
            group=number,
            label=group.letter,
            images=[state.seen for state in history],
            seconds=seconds_at(one.run, history),
            values=[state.value for state in history],
            lows=[state.low for state in history],
            highs=[state.high for state in history],
        )
        for number, group in enumerate(found.groups)
        for one in group.runs
        if (history := evaluations(one.run))
    ]
    if lines:
        source = image_source(group_curves(lines, "Fréchet distance"))
        yield (
            f'<figure class="wide"><h2>On the way</h2><img alt="Fréchet distances over images and time" src="{source}">'
            "<figcaption>As evaluated on the way; a line is a run, its band the 95 % interval.</figcaption>"
            "</figure>"
        )


def _images(found: Comparison) -> Iterator[str]:
    for group in found.groups:
        run = group.runs[0].run
        if samples := sorted(run.samples.glob("*.png")):
            yield (
                f'<figure class="half"><h2>{group.letter}</h2><img alt="images of {group.letter}" '
                f'src="{image_source(samples[-1].read_bytes())}"><figcaption>The last grid of '
                f"{html.escape(run.path.name)}: random latents, not chosen.</figcaption></figure>"
            )


def _protocol(found: Comparison) -> str:
    facts = found.groups[0].runs[0].measured.protocol.to_dict()
    return (
        f'<p class="about">Last states: {facts["fake"]:,} generated images of each run against {facts["real"]:,} of '
        f"{html.escape(facts['reference'])}, {html.escape(facts['split'])}; features {html.escape(facts['features'])} "
        f"{facts['features_hash'][:12]}. Median of the seeds and 95 % interval: of their mean by Student's law, and "
        "never narrower than the measurement's own. A side is better where the interval of the difference does not "
        "hold 0. Equal images, and equal time, are where the first run to end was evaluated last; what another run was "
        "then lies on the straight line between its evaluations before and after.</p>"
    )


def _names(group: Group) -> str:
    seeds = f", {len(group.runs)} seeds" if len(group.runs) > 1 else ""
    return f"{', '.join(one.run.path.name for one in group.runs)}{seeds}"


def shown(value: object) -> str:
    """A recipe's value; a dash where a side's recipe has no such field."""
    return "–" if value is None else str(value)

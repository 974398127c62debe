"""Groups of runs compared at their last checkpoints, after equal numbers of images, and after equal training time."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from gansmith.comparison.groups import Group, MeasuredRun, differences, differing_in_length, groups_of
from gansmith.comparison.moments import Moment, at_equal_images, at_equal_time
from gansmith.comparison.tables import csv_table, latex_table, markdown_table
from gansmith.evaluation.protocol import comparable
from gansmith.evaluation.seeds import OPEN, STUDENT, SeedDifference, SeedSummary, difference, summarise, verdict
from gansmith.evaluation.table import FRUGAL, METRICS
from gansmith.evaluation.text import decimals, number, without
from gansmith.metrics.intervals import Estimate
from gansmith.runs.history import DECIDES
from gansmith.text import columns


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Groups of runs, their metrics, and which is better."""

    groups: tuple[Group, ...]
    moments: tuple[Moment, Moment, Moment]
    """The last checkpoints, equal images, equal time."""

    @property
    def decides(self) -> str:
        """The metric that decides: the Fréchet distance, else the kernel distance, else the first one."""
        rows = self.moments[0].rows
        return next((name for name in (DECIDES, FRUGAL) if name in rows), next(iter(rows)))

    @property
    def left_out(self) -> dict[str, str]:
        """The metrics that cannot be computed, and why."""
        return self.groups[0].runs[0].measured.left_out

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict on every two groups at their last checkpoints."""
        name = self.decides
        return {f"{a}, {b}": verdict(name, x, y, a, b) for a, x, b, y in self._pairs(name)}

    @property
    def differences(self) -> dict[str, SeedDifference]:
        """The first group's mean minus the second's by the metric that decides, for every two groups."""
        return {f"{a}, {b}": difference(x, y) for a, x, b, y in self._pairs(self.decides)}

    @property
    def contradictions(self) -> dict[str, str]:
        """Every two groups of which another metric says the opposite of the verdict, each with the sentence."""
        found = {}
        for pair, one in self.differences.items():
            if (sign := one.better(self.decides)) and (against := self._against(pair, sign)):
                winner, loser = pair.split(", ")[::sign]
                found[pair] = (
                    f"{winner} better by {self.decides}, {loser} better by {' and '.join(against)}: "
                    f"{self.decides} alone does not decide"
                )
        return found

    def _against(self, pair: str, sign: int) -> list[str]:
        """The metrics whose verdict on these two groups is the opposite one."""
        return [
            name
            for name in self.moments[0].rows
            for a, x, b, y in self._pairs(name)
            if f"{a}, {b}" == pair and difference(x, y).better(name) == -sign
        ]

    def _pairs(self, name: str) -> Iterator[tuple[str, SeedSummary, str, SeedSummary]]:
        """Every two groups with their summaries by this metric."""
        summaries = [(group.name, one) for group, one in zip(self.groups, self.moments[0].rows[name], strict=True)]
        for (a, x), (b, y) in combinations(summaries, 2):
            yield a, x, b, y

    @property
    def conclusions(self) -> list[str]:
        """A sentence for every two groups: the verdict, the difference with its interval, and what contradicts it."""
        return [self._conclusion(pair, found) for pair, found in self.verdicts.items()]

    def _conclusion(self, pair: str, found: str) -> str:
        one = self.differences[pair]
        places = decimals(Estimate(one.mean, one.low, one.high, ""))
        mean, low, high = (number(value, places) for value in (one.mean, one.low, one.high))
        seeds = " and ".join(
            filter(None, [", ".join(map(str, one.paired_seeds[:-1])), *map(str, one.paired_seeds[-1:])])
        )
        paired = f", paired by the seeds {seeds}" if seeds else ""
        first, second = pair.split(", ")
        head = self.contradictions.get(pair) or f"{found}, by {self.decides}"
        before = f"{pair}: " if len(self.verdicts) > 1 else ""
        return f"{before}{head} ({self.decides} of {first} minus {second}: {mean}, {low} to {high}{paired})"

    @property
    def notes(self) -> list[str]:
        """Notes that limit what a verdict means."""
        return [
            *without(self.left_out),
            *self._notes_on_groups(),
            *self._notes_on_lengths(),
            *self._notes_on_seeds(),
        ]

    def _notes_on_groups(self) -> Iterator[str]:
        for group in self.groups:
            if mixed := group.mixed_fields:
                yield f"runs of {group.name} differ in more than the seed: {', '.join(mixed)}"
        if not differences(self.groups):
            yield "the groups have the same recipe, so that any difference is chance"

    def _notes_on_lengths(self) -> Iterator[str]:
        if len({one.seen for group in self.groups for one in group.runs}) > 1:
            last = {group.name: sorted({one.seen for one in group.runs}) for group in self.groups}
            counts = "; ".join(f"{name} {' and '.join(f'{one:,}' for one in seen)}" for name, seen in last.items())
            see = "; see the rows of equal images" if self.moments[1].rows else ""
            yield f"the last checkpoints have seen different numbers of images: {counts}{see}"
        for members in differing_in_length(self.groups):
            steps = min(group.recipe.steps for group in members)
            yield (
                f"{' and '.join(group.name for group in members)} differ only in their length and what follows from "
                f"it; train seeds with the same --steps, such as --steps {steps}, instead of a --budget of time, to "
                "make them one group"
            )

    def _notes_on_seeds(self) -> Iterator[str]:
        for group in self.groups:
            if len({one.recipe.seed for one in group.runs}) < len(group.runs):
                yield (
                    f"runs of {group.name} have the same seed: on one machine they are the same run twice, and the "
                    "interval is too narrow"
                )
        if single := [group.name for group in self.groups if len(group.runs) == 1]:
            yield (
                f"one seed of {' and of '.join(single)}: the interval is that of the sampled images alone, and "
                "another seed may reverse the verdict"
            )
        undecided = {name for pair, said in self.verdicts.items() if said == OPEN for name in pair.split(", ")}
        if few := [group.name for group in self.groups if len(group.runs) == 2 and group.name in undecided]:
            yield (
                f"two seeds of {' and of '.join(few)}: Student's factor is {STUDENT[0]:.1f} with two seeds and "
                f"{STUDENT[1]:.1f} with three, so one more may decide"
            )

    def lines(self) -> Iterator[str]:
        """Lines for a terminal: groups, what differs between them, a table for each moment, verdicts and notes."""
        for group in self.groups:
            runs = [f"{one.run.path.name} (seed {one.recipe.seed}, {one.seen:,} images)" for one in group.runs]
            yield f"{group.name}  {', '.join(runs)}"
        for name, values in differences(self.groups).items():
            yield f"   {name}: {' | '.join(map(describe_value, values))}"
        for moment in self.moments:
            yield from ("", f"{moment.title}: {moment.why_not}" if moment.why_not else moment.title)
            if moment.rows:
                head = ["", *(group.name for group in self.groups), "better"]
                rows = [[name, *cells(row), better(self, name, row)] for name, row in moment.rows.items()]
                yield from (f"  {line}".rstrip() for line in columns([head, *rows]))
        yield ""
        yield from self.conclusions
        yield from (f"note: {note}" for note in self.notes)

    def to_markdown(self) -> str:
        """The table of the last checkpoints for a README: the mean of each group with its 95 % interval."""
        return markdown_table(*self._table(), self.caption)

    def to_latex(self) -> str:
        """The same table for a paper, with the rules of the package booktabs."""
        return latex_table(*self._table(), self.caption)

    def to_csv(self) -> str:
        """A line for each metric of each group, at every moment, for a spreadsheet."""
        return csv_table(
            ("moment", "metric", "group", "mean", "low", "high", "seeds", "runs"),
            [
                (moment.title.partition(",")[0], name, group.name, one.mean, one.low, one.high, *_members(group))
                for moment in self.moments
                for name, row in moment.rows.items()
                for group, one in zip(self.groups, row, strict=True)
            ],
        )

    def _table(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows of the last checkpoints."""
        rows = [
            [f"{name} {ARROWS.get(METRICS[name].better, '')}".rstrip(), *cells(row)]
            for name, row in self.moments[0].rows.items()
        ]
        return ["", *(group.name for group in self.groups)], rows

    @property
    def caption(self) -> str:
        """What the table's numbers are, as the caption of the table in a paper."""
        protocol = self.groups[0].runs[0].measured.protocol
        seeds = "; ".join(f"{group.name}: {_count(len(group.runs))}" for group in self.groups)
        return (
            f"{protocol.fake:,} generated images of each run against {protocol.real:,} of {protocol.reference}, "
            f"{protocol.split}; features {protocol.features}. Mean with its 95 % interval; {seeds}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "groups": {group.name: [one.run.path.name for one in group.runs] for group in self.groups},
            "differ": differences(self.groups),
            "protocol": self.groups[0].runs[0].measured.protocol.to_dict(),
            "moments": [
                {
                    "title": moment.title,
                    "why_not": moment.why_not,
                    "rows": {
                        name: {group.name: asdict(one) for group, one in zip(self.groups, row, strict=True)}
                        for name, row in moment.rows.items()
                    },
                }
                for moment in self.moments
            ],
            "left_out": self.left_out,
            "decides": self.decides,
            "verdicts": self.verdicts,
            "differences": {pair: asdict(one) for pair, one in self.differences.items()},
            "contradictions": self.contradictions,
            "notes": self.notes,
        }


ARROWS = {"lower": "↓", "higher": "↑"}
"""Which way a metric is better."""


def _members(group: Group) -> tuple[str, str]:
    """The seeds and the names of a group's runs."""
    return " ".join(map(str, group.seeds)), " ".join(one.run.path.name for one in group.runs)


def _count(num: int) -> str:
    return "1 seed, the interval of the sampled images alone" if num == 1 else f"{num} seeds"


def cells(row: Sequence[SeedSummary]) -> list[str]:
    """Each summary as "12.3 (11.9 to 12.8)", all with the decimals of the least exact one."""
    places = min(decimals(Estimate(one.mean, one.low, one.high, "")) for one in row)
    return [f"{number(one.mean, places)} ({number(one.low, places)} to {number(one.high, places)})" for one in row]


def better(found: Comparison, name: str, row: Sequence[SeedSummary]) -> str:
    """The name of the group that is better than every other one by this measure, or a dash."""
    for group, one in zip(found.groups, row, strict=True):
        if all(verdict(name, one, other) == "A better" for other in row if other is not one):
            return group.name
    return "–"


def describe_value(value: object) -> str:
    """A recipe's value as text; a dash where a group's recipe has no such field."""
    return "–" if value is None else str(value)


def compare_measured(runs: Sequence[MeasuredRun]) -> Comparison:
    """Put runs into groups and compare the groups.

    Raises UsageError when there are not two groups, a run is given twice, or two were not measured in the same way.
    """
    for one in runs[1:]:
        comparable(runs[0].measured.protocol, one.measured.protocol)
    groups = groups_of(runs)
    rows = {
        name: tuple(summarise(name, [one.measured.values[name] for one in group.runs], group.seeds) for group in groups)
        for name in runs[0].measured.values
        if all(name in one.measured.values for one in runs)
    }
    last = Moment(title="last checkpoints", rows=rows)
    return Comparison(groups=groups, moments=(last, at_equal_images(groups), at_equal_time(groups)))

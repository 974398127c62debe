"""A whole run, from recipe to report; and its continuation."""

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from gansmith.data.catalogue import SETS
from gansmith.data.download import readable_size
from gansmith.data.locate import Split
from gansmith.data.pack import Pack
from gansmith.data.selection import parse_name
from gansmith.data.source import Access, Request, open_pictures
from gansmith.errors import CheckpointError, DataError, DivergedError, Interrupted, UsageError
from gansmith.machine import describe_machine
from gansmith.recipe_file import override, recipe_of, to_toml
from gansmith.report import write_report
from gansmith.rng import stream
from gansmith.runs import Run, create_run, default_root, utc_now, write_atomically
from gansmith.schema import Recipe
from gansmith.training.engine import DeviceChoice, Engine, make_engine
from gansmith.training.loop import Setting, make_sampler, train_loop
from gansmith.training.reporting import LogFile, Reporter, Silent
from gansmith.training.restore import load_newest, tidy
from gansmith.training.signals import stop_on_signals
from gansmith.training.state import GAN, build
from gansmith.viz.grids import grid, png


def train(
    recipe: Recipe,
    *,
    runs: Path | str | None = None,
    name: str | None = None,
    device: DeviceChoice = "auto",
    offline: bool = False,
    allow_dropped: bool = False,
    remarks: Sequence[str] = (),
    reporter: Reporter | None = None,
) -> Run:
    """Train a recipe in a new run folder under `runs` and return the run.

    A known set that is not on this machine is downloaded first, unless `offline`; own pictures are packed first, and
    more than 1 % that cannot be used are refused, unless `allow_dropped`. `remarks` are said and kept with the run.

    Pictures, device and recipe are checked before the folder is made. The state is saved at the recipe's intervals, at
    the end, and on Ctrl-C or SIGTERM, which raise Interrupted. Raises DataError, UsageError, DivergedError or
    DiskError as their docstrings say.
    """
    engine = make_engine(device, recipe.precision)
    reporter = reporter or Silent()
    pictures = _pictures(recipe, _access(reporter, offline, allow_dropped))
    pictures = replace(pictures, remarks=[*remarks, *pictures.remarks])
    gan = build(recipe, engine)
    run = create_run(Path(runs or default_root()), name or recipe.name)
    _describe(run, recipe, pictures, engine)
    return _run_to_end(gan, _setting(recipe, pictures, engine, run, reporter), pictures.remarks)


def resume(
    run: Run,
    *,
    images: int | None = None,
    device: DeviceChoice = "auto",
    offline: bool = False,
    allow_dropped: bool = False,
    reporter: Reporter | None = None,
) -> Run:
    """Continue a run from its newest checkpoint, exactly as if it had never stopped; `images` sets a new length.

    Raises CheckpointError when there is none or the run was imported, UsageError when there is nothing left to do.
    """
    if run.info().get("status") == "imported":
        raise CheckpointError(
            f"{run.path} was imported with weights but no state of the optimisers, so it cannot go on exactly; "
            f"sample it, or start its recipe afresh with: gansmith train {run.recipe_file}"
        )
    recipe = recipe_of(run)
    if images is not None:
        recipe = override(recipe, [f"length.images={images}"])
    engine = make_engine(device, recipe.precision)
    reporter = reporter or Silent()
    pictures = _pictures(recipe, _access(reporter, offline, allow_dropped))
    gan = build(recipe, engine)
    tidy(run)
    loaded = load_newest(run, gan)
    step = loaded.step
    if step >= recipe.steps:
        raise UsageError(f"{run.path} is complete at step {step:,}; give more --steps to train on.")
    run.forget_after(gan.seen)
    write_atomically(run.recipe_file, to_toml(recipe))
    run.update(status="running")
    remarks = [*loaded.remarks, f"continuing at step {step:,} of {recipe.steps:,}"]
    return _run_to_end(gan, _setting(recipe, pictures, engine, run, reporter), remarks)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pictures:
    """Those to train on, those kept out for the recipe's evaluation, and what the user should know of them."""

    train: Pack
    held_out: Pack | None
    remarks: list[str]


def _pictures(recipe: Recipe, access: Access) -> _Pictures:
    pack = open_pictures(_request(recipe, recipe.data.split), access)
    remarks = [f"{len(pack):,} of the {len(pack.images):,} pictures of {pack.index['name']}"]
    if (known := SETS.get(pack.index["name"])) and known.warning:
        remarks.append(known.warning)
    held_out = None
    if recipe.evaluation.every:
        pack, held_out = _hold_out(recipe, pack, access)
        remarks.append(f"evaluated on {len(held_out):,} pictures of {held_out.index['name']} kept out of the training")
    make_sampler(recipe, pack)  # refuses a batch larger than the set, before a folder is made
    return _Pictures(train=pack, held_out=held_out, remarks=remarks + pack.index["remarks"])


def _hold_out(recipe: Recipe, pack: Pack, access: Access) -> tuple[Pack, Pack]:
    """What is left to train on, and what is not: the set's test split, or some of its pictures at random.

    Own pictures have no test split: a tenth of them is taken, at most 1,000.
    """
    name, held_out = parse_name(recipe.data.name).name, recipe.evaluation.held_out
    if not held_out and name in SETS:
        return pack, open_pictures(_request(recipe, "test"), access)
    held_out = held_out or min(1000, -(-len(pack) // 10))
    if held_out >= len(pack):
        raise DataError(f"evaluation.held_out={held_out} leaves none of the {len(pack):,} pictures to train on.")
    order = torch.randperm(len(pack), generator=stream(recipe.seed, "held-out", 0)).numpy()
    return pack.only(order[held_out:]), pack.only(order[:held_out])


def _request(recipe: Recipe, split: Split) -> Request:
    """The recipe's pictures of a split; skip and limit are meant for the split that is trained on."""
    data = recipe.data
    skip, limit = (data.skip, data.limit) if split == data.split else (0, 0)
    return Request(name=data.name, split=split, shape=data.wanted, skip=skip, limit=limit)


def _setting(recipe: Recipe, pictures: _Pictures, engine: Engine, run: Run, reporter: Reporter) -> Setting:
    return Setting(recipe, pictures.train, pictures.held_out, engine, run, reporter)


def _access(reporter: Reporter, offline: bool, allow_dropped: bool) -> Access:
    """A line when a download or the packing starts, and one at each quarter of it."""
    said: set[tuple[str, int]] = set()

    def is_new(what: str, here: int, whole: int) -> bool:
        mark = (what, 4 * here // max(whole, 1))
        return not (mark in said or said.add(mark))

    def downloading(name: str, here: int, size: int) -> None:
        if is_new(name, here, size):
            reporter.say(f"downloading {name}: {readable_size(here)} of {readable_size(size)}")

    def packing(done: int, total: int) -> None:
        if is_new("packing", done, total):
            reporter.say(f"packing pictures: {done:,} of {total:,} files")

    return Access(offline=offline, allow_dropped=allow_dropped, downloading=downloading, packing=packing)


def _describe(run: Run, recipe: Recipe, pictures: _Pictures, engine: Engine) -> None:
    """The files that say what the run is, before its first step."""
    pack = pictures.train
    write_atomically(run.recipe_file, to_toml(recipe))
    run.update(
        name=run.path.name,
        status="running",
        started=utc_now(),
        command=sys.argv,
        device=str(engine.device),
        precision=engine.precision,
        data={**pack.index, "count": len(pack)},
        remarks=pictures.remarks,
        machine=describe_machine(),
    )
    num = min(recipe.grid.rows * recipe.grid.columns, len(pack))
    chosen = stream(recipe.seed, "reals", 0)
    indices = torch.randperm(len(pack), generator=chosen)[:num]
    reals = pack.batch(indices).permute(0, 2, 3, 1).numpy()
    write_atomically(run.path / "reals.png", png(grid(reals, recipe.grid.columns)))


def _run_to_end(gan: GAN, setting: Setting, remarks: list[str]) -> Run:
    """The loop, the run's status, and the report, whatever happens in between."""
    run, recipe, reporter = setting.run, setting.recipe, LogFile(setting.run.path / "log.txt", setting.reporter)
    for sentence in (f"run folder: {run.path}", *remarks):
        reporter.say(sentence)
    status = "failed"
    try:
        with stop_on_signals() as stop:
            train_loop(gan, replace(setting, reporter=reporter), stop)
        status = "done" if gan.seen // recipe.batch >= recipe.steps else "stopped"
    except DivergedError:
        status = "diverged"
        raise
    finally:
        run.update(status=status, ended=utc_now(), step=gan.seen // recipe.batch, seen=gan.seen)
    write_report(run)
    if status == "stopped":
        raise Interrupted(
            f"stopped and saved at step {gan.seen // recipe.batch:,} of {recipe.steps:,}; "
            f"go on with: gansmith resume {run.path}",
            exit_code=130 if stop.signum == signal.SIGINT else 143,
        )
    reporter.say(f"report: {run.report}")
    return run

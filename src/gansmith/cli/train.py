"""`gansmith train`."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from gansmith.cli.options import AllowDropped, Changes, Device, Json, Offline, Runs, call, option, print_result


def main(arguments: Sequence[str]) -> None:
    """Read the options and train."""
    call(train, "gansmith train", arguments)


def train(
    recipe: Annotated[Positional[str], arg(metavar="RECIPE|FILE.toml")],
    data: Annotated[
        str | None, option("a known set, or a folder, .zip, .tar or .parquet of pictures", metavar="NAME|PATH")
    ] = None,
    runs: Runs = None,
    name: Annotated[str | None, option("name of the run; default the recipe's", metavar="NAME")] = None,
    steps: Annotated[int | None, option("length of the run; default the recipe's", metavar="N")] = None,
    seed: Annotated[int | None, option("decides every random draw; default the recipe's", metavar="S")] = None,
    device: Device = "auto",
    offline: Offline = False,
    allow_dropped: AllowDropped = False,
    precision: Annotated[
        str | None, option("what networks compute in; default the recipe's", metavar="auto|fp32|bf16")
    ] = None,
    changes: Changes = (),
    fit_batch: Annotated[
        bool, option("try what fits into memory; a batch that does not goes through in parts, with the same result")
    ] = False,
    dry_run: Annotated[bool, option("show what would be trained, and stop")] = False,
    json_: Json = False,
) -> None:
    """Train a recipe in a new run folder, whose path is printed first and last.

    Own pictures come in their own shape, if the networks adapt to any, unless data.height, width or channels is set.
    """
    from gansmith.cli.console import console_reporter
    from gansmith.cli.recipes import describe
    from gansmith.recipe_file import override, to_toml
    from gansmith.recipes import recipe as find_recipe
    from gansmith.training import session
    from gansmith.training.shape import take_shape

    options = {
        "data.name": None if data is None else _as_set_or_path(data),
        "seed": seed,
        "precision": precision,
    }
    given = [f"{field}={json.dumps(value)}" for field, value in options.items() if value is not None]
    found = find_recipe(recipe, [*changes, *given])
    if steps is not None:
        found = override(found, [f"length.images={steps * found.batch}"])
    remarks = []
    if data is not None and not (stated := _stated(recipe, changes)) & {"channels", "height", "width"}:
        with console_reporter() as reporter:
            found, remarks = take_shape(found, found.data.fit if "fit" in stated else None, reporter)
    if dry_run:
        sys.stdout.write(found.model_dump_json(indent=1) + "\n" if json_ else f"{to_toml(found)}\n{describe(found)}\n")
        return
    with console_reporter() as reporter:
        run = session.train(
            found,
            runs=runs,
            name=name,
            device=device,
            offline=offline,
            allow_dropped=allow_dropped,
            fit_batch=fit_batch,
            remarks=remarks,
            reporter=reporter,
        )
    print_result(run, json_)


def _as_set_or_path(data: str) -> str:
    """A known set's name as it is, and a path from the root, so that the run can be continued from anywhere."""
    from gansmith.data.catalogue import SETS
    from gansmith.data.selection import parse_name

    name = parse_name(data).name
    path = Path(name).expanduser()
    return data if name in SETS or not path.exists() else f"{path.resolve()}{data.removeprefix(name)}"


def _stated(recipe: str, changes: Sequence[str]) -> set[str]:
    """The fields of the recipe's data that the user has set, in a file or by --set."""
    from gansmith.recipe_file import read_toml

    paths = [change.partition("=")[0].strip() for change in changes]
    fields = {path.removeprefix("data.") for path in paths if path.startswith("data.")}
    if recipe.endswith(".toml"):
        fields |= read_toml(Path(recipe).read_text(encoding="utf-8"), recipe).get("data", {}).keys()
    return fields

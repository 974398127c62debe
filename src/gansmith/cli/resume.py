"""`gansmith resume`."""

import json
from collections.abc import Sequence
from typing import Annotated

from gansmith.cli.options import (
    AllowDropped,
    Changes,
    Device,
    Json,
    Offline,
    Runs,
    WhichRun,
    as_set_or_path,
    call,
    check_given_once,
    check_steps,
    option,
    print_result,
)
from gansmith.errors import UsageError
from gansmith.runs.run import default_root, find_run


def main(arguments: Sequence[str]) -> None:
    """Read the options and continue a run."""
    if any(argument.partition("=")[0] == "--budget" for argument in arguments):
        raise UsageError("--budget decides the length of a new run; to train one on, give its new length by --steps N.")
    call(resume, "gansmith resume", arguments)


def resume(
    run: WhichRun = "last",
    data: Annotated[
        str | None, option("new location of the images if they moved (their hash is checked)", metavar="PATH")
    ] = None,
    steps: Annotated[
        int | None, option("new length of the run in steps, counted from its beginning", metavar="N")
    ] = None,
    changes: Changes = (),
    fork: Annotated[bool, option("start a new run from the checkpoint, with changed settings")] = False,
    runs: Runs = None,
    device: Device = "auto",
    offline: Offline = False,
    allow_dropped: AllowDropped = False,
    json_: Json = False,
) -> None:
    """Continue a run from its newest checkpoint, exactly (bit for bit) as if it had never stopped.

    --set, or an edited recipe.toml in the run's folder, may change the length, the intervals of logs, sample grids,
    evaluations and checkpoints, the figures, on_divergence, and the location of the images. Any other change needs
    --fork, which starts a new run.
    """
    check_steps(steps)
    found = find_run(run, runs or default_root())
    named = None if data is None else as_set_or_path(data)
    from gansmith.cli.console import console_reporter
    from gansmith.recipe_file import override, recipe_of
    from gansmith.sessions import session

    check_given_once(changes, data=data, steps=steps)
    changes = changes if named is None else (*changes, f"data.name={json.dumps(named)}")
    images = None if steps is None else steps * override(recipe_of(found), changes).batch_size
    with console_reporter() as reporter:
        trained = session.resume(
            found,
            changes=changes,
            images=images,
            fork=fork,
            device=device,
            offline=offline,
            allow_dropped=allow_dropped,
            reporter=reporter,
        )
    print_result(trained, json_)

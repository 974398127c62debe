"""`gansmith resume`."""

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
    check_given_once(changes, data=data, steps=steps)
    from gansmith.cli.console import console_reporter
    from gansmith.sessions import session

    with console_reporter() as reporter:
        trained = session.resume(
            found,
            changes,
            data=data,
            steps=steps,
            fork=fork,
            device=device,
            offline=offline,
            allow_dropped=allow_dropped,
            reporter=reporter,
        )
    print_result(trained, json_)

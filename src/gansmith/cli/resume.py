"""`gansmith resume`."""

from typing import Annotated

import gansmith
from gansmith.cli.console import console_reporter
from gansmith.cli.options import AllowDropped, Changes, Device, Json, Offline, Runs, WhichRun, check_changes, option
from gansmith.cli.output import print_result
from gansmith.runs.run import find_run


def resume(
    run: WhichRun = "last",
    data: Annotated[
        str | None, option("new location of the images if they moved (their hash is checked)", metavar="PATH")
    ] = None,
    steps: Annotated[
        int | None, option("new length of the run in steps, counted from its beginning", metavar="N")
    ] = None,
    images: Annotated[
        int | None, option("new length of the run in images, counted from its beginning", metavar="N")
    ] = None,
    budget: Annotated[
        str | None,
        option("time or images that the run may take from here on", metavar="90s|10m|2h|5M-images"),
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

    By --set, or in the recipe.toml of the run's folder, you may change the length, the intervals of logs, sample
    grids, evaluations and checkpoints, the figures, on_divergence, and the location of the images. Any other change
    needs --fork, which starts a new run.

    A run that has ended goes on with --budget, --steps or --images. Its learning rate, if it has fallen to its end,
    begins anew and falls to that end again.
    """
    found = find_run(run, runs)
    check_changes(changes, steps=steps, images=images, budget=budget, data=data)
    with console_reporter() as reporter:
        trained = gansmith.resume(
            found,
            changes,
            data=data,
            steps=steps,
            images=images,
            budget=budget,
            fork=fork,
            device=device,
            offline=offline,
            allow_dropped=allow_dropped,
            reporter=reporter,
        )
    print_result(trained, json_)

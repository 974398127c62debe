"""`gansmith resume`."""

from collections.abc import Sequence
from typing import Annotated

from gansmith.cli.options import Device, Json, Offline, Runs, WhichRun, call, option, print_result


def main(arguments: Sequence[str]) -> None:
    """Read the options and continue a run."""
    call(resume, "gansmith resume", arguments)


def resume(
    run: WhichRun = "last",
    steps: Annotated[int | None, option("new length of the run, in steps from its beginning", metavar="N")] = None,
    runs: Runs = None,
    device: Device = "auto",
    offline: Offline = False,
    json_: Json = False,
) -> None:
    """Continue a run from its newest checkpoint, exactly as if it had never stopped."""
    from gansmith.cli.console import console_reporter
    from gansmith.recipe_file import recipe_of
    from gansmith.runs import default_root, find_run
    from gansmith.training import session

    found = find_run(run, runs or default_root())
    images = None if steps is None else steps * recipe_of(found).batch
    with console_reporter() as reporter:
        session.resume(found, images=images, device=device, offline=offline, reporter=reporter)
    print_result(found, json_)

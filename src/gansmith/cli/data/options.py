"""Options that `gansmith data check` and `gansmith data prepare` share."""

from typing import Annotated, Literal

from gansmith.cli.options import option
from gansmith.errors import UsageError

IMAGES = "a known dataset, or a folder, .zip, .tar or .parquet of images; classes in brackets, such as cifar10[ship]"
"""Help of the argument that names the images."""

SplitOption = Annotated[
    Literal["train", "test", "extra", "both"],
    option("split of a known dataset; both is train, then test", metavar="train|test|extra|both"),
]
Workers = Annotated[int | None, option("decoding processes; default one per core", metavar="N")]


def check_workers(workers: int | None) -> None:
    """Raise UsageError for a number of workers below 1 or above 1024."""
    if workers is not None and not 1 <= workers <= 1024:
        raise UsageError(f"--workers {workers} must be 1 to 1024.")

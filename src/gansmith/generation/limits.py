"""What can be asked of a generator, checked before torch is imported."""

from collections.abc import Sequence

from gansmith.errors import UsageError


def check_seed(seed: int) -> None:
    """Raise UsageError for a seed below 0."""
    if seed < 0:
        raise UsageError(f"seed {seed}: seeds are 0 or more.")


def check_truncation(truncation: float) -> None:
    """Raise UsageError for a factor on the latents that is not above 0 and at most 1."""
    if not 0 < truncation <= 1:
        raise UsageError(f"truncation {truncation}: give more than 0 and at most 1, which leaves the latents as is.")


def check_num(num: int) -> None:
    """Raise UsageError for less than one image."""
    if num < 1:
        raise UsageError(f"{num:,} images cannot be sampled; give at least 1.")


def check_frames(frames: int) -> None:
    """Raise UsageError for less than one frame per segment."""
    if frames < 1:
        raise UsageError(f"frames {frames}: give at least 1.")


def check_path(numbers: Sequence[int]) -> None:
    """Raise UsageError for image numbers that make no closed path."""
    if len(numbers) < 2 or min(numbers) < 0:
        raise UsageError(f"{', '.join(map(str, numbers)) or 'nothing'}: give the numbers of two images or more.")
    for number, following in zip(numbers, [*numbers[1:], numbers[0]], strict=True):
        if number == following:
            raise UsageError(
                f"{','.join(map(str, numbers))[:80]}: image {number} follows itself; give neighbours that differ, "
                "and do not repeat the first at the end, since the path returns to it."
            )

"""Which checkpoints a run has, and whether each is what was saved. Nothing here needs torch.

The files of a checkpoint are listed in `gansmith.checkpoints`.
"""

import hashlib
import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gansmith.errors import CheckpointError
from gansmith.runs.run import Run
from gansmith.system.atomic import COMMITTED, NOT_YET, YES
from gansmith.system.untrusted import hash_plain, parse_json, read_json, read_plain
from gansmith.text import first_line

FORMAT = 1
"""Version of the checkpoint format, in state.json."""
MANIFEST = "manifest.json"
"""File with size and SHA-256 of every other file."""
STATE = "state.json"
"""File with the clock, the hash of the recipe and the versions."""
LATEST = "latest"
"""Text file that names the newest checkpoint."""
BEST = "best"
"""Text file that names the checkpoint with the best evaluation."""
REPLACED = ".replaced-"
"""Prefix of a checkpoint's folder while another checkpoint of the same step takes its place."""
BAD = ".bad-"
"""Prefix of the folder of a damaged checkpoint that was set aside."""
_FOLDER = re.compile(rf"(?:{re.escape(REPLACED)})?([0-9]{{8,18}})")
_FILE = re.compile(r"[A-Za-z_]{1,40}\.(safetensors|json)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class DamagedError(CheckpointError):
    """A file of a checkpoint is missing, or its content is not what was saved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundCheckpoint:
    """A whole checkpoint, and the damage of newer ones: step -> sentence, newest first."""

    step: int
    folder: Path
    damages: dict[int, str] = field(default_factory=dict)

    def notes(self) -> list[str]:
        """A sentence for each newer checkpoint that is damaged."""
        return [f"{damage} Step {self.step:,} is the newest that is whole." for damage in self.damages.values()]


def folder_of(run: Run, step: int) -> Path:
    """The folder of the checkpoint of this step, whether it exists or not."""
    return run.checkpoints / f"{step:08}"


def saved_checkpoints(run: Run) -> dict[int, Path]:
    """Step -> folder of all checkpoints in order, damaged ones too. Raises CheckpointError if that folder is a link."""
    if run.checkpoints.is_symlink():
        raise CheckpointError(f"{run.checkpoints} is a link; a run's checkpoints must be in its own folder.")
    found = {}
    for folder in sorted(run.checkpoints.iterdir()) if run.checkpoints.is_dir() else ():
        named = _FOLDER.fullmatch(folder.name)  # one that is being replaced comes first, and gives way to the new one
        if not (named and f"{int(named[1]):08}" == named[1] and folder.is_dir()) or is_uncommitted(folder):
            continue
        if int(named[1]) not in found or ((folder / MANIFEST).exists() and _marker(folder) in (None, YES)):
            found[int(named[1])] = folder
    return dict(sorted(found.items()))


def is_uncommitted(folder: Path) -> bool:
    """Whether a kill or a full disk interrupted the copying or removing of the folder's files."""
    return _marker(folder) == NOT_YET


def _marker(folder: Path) -> bytes | None:
    """Content of the marker COMMITTED; None without a marker, empty when it cannot be read."""
    try:
        return None if folder.is_symlink() else read_plain(folder / COMMITTED)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return b""


def find_checkpoint(run: Run, which: str = "last") -> FoundCheckpoint:
    """The newest whole checkpoint for "last", the "best", or the checkpoint of a step. Nothing is renamed or removed.

    Raises CheckpointError with the steps that have a checkpoint, or with the damage of the one that was named.
    """
    saved = saved_checkpoints(run)
    if not saved:
        raise CheckpointError(f"{run.path} holds no checkpoint; the first is written at the run's first interval.")
    if which == "last":
        damages: dict[int, str] = {}
        for step, folder in reversed(saved.items()):
            try:
                verify(folder)
                return FoundCheckpoint(step=step, folder=folder, damages=damages)
            except DamagedError as error:
                damages[step] = str(error)
        raise CheckpointError(
            f"{run.path} holds no checkpoint that can be used: {len(saved)} of {len(saved)} are damaged. "
            f"Of the newest, {damages[max(damages)]}"
        )
    best = named_best(run)
    names = "'last'" if best is None else "'last' or 'best'"
    there = f"it has {', '.join(map(str, saved))}, or {names}"
    if which == "best":
        if best is None:
            raise CheckpointError(
                f"{run.path} has no best checkpoint, because it was not evaluated in training; {there}."
            )
        which = str(best)
    step = int(which) if which.isdecimal() and len(which) < 20 else None
    if step not in saved:
        raise CheckpointError(f"{run.path} has no checkpoint {which!r}; {there}.")
    try:
        verify(saved[step])
    except DamagedError as error:
        raise CheckpointError(f"{error} Take another checkpoint of this run: {', '.join(map(str, saved))}.") from error
    return FoundCheckpoint(step=step, folder=saved[step])


def named_best(run: Run) -> int | None:
    """The step that the text file `best` names; None without the file, or when it names no step."""
    try:
        named = read_plain(run.checkpoints / BEST, most=20).decode().removesuffix("\n")
    except (OSError, ValueError):
        return None
    return int(named) if re.fullmatch(r"[0-9]{8,18}", named) else None


def verify(folder: Path) -> None:
    """Check sizes first, then every byte against the manifest. Raises DamagedError with the name of the file."""
    manifest = read_manifest(folder)
    for name, entry in manifest.items():
        with damage_in(folder, name):
            size = (folder / name).lstat().st_size
            if size != entry["bytes"]:
                raise ValueError(f"it holds {size:,} bytes, {entry['bytes']:,} were saved")
    for name, entry in manifest.items():
        with damage_in(folder, name):
            if hash_plain(folder / name) != entry["sha256"]:
                raise ValueError("its content is not what was saved")
    read_state(folder)


def is_whole(folder: Path) -> bool:
    """Whether the checkpoint exists and every file is what was saved."""
    try:
        verify(folder)
    except DamagedError:
        return False
    return True


def read_verified(folder: Path, name: str, most: int) -> bytes:
    """The bytes of a file, at most `most`, checked against the manifest as they are read. Raises DamagedError."""
    entry = read_manifest(folder).get(name)
    with damage_in(folder, name):
        if entry is None:
            raise ValueError("the manifest does not name it")
        data = read_plain(folder / name, most)
        if fingerprint(data) != entry:
            raise ValueError("its content is not what was saved")
    return data


def read_state(folder: Path) -> dict[str, Any]:
    """The content of state.json. Raises DamagedError, also when its step is not that of the folder's name."""
    with damage_in(folder, STATE):
        state = read_json(folder / STATE)
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            raise ValueError(f"it is not of format {FORMAT}")
        step, seen = state.get("step"), state.get("seen")
        if type(step) is not int or type(seen) is not int or not 0 <= step <= seen < 2**63:
            raise ValueError("it holds no valid step and number of images seen")
        if f"{step:08}" != folder.name.removeprefix(REPLACED):
            raise ValueError(f"it belongs to step {step:,}")
    return state


def read_manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """File name -> {"bytes", "sha256"}. Raises DamagedError, also when a single byte of the text differs."""
    with damage_in(folder, MANIFEST):
        if folder.is_symlink():
            raise ValueError("its folder is a link")
        if _marker(folder) not in (None, YES):
            raise ValueError(f"its marker {COMMITTED} does not say yes")
        text = read_plain(folder / MANIFEST).decode()
        manifest = parse_json(text)
        if not isinstance(manifest, dict) or STATE not in manifest or len(manifest) > 20:
            raise ValueError("it is not a list of a checkpoint's files")
        for name, entry in manifest.items():
            if not _FILE.fullmatch(name):
                raise ValueError(f"it names {name[:60]!r}, which is not a file of a checkpoint")
            sized = isinstance(entry, dict) and entry.keys() == {"bytes", "sha256"} and type(entry["bytes"]) is int
            if not (sized and isinstance(entry["sha256"], str) and _SHA256.fullmatch(entry["sha256"])):
                raise ValueError(f"it gives no size and hash of {name}")
        if manifest_text(manifest) != text:
            raise ValueError("its text is not what was saved")
    return manifest


def manifest_text(manifest: dict[str, dict[str, Any]]) -> str:
    """The one text for this manifest; any other text in the file is damage."""
    return json.dumps(manifest, indent=1) + "\n"


def fingerprint(data: bytes) -> dict[str, int | str]:
    """Size and SHA-256 of a file's content."""
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@contextmanager
def damage_in(folder: Path, name: str) -> Generator[None]:
    """Turn an error on reading a file, or a ValueError on its content, into a DamagedError."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else first_line(error)
        raise DamagedError(f"{folder / name} is damaged: {reason}.") from error

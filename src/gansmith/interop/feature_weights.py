"""`gansmith.get_features`: published weights of a feature network, downloaded, checked, converted to safetensors."""

import hashlib
import json
import subprocess
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gansmith.data.datasets.download import is_offline
from gansmith.data.datasets.http import PATIENCE, FailedError, Progress, open_url
from gansmith.errors import DataError, DiskError, UsageError, unknown
from gansmith.evaluation.published import PUBLISHED, PublishedWeights, stored_weights, weights_path
from gansmith.features.networks import load_extractor
from gansmith.features.weights_file import MOST_BYTES
from gansmith.system.atomic import write_atomically
from gansmith.system.processes import call_worker

TIMEOUT = 600
"""Time limit for converting a file, in seconds: 1.2 GB take 10 s on a quiet machine."""
CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchedWeights:
    """Converted weights, and the SHA-256 of the published file that they come from."""

    path: Path
    sha256: str
    was_checked: bool
    """Whether the authors' file name gave digits of the checksum to compare with."""


def get_features(
    name: str, file: Path | None = None, *, offline: bool = False, progress: Progress | None = None
) -> FetchedWeights:
    """Download the published weights of "inception" or "dinov2", or take them from `file`, and keep them converted.

    The published file is a pickle; none of it is run. Raises UsageError for another name, DataError for a file that
    cannot be had, is not the published one, or does not hold this network's tensors; DiskError for a full cache.
    """
    if name not in PUBLISHED:
        raise UsageError(unknown("downloadable features", name, PUBLISHED))
    known, target = PUBLISHED[name], weights_path(name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if file is not None:
            return _keep(name, known, file.expanduser(), target)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unfinished-") as folder:
            return _keep(name, known, _download(known, Path(folder), offline, progress), target)
    except OSError as error:
        raise DiskError(f"{error.filename or target.parent} cannot be used ({error.strerror or error}).") from error


def list_features() -> dict[str, dict[str, object]]:
    """The networks with published weights: what they are, licence, size, and where they are here, if they are."""
    return {
        name: {
            "about": known.about,
            "licence": known.licence,
            "file": known.file,
            "url": known.url,
            "megabytes": known.megabytes,
            "sha256_prefix": known.sha256_prefix,
            "path": str(path) if (path := stored_weights(name)) else None,
        }
        for name, known in PUBLISHED.items()
    }


def _download(known: PublishedWeights, folder: Path, offline: bool, progress: Progress | None) -> Path:
    """The published file in `folder`."""
    import requests
    import urllib3

    remedy = f"fetch it by other means and give it: --file {known.file}"
    if is_offline(offline):
        raise DataError(f"{known.file} is not here, and the network is off (--offline or GANSMITH_OFFLINE); {remedy}.")
    target = folder / known.file
    try:
        with (
            requests.Session() as session,
            closing(open_url(session, known.url, 0, PATIENCE)) as response,
            target.open("wb") as out,
        ):
            if response.status_code != 200:
                raise FailedError(f"answers {response.status_code} {response.reason}".rstrip())
            announced, here = int(response.headers.get("content-length", 0)), 0
            while chunk := response.raw.read(CHUNK, decode_content=False):
                here += len(chunk)
                if here > MOST_BYTES:
                    raise FailedError(f"sends more than {MOST_BYTES:,} bytes")
                out.write(chunk)
                if progress:
                    progress(known.file, here, max(announced, here))
            if here < announced:
                raise FailedError(f"stopped after {here:,} of {announced:,} bytes")
    except FailedError as error:
        raise DataError(f"{known.file} could not be downloaded: {known.url} {error}; {remedy}.") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        reason = f"failed with {type(error).__name__}"
        raise DataError(f"{known.file} could not be downloaded: {known.url} {reason}; {remedy}.") from error
    return target


def _keep(name: str, known: PublishedWeights, file: Path, target: Path) -> FetchedWeights:
    """Check, convert and keep a published file."""
    if not file.is_file():
        raise DataError(f"{file} does not exist; give the published {known.file}.")
    if file.stat().st_size > MOST_BYTES:
        raise DataError(f"{file} has {file.stat().st_size:,} bytes, more than any known network; give {known.file}.")
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    if not sha256.startswith(known.sha256_prefix):
        raise DataError(
            f"{file.name} is not the published {known.file}: its SHA-256 begins with {sha256[:8]} and not with "
            f"{known.sha256_prefix}; fetch it again from {known.url}."
        )
    content = _convert(file)
    unfinished = target.with_name(f".unfinished-{sha256[:8]}-{target.name}")
    try:
        write_atomically(unfinished, content)
        load_extractor(name, channels=3, height=32, width=32, weights=unfinished)  # refuses another network's tensors
        unfinished.replace(target)
    except DataError as error:
        reason = str(error).partition(" does not hold ")[2] or str(error)
        raise DataError(f"{file.name} does not hold {reason}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return FetchedWeights(path=target, sha256=sha256, was_checked=bool(known.sha256_prefix))


def _convert(file: Path) -> bytes:
    """The tensors of a file of torch.save as a safetensors file, read in a separate process."""
    with file.open("rb") as opened:
        try:
            process = call_worker("gansmith.interop.torch_worker", content=opened, timeout=TIMEOUT)
            process.check_returncode()
        except subprocess.SubprocessError as error:
            raise DataError(f"{file.name} is damaged (torch hangs or crashes on it); fetch it again.") from error
    if process.stdout.startswith(b'{"error"'):
        raise DataError(f"{file.name} cannot be used: {json.loads(process.stdout)['error']}; fetch it again.")
    return process.stdout

"""One download from one URL: it continues a partial file, and follows no unsafe redirect."""

import gzip
import hashlib
import ipaddress
import time
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from gansmith.data.datasets.files import RemoteFile
from gansmith.version import __version__

if TYPE_CHECKING:
    from requests import Response, Session

Progress = Callable[[str, int, int], None]
"""Called with (file name, bytes so far, bytes in all) while a file arrives."""

MAX_REDIRECTS = 5
CHUNK = 1 << 18
SLOWEST = 100
"""Bytes per second, averaged over `Patience.read` seconds, below which a connection counts as stalled."""
MAX_RATIO = 50
"""Largest ratio of unpacked to packed bytes of a .gz; no known set has more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """Seconds to wait for a connection, and for more bytes."""

    connect: float = 10.0
    read: float = 30.0


PATIENCE = Patience()


class FailedError(Exception):
    """This mirror did not deliver the file; the bytes so far are kept and continued later."""


class WrongError(FailedError):
    """The bytes so far are not those of the file, and are thrown away."""


@dataclass(slots=True)
class Continuing:
    """A downloader for pooch that continues the file `part` if the server supports it."""

    remote: RemoteFile
    part: Path
    patience: Patience
    progress: Progress | None
    continued: bool = field(default=False, init=False)
    """Whether the last call continued an earlier attempt."""

    def __call__(self, url: str, output_file: str, pooch: object = None) -> None:
        """Download `url` to `output_file`. Raises FailedError, and WrongError if the part is useless."""
        import requests
        import urllib3

        here = self.part.stat().st_size if self.part.exists() else 0
        self.continued = here > 0
        try:
            if here < self.remote.size:
                with requests.Session() as session, closing(open_url(session, url, here, self.patience)) as response:
                    self._receive(response, here)
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:  # ValueError: a bad URL
            raise FailedError(self._reason(error)) from error
        if self.part.stat().st_size != self.remote.size:
            raise WrongError(f"left {self.part.name} with more than the {self.remote.size:,} bytes of the file")
        if self.remote.hash is None and content_md5(self.part) is None:
            raise WrongError("sent a damaged .gz file")
        self.part.replace(output_file)

    def _receive(self, response: "Response", here: int) -> None:
        """Append the body of the response to the part, or start the part anew if the server does not continue it."""
        self._check_headers(response, here)
        if response.status_code == 200:
            self.continued, here = False, 0
        since, before = time.monotonic(), here
        with self.part.open("ab" if here else "wb") as file:
            self._tell(here)
            while chunk := response.raw.read1(CHUNK, decode_content=False):
                here += len(chunk)
                if here > self.remote.size:
                    raise WrongError(f"sends more than the {self.remote.size:,} bytes of the file")
                file.write(chunk)
                self._tell(here)
                if (waited := time.monotonic() - since) > self.patience.read:
                    if here - before < SLOWEST * waited:
                        raise FailedError(f"sent only {here - before:,} bytes in {waited:.0f} s")
                    since, before = time.monotonic(), here
        if here < self.remote.size:
            raise FailedError(f"stopped after {here:,} of {self.remote.size:,} bytes")

    def _check_headers(self, response: "Response", here: int) -> None:
        """Raise FailedError for a response that cannot be the file, before a byte is written."""
        if response.status_code not in (200, 206):
            raise FailedError(f"answers {response.status_code} {response.reason}".rstrip())
        if response.headers.get("content-type", "").startswith("text/html"):
            raise FailedError("answers with a web page instead of the file")
        size = self.remote.size
        if response.status_code == 206:
            announced = response.headers.get("content-range", "")
            if announced not in (f"bytes {here}-{size - 1}/{size}", f"bytes {here}-{size - 1}/*"):
                raise FailedError(
                    f"offers {announced or 'an unnamed range'} instead of the file's last {size - here:,} bytes"
                )
        elif (length := response.headers.get("content-length", str(size))) != str(size):
            raise FailedError(f"offers {length} bytes instead of {size:,}")

    def _tell(self, here: int) -> None:
        if self.progress:
            self.progress(self.remote.name, here, self.remote.size)

    def _reason(self, error: Exception) -> str:
        import requests
        import urllib3

        if isinstance(error, requests.exceptions.ConnectTimeout):
            return f"gave no connection within {self.patience.connect:g} s"
        if isinstance(error, requests.exceptions.Timeout | urllib3.exceptions.TimeoutError):
            return f"sent nothing for {self.patience.read:g} s"
        if isinstance(error, requests.exceptions.SSLError | urllib3.exceptions.SSLError):
            return "has a certificate that is not accepted"
        if isinstance(error, requests.exceptions.ConnectionError):
            return "could not be reached"
        if isinstance(error, urllib3.exceptions.ProtocolError):
            return f"broke the connection after {self.part.stat().st_size:,} of {self.remote.size:,} bytes"
        return f"failed with {type(error).__name__}"


def may_fetch(url: str, coming_from: str | None = None) -> bool:
    """Whether a URL may be requested: https, or http on this machine unless another machine redirects there."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    return _is_local_http(url) and (coming_from is None or _is_local_http(coming_from))


def content_md5(path: Path, *, zipped: bool = True) -> str | None:
    """MD5 of what a .gz file unpacks to, in pooch's form; None for damage, or over `MAX_RATIO` times its size."""
    digest, left = hashlib.md5(usedforsecurity=False), path.stat().st_size * MAX_RATIO
    try:
        with gzip.open(path) if zipped else path.open("rb") as opened:
            while left > 0 and (chunk := opened.read(1 << 20)):
                digest.update(chunk)
                left -= len(chunk)
    except (OSError, EOFError, zlib.error):
        return None
    return f"md5:{digest.hexdigest()}" if left > 0 else None


def open_url(session: "Session", url: str, start: int, patience: Patience) -> "Response":
    """The response to a request for the bytes from `start` on, after safe redirects."""
    headers = {"Accept-Encoding": "identity", "User-Agent": f"gansmith/{__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
    came_from = None
    for _ in range(MAX_REDIRECTS + 1):
        if not may_fetch(url, came_from):
            raise FailedError(f"leads to {url}, which is not https" if came_from else "is not https")
        timeout = (patience.connect, patience.read)
        response = session.get(url, headers=headers, stream=True, allow_redirects=False, timeout=timeout)
        if not response.is_redirect:
            return response
        response.close()
        came_from, url = url, urljoin(url, response.headers["location"])
    raise FailedError(f"redirects more than {MAX_REDIRECTS} times")


def _is_local_http(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        return False
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return parts.hostname == "localhost"

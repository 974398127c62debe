"""Downloads from a real server on this machine that behaves, misbehaves, or is not there."""

import gzip
import hashlib
import logging
import random
import socket
import threading
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pooch
import pytest

from gansmith.data.datasets import download
from gansmith.data.datasets.download import fetch_file, readable_size
from gansmith.data.datasets.files import RemoteFile
from gansmith.data.datasets.http import Patience, may_fetch
from gansmith.errors import DataError, DiskError

BODY = random.Random(0).randbytes(102_400)
SHORT = 60_000
HASTY = Patience(connect=5, read=0.2)


@dataclass
class Server:
    """A server whose every path is a function of the request; it keeps what was asked."""

    url: str = ""
    paths: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def __call__(self, path, answer):
        self.paths[path] = answer
        return self.url + path


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("GANSMITH_OFFLINE")
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    made = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            made.asked.append((self.path, self.headers.get("Range")))
            made.paths[self.path](self)

        def log_message(self, *_):
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_):  # the client hung up, as it should
            pass

    with Quiet(("127.0.0.1", 0), Handler) as listening:
        made.url = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.closing.set()
        listening.shutdown()
        thread.join()


def answer(body=BODY, status=200, **headers):
    def send(request):
        request.send_response(status)
        for name, value in {"Content_Length": len(body), **headers}.items():
            if value is not None:
                request.send_header(name.replace("_", "-"), str(value))
        request.end_headers()
        request.wfile.write(body)

    return send


def ranges(body=BODY):
    """A server that continues, as most do."""

    def send(request):
        if not (said := request.headers.get("Range")):
            return answer(body)(request)
        start = int(said.removeprefix("bytes=").removesuffix("-"))
        return answer(body[start:], 206, Content_Range=f"bytes {start}-{len(body) - 1}/{len(body)}")(request)

    return send


cut = answer(BODY[:SHORT], Content_Length=len(BODY))
"""Announces everything and closes the connection early."""


def redirect(to, status=302):
    return answer(b"", status, Location=to)


def remote(*urls, body=BODY, hash_=""):
    digest = hashlib.sha256(body).hexdigest() if hash_ == "" else hash_
    return RemoteFile(name="set.gz", size=len(body), hash=digest, splits=("train",), urls=urls)


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


def refused(folder, file, *parts, left=(), error=DataError, **options):
    """The file is refused with a sentence that has these parts, and only `left` is left in the folder."""
    with pytest.raises(error) as caught:
        fetch_file(file, folder, **options)
    for part in parts:
        assert part in str(caught.value)
    assert listing(folder) == sorted(left)


# --- what should work


@pytest.mark.parametrize("algorithm", ["", "md5"])
def test_a_file_arrives_whole_and_nothing_else_is_left(server, tmp_path, algorithm):
    file = remote(server("/a", answer()), hash_=f"md5:{hashlib.md5(BODY).hexdigest()}" if algorithm else "")
    seen = []
    path = fetch_file(file, tmp_path / "x/y", progress=lambda *told: seen.append(told))
    assert path.read_bytes() == BODY
    assert listing(tmp_path / "x/y") == ["set.gz"]
    assert seen[0] == ("set.gz", 0, len(BODY))
    assert seen[-1] == ("set.gz", len(BODY), len(BODY))


def test_a_file_that_is_there_is_not_asked_for_again(server, tmp_path):
    file = remote(server("/a", answer()))
    fetch_file(file, tmp_path)
    fetch_file(file, tmp_path)
    assert len(server.asked) == 1


def test_pooch_is_kept_from_telling_of_a_download(server, tmp_path):
    told, body = [], gzip.compress(BODY)
    ear = logging.Handler()
    ear.emit = told.append
    logger = pooch.get_logger()
    logger.addHandler(ear)
    level = logger.level
    try:
        fetch_file(remote(server("/a", answer(body)), body=body, hash_=None), tmp_path)
    finally:
        logger.removeHandler(ear)
    assert told == []
    assert logger.level == level


def test_the_next_mirror_is_asked_when_one_fails(server, tmp_path):
    urls = [server("/gone", answer(b"", 404)), server("/other", answer(BODY[::-1])), server("/good", answer())]
    assert fetch_file(remote(*urls), tmp_path).read_bytes() == BODY
    assert [path for path, _ in server.asked] == ["/gone", "/other", "/good"]
    assert listing(tmp_path) == ["set.gz"]


def test_a_redirect_on_this_machine_is_followed(server, tmp_path):
    server("/b/c", answer())
    assert fetch_file(remote(server("/a", redirect("b/c"))), tmp_path).read_bytes() == BODY


def test_a_body_without_a_length_is_taken_when_it_is_the_file(server, tmp_path):
    assert fetch_file(remote(server("/a", answer(Content_Length=None))), tmp_path).read_bytes() == BODY


# --- continuing


def test_a_cut_download_is_kept_and_continued_with_range(server, tmp_path):
    file = remote(server("/a", cut))
    refused(
        tmp_path, file, "60,000 of 102,400 bytes", "repeat the command to continue after 60 kB", left=["set.gz.part"]
    )
    server("/a", ranges())
    assert fetch_file(file, tmp_path).read_bytes() == BODY
    assert server.asked == [("/a", None), ("/a", "bytes=60000-")]
    assert listing(tmp_path) == ["set.gz"]


def test_what_one_mirror_began_another_continues(server, tmp_path):
    assert fetch_file(remote(server("/a", cut), server("/b", ranges())), tmp_path).read_bytes() == BODY
    assert server.asked[1] == ("/b", "bytes=60000-")


def test_a_server_that_ignores_range_starts_anew(server, tmp_path):
    (tmp_path / "set.gz.part").write_bytes(b"?" * SHORT)
    assert fetch_file(remote(server("/a", answer())), tmp_path).read_bytes() == BODY
    assert server.asked == [("/a", "bytes=60000-")]


@pytest.mark.parametrize("size", [SHORT, len(BODY), len(BODY) + 1], ids=["shorter", "as long", "longer"])
def test_a_part_of_something_else_is_thrown_away_and_the_file_fetched_anew(server, tmp_path, size):
    (tmp_path / "set.gz.part").write_bytes(b"?" * size)
    assert fetch_file(remote(server("/a", ranges())), tmp_path).read_bytes() == BODY
    assert server.asked[-1] == ("/a", None)
    assert listing(tmp_path) == ["set.gz"]


def test_a_part_that_only_missed_its_renaming_needs_no_server(server, tmp_path):
    (tmp_path / "set.gz.part").write_bytes(BODY)
    assert fetch_file(remote(server("/a", ranges())), tmp_path).read_bytes() == BODY
    assert server.asked == []


@pytest.mark.parametrize("said", ["bytes 0-102399/102400", "bytes 60000-70000/70001", "garbage", None])
def test_a_range_that_was_not_asked_for_is_refused_and_the_part_kept(server, tmp_path, said):
    (tmp_path / "set.gz.part").write_bytes(BODY[:SHORT])
    file = remote(server("/a", answer(BODY[SHORT:], 206, Content_Range=said)))
    refused(tmp_path, file, "instead of the file's last 42,400 bytes", left=["set.gz.part"])
    assert (tmp_path / "set.gz.part").read_bytes() == BODY[:SHORT]


def test_ctrl_c_leaves_only_the_part(server, tmp_path):
    def interrupt(_, here, size):
        if here:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_file(remote(server("/a", ranges())), tmp_path, progress=interrupt)
    assert listing(tmp_path) == ["set.gz.part"]
    assert fetch_file(remote(server("/a", ranges())), tmp_path).read_bytes() == BODY


# --- what must not become visible


def test_a_wrong_checksum_is_refused(server, tmp_path):
    refused(tmp_path, remote(server("/a", answer(BODY[::-1]))), f"{server.url}/a sent a file with a wrong checksum")


def test_a_damaged_gz_without_a_known_checksum_is_refused(server, tmp_path):
    good = gzip.compress(BODY)
    bad = good[:40] + bytes([good[40] ^ 1]) + good[41:]
    refused(tmp_path, remote(server("/a", answer(bad)), body=good, hash_=None), "sent a damaged .gz file")


def test_a_gz_that_unpacks_to_far_too_much_is_refused(server, tmp_path):
    bomb = gzip.compress(bytes(1 << 20))
    refused(tmp_path, remote(server("/a", answer(bomb)), body=bomb, hash_=None), "sent a damaged .gz file")


def test_another_length_is_refused_before_the_body(server, tmp_path):
    refused(tmp_path, remote(server("/a", answer(b"hello"))), "offers 5 bytes instead of 102,400")


def test_a_body_that_ends_early_without_a_length_is_not_the_file(server, tmp_path):
    file = remote(server("/a", answer(BODY[:SHORT], Content_Length=None)))
    refused(tmp_path, file, "stopped after 60,000 of 102,400 bytes", left=["set.gz.part"])


def test_a_body_that_does_not_end_is_refused(server, tmp_path):
    refused(tmp_path, remote(server("/a", answer(BODY * 9, Content_Length=None))), "sends more than the 102,400 bytes")


@pytest.mark.parametrize("status", [404, 403, 416, 500, 503])
def test_an_error_is_told_with_its_number(server, tmp_path, status):
    refused(tmp_path, remote(server("/a", answer(status=status))), f"{server.url}/a answers {status} ")


def test_a_web_page_is_refused(server, tmp_path):
    server("/login", answer(Content_Type="text/html; charset=utf-8"))
    refused(tmp_path, remote(server("/a", redirect("/login"))), "answers with a web page instead of the file")


def stalls(server, every=None):
    def send(request):
        answer(BODY[:SHORT], Content_Length=len(BODY))(request)
        while every and not server.closing.wait(every):
            request.wfile.write(b"?")
            request.wfile.flush()
        server.closing.wait()

    return send


def test_a_download_that_stalls_is_given_up_and_kept(server, tmp_path):
    refused(
        tmp_path, remote(server("/a", stalls(server))), "sent nothing for 0.2 s", left=["set.gz.part"], patience=HASTY
    )
    assert (tmp_path / "set.gz.part").read_bytes() == BODY[:SHORT]


def test_a_download_that_drips_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr("gansmith.data.datasets.http.SLOWEST", 10_000_000)
    file = remote(server("/a", stalls(server, every=0.02)))
    refused(tmp_path, file, "sent only", "bytes in", left=["set.gz.part"], patience=HASTY)


def test_a_server_that_does_not_answer_is_given_up(server, tmp_path):
    refused(
        tmp_path,
        remote(server("/a", lambda _: server.closing.wait())),
        "sent nothing for 0.2 s",
        "repeat the command later",
        patience=HASTY,
    )


@pytest.mark.parametrize(
    "to",
    [
        "http://example.org/set.gz",
        "file:///etc/passwd",
        "ftp://127.0.0.1/set.gz",
        "http://127.0.0.1.example.org/",
        "https:///nowhere",
        "//example.org/set.gz",
    ],
)
def test_a_redirect_to_where_it_must_not_go_is_refused(server, tmp_path, to):
    refused(tmp_path, remote(server("/a", redirect(to))), f"{server.url}/a leads to", "which is not https")


def test_a_redirect_that_cannot_be_read_is_refused(server, tmp_path):
    refused(tmp_path, remote(server("/a", redirect("http://[broken"))), "/a failed with ValueError")


def test_redirects_without_end_are_refused(server, tmp_path):
    refused(tmp_path, remote(server("/a", redirect("/a"))), "redirects more than 5 times")
    assert len(server.asked) == 6


@pytest.mark.parametrize(
    ("url", "coming_from", "may"),
    [
        ("https://example.org/a", None, True),
        ("https://example.org/a", "http://127.0.0.1/", True),
        ("http://example.org/a", None, False),
        ("http://example.org/a", "https://example.org/a", False),
        ("http://127.0.0.1/a", None, True),
        ("http://localhost:80/a", "http://[::1]/", True),
        ("http://127.0.0.1/a", "https://example.org/", False),
        ("http://192.168.0.1/a", None, False),
        ("file:///etc/passwd", None, False),
    ],
)
def test_only_https_or_this_machine_may_be_asked(url, coming_from, may):
    assert may_fetch(url, coming_from) is may


def test_a_server_that_is_not_there_is_named_with_what_would_do(server, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/a"
        refused(tmp_path, remote(url), f"set.gz (102 kB) could not be downloaded: {url} could not be reached", "put it")


def test_a_file_that_is_another_is_not_replaced(server, tmp_path):
    (tmp_path / "set.gz").write_bytes(b"mine")
    file = remote(server("/a", answer()))
    refused(tmp_path, file, "is not the published file", "4 bytes", "move it away", left=["set.gz"])
    assert (tmp_path / "set.gz").read_bytes() == b"mine"
    assert server.asked == []


def test_two_downloads_of_one_file_do_not_mix(server, tmp_path):
    def second(*_):
        with pytest.raises(DataError, match="another gansmith"):
            fetch_file(file, tmp_path)

    file = remote(server("/a", answer()))
    assert fetch_file(file, tmp_path, progress=second).read_bytes() == BODY


def test_a_full_disk_is_said_before_the_download(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    file = remote(server("/a", answer()))
    refused(tmp_path, file, "needs 102,400 more bytes, and 1,000 are free", error=DiskError)
    assert server.asked == []


def test_a_folder_that_cannot_be_made_is_a_disk_error(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DiskError, match="cannot be written"):
        fetch_file(remote(server("/a", answer())), tmp_path / "file")


# --- without a network


@pytest.fixture
def no_sockets(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_offline_opens_no_socket(no_sockets, tmp_path, monkeypatch, how):
    monkeypatch.setenv("GANSMITH_OFFLINE", "1" if how == "environment" else "0")
    refused(tmp_path, remote("https://example.org/a"), "the network is off", offline=how == "argument")


def test_a_file_without_a_mirror_is_explained(tmp_path, monkeypatch):
    monkeypatch.delenv("GANSMITH_OFFLINE")
    refused(tmp_path, replace(remote(), urls=()), "cannot be downloaded without a browser", f"put it into {tmp_path}")


@pytest.mark.parametrize(
    ("size", "said"), [(12, "12 bytes"), (28_881, "29 kB"), (8_458_043, "8.5 MB"), (1_443_490_838, "1.4 GB")]
)
def test_sizes_are_for_people(size, said):
    assert readable_size(size) == said

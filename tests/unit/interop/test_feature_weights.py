"""Published weights: downloaded, checked, converted without running the pickle. No real download is tried here."""

import hashlib
import os
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import gansmith
from gansmith.errors import DataError, UsageError
from gansmith.evaluation import published
from gansmith.evaluation.published import PUBLISHED, stored_weights
from gansmith.features.dinov2 import Transformer
from gansmith.features.extract import extract
from gansmith.features.inception import Inception
from gansmith.features.networks import load_extractor
from gansmith.interop.feature_weights import get_features
from tests.helpers.fidelity import fidelity_inception

SLOW = pytest.mark.slow
LEGACY = [True, pytest.param(False, marks=SLOW)]
"""Files of before torch 1.6, which Inception's is, and those of today."""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GANSMITH_OFFLINE", "0")  # the tests forbid the network; these serve on this machine
    return tmp_path / "cache"


def publish(monkeypatch, name, file, url="https://nowhere.invalid/file"):
    """Let this file be the published one, by the first digits of its SHA-256."""
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setitem(published.PUBLISHED, name, replace(PUBLISHED[name], sha256_prefix=sha256[:8], url=url))
    return sha256


def random_state(network):
    torch.manual_seed(0)
    return {
        name: torch.rand_like(one) * 0.05 + 0.01 if one.is_floating_point() else one
        for name, one in network.state_dict().items()
    }


def save_vit(path, legacy=False, **more):
    state = {**random_state(Transformer(64, 2, 37)), "mask_token": torch.zeros(1, 64), **more}
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    return state


@pytest.mark.parametrize("legacy", LEGACY)
def test_both_forms_of_a_torch_file_become_the_same_tensors(tmp_path, monkeypatch, legacy):
    state = save_vit(tmp_path / "vit.pth", legacy)
    sha256 = publish(monkeypatch, "dinov2", tmp_path / "vit.pth")
    found = get_features("dinov2", tmp_path / "vit.pth")
    assert (found.sha256, found.was_checked) == (sha256, True)
    kept = load_file(found.path)
    assert kept.keys() == state.keys()
    assert all(torch.equal(kept[name], one) for name, one in state.items())
    assert stored_weights("dinov2") == found.path
    assert gansmith.list_features()["dinov2"]["path"] == str(found.path)


def test_without_a_known_checksum_that_is_said(tmp_path):
    save_vit(tmp_path / "vit.pth")
    assert not PUBLISHED["dinov2"].sha256_prefix
    assert not get_features("dinov2", tmp_path / "vit.pth").was_checked


@pytest.mark.slow
def test_inception_in_its_published_form_gives_torch_fidelitys_features(tmp_path, monkeypatch):
    with torch.random.fork_rng():
        state = random_state(Inception())
    state |= {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    torch.save(state, tmp_path / "pt.pth", _use_new_zipfile_serialization=False)
    publish(monkeypatch, "inception", tmp_path / "pt.pth")
    path = get_features("inception", tmp_path / "pt.pth").path
    ours = load_extractor("inception", channels=3, height=32, width=32, weights=path)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    theirs = fidelity_inception(str(tmp_path / "pt.pth"))
    with torch.no_grad():
        (expected,) = theirs(torch.from_numpy(images.transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(extract(ours, images).vectors, expected.numpy(), rtol=2e-3)


class Hostile:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("legacy", LEGACY)
def test_code_in_the_file_is_refused_and_not_run(tmp_path, monkeypatch, legacy):
    file, marker = tmp_path / "bad.pth", tmp_path / "ran"
    torch.save({"a": Hostile(marker)}, file, _use_new_zipfile_serialization=not legacy)
    publish(monkeypatch, "dinov2", file)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(DataError, match=r"bad\.pth cannot be used: it holds more than tensors, and was not run"):
        get_features("dinov2", file)
    assert not marker.exists()
    assert stored_weights("dinov2") is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([torch.zeros(2)], "holds no state dict"),
        pytest.param({}, "holds no state dict", marks=SLOW),
        pytest.param({"a": 1}, "more than plain tensors by name", marks=SLOW),
        pytest.param({1: torch.zeros(2)}, "more than plain tensors by name", marks=SLOW),
        ({"a": torch.zeros(1).expand(1 << 40)}, "larger than the file"),
        ({"a": torch.zeros(2)}, "does not hold the weights of a DINOv2 transformer"),
    ],
)
def test_other_content_is_refused_with_what_it_is(tmp_path, content, reason):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(DataError, match=reason):
        get_features("dinov2", tmp_path / "other.pth")
    assert stored_weights("dinov2") is None


@pytest.mark.parametrize("legacy", LEGACY)
def test_a_truncated_file_is_damaged(tmp_path, legacy):
    save_vit(tmp_path / "vit.pth", legacy)
    whole = (tmp_path / "vit.pth").read_bytes()
    (tmp_path / "vit.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"vit\.pth cannot be used: it is damaged; fetch it again"):
        get_features("dinov2", tmp_path / "vit.pth")


def test_a_file_with_another_checksum_is_not_opened(tmp_path):
    save_vit(tmp_path / "vit.pth")
    with pytest.raises(DataError, match=r"is not the published pt_inception.*begins with \w{8} and not with 6726825d"):
        get_features("inception", tmp_path / "vit.pth")


def test_names_files_and_networks_that_are_not_there(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="Did you mean 'inception'"):
        get_features("incepton")
    with pytest.raises(DataError, match="does not exist; give the published"):
        get_features("inception", tmp_path / "absent.pth")
    with pytest.raises(DataError, match="the network is off"):
        get_features("inception", offline=True)


def test_the_published_name_holds_the_digits_that_are_checked():
    for one in PUBLISHED.values():
        assert one.url.endswith("/" + one.file)
        assert not one.sha256_prefix or f"-{one.sha256_prefix}." in one.file


@pytest.fixture
def serve():
    """A server that answers with (status, body, announced length)."""
    answer = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body, length = answer["it"]
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()

        def with_answer(body, status=200, length=None):
            answer["it"] = (status, body, len(body) if length is None else length)
            return f"http://127.0.0.1:{server.server_port}/file.pth"

        yield with_answer
        server.shutdown()
        thread.join()


def test_a_download_is_checked_converted_and_leaves_only_the_result(tmp_path, monkeypatch, serve, cache):
    save_vit(tmp_path / "vit.pth")
    url = serve((tmp_path / "vit.pth").read_bytes())
    publish(monkeypatch, "dinov2", tmp_path / "vit.pth", url)
    told = []
    found = get_features("dinov2", progress=lambda *what: told.append(what))
    assert found.was_checked
    assert told[-1][1] == told[-1][2] == (tmp_path / "vit.pth").stat().st_size
    assert [one.name for one in (cache / "features").iterdir()] == ["dinov2.safetensors"]


@pytest.mark.parametrize(
    ("body", "status", "length", "says"),
    [
        (b"no", 404, None, "answers 404"),
        (b"half", 200, 1000, "failed with ProtocolError|stopped after 4 of 1,000 bytes"),
        (b"another file", 200, None, "its SHA-256 begins with"),
    ],
)
def test_a_download_that_fails_keeps_nothing_and_says_why(
    tmp_path, monkeypatch, serve, cache, body, status, length, says
):
    save_vit(tmp_path / "vit.pth")
    publish(monkeypatch, "dinov2", tmp_path / "vit.pth", serve(body, status, length))
    with pytest.raises(DataError, match=says):
        get_features("dinov2")
    assert not list((cache / "features").iterdir())


def test_a_link_that_leaves_https_is_not_followed(monkeypatch):
    monkeypatch.setitem(published.PUBLISHED, "dinov2", replace(PUBLISHED["dinov2"], url="http://example.com/x.pth"))
    with pytest.raises(DataError, match="is not https"):
        get_features("dinov2")


def test_evaluate_takes_the_weights_by_name(tmp_path, monkeypatch):
    save_vit(tmp_path / "vit.pth")
    get_features("dinov2", tmp_path / "vit.pth")
    images = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), dtype=np.uint8)
    np.save(tmp_path / "real.npy", images)
    found = gansmith.evaluate(images[::-1].copy(), tmp_path / "real.npy", "kid", features="dinov2")
    assert found.measured.protocol.features == "dinov2"

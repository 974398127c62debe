"""Every test runs on one thread, in an empty folder, with a cache of its own session and without a network."""

import os
import socket

import pytest
import torch

LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@pytest.fixture(scope="session", autouse=True)
def session(tmp_path_factory):
    torch.set_num_threads(1)
    for name in ("GANSMITH_DATA", "GANSMITH_RUNS"):
        os.environ.pop(name, None)
    os.environ["GANSMITH_OFFLINE"] = "1"
    os.environ["GANSMITH_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def isolated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    connect = socket.socket.connect

    def only_loopback(self, address):
        if self.family != socket.AF_UNIX and address[0] not in LOOPBACK:
            raise AssertionError(f"a test tried to reach {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", only_loopback)

"""A server for the tests of downloads."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.common.transfers import DATA
from tests.server import Server
from workflow_scripts.common import http_retry

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def pauses(monkeypatch):
    """The pauses asked for, which are not made."""
    asked = []
    monkeypatch.setattr(http_retry, "time", SimpleNamespace(sleep=asked.append))
    return asked


@pytest.fixture
def server(monkeypatch, pauses):
    """A server that holds DATA at /a; nobody pauses."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as server:
        server.files["/a"] = DATA
        yield server

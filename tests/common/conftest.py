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
    """The pauses between attempts, in seconds, which are recorded instead of made."""
    recorded = []
    monkeypatch.setattr(http_retry, "time", SimpleNamespace(sleep=recorded.append))
    return recorded


@pytest.fixture
def server(monkeypatch, pauses):
    """A server with DATA at /a; pauses are not made."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as server:
        server.files["/a"] = DATA
        yield server

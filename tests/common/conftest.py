"""A server for the tests of downloads, and the configuration of the repository."""

import copy
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from tests.common.transfers import DATA
from tests.server import Server
from workflow_scripts.common import http_retry
from workflow_scripts.settings.corpora import table_path

REPOSITORY = Path(__file__).resolve().parents[2]
GUE_TABLES = ("registry", "sources", "candidates", "known_files")
TABLES = (("genomes", "corpus"), *(("gue", key) for key in GUE_TABLES), ("finetune", "hparams"))


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


@pytest.fixture(scope="module")
def default():
    return yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())


@pytest.fixture
def sound(default):
    """The configuration of the repository, with tables that open from anywhere."""
    config = copy.deepcopy(default)
    for section, key in TABLES:
        config[section][key] = str(REPOSITORY / table_path(config[section][key]))
    return config


@pytest.fixture
def quick(sound, tmp_path):
    """The same with a species table of three rows, which is read in no time."""
    lines = (REPOSITORY / "config/species_850.tsv").read_text().splitlines()
    table = [line for line in lines if not line.startswith("#")][:4]
    sound["genomes"]["corpus"] = str(tmp_path / "species.tsv")
    Path(sound["genomes"]["corpus"]).write_text("\n".join(table) + "\n")
    return sound

"""How all tests run, and fixtures that several folders use."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import settings

# On a busy machine any example may take long.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that at the end no worker waits long for another."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def write_chunks(tmp_path):
    """Writes ACCESSION.parquet; the split of a sequence is the one at its place in ``splits`` (default: train)."""

    def write_chunks(accession: str, sequences: list[str], splits: list[str] | None = None) -> Path:
        ends = np.cumsum([len(sequence) for sequence in sequences], dtype=np.int64)
        lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
        table = pa.table(
            {
                "contig": pa.array(["contig"] * len(sequences), pa.string()),
                "start": ends - lengths,
                "end": ends,
                "sequence": pa.array(sequences, pa.string()),
                "soft_masked": pa.array(np.zeros(len(sequences)), pa.float32()),
                "split": pa.array(splits or ["train"] * len(sequences), pa.string()),
            }
        )
        path = tmp_path / "chunks" / f"{accession}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(table, path)
        return path

    return write_chunks


@pytest.fixture
def random_sequences():
    """Random bases as ``count`` strings of one length; another list for each key."""

    def random_sequences(count: int, length: int, key: int = 0) -> list[str]:
        letters = np.random.default_rng(key).choice(list("ACGT"), (count, length))
        return ["".join(row) for row in letters]

    return random_sequences


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A stand-in of the Hugging Face hub, and an empty cache of the library; pauses are not made."""
    from huggingface_hub import constants, file_download

    from tests.hub import Hub
    from workflow_scripts.common import http_retry

    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setattr(http_retry, "time", SimpleNamespace(sleep=lambda seconds: None))
    monkeypatch.setattr(file_download.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no token"))
    with Hub() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        yield hub

"""Tiny models of each kind."""

from pathlib import Path

import pytest

from tests import tiny_models
from tests.one_thread import one_thread  # noqa: F401 (a fixture)


@pytest.fixture(scope="package")
def entries(tmp_path_factory) -> dict[str, dict]:
    """Entries of the configuration by kind: directories of pre-trained models, see tiny_models."""
    return tiny_models.write_all(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="package")
def base(entries) -> Path:
    """The directory of a tiny DNABERT-2 with its tokenizer, as pre-training writes it."""
    return Path(entries["ours"]["directory"])

"""A fixture for the conftest.py of folders whose tests compute with torch."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Tiny matrices are faster with one thread."""
    torch.set_num_threads(1)

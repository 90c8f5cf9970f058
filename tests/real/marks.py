"""The marks of tests that need the folder with real data."""

import os

import pytest

NEEDS_REAL_DATA = [
    pytest.mark.real,
    pytest.mark.skipif(not os.environ.get("REAL_DATA"), reason="REAL_DATA, the folder with real data, is not set"),
]

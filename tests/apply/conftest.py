"""Tiny fits that the tests of apply share."""

from pathlib import Path

import pytest

from tests.apply import tiny_fits
from tests.apply.planted import planted  # noqa: F401 (a fixture)
from tests.one_thread import one_thread  # noqa: F401 (a fixture)


@pytest.fixture(scope="package")
def fits(tmp_path_factory) -> dict[str, Path]:
    """The model folders of tiny_fits.FITS, and of the model ``base``; tests leave them as they are."""
    return tiny_fits.write_fits(tmp_path_factory.mktemp("fits"))

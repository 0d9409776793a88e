"""Prefect's own test server, once for all flow tests and no longer, with a home of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="package")
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where everything Prefect stores during these tests lies."""
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture(scope="package")  # a server that nobody asks costs processor time all the same
def prefect_server(prefect_home: Path) -> Iterator[str]:
    """A server whose database is a file that tests can search."""
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME, PREFECT_LOCAL_STORAGE_PATH, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    storage = {PREFECT_HOME: prefect_home, PREFECT_LOCAL_STORAGE_PATH: prefect_home / "storage"}
    with temporary_settings(storage), prefect_test_harness(server_startup_timeout=120):
        yield str(PREFECT_API_URL.value())

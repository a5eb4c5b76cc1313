"""The Java client, and a database of one's own."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from conformance.java_client import JavaClient


@pytest.fixture(scope="session")
def java(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JavaClient]:
    """One connection of the Java client for the session."""
    client = JavaClient(bootstrap, tmp_path_factory.mktemp("java-client") / "java-client.log")
    yield client
    client.close()


@pytest.fixture
def database(java: JavaClient, request: pytest.FixtureRequest) -> Iterator[str]:
    """A new database named after the test, dropped with its tables afterwards."""
    name = re.sub(r"\W", "_", request.node.name)
    java.do("create_database", database=name)
    yield name
    java.do("drop_database", database=name, cascade=True)

"""The SDK of the release build, a server for the session, and a database of one's own in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from peers.places import SDK_DIR, thalweg_binary

# Also for the processes that tests start.
sys.path.insert(0, str(SDK_DIR))
os.environ["PYTHONPATH"] = os.pathsep.join([str(SDK_DIR), *filter(None, [os.environ.get("PYTHONPATH")])])
os.environ["THALWEG_BINARY"] = str(thalweg_binary())

import thalweg  # noqa: E402: found on the path that stands above

NAME_MAX = 120  # the server takes 200 characters


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[thalweg.Server]:
    with thalweg.start(tmp_path_factory.mktemp("sdk")) as started:
        yield started
        assert started.running, started.last_output()


@pytest.fixture(scope="session")
def db(server: thalweg.Server) -> Iterator[thalweg.Database]:
    with server.connect() as database:
        yield database


@pytest.fixture
def database(db: thalweg.Database, request: pytest.FixtureRequest) -> str:
    """The name of a new database, called after the test and its file."""
    name = re.sub(r"\W", "_", f"{request.path.stem}_{request.node.name}")[:NAME_MAX]
    db.create_database(name)
    return name


Put = Callable[[str, Sequence[dict[str, Any]]], None]


@pytest.fixture(scope="session")
def put(server: thalweg.Server) -> Put:
    """Rows into a table by way of the command line, another client than the one under test."""

    def rows(table: str, records: Sequence[dict[str, Any]]) -> None:
        subprocess.run(
            [str(thalweg_binary()), "produce", "-s", server.fluss_address, table, "-", "--format", "json", "--quiet"],
            input="\n".join(json.dumps(record) for record in records), text=True, check=True, capture_output=True, timeout=60,
        )  # fmt: skip

    return rows

"""Which server the tests judge, and how they get one.

By default each test session starts its own `thalweg serve` (THALWEG_BINARY names another build). The tests that
only speak the protocol can also be pointed at a peer, which is how they are themselves tested:

    pytest tests/conformance --server java        the real Apache Fluss, fetched by Maven
    pytest tests/conformance --server tiered      Thalweg with Fluss's own test settings: every batch a segment, which
                                                  goes to remote storage within a second
    pytest tests/conformance --server HOST:PORT   one that is running already
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from peers.java_fluss import JavaFluss
from peers.places import thalweg_binary
from peers.thalweg import ThalwegServer, tiered_server


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("thalweg")
    group.addoption("--server", default="thalweg", help="thalweg (default), tiered, java, or HOST:PORT")
    group.addoption(
        "--kills",
        type=int,
        default=int(os.environ.get("THALWEG_KILLS", "50")),
        help="how often tests/crash kills the server (THALWEG_KILLS; 50)",
    )
    group.addoption(
        "--connections",
        type=int,
        default=int(os.environ.get("THALWEG_CONNECTIONS", "2000")),
        help="idle connections of tests/limits (THALWEG_CONNECTIONS; 2000)",
    )
    group.addoption(
        "--keyed-buckets",
        type=int,
        default=int(os.environ.get("THALWEG_KEYED_BUCKETS", "1000")),
        help="buckets of tables with a primary key in tests/limits (THALWEG_KEYED_BUCKETS; 1000)",
    )
    group.addoption(
        "--load-seconds",
        type=float,
        default=float(os.environ.get("THALWEG_LOAD_SECONDS", "8")),
        help="how long tests/limits overloads a server, each time (THALWEG_LOAD_SECONDS; 8)",
    )
    group.addoption(
        "--seed",
        type=int,
        default=int(os.environ.get("THALWEG_SEED", "0")),
        help="seed of what tests/crash and tests/differential do at random (THALWEG_SEED; a new one, which they print)",
    )
    group.addoption("--flink", default="all", choices=["all", "1.20", "2.2"], help="the version of Flink in tests/flink (all)")
    group.addoption("--requests", type=int, default=3000, help="how many tests/differential sends to both servers (3000)")
    group.addoption(
        "--operations", type=int, default=2000, help="how many on rows by key tests/differential sends for each merge engine (2000)"
    )


def pytest_report_header(config: pytest.Config) -> str:
    judged = config.getoption("--server")
    return f"server under test: {thalweg_binary() if judged in ('thalweg', 'tiered') else judged}"


@pytest.fixture(scope="session")
def bootstrap(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HOST:PORT of the server under test, shared by the session: make your own databases in it."""
    judged = request.config.getoption("--server")
    if judged == "java":
        peer = JavaFluss(tmp_path_factory.mktemp("java-fluss"))
        try:
            yield peer.start().bootstrap
        finally:
            peer.stop()
    elif judged in ("thalweg", "tiered"):
        make = ThalwegServer if judged == "thalweg" else tiered_server
        server = make(tmp_path_factory.mktemp("thalweg")).start()
        yield server.bootstrap
        # Not in a `finally`: a server that died under the tests is an error of its own.
        server.stop()
    else:
        yield judged

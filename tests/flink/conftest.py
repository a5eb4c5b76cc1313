"""The Flinks, and a server that takes a snapshot of every primary-key table within a second."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flink.flink_sql import VERSIONS, FlinkSql
from peers.java_fluss import JavaFluss
from peers.thalweg import FLUSS_ONLY, ThalwegServer

SETTINGS = {"kv.snapshot.interval": "1s"}


@pytest.fixture(scope="session")
def bootstrap(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HOST:PORT of the server under test, chosen by --server; one that is running already needs SETTINGS."""
    judged = request.config.getoption("--server")
    if judged == "java":
        peer = JavaFluss(tmp_path_factory.mktemp("java-fluss"), SETTINGS)
        try:
            yield peer.start().bootstrap
        finally:
            peer.stop()
    elif judged == "thalweg":
        server = _thalweg(tmp_path_factory.mktemp("thalweg")).start()
        yield server.bootstrap
        # Not in a `finally`: a server that died under the tests is an error of its own.
        server.stop()
    else:
        yield judged


def _thalweg(directory: Path) -> ThalwegServer:
    settings = {"remote.data.dir": str(directory / "remote"), **SETTINGS}
    path = directory / "thalweg.yaml"
    path.write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))
    return ThalwegServer(directory, options=(*FLUSS_ONLY, "--config", str(path)))


@pytest.fixture(scope="session")
def flinks(
    request: pytest.FixtureRequest, bootstrap: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, FlinkSql]]:
    """Every version, connected. --flink chooses one."""
    chosen = request.config.getoption("--flink")
    directory = tmp_path_factory.mktemp("flink")
    started = {version: FlinkSql(version, directory / version) for version in VERSIONS if chosen in (version, "all")}
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda flink: flink.connect(bootstrap), started.values()))
        yield started
        list(pool.map(FlinkSql.close, started.values()))

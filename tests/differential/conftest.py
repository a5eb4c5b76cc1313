"""Both servers, started once for all tests of this folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from peers.java_fluss import JavaFluss
from peers.thalweg import ThalwegServer


@dataclasses.dataclass(frozen=True)
class Addresses:
    fluss: str
    fluss_tablet: str
    thalweg: str


@pytest.fixture(scope="session")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    fluss = JavaFluss(tmp_path_factory.mktemp("java-fluss"))
    thalweg = ThalwegServer(tmp_path_factory.mktemp("thalweg"))
    try:
        fluss.start()
        thalweg.start()
        yield Addresses(fluss.bootstrap, f"127.0.0.1:{fluss.tablet_port}", thalweg.bootstrap)
        thalweg.stop()
    finally:
        thalweg.kill()
        fluss.stop()

"""A server with its Flight door open, clients of it, and a database of one's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from flight.door import Door
from flight.messages import generate
from peers.thalweg import ThalwegServer

FLIGHT_ONLY = ("--flight", "127.0.0.1:0", "--http", "off")


class FlightServer(ThalwegServer):
    """One that also listens for Flight clients, at `address`."""

    def __init__(self, directory: Path, settings: dict[str, str] | None = None, **more: Any):
        directory.mkdir(parents=True, exist_ok=True)
        config = directory / "thalweg.yaml"
        config.write_text("".join(f"{name}: {value}\n" for name, value in (settings or {}).items()))
        super().__init__(directory, options=(*FLIGHT_ONLY, "--config", str(config)), **more)

    @property
    def address(self) -> str:
        return self.wait_for_line(r"Arrow Flight clients: (grpc\S+)").group(1)


@pytest.fixture(scope="session")
def v1(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return generate(tmp_path_factory.mktemp("messages"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlightServer]:
    """Shared by the session, without passwords."""
    started = FlightServer(tmp_path_factory.mktemp("flight"))
    started.start()
    yield started
    # Not in a `finally`: a server that died under the tests is an error of its own.
    started.stop()


@pytest.fixture
def door(server: FlightServer, v1: ModuleType) -> Iterator[Door]:
    opened = Door(server.address, v1)
    yield opened
    opened.close()


@pytest.fixture
def database(door: Door, request: pytest.FixtureRequest) -> Iterator[str]:
    """A new database named after the test, dropped with its tables afterwards."""
    name = re.sub(r"\W", "_", request.node.name)
    door.action(door.v1.CreateDatabase(name=name))
    yield name
    door.action(door.v1.DropDatabase(name=name, cascade=True))

"""The two servers, each started and stopped in the same way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from figures import OURS, PEER
from peers.java_fluss import JavaFluss
from peers.thalweg import ThalwegServer


class Contender(Protocol):
    """A server on this machine, in a fresh directory of its own."""

    name: str
    directory: Path  # of all that it writes

    def start(self) -> None:
        """Returns once it listens (Java: once its tablet server is known to the coordinator)."""

    def stop(self) -> None: ...

    @property
    def bootstrap(self) -> str: ...

    @property
    def pids(self) -> list[int]:
        """The processes whose CPU and memory count."""
        ...


class Thalweg:
    """As it ships, durable, every default listener on; but for `settings`, lines of thalweg.yaml."""

    name = OURS

    def __init__(self, directory: Path, settings: dict[str, str] | None = None):
        self.directory = directory
        options = ["--http", "127.0.0.1:0", "--flight", "127.0.0.1:0"]
        if settings:
            directory.mkdir(parents=True)
            file = directory / "thalweg.yaml"
            file.write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))
            options += ["--config", str(file)]
        self._server = ThalwegServer(directory, options=tuple(options))

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def kill(self) -> None:
        """kill -9; start may follow, on the same data."""
        self._server.kill()

    @property
    def bootstrap(self) -> str:
        return self._server.bootstrap

    @property
    def flight(self) -> str:
        """Host and port of its Arrow Flight door."""
        return self._server.wait_for_line(r"Arrow Flight clients: grpc\S*://(\S+)").group(1)

    @property
    def pids(self) -> list[int]:
        return [self._server.pid]


class Java:
    """As it ships, acknowledged from the page cache; but for `settings` of its server.yaml. ZooKeeper runs too, but is in
    none of the figures."""

    name = PEER

    def __init__(self, directory: Path, settings: dict[str, str] | None = None):
        directory.mkdir(parents=True)
        self.directory = directory
        self._cluster = JavaFluss(directory, settings)

    def start(self) -> None:
        self._cluster.start()

    def stop(self) -> None:
        self._cluster.stop()

    @property
    def bootstrap(self) -> str:
        return self._cluster.bootstrap

    @property
    def pids(self) -> list[int]:
        return self._cluster.pids


@contextlib.contextmanager
def started(server: Contender) -> Iterator[Contender]:
    """`server`, running as long as the context lasts."""
    server.start()
    try:
        yield server
    finally:
        server.stop()


KINDS: dict[str, type[Thalweg] | type[Java]] = {OURS: Thalweg, PEER: Java}

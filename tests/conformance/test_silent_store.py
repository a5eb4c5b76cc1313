"""An object store that takes connections and never answers: the server goes on without it, and stops when it is asked to."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import fluss
import pytest

from conformance.test_tiered_segments import EXPECTED, Tiered, scan, write_batches
from peers.places import thalweg_binary
from peers.thalweg import tiered_server

STOP_S_MAX = 4.0


class SilentStore:
    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=100)
        self._taken: list[socket.socket] = []
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self._taken.append(self._listening.accept()[0])
            except OSError:
                return

    @property
    def connections(self) -> int:
        return len(self._taken)

    def close(self) -> None:
        self._listening.close()
        for connection in self._taken:
            connection.close()


@pytest.fixture
def store() -> Iterator[SilentStore]:
    made = SilentStore()
    yield made
    made.close()


def settings(store: SilentStore) -> dict[str, str]:
    return {
        "remote.data.dir": "s3://logs/fluss",
        "s3.endpoint": f"http://127.0.0.1:{store.port}",
        "s3.region": "us-east-1",
        "s3.access-key": "key",
        "s3.secret-key": "secret",
    }


class TieredToNowhere(Tiered):
    def __init__(self, directory: Path, store: SilentStore):
        self.server = tiered_server(directory, settings(store))
        self.remote = directory / "none"


def test_a_silent_store_holds_up_neither_writers_nor_readers_nor_the_stop(store: SilentStore, tmp_path: Path) -> None:
    tiered = TieredToNowhere(tmp_path, store)
    tiered.server.start()
    path = fluss.TablePath("fluss", "kept_here")
    asyncio.run(write_batches(tiered.server.bootstrap, path))
    assert asyncio.run(scan(tiered, path)).equals(EXPECTED)
    deadline = time.monotonic() + 30
    while store.connections < 2:  # the check at the start, and a copy
        assert time.monotonic() < deadline, "nothing was copied"
        time.sleep(0.05)
    began = time.monotonic()
    tiered.server.stop()
    assert time.monotonic() - began < STOP_S_MAX
    tiered.server.start()
    assert asyncio.run(scan(tiered, path)).equals(EXPECTED)
    tiered.server.stop()


def test_the_doctor_says_so_within_seconds(store: SilentStore, tmp_path: Path) -> None:
    tiered_server(tmp_path, settings(store))  # writes the configuration
    said = subprocess.run(
        [str(thalweg_binary()), "doctor", "--config", str(tmp_path / "thalweg.yaml"), "--data", str(tmp_path / "data")],
        capture_output=True,
        text=True,
        timeout=40,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert "remote storage" in said.stdout and "not answered" in said.stdout
    assert "secret" not in said.stdout + said.stderr

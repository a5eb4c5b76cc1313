"""Two writers of the stock Java client on one table, while the server is killed under them: their retries repeat nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.java_client import JavaClient
from peers.thalweg import ThalwegServer

pytestmark = pytest.mark.java

ROUNDS = 30
ROWS_PER_ROUND = 40
KILLS = 3
COLUMNS = [["writer", "INT"], ["number", "INT"], ["text", "STRING"]]
WHERE = {"database": "retries", "table": "t"}
# Small batches, sent at once: many are on their way when the server goes.
SETTINGS = {"client.writer.batch-size": "1kb", "client.writer.batch-timeout": "0ms", "client.writer.buffer.page-size": "1kb"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ThalwegServer]:
    """Of its own, to be killed."""
    started = ThalwegServer(tmp_path / "thalweg").start()
    try:
        yield started
    finally:
        started.kill()


class Writer(threading.Thread):
    """Appends its rounds, one after the other, each until all of it is acknowledged."""

    def __init__(self, number: int, client: JavaClient):
        super().__init__(name=f"writer {number}")
        self.number = number
        self.client = client
        self.rounds = 0
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while self.rounds < ROUNDS:
                first = self.rounds * ROWS_PER_ROUND
                rows = [[self.number, n, "x" * (n % 50)] for n in range(first, first + ROWS_PER_ROUND)]
                self.client.do("append", **WHERE, rows=rows, await_server=True)
                self.rounds += 1
        except Exception as failure:  # noqa: BLE001  (raised again by the test)
            self.failure = failure


def test_two_writers_over_kills_write_each_row_once_and_in_order(server: ThalwegServer, tmp_path: Path) -> None:
    admin = JavaClient(server.bootstrap, tmp_path / "admin.log")
    clients = [JavaClient(server.bootstrap, tmp_path / f"writer-{n}.log", SETTINGS) for n in range(2)]
    try:
        admin.do("create_database", database="retries")
        admin.do("create_table", **WHERE, columns=COLUMNS, buckets=1)
        writers = [Writer(n, client) for n, client in enumerate(clients)]
        for writer in writers:
            writer.start()
        for kill in range(1, KILLS + 1):
            # Once both have come so far that the rest takes a while.
            wait_for(writers, ROUNDS * kill // (KILLS + 2))
            server.kill()
            server.start()
        for writer in writers:
            writer.join()
            if writer.failure is not None:
                raise writer.failure
        count = 2 * ROUNDS * ROWS_PER_ROUND
        found = admin.do("scan", **WHERE, count=count)
        assert [record["offset"] for record in found] == list(range(count))
        for writer in writers:
            numbers = [row["row"][1] for row in found if row["row"][0] == writer.number]
            assert numbers == list(range(ROUNDS * ROWS_PER_ROUND)), f"writer {writer.number}"
    finally:
        for client in [admin, *clients]:
            client.kill()


def wait_for(writers: list[Writer], rounds: int) -> None:
    deadline = time.monotonic() + 60
    while any(writer.rounds < rounds and writer.failure is None for writer in writers):
        assert time.monotonic() < deadline, [writer.rounds for writer in writers]
        time.sleep(0.01)

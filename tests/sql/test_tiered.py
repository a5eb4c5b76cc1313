"""Queries over a log whose old segments are in remote storage alone: SQL, Flight and the SDK's scans have every row that is retained."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import adbc_driver_flightsql.dbapi as dbapi
import pyarrow as pa
import pytest

from flight.conftest import FlightServer
from flight.door import Door
from flight.messages import generate
from peers.thalweg import TIERED_SETTINGS
from sql import shell

WAIT_S_MAX = 60.0
BATCHES, ROWS = 12, 50
ALL = BATCHES * ROWS
SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string())])


@pytest.fixture(scope="module")
def v1(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return generate(tmp_path_factory.mktemp("messages"))


def segments(folder: Path) -> int:
    return len(list(folder.rglob("*.log")))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, v1: ModuleType) -> Iterator[FlightServer]:
    """Each batch of `old` is a segment; all but the last two are not on the server's disk any more."""
    folder = tmp_path_factory.mktemp("tiered")
    started = FlightServer(folder, {"remote.data.dir": str(folder / "remote"), **TIERED_SETTINGS})
    started.start()
    door = Door(started.address, v1)
    door.create_table("fluss.old", SCHEMA)
    for number in range(BATCHES):
        ids = range(number * ROWS, (number + 1) * ROWS)
        door.write("fluss.old", pa.record_batch({"id": ids, "name": [f"n{i % 7}" for i in ids]}, schema=SCHEMA))
    deadline = time.monotonic() + WAIT_S_MAX
    while (segments(started.data_dir / "log"), segments(folder / "remote")) != (2, BATCHES - 1):
        assert time.monotonic() < deadline, "the segments stay here"
        time.sleep(0.1)
    yield started
    started.stop()


def test_sql_has_all_rows(server: FlightServer) -> None:
    with dbapi.connect(server.address, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*), sum(id), count(DISTINCT name) FROM old")
        assert cursor.fetchone() == (ALL, ALL * (ALL - 1) // 2, 7)
        cursor.execute("SELECT id FROM old WHERE name = 'n3' AND id < 60 ORDER BY id")
        assert [row[0] for row in cursor.fetchall()] == [i for i in range(60) if i % 7 == 3]
        cursor.execute("SELECT _log_offset FROM old$changelog WHERE id = 7")
        assert cursor.fetchall() == [(7,)]


def test_flight_has_all_rows_and_every_range(server: FlightServer, v1: ModuleType) -> None:
    door = Door(server.address, v1)
    assert door.read("fluss.old").rows["id"].to_pylist() == list(range(ALL))
    some = v1.Range(from_offset=ROWS + 3, to_offset=2 * ROWS + 5)
    assert [row["id"] for row in door.rows("fluss.old", range=some)] == list(range(ROWS + 3, 2 * ROWS + 5))
    found = door.rows("fluss.old", filter=door.leaf("id", "IN", 1, ROWS, ALL - 1), columns=v1.Columns(names=["id"]))
    assert found == [{"id": 1}, {"id": ROWS}, {"id": ALL - 1}]
    door.close()


def test_the_first_that_are_followed_are_the_oldest(server: FlightServer, v1: ModuleType) -> None:
    door = Door(server.address, v1)
    found: list[int] = []
    for rows, _ in door.chunks(door.ticket("fluss.old", follow=True, limit=ALL)):
        found += rows["id"].to_pylist()
    assert found == list(range(ALL))
    door.close()


def test_a_directory_without_its_server_has_them_too(server: FlightServer) -> None:
    server.stop()
    try:
        counted = "SELECT count(*) AS n, sum(id) AS total FROM old"
        done = shell.run(server.data_dir, "--config", str(server.directory / "thalweg.yaml"), "-c", counted, "--format", "json")
        assert done.stdout == f'{{"n":{ALL},"total":"{ALL * (ALL - 1) // 2}"}}\n', done.stderr
    finally:
        server.start()

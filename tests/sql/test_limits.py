"""What one statement may take, in memory and time, on a server and in a shell; and that the next one runs."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from pathlib import Path

import adbc_driver_flightsql.dbapi as dbapi
import adbc_driver_manager
import fluss
import pyarrow as pa
import pytest

from flight.conftest import FlightServer
from peers.thalweg import ThalwegServer
from sql import shell

ENDLESS = "SELECT count(*) FROM range(1000000000000) WHERE hash(range) = 7"  # needs no memory
LARGE = "SELECT count(*) AS n FROM (SELECT DISTINCT range FROM range(5000000))"
LATE_S_MAX = 20
HEAVY = "SELECT md5(name) AS h, count(*) AS n, sum(v) AS s FROM heavy GROUP BY h ORDER BY s DESC, h LIMIT 10"
HEAVY_ROWS = 1_000_000
HEAVY_AT_A_TIME = 4
INGEST_S = 3.0
BATCH = pa.RecordBatch.from_pydict({"id": pa.array(range(1000), pa.int64())})


def test_statements_of_a_server(tmp_path: Path) -> None:
    server = FlightServer(tmp_path, {"thalweg.sql.timeout": "500ms"})
    server.start()
    with dbapi.connect(server.address, autocommit=True) as connection, connection.cursor() as cursor:
        began = time.monotonic()
        with pytest.raises(adbc_driver_manager.Error, match="longer than the 500 ms"):
            cursor.execute(ENDLESS)
            cursor.fetchall()
        assert 0.5 <= time.monotonic() - began < LATE_S_MAX
    with dbapi.connect(server.address, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)]
    server.stop()

    server = FlightServer(tmp_path, {"thalweg.sql.memory": "32mb"})
    server.start()
    with dbapi.connect(server.address, autocommit=True) as connection, connection.cursor() as cursor:
        with pytest.raises(adbc_driver_manager.Error, match="more memory than it may have"):
            cursor.execute(LARGE)
            cursor.fetchall()
        cursor.execute("SELECT name, value FROM thalweg.settings WHERE name LIKE 'thalweg.sql.%'")
        assert cursor.fetchall() == [("thalweg.sql.memory", "32mb")]
    server.stop()


def test_statements_of_a_shell(tmp_path: Path) -> None:
    server = ThalwegServer(tmp_path).start()
    server.stop()
    late = shell.run(server.data_dir, "--timeout", "0.3", "-c", ENDLESS)
    assert late.returncode == 1
    assert "longer than the 300 ms" in late.stderr
    large = shell.run(server.data_dir, "--memory", "32MB", "-c", LARGE)
    assert large.returncode == 1
    assert "more memory than it may have" in large.stderr and "--memory" in large.stderr
    enough = shell.run(server.data_dir, "--memory", "2GB", "--timeout", "120", "-c", LARGE, "--format", "json")
    assert enough.stdout == '{"n":5000000}\n', enough.stderr


@pytest.mark.parametrize("option", [("--memory", "1MB"), ("--memory", "much"), ("--timeout", "0"), ("--timeout", "-1")])
def test_limits_that_make_no_sense_are_refused(tmp_path: Path, option: tuple[str, str]) -> None:
    done = shell.run(tmp_path, *option, "-c", "SELECT 1")
    assert done.returncode != 0
    assert option[0] in done.stderr


async def appended(bootstrap: str, seconds: float) -> list[float]:
    """How long each of the batches took that were appended one after the other, in seconds."""
    taken = []
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        writer = (await connection.get_table(fluss.TablePath("fluss", "events"))).new_append().create_writer()
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            at = time.monotonic()
            writer.write_arrow_batch(BATCH)
            await writer.flush()
            taken.append(time.monotonic() - at)
    return taken


def test_heavy_statements_do_not_starve_ingest(tmp_path: Path) -> None:
    """Bounds that only a writer breaks who waits for statements to end, since other things run where tests do;
    `./dev bench --only ingest-sql` tells how much ingest feels."""
    server = FlightServer(tmp_path)
    server.start()
    with dbapi.connect(server.address, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE events (id BIGINT)")
        source = f"SELECT range AS id, 'name ' || (range % 50000) AS name, range * 0.5 AS v FROM range({HEAVY_ROWS})"
        cursor.execute(f"CREATE TABLE heavy WITH ('bucket.num' = '2') AS {source}")
    alone = asyncio.run(appended(server.bootstrap, INGEST_S))
    stopping = threading.Event()
    answers: list[int] = []

    def ask() -> None:
        with dbapi.connect(server.address, autocommit=True) as connection, connection.cursor() as cursor:
            while not stopping.is_set():
                cursor.execute(HEAVY)
                answers.append(len(cursor.fetchall()))

    threads = [threading.Thread(target=ask) for _ in range(HEAVY_AT_A_TIME)]
    for thread in threads:
        thread.start()
    beside = asyncio.run(appended(server.bootstrap, INGEST_S))
    stopping.set()
    for thread in threads:
        thread.join()
    server.stop()
    assert len(answers) >= HEAVY_AT_A_TIME and set(answers) == {10}
    assert len(beside) >= len(alone) / 50, f"{len(beside)} batches were appended, {len(alone)} alone"
    assert statistics.median(beside) <= 10 * statistics.median(alone) + 0.25
    assert max(beside) < 5

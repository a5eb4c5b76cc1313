"""What a server knows before kill -9 or SIGTERM it knows afterwards; and one data directory has one server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fluss
import pyarrow as pa
import pytest

from conformance import values
from conformance.java_client import JavaClient, JavaClientError
from peers.child import ChildFailed
from peers.thalweg import ThalwegServer

QUIET_STOP_S_MAX = 0.3

LOG = {"database": "kept", "table": "log"}
KEYED = {"database": "kept", "table": "keyed"}
DAYS = {"database": "kept", "table": "days"}
GONE = {"database": "kept", "table": "gone"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ThalwegServer]:
    started = ThalwegServer(tmp_path / "server").start()
    yield started
    started.kill()


def with_client(server: ThalwegServer, tmp_path: Path, work: Callable[[JavaClient], Any]) -> Any:
    client = JavaClient(server.bootstrap, tmp_path / "java-client.log")
    try:
        return work(client)
    finally:
        client.close()


def populate(client: JavaClient) -> None:
    """A database with a log table of two schemas, a keyed one, a partitioned one with rows, and one dropped again."""
    client.do("create_database", database="kept", comment="stays", custom_properties={"owner": "ada"})
    columns = [[column.name, column.fluss_type] for column in values.SCALARS + values.NESTED]
    client.do("create_table", **LOG, columns=columns, buckets=1, comment="flows", custom_properties={"a": "b"})
    client.do("append", **LOG, rows=values.rows(values.SCALARS + values.NESTED))
    client.do("add_column", **LOG, name="added", type="ARRAY<INT>")
    client.do("set_option", **LOG, key="note", value="set later")
    client.do("create_table", **KEYED, columns=[["id", "BIGINT"], ["v", "STRING"]], primary_key=["id"], buckets=3)
    client.do("create_table", **DAYS, columns=[["id", "INT"], ["day", "STRING"]], partitioned_by=["day"], buckets=2)
    client.do("append", **DAYS, rows=[[n, f"d{n % 3}"] for n in range(30)])
    client.do("drop_partition", **DAYS, partition={"day": "d1"})
    client.do("create_table", **GONE, columns=[["id", "INT"]])
    client.do("drop_table", **GONE)
    client.do("create_database", database="empty")


def known(client: JavaClient) -> dict[str, Any]:
    """Everything a client can ask about what `populate` made."""
    state: dict[str, Any] = {
        "databases": sorted(client.do("list_databases")),
        "database": client.do("database_info", database="kept"),
        "tables": sorted(client.do("list_tables", database="kept")),
        "partitions": client.do("list_partitions", **DAYS),
        "old schema": client.do("table_schema", **LOG, schema_id=1),
        "new schema": client.do("table_schema", **LOG),
        "log rows": client.do("scan", **LOG, count=3),
        "day rows": sorted(client.do("scan", **DAYS, count=20), key=lambda record: record["row"]),
    }
    for where in (LOG, KEYED, DAYS):
        state[where["table"]] = client.do("table_info", **where)
    for name in state["partitions"]:
        state[f"end of {name}"] = client.do("list_offsets", **DAYS, partition_name=name, buckets=[0, 1], at="latest")
    return state


@pytest.mark.java
@pytest.mark.parametrize("how", ["kill", "stop"])
def test_everything_is_known_after_a_restart(server: ThalwegServer, tmp_path: Path, how: str) -> None:
    def fill_and_ask(client: JavaClient) -> dict[str, Any]:
        populate(client)
        return known(client)

    before = with_client(server, tmp_path, fill_and_ask)
    assert sorted(before["partitions"]) == ["d0", "d2"]
    for _ in range(2):  # The second restart starts from what the first one recovered.
        getattr(server, how)()
        server.start()
        assert with_client(server, tmp_path, known) == before


@pytest.mark.java
def test_ids_are_not_used_again_after_a_restart(server: ThalwegServer, tmp_path: Path) -> None:
    def fill(client: JavaClient) -> int:
        populate(client)
        client.do("create_table", **GONE, columns=[["id", "INT"]])
        newest = client.do("table_info", **GONE)["table_id"]
        client.do("drop_table", **GONE)
        return newest

    newest = with_client(server, tmp_path, fill)
    server.kill()
    server.start()

    def continue_(client: JavaClient) -> None:
        with pytest.raises(JavaClientError) as raised:
            client.do("table_info", **GONE)
        assert raised.value.kind == "TableNotExistException"
        client.do("create_table", **GONE, columns=[["id", "INT"]], buckets=1)
        assert client.do("table_info", **GONE)["table_id"] > newest
        client.do("append", **GONE, rows=[[1]])
        assert [record["offset"] for record in client.do("scan", **GONE, count=1)] == [0]
        partitions = client.do("list_partitions", **DAYS)
        client.do("append", **DAYS, rows=[[99, "d9"], [98, "d1"]])
        fresh = client.do("list_partitions", **DAYS)
        assert min(fresh["d9"], fresh["d1"]) > max(partitions.values())
        assert len(client.do("scan", **DAYS, count=22)) == 22

    with_client(server, tmp_path, continue_)


def test_appends_go_on_at_the_next_offset(server: ThalwegServer) -> None:
    async def append_and_read(numbers: list[int], count: int) -> list[tuple[int, int]]:
        async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": server.bootstrap})) as opened:
            path = fluss.TablePath("fluss", "counted")
            descriptor = fluss.TableDescriptor(fluss.Schema(pa.schema([("n", pa.int32())])), bucket_count=1)
            await opened.get_admin().create_table(path, descriptor, ignore_if_exists=True)
            table = await opened.get_table(path)
            writer = table.new_append().create_writer()
            for number in numbers:
                writer.append({"n": number})
            await writer.flush()
            scanner = await table.new_scan().create_log_scanner()
            scanner.subscribe(0, fluss.EARLIEST_OFFSET)
            found: list[tuple[int, int]] = []
            deadline = time.monotonic() + 30
            while len(found) < count and time.monotonic() < deadline:
                found += [(record.offset, record.row["n"]) for record in await scanner.poll(500)]
            return found

    assert asyncio.run(append_and_read([10, 11], 2)) == [(0, 10), (1, 11)]
    server.kill()
    server.start()
    assert asyncio.run(append_and_read([12], 3)) == [(0, 10), (1, 11), (2, 12)]


def test_a_stop_waits_for_no_timer(server: ThalwegServer) -> None:
    """Not for a reader that waits for news, nor for the next write or sync of segments."""

    async def append_and_wait() -> float:
        async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": server.bootstrap})) as opened:
            path = fluss.TablePath("fluss", "stopped")
            await opened.get_admin().create_table(path, fluss.TableDescriptor(fluss.Schema(pa.schema([("n", pa.int32())]))))
            table = await opened.get_table(path)
            writer = table.new_append().create_writer()
            scanner = await table.new_scan().create_log_scanner()
            scanner.subscribe(0, fluss.EARLIEST_OFFSET)
            writer.append({"n": 1})
            await writer.flush()
            while not await scanner.poll(500):
                pass
            waiting = asyncio.ensure_future(scanner.poll(10_000))
            await asyncio.sleep(0.05)  # On its way to the server; nothing tells when it waits there.
            began = time.monotonic()
            await asyncio.to_thread(server.stop)
            took = time.monotonic() - began
            waiting.cancel()
            return took

    assert asyncio.run(append_and_wait()) < QUIET_STOP_S_MAX


def test_data_of_a_newer_version_is_refused_and_untouched(server: ThalwegServer) -> None:
    server.stop()
    (server.data_dir / "version").write_text("thalweg data layout 99\n")
    before = snapshot(server.data_dir)
    with pytest.raises(ChildFailed, match="newer Thalweg"):
        server.start()
    assert snapshot(server.data_dir) == before


def snapshot(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """What is in a directory: of each path its mode, when it was modified, and what is in it."""
    found = {}
    for path in sorted(directory.rglob("*")):
        known = path.stat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path)] = (known.st_mode, known.st_mtime_ns, content)
    return found


def test_a_second_server_on_the_same_data_is_refused(server: ThalwegServer, tmp_path: Path) -> None:
    second = ThalwegServer(tmp_path / "server")
    with pytest.raises(ChildFailed) as refused:
        second.start()
    assert str(server.pid) in str(refused.value)
    server.stop()
    second.start()
    second.stop()

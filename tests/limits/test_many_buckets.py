"""What 10,000 log buckets without a row cost."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import fluss
import pyarrow as pa
import pytest

from limits import process
from peers.thalweg import ThalwegServer

DATABASE = "limits"
TABLES = 10
BUCKETS = 1_000  # of each
PARTITIONS = 100
PARTITION_BUCKETS = 10
MEMORY_BYTES_MAX = 64 << 20
FILES_MAX = 64
RESTART_S_MAX = 1.0
CREATE_S_MAX = 1.0  # per 1,000

SCHEMA = fluss.Schema(pa.schema([pa.field("id", pa.int64()), pa.field("day", pa.string())]))


async def create(bootstrap: str, table: str, buckets: int, partition_keys: list[str]) -> None:
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        admin = connection.get_admin()
        await admin.create_database(DATABASE, ignore_if_exists=True)
        descriptor = fluss.TableDescriptor(SCHEMA, bucket_count=buckets, partition_keys=partition_keys)
        await admin.create_table(fluss.TablePath(DATABASE, table), descriptor, ignore_if_exists=False)


async def create_partitions(bootstrap: str, table: str, count: int) -> None:
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        admin = connection.get_admin()
        for number in range(count):
            await admin.create_partition(fluss.TablePath(DATABASE, table), {"day": f"d{number}"}, ignore_if_exists=False)


async def touch(bootstrap: str, table: str) -> None:
    """Asks every bucket for its end, which opens it."""
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        path = fluss.TablePath(DATABASE, table)
        ends = await connection.get_admin().list_offsets(path, list(range(BUCKETS)), fluss.OffsetSpec.latest())
        assert set(ends.values()) == {0} and len(ends) == BUCKETS


def started_in_s(server: ThalwegServer) -> float:
    """As the server says itself, its process's own start apart."""
    return float(server.wait_for_line(r"ready after (\d+) ms").group(1)) / 1000


@pytest.mark.timeout(300)
def test_ten_thousand_empty_buckets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = ThalwegServer(tmp_path / "server").start()
    try:
        asyncio.run(create(server.bootstrap, "first", 1, []))
        memory, files = process.anonymous_bytes(server.pid), process.open_files(server.pid)
        took = []
        for table in range(TABLES):
            began = time.monotonic()
            asyncio.run(create(server.bootstrap, f"t{table}", BUCKETS, []))
            took.append(time.monotonic() - began)
        made_bytes = process.anonymous_bytes(server.pid) - memory
        for table in range(TABLES):
            asyncio.run(touch(server.bootstrap, f"t{table}"))
        open_bytes, open_more = process.anonymous_bytes(server.pid) - memory, process.open_files(server.pid) - files

        asyncio.run(create(server.bootstrap, "partitioned", PARTITION_BUCKETS, ["day"]))
        began = time.monotonic()
        asyncio.run(create_partitions(server.bootstrap, "partitioned", PARTITIONS))
        partitions_s = time.monotonic() - began

        server.stop()
        server.start()
        restart_s = started_in_s(server)
        server.kill()
        server.start()
        restart_killed_s = started_in_s(server)
        server.stop()
    finally:
        server.kill()
    with capsys.disabled():
        print(
            f"\n{TABLES * BUCKETS:,} empty buckets: {made_bytes / 2**20:.1f} MiB more anonymous memory, "
            f"{open_bytes / 2**20:.1f} MiB once each was asked for its end, {open_more} more open files; "
            f"creating 1,000 took {max(took):.2f} s at most, as {PARTITIONS} partitions {partitions_s:.2f} s; "
            f"restart {restart_s:.2f} s, after kill -9 {restart_killed_s:.2f} s"
        )
    assert open_bytes <= MEMORY_BYTES_MAX
    assert open_more <= FILES_MAX
    assert max(took) <= CREATE_S_MAX
    assert partitions_s <= CREATE_S_MAX
    assert max(restart_s, restart_killed_s) <= RESTART_S_MAX

"""What many mostly idle buckets with rows by key cost, and what a drop gives back."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import fluss
import pyarrow as pa
import pytest

from limits import process
from peers.thalweg import ThalwegServer

DATABASE = "limits"
BUCKETS_OF_A_TABLE = 500
ROWS_OF_A_BUCKET = 4  # on average: 2 of 100 have none
VALUE_CHARS = 200
RESIDENT_BYTES_MAX = 1 << 30
FILES_MAX = 4096
LOOKUPS = 500
SMALL_BUCKETS = 16
SMALL_DROP_S_MAX = 2.0  # nothing is waited for
DROP_BUCKET_S_MAX = 0.1  # for its 20 files or so, on a machine that has much else to do
START_S_MAX = 3.0
WATCH_S = 0.01
SCHEMA = fluss.Schema(pa.schema([pa.field("id", pa.int64()), pa.field("value", pa.string())]), primary_keys=["id"])


def path(table: int) -> fluss.TablePath:
    return fluss.TablePath(DATABASE, f"keyed{table}")


def value(table: int, key: int) -> str:
    return f"{table}/{key}/".ljust(VALUE_CHARS, "x")


async def connect(server: ThalwegServer) -> fluss.FlussConnection:
    return await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": server.bootstrap}))


async def fill(server: ThalwegServer, buckets_of: dict[int, int], most: dict[str, int]) -> None:
    """Makes tables, by number and with so many buckets, and puts rows into them."""
    async with await connect(server) as connection:
        admin = connection.get_admin()
        await admin.create_database(DATABASE, ignore_if_exists=True)
        for table, buckets in buckets_of.items():
            descriptor = fluss.TableDescriptor(SCHEMA, bucket_count=buckets)
            await admin.create_table(path(table), descriptor, ignore_if_exists=False)
            writer = (await connection.get_table(path(table))).new_upsert().create_writer()
            for key in range(ROWS_OF_A_BUCKET * buckets):
                writer.upsert((key, value(table, key)))
            await writer.flush()
            watch(server, most)


async def look_up(server: ThalwegServer, tables: int, dice: random.Random, most: dict[str, int]) -> None:
    """A few of all rows, all over the tables."""
    async with await connect(server) as connection:
        for table in range(tables):
            opened = await connection.get_table(path(table))
            keys = dice.sample(range(ROWS_OF_A_BUCKET * BUCKETS_OF_A_TABLE), LOOKUPS // tables)
            rows = await asyncio.gather(*(opened.new_lookup().create_lookuper().lookup((key,)) for key in keys))
            assert [row["value"] for row in rows] == [value(table, key) for key in keys]
            watch(server, most)


def watch(server: ThalwegServer, most: dict[str, int]) -> None:
    now = {"resident": process.resident_bytes(server.pid), "files": process.open_files(server.pid)}
    for what, count in now.items():
        most[what] = max(most[what], count)


def used_bytes(directory: Path) -> int:
    return sum(found.stat().st_blocks * 512 for found in directory.rglob("*") if found.is_file())


def started_in_s(server: ThalwegServer) -> float:
    return float(server.wait_for_line(r"ready after (\d+) ms").group(1)) / 1000


@pytest.mark.timeout(1800)
def test_idle_buckets_cost_little_and_drops_give_back(
    tmp_path: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    buckets = pytestconfig.getoption("--keyed-buckets")
    tables = max(2, buckets // BUCKETS_OF_A_TABLE)
    dice = random.Random(buckets)
    most = {"resident": 0, "files": 0}
    server = ThalwegServer(tmp_path / "server").start()
    try:
        began = time.monotonic()
        asyncio.run(fill(server, dict.fromkeys(range(tables), BUCKETS_OF_A_TABLE), most))
        asyncio.run(look_up(server, tables, dice, most))
        filled_s = time.monotonic() - began
        began = time.monotonic()
        server.stop()  # which writes what fits into its time
        stop_s = time.monotonic() - began
        server.start()
        start_s = started_in_s(server)
        began = time.monotonic()
        asyncio.run(look_up(server, tables, dice, most))
        looked_up_s = time.monotonic() - began
        server.kill()
        server.start()
        start_killed_s = started_in_s(server)
        asyncio.run(look_up(server, tables, dice, most))

        kv, log = server.data_dir / "kv", server.data_dir / "log"
        before = used_bytes(kv)
        folders = {folder.name for folder in kv.iterdir()}
        drop_s = asyncio.run(drop(server, path(0), kv, len(folders)))
        after = used_bytes(kv)
        gone = folders - {folder.name for folder in kv.iterdir()}
        assert len(gone) == 1 and not (log / gone.pop()).exists()
        asyncio.run(look_up_one(server))
        asyncio.run(fill(server, {tables: SMALL_BUCKETS}, most))
        small_s = asyncio.run(drop(server, path(tables), kv, len(list(kv.iterdir()))))
        server.stop()
    finally:
        server.kill()
    with capsys.disabled():
        print(
            f"\n{tables * BUCKETS_OF_A_TABLE:,} buckets with {tables * ROWS_OF_A_BUCKET * BUCKETS_OF_A_TABLE:,} rows by key: at most "
            f"{most['resident'] / 2**20:.0f} MiB resident and {most['files']} open files; filled in {filled_s:.1f} s, stopped in {stop_s:.1f} s, "
            f"started in {start_s:.2f} s, after kill -9 in {start_killed_s:.2f} s, then {LOOKUPS} lookups in {looked_up_s:.1f} s; "
            f"a table of {SMALL_BUCKETS} buckets gone in {small_s:.2f} s, one of {BUCKETS_OF_A_TABLE} in {drop_s:.2f} s: "
            f"{before >> 10:,} KiB of states before and {after >> 10:,} after"
        )
    assert most["resident"] <= RESIDENT_BYTES_MAX
    assert most["files"] <= FILES_MAX
    assert max(start_s, start_killed_s) <= START_S_MAX
    assert small_s <= SMALL_DROP_S_MAX
    assert drop_s <= DROP_BUCKET_S_MAX * BUCKETS_OF_A_TABLE
    assert after <= before * (1 - 0.5 / tables), "little was given back"


async def drop(server: ThalwegServer, table: fluss.TablePath, kv: Path, folders: int) -> float:
    """From the request until its folder is gone."""
    async with await connect(server) as connection:
        began = time.monotonic()
        await connection.get_admin().drop_table(table, ignore_if_not_exists=False)
        while len(list(kv.iterdir())) == folders:
            assert time.monotonic() - began < 60, "the dropped table's folder is still there"
            await asyncio.sleep(WATCH_S)
        return time.monotonic() - began


async def look_up_one(server: ThalwegServer) -> None:
    """The tables that stay, stay."""
    async with await connect(server) as connection:
        row = await (await connection.get_table(path(1))).new_lookup().create_lookuper().lookup((1,))
        assert row is not None and row["value"] == value(1, 1)

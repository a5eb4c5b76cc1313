"""SCAN_KV over the wire, against a real client that writes: a scan gives the rows of the offset that it names, all of them once.

The judge is the changelog as pyfluss reads it, up to that offset. Fluss 0.9.1 and pyfluss 1.0.0 have no SCAN_KV: the requests are raw.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import fluss
import pyarrow as pa
import pytest

from peers.wire import WireConnection

ROWS = 3_000
PATH = fluss.TablePath("fluss", "scanned")
BATCH_BYTES = 2_048
# So many calls of a scan wait for all rows to be changed before the next.
CALLS_AMONG_CHANGES = 3
CHANGED_S_MAX = 30


@pytest.fixture(autouse=True)
def served_by_thalweg(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--server") == "java":
        pytest.skip("Fluss 0.9.1 has no SCAN_KV")


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def rows_in(batch: bytes) -> list[tuple[int, int]]:
    """(id, version) of each row of a value batch of compacted rows."""
    length, magic, count = struct.unpack_from("<ibi", batch)
    assert (length, magic) == (len(batch) - 4, 0)
    rows, at = [], 9
    for _ in range(count):
        (size,) = struct.unpack_from("<i", batch, at)
        value = batch[at + 4 : at + 4 + size]
        at += 4 + size
        identity, end = varint(value, 3)  # behind the schema id and the bitmap of nulls
        version, end = varint(value, end)
        assert end == len(value)
        rows.append((identity, version))
    assert at == len(batch)
    return rows


def call(connection: WireConnection, **values: Any) -> dict[str, Any]:
    answer = connection.call("SCAN_KV", values)
    assert answer.error == 0, answer
    return answer.body


class Rounds:
    """Counts rounds of changes for who waits for them."""

    def __init__(self) -> None:
        self._ended = 0
        self._more = asyncio.Condition()

    async def end_one(self) -> None:
        async with self._more:
            self._ended += 1
            self._more.notify_all()

    async def wait(self, count: int) -> None:
        """Until so many have ended from now on."""
        async with self._more:
            until = self._ended + count
            await asyncio.wait_for(self._more.wait_for(lambda: self._ended >= until), CHANGED_S_MAX)


async def changelog_until(table: fluss.FlussTable, end: int) -> dict[int, int]:
    """What the changelog below `end` adds up to."""
    scanner = await table.new_scan().create_log_scanner()
    scanner.subscribe(bucket_id=0, start_offset=fluss.EARLIEST_OFFSET)
    rows: dict[int, int] = {}
    seen = 0
    while seen < end:
        for record in await scanner.poll(500):
            if record.offset >= end:
                return rows
            seen = record.offset + 1
            if record.change_type == fluss.ChangeType.Delete:
                del rows[record.row["id"]]
            elif record.change_type != fluss.ChangeType.UpdateBefore:
                rows[record.row["id"]] = record.row["version"]
    return rows


async def test_a_scan_is_of_one_moment_while_rows_change(bootstrap: str) -> None:
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        admin = connection.get_admin()
        schema = fluss.Schema(pa.schema([("id", pa.int32()), ("version", pa.int32())]), primary_keys=["id"])
        await admin.create_table(PATH, fluss.TableDescriptor(schema, bucket_count=1), False)
        table = await connection.get_table(PATH)
        writer = table.new_upsert().create_writer()
        for identity in range(ROWS):
            writer.upsert({"id": identity, "version": 0})
        await writer.flush()

        scanning = True
        rounds = Rounds()

        async def change() -> None:
            version = 0
            while scanning:
                version += 1
                for identity in range(version % 3, ROWS, 3):
                    if (identity + version) % 5 == 0:
                        writer.delete({"id": identity})
                    else:
                        writer.upsert({"id": identity, "version": version})
                await writer.flush()
                await rounds.end_one()

        changing = asyncio.create_task(change())
        await rounds.wait(2)
        table_id = (await admin.get_table_info(PATH)).table_id
        raw = WireConnection(bootstrap)
        where = {"table_id": table_id, "bucket_id": 0}
        answer = await asyncio.to_thread(
            call, raw, bucket_scan_req=where, call_seq_id=0, batch_size_bytes=BATCH_BYTES
        )
        end = answer["log_offset"]
        found = rows_in(answer["records"])
        calls = 0
        while answer["has_more_results"]:
            assert len(answer["records"]) <= BATCH_BYTES
            calls += 1
            answer = await asyncio.to_thread(
                call, raw, scanner_id=answer["scanner_id"], call_seq_id=calls, batch_size_bytes=BATCH_BYTES
            )
            found += rows_in(answer["records"])
            if calls <= CALLS_AMONG_CHANGES:
                await rounds.wait(1)
        scanning = False
        await changing
        raw.close()
        assert calls > 5
        assert len(dict(found)) == len(found)
        latest = (await admin.list_offsets(PATH, [0], fluss.OffsetSpec.latest()))[0]
        assert latest > end, "nothing was written meanwhile"
        assert dict(found) == await changelog_until(table, end)

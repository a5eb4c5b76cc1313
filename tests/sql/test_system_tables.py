"""Tables of the schema `thalweg` that show what clients of Fluss have done."""

from __future__ import annotations

import asyncio
from pathlib import Path

import fluss
import pyarrow as pa

from peers.thalweg import ThalwegServer
from sql import shell

BATCHES = 3
WRITERS = "SELECT table_name, bucket, writer_id, last_sequence, last_offset FROM thalweg.writers ORDER BY table_name, bucket, writer_id"


async def append(bootstrap: str, name: str) -> None:
    """One writer, which waits for each of its batches."""
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        writer = (await connection.get_table(fluss.TablePath("fluss", name))).new_append().create_writer()
        for number in range(BATCHES):
            writer.write_arrow_batch(pa.RecordBatch.from_pydict({"id": pa.array([number] * 10, pa.int32())}))
            await writer.flush()


def test_writers_are_those_that_number_their_batches(tmp_path: Path) -> None:
    server = ThalwegServer(tmp_path).start()
    server.stop()
    shell.answers(server.data_dir, ["CREATE TABLE t (id INT)", "INSERT INTO t VALUES (1)"])
    assert shell.answers(server.data_dir, [WRITERS]) == [[]], "SQL's own rows have no number"
    server.start()
    for _ in range(2):
        asyncio.run(append(server.bootstrap, "t"))
    server.stop()
    [found] = shell.answers(server.data_dir, [WRITERS])
    assert [(row["table_name"], row["bucket"], row["last_sequence"]) for row in found] == [("t", 0, BATCHES - 1)] * 2
    assert sorted(row["last_offset"] for row in found) == [30, 60], "behind the one row of SQL, ten a batch"
    assert len({row["writer_id"] for row in found}) == 2
    recent = "SELECT count(*) AS n FROM thalweg.writers WHERE last_written_at BETWEEN now() - INTERVAL 1 HOUR AND now()"
    assert shell.answers(server.data_dir, [recent]) == [[{"n": 2}]]

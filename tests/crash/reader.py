"""Reads the table: once and whole for the checker, or as a process that follows it while it is written.

python -m crash.reader BOOTSTRAP OUTPUT    follows until SIGTERM, then writes what it got as JSON lines to OUTPUT
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

import fluss

from crash import rows
from crash.checker import Log, Stored

POLL_MS = 100
RECONNECT_S = 0.05


async def read_all(bootstrap: str, timeout_s: float) -> Log:
    """The whole table up to the end that the server names now."""
    log = Log()
    path = fluss.TablePath(rows.DATABASE, rows.TABLE)
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        buckets = list(range(rows.BUCKETS))
        ends = await connection.get_admin().list_offsets(path, buckets, fluss.OffsetSpec.latest())
        scanner = await (await connection.get_table(path)).new_scan().create_record_batch_log_scanner()
        scanner.subscribe_buckets(dict.fromkeys(buckets, 0))
        deadline = time.monotonic() + timeout_s
        while any(len(log.buckets[bucket]) < end for bucket, end in ends.items()):
            if time.monotonic() > deadline:
                have = {bucket: len(log.buckets[bucket]) for bucket in buckets}
                raise TimeoutError(f"read {have} rows of {ends} in {timeout_s:g} s")
            for batch in await scanner.poll_record_batch(POLL_MS):
                take(log, batch)
    return log


def take(log: Log, batch: fluss.RecordBatch) -> None:
    """Adds a batch. An offset that comes twice is an error of the reader or of the server."""
    into = log.buckets[batch.bucket.bucket_id]
    got = batch.batch.to_pylist()
    assert batch.last_offset - batch.base_offset + 1 == len(got), batch
    for offset, row in enumerate(got, batch.base_offset):
        assert offset not in into, f"{batch.bucket} offset {offset} was delivered twice"
        into[offset] = Stored(row["writer"], row["number"], rows.intact(row))


async def follow(bootstrap: str, output: Path) -> None:
    """Reads on, over every restart of the server, from where it was."""
    log = Log()
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    while not stopping.is_set():
        try:
            config = fluss.Config({"bootstrap.servers": bootstrap})
            async with await fluss.FlussConnection.create(config) as connection:
                table = await connection.get_table(fluss.TablePath(rows.DATABASE, rows.TABLE))
                scanner = await table.new_scan().create_record_batch_log_scanner()
                scanner.subscribe_buckets({b: max(log.buckets[b], default=-1) + 1 for b in range(rows.BUCKETS)})
                while not stopping.is_set():
                    for batch in await scanner.poll_record_batch(POLL_MS):
                        take(log, batch)
        except fluss.FlussError as error:
            print(f"reader: {error}", flush=True)
            await asyncio.sleep(RECONNECT_S)
    with output.open("w") as lines:
        for bucket, by_offset in log.buckets.items():
            for offset, row in by_offset.items():
                lines.write(json.dumps([bucket, offset, row.writer, row.number, row.intact]) + "\n")


def read_followed(path: Path) -> Log:
    """What `follow` wrote."""
    log = Log()
    for line in path.read_text().splitlines():
        bucket, offset, writer, number, intact = json.loads(line)
        log.buckets[bucket][offset] = Stored(writer, number, intact)
    return log


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1], Path(sys.argv[2])))
    sys.stdout.flush()
    os._exit(0)  # As in the writer.

"""What the rows do with a server, by stock pyfluss."""

from __future__ import annotations

import asyncio
import itertools
import time

import fluss
import pyarrow as pa

DATABASE = "bench"
READY_S_MAX = 60.0
RETRY_S = 0.02
STUCK_S = 60.0

_serial = itertools.count(1)


async def connect(bootstrap: str, acks: str = "all", linger_ms: int | None = None) -> fluss.FlussConnection:
    """`linger_ms`: how long the client keeps what nobody flushes; its own default is 100."""
    settings = {"bootstrap.servers": bootstrap, "writer.acks": acks}
    if linger_ms is not None:
        settings["writer.batch-timeout-ms"] = str(linger_ms)
    if acks != "all":
        settings["writer.enable-idempotence"] = "false"  # the client refuses the two together
    return await fluss.FlussConnection.create(fluss.Config(settings))


async def create(
    connection: fluss.FlussConnection,
    tag: str,
    schema: pa.Schema,
    compression: str = "ZSTD",
    buckets: int = 1,
    bucket_keys: list[str] | None = None,
    primary_keys: list[str] | None = None,
) -> fluss.TablePath:
    """A table (ZSTD is the default of both servers) once all its buckets take requests; of a log where it has no keys."""
    admin = connection.get_admin()
    await admin.create_database(DATABASE, None, True)
    path = fluss.TablePath(DATABASE, f"{tag}_{next(_serial)}")
    descriptor = fluss.TableDescriptor(
        fluss.Schema(schema, primary_keys=primary_keys or []),
        bucket_count=buckets,
        bucket_keys=bucket_keys or [],
        properties={"table.log.arrow.compression.type": compression},
    )
    await admin.create_table(path, descriptor, False)
    deadline = time.monotonic() + READY_S_MAX
    while True:
        try:
            await admin.list_offsets(path, list(range(buckets)), fluss.OffsetSpec.latest())
            return path
        except fluss.FlussError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(RETRY_S)


async def drop(connection: fluss.FlussConnection, path: fluss.TablePath) -> None:
    await connection.get_admin().drop_table(path, True)


async def append(writer: fluss.AppendWriter, batches: list[pa.RecordBatch]) -> None:
    """Sends them and returns when all are acknowledged."""
    for batch in batches:
        writer.write_arrow_batch(batch)
    await flush(writer)


async def flush(writer: fluss.AppendWriter, seconds_max: float = STUCK_S) -> None:
    try:
        await asyncio.wait_for(writer.flush(), seconds_max)
    except TimeoutError:
        raise RuntimeError(f"nothing was acknowledged for {seconds_max:g} s") from None


async def stored_rows(connection: fluss.FlussConnection, path: fluss.TablePath, buckets: int = 1) -> int:
    ends = await connection.get_admin().list_offsets(path, list(range(buckets)), fluss.OffsetSpec.latest())
    return sum(ends.values())


async def scan(
    connection: fluss.FlussConnection,
    path: fluss.TablePath,
    rows: int,
    columns: list[int] | None,
    seconds_max: float = STUCK_S,
) -> None:
    """Reads the table from its start until `rows` have come, all columns or only those."""
    table = await connection.get_table(path)
    wanted = table.new_scan() if columns is None else table.new_scan().project(columns)
    scanner = await wanted.create_record_batch_log_scanner()
    scanner.subscribe(0, 0)
    got = 0
    deadline = time.monotonic() + seconds_max
    while got < rows:
        got += sum(batch.batch.num_rows for batch in await scanner.poll_record_batch(2000))
        if time.monotonic() > deadline:
            raise RuntimeError(f"a scan of {path} had {got} of {rows} rows after {seconds_max:g} s")
    if got != rows:
        raise RuntimeError(f"a scan of {path} brought {got} rows, {rows} were written")

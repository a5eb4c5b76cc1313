"""The row about reading what has left the page cache while others write: how much the writers feel of it."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
import time
from pathlib import Path

import fluss

import client
import device
import processes
import throughput
from contenders import Contender
from figures import Figure, Row, at_most, percentile
from plan import Plan

READER = Path(__file__).with_name("read_table.py")
READER_NICE = 10  # its decoding is not to take the cores from the writer
READER_S_MAX = 600.0
PACE = 0.5  # of the full rate
IN_FLIGHT_MAX = 64  # batches: about twice what the client keeps for itself
SETTLE_S_MAX = 60.0


@dataclasses.dataclass
class Ingest:
    """What a writer saw who had a batch ready every so often."""

    rate: float  # M rows/s
    latencies_ms: list[float]  # from when a batch was due until it was acknowledged


@dataclasses.dataclass
class Beside:
    """One repeat: the same ingest without a reader and with one."""

    alone: Ingest
    read: Ingest
    read_s: float
    from_device: int


def catch_up_row(key: str, servers: list[Contender], plan: Plan, load: throughput.Workload) -> Row:
    row = Row(key, f"a reader of a cold log of {plan.cold_bytes / 1e9:g} GB beside ingest at half of its full rate")
    row.figures = [
        Figure("ingest alone", "M rows/s", higher_is_better=True),
        Figure("fall beside reader", "%", higher_is_better=False, digits=1, target=at_most(5, "%")),
        Figure("ack p50 alone", "ms", higher_is_better=False),
        Figure("ack p99 alone", "ms", higher_is_better=False),
        Figure("ack p50 beside", "× alone", higher_is_better=False),
        Figure("ack p99 beside", "× alone", higher_is_better=False, target=at_most(2, "×")),
        Figure("catch-up", "M rows/s", higher_is_better=True),
    ]
    row_bytes = 0.0
    for server in servers:  # one after the other: two such logs do not fit every page cache
        cold, rows, stored = asyncio.run(_fill(server, plan, load))
        row_bytes = stored / rows
        full = asyncio.run(ingest(server, load, plan.latency_s, None))
        for _ in range(max(2, plan.repeats // 2)):
            _add(row, server, rows, asyncio.run(_beside(server, plan, load, cold, rows, PACE * full.rate)), stored)
        row.notes.append(f"{server.name}: paced at half of {full.rate:.2f} M rows/s")
        asyncio.run(_drop(server, cold))
    reads = row.figures[-1].spread(servers[0].name).median * 1e6 * row_bytes
    batch_bytes = round(row_bytes * load.batches[0].num_rows)
    row.figures[4].device, row.figures[5].device = device.beside_reads(
        plan.directory, batch_bytes, plan.device_s, reads
    )
    row.notes.append(
        f"device: writes of {batch_bytes / 1e3:,.0f} kB, each with fdatasync, beside reads of {reads / 1e6:,.0f} MB/s"
        " from the device; Java does not sync"
    )
    return row


def _add(row: Row, server: Contender, rows: int, seen: Beside, stored: int) -> None:
    def ratio(share: float) -> float:
        return percentile(seen.read.latencies_ms, share) / percentile(seen.alone.latencies_ms, share)

    values = [
        seen.alone.rate,
        max(0.0, 1 - seen.read.rate / seen.alone.rate) * 100,
        percentile(seen.alone.latencies_ms, 0.5),
        percentile(seen.alone.latencies_ms, 0.99),
        ratio(0.5),
        ratio(0.99),
        rows / seen.read_s / 1e6,
    ]
    for figure, value in zip(row.figures, values, strict=True):
        figure.add(server.name, value)
    row.notes.append(
        f"{server.name}: read in {seen.read_s:.1f} s, {seen.from_device / 1e9:.2f} GB from the device"
        f" of {stored / 1e9:.2f}; {len(seen.read.latencies_ms):,} acknowledgements beside it"
    )


async def _fill(server: Contender, plan: Plan, load: throughput.Workload) -> tuple[fluss.TablePath, int, int]:
    """(table, its rows, its bytes) of at least `plan.cold_bytes`."""
    async with await client.connect(server.bootstrap) as connection:
        path = await client.create(connection, "cold", load.batches[0].schema)
        writer = (await connection.get_table(path)).new_append().create_writer()
        wire, rows = processes.Wire(), 0
        while wire.sent < plan.cold_bytes:
            await client.append(writer, load.batches)
            rows += load.rows
            wire.look()
        return path, rows, wire.sent


async def _drop(server: Contender, path: fluss.TablePath) -> None:
    async with await client.connect(server.bootstrap) as connection:
        await client.drop(connection, path)


def _make_cold(server: Contender) -> None:
    """Out of the page cache with all files of the server, once they are written: the kernel keeps what is dirty."""
    processes.wait_until_quiet(server.pids, SETTLE_S_MAX)
    os.sync()
    for file in server.directory.rglob("*"):
        if not file.is_file():
            continue
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


async def _beside(
    server: Contender, plan: Plan, load: throughput.Workload, cold: fluss.TablePath, rows: int, rate: float
) -> Beside:
    _make_cold(server)
    alone = await ingest(server, load, plan.latency_s, rate)
    _make_cold(server)
    before = processes.device_bytes_read(server.pids)
    argv = [sys.executable, str(READER), server.bootstrap, cold.database_name, cold.table_name, str(rows)]
    child = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, preexec_fn=lambda: os.nice(READER_NICE)
    )
    try:
        assert child.stdout is not None
        if (await child.stdout.readline()).strip() != b"reading":
            raise RuntimeError(f"the reader of {server.name} did not begin")
        began = time.perf_counter()
        finished = asyncio.ensure_future(child.wait())
        read = await ingest(server, load, READER_S_MAX, rate, finished)
        if await finished != 0:
            raise RuntimeError(f"the reader of {server.name} ended with status {child.returncode}")
        read_s = float((await child.stdout.readline()).decode())
        if read_s > time.perf_counter() - began:
            raise RuntimeError("the reader reads longer than it runs")
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return Beside(alone, read, read_s, processes.device_bytes_read(server.pids) - before)


async def ingest(
    server: Contender,
    load: throughput.Workload,
    seconds: float,
    rate: float | None,
    until: asyncio.Future | None = None,
) -> Ingest:
    """Appends for so long, or until `until` is done, at `rate` M rows/s or as fast as the client can."""
    async with await client.connect(server.bootstrap, linger_ms=0) as connection:
        path = await client.create(connection, "ingest", load.batches[0].schema)
        writer = (await connection.get_table(path)).new_append().create_writer()
        room = asyncio.Semaphore(IN_FLIGHT_MAX)
        latencies: list[float] = []

        async def acknowledged(handle: fluss.WriteResultHandle, due: float) -> None:
            await handle.wait()
            latencies.append((time.perf_counter() - due) * 1e3)
            room.release()

        pending: set[asyncio.Task] = set()
        batch_rows = load.batches[0].num_rows
        pause = 0.0 if rate is None else batch_rows / 1e6 / rate
        began = due = time.perf_counter()
        sent = 0
        while time.perf_counter() - began < seconds and not (until is not None and until.done()):
            if rate is not None:
                due = began + sent * pause  # late is late: the next ones do not wait for it
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            else:
                due = time.perf_counter()
            await asyncio.wait_for(room.acquire(), client.STUCK_S)
            task = asyncio.create_task(
                acknowledged(writer.write_arrow_batch(load.batches[sent % len(load.batches)]), due)
            )
            pending.add(task)
            task.add_done_callback(pending.discard)
            sent += 1
            if rate is None:
                await asyncio.sleep(0)
        await client.flush(writer)
        await asyncio.gather(*pending)
        wall = time.perf_counter() - began
        stored = await client.stored_rows(connection, path)
        if stored != sent * batch_rows:
            raise RuntimeError(f"{server.name}: {sent * batch_rows} rows were acknowledged, the table has {stored}")
        await client.drop(connection, path)
    return Ingest(sent * batch_rows / wall / 1e6, latencies)

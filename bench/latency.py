"""Rows that measure single events: one row acknowledged, one row seen by a reader."""

from __future__ import annotations

import asyncio
import random
import time

import fluss
import pyarrow as pa

import client
import device
import processes
from contenders import Contender
from figures import Figure, Row, at_most, percentile
from plan import Plan

SCHEMA = pa.schema([("id", pa.int64()), ("word", pa.string())])
WARM_UP = 20
POLL_MS = 1000
PAUSE_S_MAX = 0.01
SMALL_WRITE_BYTES = 4096


async def acknowledgements_ms(server: Contender, plan: Plan) -> list[float]:
    """From handing one row to the writer until its flush returns, one after the other."""
    async with await client.connect(server.bootstrap) as connection:
        path = await client.create(connection, "acknowledge", SCHEMA)
        writer = (await connection.get_table(path)).new_append().create_writer()
        latencies: list[float] = []
        began = time.perf_counter()
        for number in range(WARM_UP + plan.samples_max):
            at = time.perf_counter()
            writer.append((number, "river"))
            await client.flush(writer)
            if number >= WARM_UP:
                latencies.append((time.perf_counter() - at) * 1e3)
            if len(latencies) >= plan.samples_min and time.perf_counter() - began > plan.latency_s:
                break
        await client.drop(connection, path)
    return latencies


async def freshness_ms(server: Contender, plan: Plan, keyed: bool = False) -> list[float]:
    """From handing one row to the writer until a scanner that polls on another connection returns it. `keyed`: a row of a
    primary-key table, returned by its changelog."""
    async with await client.connect(server.bootstrap) as writing, await client.connect(server.bootstrap) as reading:
        path = await client.create(writing, "fresh", SCHEMA, primary_keys=["id"] if keyed else None)
        table = await writing.get_table(path)
        writer = table.new_upsert().create_writer() if keyed else table.new_append().create_writer()
        scanner = await (await reading.get_table(path)).new_scan().create_log_scanner()
        scanner.subscribe(0, 0)
        arrived: asyncio.Queue[tuple[int, float]] = asyncio.Queue()
        polling = asyncio.create_task(_poll(scanner, arrived))
        try:
            latencies: list[float] = []
            began = time.perf_counter()
            for number in range(WARM_UP + plan.samples_max):
                await asyncio.sleep(random.random() * PAUSE_S_MAX)  # so as not to run in step with a timer there
                at = time.perf_counter()
                if keyed:
                    writer.upsert({"id": number, "word": "river"})
                else:
                    writer.append((number, "river"))
                await client.flush(writer)
                seen, when = await asyncio.wait_for(arrived.get(), client.STUCK_S)
                if seen != number:
                    raise RuntimeError(f"{server.name}: row {number} was written, the scanner returned {seen}")
                if number >= WARM_UP or time.perf_counter() - began > plan.latency_s:
                    latencies.append((when - at) * 1e3)
                if len(latencies) >= plan.samples_min and time.perf_counter() - began > plan.latency_s:
                    break
        finally:
            polling.cancel()
        await client.drop(writing, path)
    return latencies


async def _poll(scanner: fluss.LogScanner, arrived: asyncio.Queue[tuple[int, float]]) -> None:
    while True:
        records = await scanner.poll(POLL_MS)
        now = time.perf_counter()
        for record in records:
            arrived.put_nowait((record.row["id"], now))


async def timed_limit_scan(
    server: Contender, table: fluss.FlussTable, bucket: fluss.TableBucket, limit: int
) -> float:
    """Milliseconds of one scan for the last `limit` rows; raises where it brings another number of them."""
    at = time.perf_counter()
    rows = await table.new_scan().limit(limit).create_bucket_batch_scanner(bucket).to_arrow()
    elapsed_ms = (time.perf_counter() - at) * 1e3
    if rows.num_rows != limit:
        raise RuntimeError(f"{server.name}: a limit scan of {limit} brought {rows.num_rows} rows")
    return elapsed_ms


async def limit_scans(server: Contender, plan: Plan, path: fluss.TablePath, limit: int) -> tuple[list[float], float]:
    """(milliseconds of each, bytes that each received) of scans for the last `limit` rows of a bucket that rests."""
    async with await client.connect(server.bootstrap) as connection:
        table = await connection.get_table(path)
        bucket = fluss.TableBucket(table.get_table_info().table_id, 0)
        latencies: list[float] = []
        wire = processes.Wire()
        began = time.perf_counter()
        for number in range(WARM_UP + plan.samples_max):
            if number == WARM_UP:
                wire = processes.Wire()
            elapsed_ms = await timed_limit_scan(server, table, bucket, limit)
            if number >= WARM_UP:
                latencies.append(elapsed_ms)
            if len(latencies) >= plan.samples_min and time.perf_counter() - began > plan.latency_s:
                break
        wire.look()
    return latencies, wire.received / len(latencies)


async def first_limit_scans(server: Contender, plan: Plan, batches: list[pa.RecordBatch], limit: int) -> list[float]:
    """Milliseconds of scans for the last `limit` rows that each come after a further batch: nothing can be kept."""
    async with await client.connect(server.bootstrap) as connection:
        path = await client.create(connection, "limit", batches[0].schema)
        table = await connection.get_table(path)
        writer = table.new_append().create_writer()
        bucket = fluss.TableBucket(table.get_table_info().table_id, 0)
        latencies: list[float] = []
        began = time.perf_counter()
        for number in range(WARM_UP + plan.samples_max):
            await client.append(writer, [batches[number % len(batches)]])
            elapsed_ms = await timed_limit_scan(server, table, bucket, limit)
            if number >= WARM_UP:
                latencies.append(elapsed_ms)
            if len(latencies) >= plan.samples_min and time.perf_counter() - began > plan.latency_s:
                break
        await client.drop(connection, path)
    return latencies


def limit_row(
    servers: list[Contender],
    plan: Plan,
    tables: dict[str, fluss.TablePath],
    batches: list[pa.RecordBatch],
    limit: int,
) -> Row:
    row = Row("limit", f"scan for the last {limit} rows of a bucket of batches of 10,000")
    row.figures = [
        Figure("received", "kB", higher_is_better=False, target=at_most(5, "kB")),
        _milliseconds("p50", 1),
        _milliseconds("p99", None),
        _milliseconds("p50 after an append", None),
    ]
    for server in plan.order(servers):
        latencies, received = asyncio.run(limit_scans(server, plan, tables[server.name], limit))
        row.figures[0].add(server.name, received / 1e3)
        row.figures[1].add(server.name, percentile(latencies, 0.5))
        row.figures[2].add(server.name, percentile(latencies, 0.99))
        first = asyncio.run(first_limit_scans(server, plan, batches, limit))
        row.figures[3].add(server.name, percentile(first, 0.5))
    return row


def acknowledge_row(servers: list[Contender], plan: Plan) -> Row:
    row = Row("ack", "one row appended and flushed, until acknowledged (Thalweg: durable; Java: in the page cache)")
    row.figures = [_milliseconds("p50", 1.2), _milliseconds("p99", None)]
    for server in plan.order(servers):
        _add(row, server, asyncio.run(acknowledgements_ms(server, plan)))
    disk = device.write_and_sync(plan.directory, SMALL_WRITE_BYTES, plan.device_s)
    row.figures[0].device, row.figures[1].device = disk.p50_ms, disk.p99_ms
    row.notes.append(f"device: one write of {SMALL_WRITE_BYTES} B and fdatasync; nothing durable can be faster than that")
    return row


def freshness_row(servers: list[Contender], plan: Plan, keyed: bool = False) -> Row:
    row = Row("freshness", "one row appended until a polling scanner on another connection returns it")
    if keyed:
        row = Row("freshness-keyed", "one row put by key until a scanner of the changelog on another connection returns it")
    row.figures = [_milliseconds("p50", 3), _milliseconds("p99", 15)]
    for server in plan.order(servers):
        _add(row, server, asyncio.run(freshness_ms(server, plan, keyed)))
    disk = device.write_and_sync(plan.directory, SMALL_WRITE_BYTES, plan.device_s)
    row.figures[0].device, row.figures[1].device = disk.p50_ms, disk.p99_ms
    return row


def _add(row: Row, server: Contender, latencies: list[float]) -> None:
    row.figures[0].add(server.name, percentile(latencies, 0.5))
    row.figures[1].add(server.name, percentile(latencies, 0.99))


def _milliseconds(name: str, limit: float | None) -> Figure:
    target = None if limit is None else at_most(limit, "ms")
    return Figure(name, "ms", higher_is_better=False, target=target)

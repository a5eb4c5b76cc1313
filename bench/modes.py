"""Rows for which servers run with other settings than they ship with."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time

import pyarrow as pa

import client
import processes
import throughput
from contenders import Contender, Java, Thalweg, started
from figures import OURS, PEER, Figure, Row, ratio_at_least
from plan import Plan

MANY_BUCKETS = 1000
ROUND_ROWS = 4_000  # the client sends most of them one by one
ROUND_S_MAX = 240.0  # Java syncs one file after the other: about 10 ms each where the disk is shared
MANY_SCHEMA = pa.schema([("id", pa.int64()), ("word", pa.string())])


def page_cache_row(key: str, servers: list[Contender], plan: Plan, load: throughput.Workload) -> Row:
    """Thalweg acknowledges from the page cache, as Java does, and one replica's word is enough for the client."""
    title = f"append acknowledged from the page cache by both, acks=1, {load.tag} columns, {load.compression}"
    peers = [server for server in servers if server.name == PEER]
    with contextlib.ExitStack() as running:
        if any(server.name == OURS for server in servers):
            ours = Thalweg(plan.directory / "page-cache", {"thalweg.durability": "page-cache"})
            peers = [running.enter_context(started(ours)), *peers]
        return throughput.append_row(key, title, peers, plan, load)


def many_buckets_row(key: str, names: list[str], plan: Plan) -> Row:
    """Small batches for a thousand buckets at once, each on the disk before it is acknowledged, by both."""
    row = Row(key, f"rows spread over {MANY_BUCKETS:,} buckets, durable (Java: log.flush.interval-messages: 1)")
    row.figures = [
        Figure("rate", "k rows/s", higher_is_better=True, target=ratio_at_least(3)),
        Figure("server CPU", "s/M rows", higher_is_better=False, digits=2),
    ]
    makers = {
        OURS: lambda: Thalweg(plan.directory / "many-thalweg"),
        PEER: lambda: Java(plan.directory / "many-java", {"log.flush.interval-messages": "1"}),
    }
    with contextlib.ExitStack() as running:
        servers = [running.enter_context(started(makers[name]())) for name in names]
        for server in servers:
            asyncio.run(_many_once(server, plan))  # not counted
        for server in plan.order(servers):
            rows, wall_s, cpu_s = asyncio.run(_many_once(server, plan))
            row.figures[0].add(server.name, rows / wall_s / 1e3)
            row.figures[1].add(server.name, cpu_s / rows * 1e6)
    return row


async def _many_once(server: Contender, plan: Plan) -> tuple[int, float, float]:
    """(rows, seconds, server CPU seconds) of rounds that each end with all rows acknowledged."""
    async with await client.connect(server.bootstrap) as connection:
        path = await client.create(connection, "many", MANY_SCHEMA, buckets=MANY_BUCKETS, bucket_keys=["id"])
        writer = (await connection.get_table(path)).new_append().create_writer()
        os.sync()
        cpu, began, rows = processes.cpu_s(server.pids), time.perf_counter(), 0
        while time.perf_counter() - began < plan.latency_s:
            for number in range(rows, rows + ROUND_ROWS):
                writer.append((number, "river"))
            await client.flush(writer, ROUND_S_MAX)
            rows += ROUND_ROWS
        wall, used = time.perf_counter() - began, processes.cpu_s(server.pids) - cpu
        stored = await client.stored_rows(connection, path, MANY_BUCKETS)
        if stored != rows:
            raise RuntimeError(f"{server.name}: {rows} rows were acknowledged, the table has {stored}")
        await client.drop(connection, path)
    return rows, wall, used

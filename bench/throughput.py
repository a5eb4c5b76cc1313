"""Rows that measure rates: append, full scan, pruned scan. Each repeats one piece of work until the server has used
enough CPU for its clock to mean something."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import fluss
import pyarrow as pa

import client
import device
import processes
from contenders import Contender
from figures import Figure, Row, rate_at_least_peer, ratio_at_most
from plan import Plan

QUIET_S_MAX = 5.0


@dataclass
class Sample:
    """One repeat."""

    rows: int
    wall_s: float
    server_cpu_s: float
    client_cpu_s: float
    other_cpu_s: float
    sent: int
    received: int


@dataclass
class Workload:
    """What both servers get: batches of one schema."""

    tag: str
    batches: list[pa.RecordBatch]
    compression: str = "ZSTD"
    buckets: int = 1
    acks: str = "all"

    @property
    def rows(self) -> int:
        return sum(batch.num_rows for batch in self.batches)


async def measure(
    server: Contender, plan: Plan, rows: int, work: Callable[[Callable[[], None]], Awaitable[None]]
) -> Sample:
    """Runs `work` (of `rows` rows) until the server has used `plan.cpu_s_min` or `plan.wall_s_max` is over.

    CPU is counted until the server is quiet again, so that what it puts off until after the acknowledgement counts;
    the rate is of the work alone. `work` calls what it is given before it closes a connection.
    """
    os.sync()  # what earlier repeats left in the page cache is not this one's to write
    processes.wait_until_quiet(server.pids, QUIET_S_MAX)
    wire = processes.Wire()
    cpu, own, busy = processes.cpu_s(server.pids), processes.own_cpu_s(), processes.machine_busy_s()
    began = time.perf_counter()
    done = 0
    while True:
        await work(wire.look)
        done += rows
        wall = time.perf_counter() - began
        if processes.cpu_s(server.pids) - cpu >= plan.cpu_s_min or wall >= plan.wall_s_max:
            break
    client_cpu = processes.own_cpu_s() - own
    wire.look()
    other = processes.machine_busy_s() - busy - client_cpu - (processes.cpu_s(server.pids) - cpu)
    processes.wait_until_quiet(server.pids, QUIET_S_MAX)
    server_cpu = processes.cpu_s(server.pids) - cpu
    return Sample(done, wall, server_cpu, client_cpu, max(0.0, other), wire.sent, wire.received)


async def append_once(server: Contender, plan: Plan, load: Workload) -> Sample:
    async with await client.connect(server.bootstrap, load.acks) as connection:
        path = await client.create(
            connection, f"append_{load.tag}", load.batches[0].schema, load.compression, load.buckets
        )
        writer = (await connection.get_table(path)).new_append().create_writer()

        async def work(_: Callable[[], None]) -> None:
            await client.append(writer, load.batches)

        sample = await measure(server, plan, load.rows, work)
        stored = await client.stored_rows(connection, path, load.buckets)
        if stored != sample.rows:
            raise RuntimeError(f"{server.name}: {sample.rows} rows were acknowledged, the table has {stored}")
        await client.drop(connection, path)
    return sample


async def scan_once(
    server: Contender, plan: Plan, path: fluss.TablePath, rows: int, columns: list[int] | None
) -> Sample:
    async def work(look: Callable[[], None]) -> None:
        async with await client.connect(server.bootstrap) as connection:
            await client.scan(connection, path, rows, columns)
            look()

    return await measure(server, plan, rows, work)


async def fill(server: Contender, load: Workload, times: int) -> fluss.TablePath:
    async with await client.connect(server.bootstrap) as connection:
        path = await client.create(connection, f"scan_{load.tag}", load.batches[0].schema)
        writer = (await connection.get_table(path)).new_append().create_writer()
        for _ in range(times):
            await client.append(writer, load.batches)
        return path


def append_row(
    key: str, title: str, servers: list[Contender], plan: Plan, load: Workload, cpu_limit: float = 0.6
) -> Row:
    """The rate has a target where both do what they do by default; elsewhere it is reported."""
    row = Row(key, title, [_rate(), _cpu(cpu_limit), _bytes("sent")])
    if load.compression == "ZSTD" and load.buckets == 1 and load.acks == "all":
        row.figures[0].target = rate_at_least_peer(device_share=0.7)

    def once(server: Contender) -> Sample:
        return asyncio.run(append_once(server, plan, load))

    _run(row, servers, plan, once, lambda sample: sample.sent)
    batch_bytes = round(row.figures[2].spread(servers[0].name).median * load.batches[0].num_rows)
    disk = device.write_and_sync(plan.directory, batch_bytes, plan.device_s)
    row.figures[0].device = disk.bytes_per_s / batch_bytes * load.batches[0].num_rows / 1e6
    row.notes.append(
        f"device: {disk.bytes_per_s / 1e6:,.0f} MB/s in writes of {batch_bytes / 1e3:,.0f} kB, each with fdatasync"
        f" (p50 {disk.p50_ms:.2f}, p99 {disk.p99_ms:.2f} ms)"
    )
    return row


def scan_row(
    key: str,
    title: str,
    servers: list[Contender],
    plan: Plan,
    tables: dict[str, fluss.TablePath],
    rows: int,
    columns: list[int] | None,
) -> Row:
    row = Row(key, title, [_rate(), _cpu(0.5), _bytes("received")])
    if columns is not None:
        row.figures[0].target = rate_at_least_peer()
        row.figures[2].target = ratio_at_most(1.02)

    def once(server: Contender) -> Sample:
        return asyncio.run(scan_once(server, plan, tables[server.name], rows, columns))

    _run(row, servers, plan, once, lambda sample: sample.received)
    return row


def _run(
    row: Row,
    servers: list[Contender],
    plan: Plan,
    once: Callable[[Contender], Sample],
    wire_of: Callable[[Sample], int],
) -> None:
    rate, cpu, wire = row.figures
    samples: dict[str, list[Sample]] = {server.name: [] for server in servers}
    for server in servers:
        once(server)  # not counted: the JVM compiles, pools and caches fill
    for server in plan.order(servers):
        sample = once(server)
        samples[server.name].append(sample)
        rate.add(server.name, sample.rows / sample.wall_s / 1e6)
        cpu.add(server.name, sample.server_cpu_s / sample.rows * 1e6)
        wire.add(server.name, wire_of(sample) / sample.rows)
    for name, taken in samples.items():
        wall = sum(sample.wall_s for sample in taken)
        least = min(sample.server_cpu_s for sample in taken)
        row.notes.append(
            f"{name}: at least {least:.2f} CPU s per repeat; of one core the server took"
            f" {sum(sample.server_cpu_s for sample in taken) / wall:.0%}, the client"
            f" {sum(sample.client_cpu_s for sample in taken) / wall:.0%}, others"
            f" {sum(sample.other_cpu_s for sample in taken) / wall:.0%}"
        )


def _rate() -> Figure:
    return Figure("rate", "M rows/s", higher_is_better=True)


def _cpu(limit: float) -> Figure:
    return Figure("server CPU", "s/M rows", higher_is_better=False, digits=4, target=ratio_at_most(limit))


def _bytes(what: str) -> Figure:
    return Figure(f"{what} by client", "B/row", higher_is_better=False)

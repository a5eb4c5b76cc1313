"""Rows about a server that has just been started: time to the first acknowledged write, and memory at rest."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import fluss

import client
import processes
from contenders import KINDS, Contender
from figures import Figure, Row, at_most, ratio_at_most
from latency import SCHEMA
from plan import Plan

START_S_MAX = 120.0


async def first_write(bootstrap: str) -> None:
    """A table and one acknowledged row, as soon as the server takes them."""
    deadline = time.monotonic() + START_S_MAX
    while True:
        try:
            async with await client.connect(bootstrap) as connection:
                path = await client.create(connection, "first", SCHEMA)
                writer = (await connection.get_table(path)).new_append().create_writer()
                writer.append((1, "source"))
                await client.flush(writer)
                return
        except fluss.FlussError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(client.RETRY_S)


def rows(names: list[str], plan: Plan) -> list[Row]:
    """The rows `cold` and `idle`, from the same starts, each in an empty directory."""
    cold = Row("cold", "cold start on an empty directory until the first write is acknowledged (Java: with ZooKeeper)")
    cold.figures = [Figure("spawn to acknowledged", "s", higher_is_better=False, target=at_most(0.3, "s"))]
    idle = Row("idle", f"memory at rest, {plan.settle_s:g} s after the first write (Java: without ZooKeeper)")
    idle.figures = [
        Figure("anonymous", "MB", higher_is_better=False, digits=1, target=at_most(24, "MB")),
        Figure("total resident", "MB", higher_is_better=False, digits=1),
        Figure("CPU", "% of a core", higher_is_better=False),
    ]
    for repeat in range(plan.repeats):
        for name in names:
            _once(name, plan, plan.directory / f"start-{name}-{repeat}", cold, idle)
    return [cold, idle]


def resident_row(servers: list[Contender]) -> Row:
    """What the rows before it have left, so it comes last."""
    row = Row("resident", "resident memory after the rows above (Java: without ZooKeeper)")
    row.figures = [
        Figure("total", "MB", higher_is_better=False, digits=0, target=ratio_at_most(0.4)),
        Figure("anonymous", "MB", higher_is_better=False, digits=0),
    ]
    for server in servers:
        memory = processes.memory(server.pids)
        row.figures[0].add(server.name, memory.total_mb)
        row.figures[1].add(server.name, memory.anonymous_mb)
    return row


def _once(name: str, plan: Plan, directory: Path, cold: Row, idle: Row) -> None:
    server = KINDS[name](directory)
    began = time.perf_counter()
    server.start()
    try:
        asyncio.run(first_write(server.bootstrap))
        cold.figures[0].add(name, time.perf_counter() - began)
        time.sleep(plan.settle_s)
        before = processes.cpu_s(server.pids)
        time.sleep(plan.device_s)
        idle.figures[2].add(name, (processes.cpu_s(server.pids) - before) / plan.device_s * 100)
        memory = processes.memory(server.pids)
        idle.figures[0].add(name, memory.anonymous_mb)
        idle.figures[1].add(name, memory.total_mb)
    finally:
        server.stop()
    shutil.rmtree(directory)

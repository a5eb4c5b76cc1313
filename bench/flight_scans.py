"""Scans of a log table over Arrow Flight, beside pyfluss scanning the same table of the same server, in turns."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Callable

import fluss

import batches
import client
import throughput
from contenders import Thalweg, started
from figures import OURS, Figure, Row, at_least
from peers.places import SDK_DIR
from plan import Plan

COLUMNS = 20
CHOSEN = {"flight-scan": None, "flight-scan-3": [0, 7, 14]}
BATCHES = 200
TIMES = 8  # the batches that often in the table
LIMIT = 1.5


def rows(keys: list[str], plan: Plan) -> list[Row]:
    """Both read through a connection that is there, into record batches; ours by the SDK."""
    load = throughput.Workload("20", [batch.select(range(COLUMNS)) for batch in batches.wide(plan.count(BATCHES))])
    with started(Thalweg(plan.directory / "flight-scans")) as server:
        path = asyncio.run(throughput.fill(server, load, TIMES))
        return [_row(key, server, path, load.rows * TIMES, plan) for key in keys]


def _row(key: str, server: Thalweg, path: fluss.TablePath, count: int, plan: Plan) -> Row:
    sys.path.insert(0, str(SDK_DIR))
    import thalweg

    chosen = CHOSEN[key]
    what = "all" if chosen is None else str(len(chosen))
    row = Row(key, f"Flight scan of {count:,} rows, {what} of {COLUMNS} columns, and pyfluss's of the same table")
    row.figures = [
        Figure("rate", "M rows/s", True),
        Figure("pyfluss", "M rows/s", True),
        Figure("rate : pyfluss's", "×", True, target=at_least(LIMIT, "×")),
    ]
    db = thalweg.connect(f"thalweg://{server.flight}", progress=False)
    table = db.table(f"{path.database_name}.{path.table_name}")
    names = None if chosen is None else [table.schema.names[column] for column in chosen]

    def ours() -> None:
        if (got := sum(batch.num_rows for batch in table.scan(columns=names))) != count:
            raise RuntimeError(f"{got} of {count} rows came over Flight")

    async def theirs() -> list[float]:
        async with await client.connect(server.bootstrap) as connection:
            await client.scan(connection, path, count, chosen)  # not counted
            taken = []
            for _ in range(plan.repeats):
                row.figures[0].add(OURS, count / _seconds(ours) / 1e6)
                began = time.perf_counter()
                await client.scan(connection, path, count, chosen)
                taken.append(count / (time.perf_counter() - began) / 1e6)
            return taken

    ours()  # not counted
    for rate in asyncio.run(theirs()):
        row.figures[1].add(OURS, rate)
    middle = statistics.median(row.figures[1].values[OURS])
    for rate in row.figures[0].values[OURS]:
        row.figures[2].add(OURS, rate / middle)
    db.close()
    return row


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began

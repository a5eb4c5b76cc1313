"""Ingest by pyfluss, alone and while heavy SQL runs over Flight: how much the writer feels of it.

Several statements at once, from the first append to the last acknowledgement, each a full scan of a few million rows with GROUP BY and
ORDER BY. Rates are those of a writer as fast as its client can; latencies those of one that has a batch ready every so often, at half of
the rate that it reached alone, and for whom late is late.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import batches
import catch_up
import throughput
from contenders import Thalweg, started
from figures import OURS, Figure, Row, at_least, at_most, percentile
from peers.places import SDK_DIR
from plan import Plan

STATEMENTS = 4  # at a time
TIMES = 4  # the batches that often in the table
READ_BATCHES = 100
PACE = 0.5
RATE_SHARE_MIN = 0.5
LATENCY_TIMES_MAX = 2.0
BEGUN_S_MAX = 60.0
QUERIES = (
    "SELECT city, ok, count(*) AS n, sum(price) AS total, avg(level) AS mean, min(note) AS first FROM {} GROUP BY city, ok ORDER BY total DESC",
    "SELECT sensor, count(*) AS n, max(gauge) AS top, sum(level) AS sum FROM {} GROUP BY sensor ORDER BY sum DESC LIMIT 100",
)


@dataclass
class Load:
    """Statements that run until `stopping`, one thread each."""

    address: str
    table: str
    done: int = 0
    failure: Exception | None = None
    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, query: str) -> None:
        import thalweg

        try:
            with thalweg.connect(f"thalweg://{self.address}", progress=False) as db:
                self.begun.release()
                while not self.stopping.is_set():
                    if not db.sql(query.format(self.table)).to_arrow().num_rows:
                        raise RuntimeError(f"no rows came of {query}")
                    with self.lock:
                        self.done += 1
        except Exception as error:  # told by the main thread
            self.failure = error
            self.begun.release()


async def beside(load: Load, work: Callable[[], Awaitable[catch_up.Ingest]]) -> catch_up.Ingest:
    """`work` while the statements run, all of them from its beginning to its end."""
    threads = [threading.Thread(target=load.run, args=(QUERIES[i % len(QUERIES)],)) for i in range(STATEMENTS)]
    for thread in threads:
        thread.start()
    try:
        for _ in threads:
            if not load.begun.acquire(timeout=BEGUN_S_MAX):
                raise RuntimeError("the statements did not begin")
        return await work()
    finally:
        load.stopping.set()
        for thread in threads:
            await asyncio.to_thread(thread.join)
        if load.failure:
            raise RuntimeError("a statement beside the ingest failed") from load.failure


def row(key: str, plan: Plan) -> Row:
    sys.path.insert(0, str(SDK_DIR))
    narrow = throughput.Workload("10", batches.narrow(plan.count(READ_BATCHES)))
    made = Row(key, f"append of Arrow batches, 10 columns, beside {STATEMENTS} SQL aggregates at a time over {narrow.rows * TIMES:,} rows")
    made.figures = [
        Figure("rate alone", "M rows/s", higher_is_better=True),
        Figure("rate beside", "× alone", higher_is_better=True, target=at_least(RATE_SHARE_MIN, "×")),
        Figure("ack p50 alone", "ms", higher_is_better=False),
        Figure("ack p99 alone", "ms", higher_is_better=False),
        Figure("ack p50 beside", "× alone", higher_is_better=False),
        Figure("ack p99 beside", "× alone", higher_is_better=False, target=at_most(LATENCY_TIMES_MAX, "×")),
    ]
    with started(Thalweg(plan.directory / "ingest-sql")) as server:
        path = asyncio.run(throughput.fill(server, narrow, TIMES))
        table = f"{path.database_name}.{path.table_name}"
        asyncio.run(catch_up.ingest(server, narrow, plan.latency_s / 2, None))  # not counted
        for _ in range(max(2, plan.repeats // 2)):
            asyncio.run(_repeat(made, server, plan, narrow, table))
    return made


async def _repeat(made: Row, server: Thalweg, plan: Plan, narrow: throughput.Workload, table: str) -> None:
    def ingest(rate: float | None) -> Callable[[], Awaitable[catch_up.Ingest]]:
        return lambda: catch_up.ingest(server, narrow, plan.latency_s, rate)

    full = await ingest(None)()
    first = Load(server.flight, table)
    crowded = await beside(first, ingest(None))
    pace = PACE * full.rate
    alone = await ingest(pace)()
    second = Load(server.flight, table)
    late = await beside(second, ingest(pace))
    p50, p99 = percentile(alone.latencies_ms, 0.5), percentile(alone.latencies_ms, 0.99)
    values = [
        full.rate,
        crowded.rate / full.rate,
        p50,
        p99,
        percentile(late.latencies_ms, 0.5) / p50,
        percentile(late.latencies_ms, 0.99) / p99,
    ]
    for figure, value in zip(made.figures, values, strict=True):
        figure.add(OURS, value)
    made.notes.append(
        f"{first.done} + {second.done} statements ended meanwhile; beside them p50 {percentile(late.latencies_ms, 0.5):.1f} ms, "
        f"p99 {percentile(late.latencies_ms, 0.99):.1f} ms, at {pace:.2f} M rows/s of which {late.rate:.2f} were reached"
    )

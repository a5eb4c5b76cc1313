#!/usr/bin/env python3
"""Follows the table `demo.flights` and keeps `demo.aircraft`: one upsert for each take-off, in the order of time.

    demo/keeper.py HOST:PORT [--rows N] [--report FILE]

It keeps nothing itself that the tables do not have. What a server that dies has taken of what was sent, the state says:
the number of an aircraft's flights in it is the number of its take-offs that count. With --rows it ends when it has seen so
many flights, and --report takes what it did when.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import fluss  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.compute as pc  # noqa: E402

import aircraft  # noqa: E402

POLL_MS = 200
LINGER_MS = "20"
RETRY_S = 0.05
WAIT_S_MAX = 30

TakeOff = tuple[str, str, int]  # tail, airport, delay


class InOrderOfTime:
    """Rows of several partitions, each in order of time, merged: an hour is complete once every partition is past it."""

    def __init__(self, partitions: dict[int, str]):
        self._names = partitions
        self._latest: dict[int, int] = {}
        self._waiting: list[pa.Table] = []

    def add(self, partition: int, rows: pa.RecordBatch) -> None:
        table = pa.Table.from_batches([rows])
        hours = table["time_hour"].cast(pa.int64())
        self._latest[partition] = pc.max(hours).as_py()
        table = table.set_column(table.schema.get_field_index("time_hour"), "hour", hours)
        origin = pa.array([self._names[partition]] * table.num_rows)
        self._waiting.append(table.append_column("origin", origin))

    def complete(self, at_end: bool = False) -> list[TakeOff]:
        """What can be told now: of hours that are over, or with `at_end` everything."""
        if not self._waiting or not (at_end or len(self._latest) == len(self._names)):
            return []
        rows = pa.concat_tables(self._waiting)
        over = pc.less(rows["hour"], min(self._latest.values()))
        self._waiting = [] if at_end else [rows.filter(pc.invert(over))]
        ready = rows if at_end else rows.filter(over)
        ready = aircraft.take_offs(ready.sort_by([("hour", "ascending"), ("origin", "ascending")]))
        return list(zip(*(ready[name].to_pylist() for name in ("tailnum", "dest", "dep_delay")), strict=True))


class Keeper:
    def __init__(self, bootstrap: str, rows_expected: int):
        self._bootstrap = bootstrap
        self._rows_expected = rows_expected
        self._rows = 0
        self._next_offset: dict[tuple[int, int], int] = {}
        self._in_order: InOrderOfTime | None = None
        self._acknowledged: Counter[str] = Counter()  # take-offs, by tail
        self._open: list[TakeOff] = []  # sent, or about to be, and not acknowledged
        self._doubtful = False  # some of _open may have been taken
        self._told: set[str] = set()
        self.recoveries = 0
        # Of the aircraft in the picture: when so many of its take-offs had been sent, and acknowledged (monotonic clock).
        self.sent: dict[str, list[tuple[float, int]]] = {tail: [] for tail in aircraft.WATCHED}
        self.acknowledged: dict[str, list[tuple[float, int]]] = {tail: [] for tail in aircraft.WATCHED}

    async def run(self) -> None:
        while not self._done():
            config = {"bootstrap.servers": self._bootstrap, "writer.batch-timeout-ms": LINGER_MS}
            try:
                connection = await fluss.FlussConnection.create(fluss.Config(config))
            except fluss.FlussError as problem:
                self._tell(problem)
                await asyncio.sleep(RETRY_S)
                continue
            try:
                await self._keep(connection)
            except fluss.FlussError as problem:
                self._tell(problem)
                self.recoveries += 1
                self._doubtful = bool(self._open)
                await asyncio.sleep(RETRY_S)
            finally:
                # Before the next writer sends anything: the old one could still send what that one is about to send.
                await asyncio.wait_for(connection.close(), WAIT_S_MAX)

    async def _keep(self, connection: fluss.FlussConnection) -> None:
        source = fluss.TablePath("demo", "flights")
        partitions = await connection.get_admin().list_partition_infos(source)
        if self._in_order is None:
            self._in_order = InOrderOfTime({each.partition_id: each.partition_name for each in partitions})
            self._next_offset = {(each.partition_id, 0): 0 for each in partitions}
        scan = (await connection.get_table(source)).new_scan().project_by_name(aircraft.READ)
        scanner = await scan.create_record_batch_log_scanner()
        scanner.subscribe_partition_buckets(dict(self._next_offset))
        state = await connection.get_table(aircraft.PATH)
        if self._doubtful:
            await self._leave_out_what_was_taken(state)
        writer = state.new_upsert().create_writer()
        await self._send(writer)
        while not self._done():
            for got in await scanner.poll_record_batch(POLL_MS):
                where = (got.bucket.partition_id, got.bucket.bucket_id)
                self._next_offset[where] = got.last_offset + 1
                self._rows += got.batch.num_rows
                self._in_order.add(where[0], got.batch)
            self._open += self._in_order.complete(at_end=self._all_seen())
            await self._send(writer)

    async def _send(self, writer: fluss.UpsertWriter) -> None:
        """Everything in _open, until it is acknowledged. The table has one bucket: with the last of it, all of it is."""
        if not self._open:
            return
        handle = None
        self._note(self.sent, self._acknowledged + Counter(tail for tail, _, _ in self._open))
        for tail, airport, delay in self._open:
            handle = writer.upsert((tail, airport, 1, delay))
        assert handle is not None
        await asyncio.wait_for(writer.flush(), WAIT_S_MAX)
        await asyncio.wait_for(handle.wait(), WAIT_S_MAX)
        self._acknowledged.update(tail for tail, _, _ in self._open)
        self._open = []
        self._note(self.acknowledged, self._acknowledged)

    async def _leave_out_what_was_taken(self, table: fluss.FlussTable) -> None:
        tails = sorted({tail for tail, _, _ in self._open})
        states = await asyncio.wait_for(aircraft.look_up(table, tails), WAIT_S_MAX)
        taken = Counter({
            tail: (0 if found is None else found.flights) - self._acknowledged[tail]
            for tail, found in zip(tails, states, strict=True)
        })
        left = []
        for take_off in self._open:
            if taken[take_off[0]] > 0:
                taken[take_off[0]] -= 1
                self._acknowledged[take_off[0]] += 1
            else:
                left.append(take_off)
        self._open = left
        self._doubtful = False

    def _tell(self, problem: fluss.FlussError) -> None:
        """Each once: it may come again and again until the server is back."""
        if str(problem) not in self._told:
            self._told.add(str(problem))
            print(f"keeper: {problem}", file=sys.stderr, flush=True)

    @staticmethod
    def _note(into: dict[str, list[tuple[float, int]]], counts: Counter[str]) -> None:
        now = time.monotonic()
        for tail, moments in into.items():
            if counts[tail] != (moments[-1][1] if moments else 0):
                moments.append((now, counts[tail]))

    def _all_seen(self) -> bool:
        return 0 < self._rows_expected <= self._rows

    def _done(self) -> bool:
        return self._all_seen() and not self._open

    def report(self) -> dict:
        return {
            "rows": self._rows,
            "upserts": self._acknowledged.total(),
            "recoveries": self.recoveries,
            "sent": self.sent,
            "acknowledged": self.acknowledged,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bootstrap", help="HOST:PORT of the server")
    parser.add_argument("--rows", type=int, default=0, help="end after so many rows (default: never)")
    parser.add_argument("--report", type=Path, help="write there what was done when, as JSON")
    arguments = parser.parse_args()
    keeper = Keeper(arguments.bootstrap, arguments.rows)
    status = 0
    try:
        asyncio.run(keeper.run())
    except KeyboardInterrupt:
        status = 130
    except TimeoutError:
        print(f"keeper: no answer for {WAIT_S_MAX} s", file=sys.stderr)
        status = 1
    if arguments.report:
        arguments.report.write_text(json.dumps(keeper.report()))
    # Not by way of the interpreter's end: threads of the client that still run then were seen to abort the process.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()

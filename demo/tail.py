#!/usr/bin/env python3
"""Follows the table `demo.flights` and paints the delay per carrier while it grows.

    demo/tail.py HOST:PORT [--rows N] [--report FILE]

It reads three of the nineteen columns; the server sends no others. Where keeper.py keeps aircraft by key, it looks some
up all the time. Lines on standard input appear as events under the picture. With --rows it ends when it has seen so many, and --report takes what it measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
import zoneinfo
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import fluss  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.compute as pc  # noqa: E402

import aircraft  # noqa: E402
import flights  # noqa: E402
import picture  # noqa: E402
from board import Board  # noqa: E402
from peers.places import cache_dir  # noqa: E402

COLUMNS = ["carrier", "dep_delay", "time_hour"]
POLL_MS = 200
PAINT_EVERY_S = 0.08
RETRY_S = 0.05
NEW_YORK = zoneinfo.ZoneInfo("America/New_York")


class Tail:
    def __init__(self, bootstrap: str, rows_expected: int, names: dict[str, str]):
        self.bootstrap = bootstrap
        self.scene = picture.Scene(names=names, rows_expected=rows_expected)
        self.painter = picture.Painter(sys.stdout)
        self.next_offset: dict[tuple[int, int], int] = {}
        self.seen: list[tuple[int, int, float]] = []  # partition, last offset, when (monotonic clock)
        self.gaps: list[str] = []
        self.reconnects = 0
        self.board = Board(bootstrap, self._show)
        self._painted_at = 0.0
        self._rate_from = (time.monotonic(), 0)

    async def run(self) -> None:
        while not self._complete():
            try:
                async with await fluss.FlussConnection.create(
                    fluss.Config({"bootstrap.servers": self.bootstrap})
                ) as connection:
                    await self._follow(connection)
            except fluss.FlussError as problem:
                # The server may be away for a moment; what was seen stays, and reading goes on behind it.
                if self.reconnects == 0:
                    self.event(f"tail: {str(problem)[:60]}; trying again until it is there")
                self.reconnects += 1
                await asyncio.sleep(RETRY_S)
        self.paint(force=True)

    def _show(self, tail: str, state: aircraft.State) -> None:
        self.scene.aircraft[tail] = state
        self.paint()

    def event(self, text: str) -> None:
        self.scene.events.append(text)
        self.paint(force=True)

    def paint(self, force: bool = False) -> None:
        now = time.monotonic()
        if not force and now - self._painted_at < PAINT_EVERY_S:
            return
        since, rows = self._rate_from
        if now - since >= 0.5:
            self.scene.rows_per_s = (self.scene.rows - rows) / (now - since)
            self._rate_from = (now, self.scene.rows)
        self.painter.paint(self.scene)
        self._painted_at = now

    async def _follow(self, connection: fluss.FlussConnection) -> None:
        path = fluss.TablePath("demo", "flights")
        table = await connection.get_table(path)
        self.scene.columns = f"{len(COLUMNS)} of {len(table.arrow_schema)} columns"
        for partition in await connection.get_admin().list_partition_infos(path):
            self.next_offset.setdefault((partition.partition_id, 0), 0)
        scanner = await table.new_scan().project_by_name(COLUMNS).create_record_batch_log_scanner()
        scanner.subscribe_partition_buckets(dict(self.next_offset))
        while not self._complete():
            for batch in await scanner.poll_record_batch(POLL_MS):
                self._take(batch, time.monotonic())
            self.paint()

    def _take(self, got: fluss.RecordBatch, now: float) -> None:
        where = (got.bucket.partition_id, got.bucket.bucket_id)
        due = self.next_offset[where]
        if got.base_offset != due:
            self.gaps.append(f"partition {where[0]}: got offset {got.base_offset}, {due} was next")
        self.next_offset[where] = got.last_offset + 1
        self.seen.append((where[0], got.last_offset, now))
        batch = got.batch
        sums = pa.table([batch.column(0), batch.column(1)], names=["carrier", "dep_delay"]).group_by("carrier")
        for row in sums.aggregate([([], "count_all"), ("dep_delay", "count"), ("dep_delay", "sum")]).to_pylist():
            delays = self.scene.carriers.setdefault(row["carrier"], picture.Delays())
            delays.flights += row["count_all"]
            delays.with_delay += row["dep_delay_count"]
            delays.minutes += row["dep_delay_sum"] or 0
        self.scene.rows += batch.num_rows
        latest = pc.max(batch.column(2)).as_py()
        if latest is not None:
            self.scene.day = max(self.scene.day, f"{latest.astimezone(NEW_YORK):%Y-%m-%d}")

    def _complete(self) -> bool:
        return 0 < self.scene.rows_expected <= self.scene.rows

    def report(self) -> dict:
        return {
            "rows": self.scene.rows,
            "seen": self.seen,
            "gaps": self.gaps,
            "reconnects": self.reconnects,
            "answers": self.board.answers,
            "carriers": {code: vars(delays) for code, delays in self.scene.carriers.items()},
        }


async def pass_on_events(tail: Tail) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        tail.event(line.decode().rstrip("\n"))


async def follow(arguments: argparse.Namespace) -> None:
    tail = Tail(arguments.bootstrap, arguments.rows, flights.carrier_names(cache_dir() / "downloads"))
    beside = [asyncio.create_task(tail.board.run())]
    if not sys.stdin.isatty():
        beside.append(asyncio.create_task(pass_on_events(tail)))
    try:
        await tail.run()
    finally:
        for task in beside:
            task.cancel()
        if arguments.report:
            arguments.report.write_text(json.dumps(tail.report()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bootstrap", help="HOST:PORT of the server")
    parser.add_argument("--rows", type=int, default=0, help="end after so many rows (default: never)")
    parser.add_argument("--report", type=Path, help="write what was measured there, as JSON")
    try:
        asyncio.run(follow(parser.parse_args()))
    except KeyboardInterrupt:
        pass
    # Not by way of the interpreter's end: threads of the client that still run then were seen to abort the process.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

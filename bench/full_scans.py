"""All rows of a table with a primary key: over SCAN_KV, and from a snapshot that the Java client reads by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import keyed
import throughput
from contenders import KINDS, Contender, started
from figures import OURS, Figure, Row
from java_reader import JavaReader, reading
from plan import Plan
from processes import wait_until_quiet
from raw_client import RawClient

INTERVAL = "5s"  # between two snapshots
SNAPSHOT_S_MAX = 120.0
POLL_S = 0.5


def rows(keys: list[str], names: list[str], plan: Plan) -> list[Row]:
    """Of servers that take snapshots to a directory of their own."""
    count = keyed.batched(plan.keyed_rows)
    scan = Row("scan-kv", f"SCAN_KV of {count:,} rows by key (Fluss 0.9.1 has none)", _figures())
    snapshot = Row("scan-snapshot", f"the Java client reads a snapshot of {count:,} rows by key, its files included", _figures())
    for name in names:
        with started(_server(name, plan)) as server:
            path, table = keyed.filled(server, count)
            if "scan-kv" in keys and name == OURS:
                raw = RawClient.of(server.bootstrap)

                def scan_all(raw: RawClient = raw, table: int = table) -> int:
                    return sum(raw.scan(table))

                _measure(scan, server, plan, count, scan_all)
                raw.close()
            if "scan-snapshot" in keys:
                with reading([server]) as readers:
                    reader = readers[name]
                    number = _latest(reader, path.table_name, 3 * count)
                    read = _reading(reader, path.table_name, number)
                    read()  # not counted: the JVM compiles
                    _measure(snapshot, server, plan, count, read)
    return [row for row in (scan, snapshot) if row.key in keys]


def _figures() -> list[Figure]:
    return [Figure("rate", "k rows/s", True, 0), Figure("server CPU", "s/M rows", False, 3)]


def _server(name: str, plan: Plan) -> Contender:
    directory = plan.directory / f"full-scans-{name}"
    settings = {"kv.snapshot.interval": INTERVAL}
    if name == OURS:
        settings["remote.data.dir"] = str(directory / "remote")
    return KINDS[name](directory, settings)


def _latest(reader: JavaReader, table: str, end: int) -> int:
    """The number of a snapshot of all that was done, once there is one."""
    deadline = time.monotonic() + SNAPSHOT_S_MAX
    while time.monotonic() < deadline:
        number, offset = map(int, reader.ask("latest", table).split())
        if offset == end:
            return number
        time.sleep(POLL_S)
    raise RuntimeError(f"no snapshot of {table} up to offset {end} within {SNAPSHOT_S_MAX:g} s")


def _reading(reader: JavaReader, table: str, number: int) -> Callable[[], int]:
    return lambda: int(reader.ask("snapshot", table, number))


def _measure(row: Row, server: Contender, plan: Plan, count: int, read: Callable[[], int]) -> None:
    async def piece(_: object) -> None:
        if (found := read()) != count:
            raise RuntimeError(f"{server.name}: {count} rows were there to be read, {found} were")

    for _ in range(plan.repeats):
        wait_until_quiet(server.pids, keyed.SETTLE_S_MAX)
        sample = asyncio.run(throughput.measure(server, plan, count, piece))
        row.figures[0].add(server.name, sample.rows / sample.wall_s / 1e3)
        row.figures[1].add(server.name, sample.server_cpu_s / sample.rows * 1e6)

"""Rows of primary-key tables: puts over the wire, lookups by the Java client, the changelog, memory, restart."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import shutil
import time
from collections.abc import Callable

import fluss
import pyarrow as pa

import client
import keyed_frames
import sdk_gets
import throughput
from contenders import KINDS, Contender, Thalweg, started
from figures import OURS, Figure, Row, at_most, percentile, ratio_at_least, ratio_at_most
from java_reader import JavaReader, reading
from plan import Plan
from processes import memory, wait_until_quiet
from raw_client import RawClient
from throughput import Sample

LIMITS = {"put-distinct": 0.5, "put-update": 0.6, "put-delete": 0.6}  # of Java's CPU
WORDS = {"put-distinct": "new rows", "put-update": "rows that are there", "put-delete": "deletes"}
IN_FLIGHT = 1024
LOOKUPS = 100_000  # at once; a repeat takes as many of these as it needs
PREFIX_LOOKUPS = 20_000
ROWS_PER_PREFIX = 10
PREFIX_SCHEMA = pa.schema([("owner", pa.int32()), ("id", pa.int64()), ("note", pa.string())])
NOTE = "the quick brown fox jumps over the dog"
RESTART_ROWS = 10_000_000
READY_S_MAX = 120.0
SETTLE_S_MAX = 30.0


def batched(rows: float) -> int:
    """The next whole number of batches, at least one."""
    return max(1, round(rows / keyed_frames.BATCH_ROWS)) * keyed_frames.BATCH_ROWS


class Keyed:
    """Both servers, while they run, and what the rows share."""

    def __init__(self, servers: list[Contender], plan: Plan):
        self.servers = servers
        self.plan = plan
        self.once = dataclasses.replace(plan, cpu_s_min=0.0)  # a piece of work that is long enough by itself
        self.rows = batched(plan.keyed_rows)
        self._puts: dict[str, Row] = {}
        self._tables: dict[str, fluss.TablePath] = {}
        self._prefixes: dict[str, fluss.TablePath] = {}

    def row(self, key: str) -> Row:
        if key in LIMITS:
            if not self._puts:
                self._puts = self._measure_puts()
            return self._puts[key]
        if key == "lookup":
            return self._lookup_row()
        if key == "lookup-one":
            return self._single_lookup_row()
        if key.startswith("sdk-get"):
            ours = next(server for server in self.servers if server.name == OURS)
            return sdk_gets.row(key, ours, self._filled(ours), self.rows, self.plan)
        if key == "prefix":
            return self._prefix_row()
        return self._changelog_row()

    # --- Puts.

    def _measure_puts(self) -> dict[str, Row]:
        found = {}
        for key, words in WORDS.items():
            figures = []
            for order in ("ascending", "shuffled"):
                figures += [
                    Figure(f"rate, {order} ids", "k rows/s", True, 0, target=ratio_at_least(2)),
                    Figure(f"server CPU, {order} ids", "s/M rows", False, target=ratio_at_most(LIMITS[key])),
                ]
            figures[0].target = figures[2].target = None if key == "put-delete" else ratio_at_least(2)
            found[key] = Row(key, f"{words}, {self.rows:,} of 10 columns, one bucket, by frames made ahead of time", figures)
        for server in self.servers:
            self._put_once(server, None)
        for shuffled in (False, True):
            for server in self.plan.order(self.servers):
                samples = self._put_once(server, shuffled)
                for key, sample in samples.items():
                    rate, cpu = found[key].figures[2 * shuffled : 2 * shuffled + 2]
                    rate.add(server.name, sample.rows / sample.wall_s / 1e3)
                    cpu.add(server.name, sample.server_cpu_s / sample.rows * 1e6)
                    share = sample.client_cpu_s / sample.server_cpu_s
                    found[key].notes = [f"{server.name}: the client took {share:.0%} of the server's CPU (last repeat)"] + [
                        note for note in found[key].notes if not note.startswith(server.name)
                    ]
        return found

    def _put_once(self, server: Contender, shuffled: bool | None) -> dict[str, Sample]:
        """All three, on a new table. `shuffled` None: only to warm up."""
        ids = keyed_frames.ids(self.rows if shuffled is not None else batched(self.rows / 4), bool(shuffled))
        path, table = self._new_table(server, "put", keyed_frames.SCHEMA, keyed_frames.KEY)
        raw = RawClient.of(server.bootstrap)
        samples = {}
        for key in WORDS:
            frames = (
                keyed_frames.deletes(ids)
                if key == "put-delete"
                else keyed_frames.upserts(ids, version=list(WORDS).index(key))
            )

            async def put(_: object, batches: list[memoryview] = frames.batches) -> None:
                raw.put(table, batches)

            samples[key] = asyncio.run(throughput.measure(server, self.once, frames.rows, put))
        raw.close()
        records = asyncio.run(self._end(server, path))
        if records != 4 * len(ids):  # +I, -U and +U, -D
            raise RuntimeError(f"{server.name}: {len(ids)} rows were put, updated and deleted: {records} changes")
        asyncio.run(self._drop(server, path))
        return samples

    # --- Reads.

    def _lookup_row(self) -> Row:
        row = Row("lookup", f"lookups by the Java client, {IN_FLIGHT:,} in flight, of {self.rows:,} rows")
        row.figures = [
            Figure("rate", "k/s", True, 1, target=ratio_at_least(1.3)),
            Figure("server CPU", "s/M", False, target=ratio_at_most(0.35)),
        ]

        def work(server: Contender, reader: JavaReader) -> int:
            name = self._filled(server).table_name
            found = int(reader.ask("many", name, keyed_frames.FIRST_ID, self.rows, IN_FLIGHT, LOOKUPS))
            self._expect(server, "keys", found, LOOKUPS)
            return LOOKUPS

        self._run(row, work)
        return row

    def _prefix_row(self) -> Row:
        row = Row("prefix", f"prefix lookups by the Java client, {IN_FLIGHT:,} in flight, {ROWS_PER_PREFIX} rows each")
        row.figures = [
            Figure("rate", "k/s", True, 1),
            Figure("server CPU", "s/M", False, target=ratio_at_most(0.5)),
        ]
        count = max(100, self.rows // ROWS_PER_PREFIX // 10)

        def work(server: Contender, reader: JavaReader) -> int:
            name = self._filled_prefixes(server, count).table_name
            found = int(reader.ask("prefixes", name, count, IN_FLIGHT, PREFIX_LOOKUPS))
            self._expect(server, "rows", found, PREFIX_LOOKUPS * ROWS_PER_PREFIX)
            return PREFIX_LOOKUPS

        self._run(row, work)
        return row

    def _run(self, row: Row, work: Callable[[Contender, JavaReader], int]) -> None:
        """`work(server, reader)` does a piece and returns how much it was."""
        with reading(self.servers) as readers:
            for server in self.servers:
                for _ in range(3):  # not counted: two JVMs compile
                    size = work(server, readers[server.name])
            for server in self.plan.order(self.servers):
                reader = readers[server.name]

                async def piece(_: object, server: Contender = server, reader: JavaReader = reader) -> None:
                    work(server, reader)

                sample = asyncio.run(throughput.measure(server, self.plan, size, piece))
                row.figures[0].add(server.name, sample.rows / sample.wall_s / 1e3)
                row.figures[1].add(server.name, sample.server_cpu_s / sample.rows * 1e6)

    def _single_lookup_row(self) -> Row:
        row = Row("lookup-one", f"one lookup after the other by the Java client (linger 100 µs), of {self.rows:,} rows")
        row.figures = [
            Figure("p50", "ms", False, 3, target=ratio_at_most(1.0)),
            Figure("p99", "ms", False, 3, target=ratio_at_most(0.5)),
        ]
        count = 4 * self.plan.samples_max
        with reading(self.servers) as readers:
            for counted in (False, True):
                for server in self.plan.order(self.servers) if counted else self.servers:
                    name = self._filled(server).table_name
                    times = readers[server.name].ask("single", name, keyed_frames.FIRST_ID, self.rows, count)
                    milliseconds = [float(word) for word in times.split()]
                    if counted:
                        row.figures[0].add(server.name, percentile(milliseconds, 0.5))
                        row.figures[1].add(server.name, percentile(milliseconds, 0.99))
        return row

    def _changelog_row(self) -> Row:
        row = Row("changelog", f"fetches of a changelog of {self.rows:,} inserts and as many updates (+I, −U +U)")
        row.figures = [
            Figure("rate", "M records/s", True),
            Figure("server CPU", "s/M records", False, 4, target=ratio_at_most(0.5)),
            Figure("received", "B/record", False),
        ]
        for counted in (False, True):
            for server in self.plan.order(self.servers) if counted else self.servers:
                path = self._filled(server)
                end = asyncio.run(self._end(server, path))
                table = asyncio.run(self._table_id(server, path))
                raw = RawClient.of(server.bootstrap)
                received = 0

                async def fetch(_: object, raw: RawClient = raw, table: int = table, end: int = end) -> None:
                    nonlocal received
                    received += sum(raw.changelog(table, end))

                sample = asyncio.run(throughput.measure(server, self.plan, end, fetch))
                raw.close()
                if counted:
                    row.figures[0].add(server.name, sample.rows / sample.wall_s / 1e6)
                    row.figures[1].add(server.name, sample.server_cpu_s / sample.rows * 1e6)
                    row.figures[2].add(server.name, received / sample.rows)
        return row

    # --- What they stand on.

    def _filled(self, server: Contender) -> fluss.TablePath:
        """A table whose rows were all put and then updated, in shuffled order."""
        if server.name not in self._tables:
            self._tables[server.name] = filled(server, self.rows)[0]
            wait_until_quiet(server.pids, SETTLE_S_MAX)
        return self._tables[server.name]

    def _filled_prefixes(self, server: Contender, count: int) -> fluss.TablePath:
        async def fill() -> fluss.TablePath:
            async with await client.connect(server.bootstrap) as connection:
                path = await client.create(
                    connection, "prefix", PREFIX_SCHEMA, bucket_keys=["owner"], primary_keys=["owner", "id"]
                )
                writer = (await connection.get_table(path)).new_upsert().create_writer()
                for owner in range(count):
                    for number in range(ROWS_PER_PREFIX):
                        writer.upsert({"owner": owner, "id": number, "note": NOTE})
                await client.flush(writer)
                return path

        if server.name not in self._prefixes:
            self._prefixes[server.name] = asyncio.run(fill())
        return self._prefixes[server.name]

    @staticmethod
    def _new_table(server: Contender, tag: str, schema: pa.Schema, keys: list[str]) -> tuple[fluss.TablePath, int]:
        return asyncio.run(new_table(server, tag, schema, keys))

    @staticmethod
    async def _table_id(server: Contender, path: fluss.TablePath) -> int:
        async with await client.connect(server.bootstrap) as connection:
            return (await connection.get_table(path)).get_table_info().table_id

    @staticmethod
    async def _end(server: Contender, path: fluss.TablePath) -> int:
        async with await client.connect(server.bootstrap) as connection:
            return await client.stored_rows(connection, path)

    @staticmethod
    async def _drop(server: Contender, path: fluss.TablePath) -> None:
        async with await client.connect(server.bootstrap) as connection:
            await client.drop(connection, path)

    @staticmethod
    def _expect(server: Contender, what: str, found: int, asked: int) -> None:
        if found != asked:
            raise RuntimeError(f"{server.name}: {asked} {what} were there to be found, {found} were")


async def new_table(
    server: Contender, tag: str, schema: pa.Schema, keys: list[str]
) -> tuple[fluss.TablePath, int]:
    """Path and id."""
    async with await client.connect(server.bootstrap) as connection:
        path = await client.create(connection, tag, schema, primary_keys=keys)
        return path, (await connection.get_table(path)).get_table_info().table_id


def filled(server: Contender, rows: int, updated: bool = True) -> tuple[fluss.TablePath, int]:
    """A table of `rows` rows in shuffled order; each a second time where `updated`."""
    path, table = asyncio.run(new_table(server, "keyed", keyed_frames.SCHEMA, keyed_frames.KEY))
    raw = RawClient.of(server.bootstrap)
    ids = keyed_frames.ids(rows, shuffled=True)
    part = batched(1_000_000)  # at a time, for the sake of the memory here
    for version in range(2 if updated else 1):
        for at in range(0, rows, part):
            raw.put(table, keyed_frames.upserts(ids[at : at + part], version).batches)
    raw.close()
    return path, table


def resident_row(key: str, names: list[str], plan: Plan) -> Row:
    """Servers that have done nothing else."""
    rows = batched(plan.keyed_rows)
    row = Row(key, f"resident memory after {rows:,} rows were put by key (Java: without ZooKeeper)")
    row.figures = [
        Figure("total", "MB", False, 0, target=ratio_at_most(0.35)),
        Figure("anonymous", "MB", False, 0),
    ]
    for name in names:
        with started(KINDS[name](plan.directory / f"resident-{name}")) as server:
            filled(server, rows, updated=False)
            wait_until_quiet(server.pids, SETTLE_S_MAX)
            time.sleep(plan.settle_s)
            found = memory(server.pids)
            row.figures[0].add(name, found.total_mb)
            row.figures[1].add(name, found.anonymous_mb)
    return row


def restart_row(key: str, plan: Plan) -> Row:
    """Ours alone: the peer acknowledges what kill -9 and a power cut may take, and is not asked to be fast."""
    rows = batched(RESTART_ROWS * min(1.0, plan.keyed_rows / 1e6))
    row = Row(key, f"kill -9 right after {rows:,} rows were put by key, then a start, until a lookup is answered rightly")
    row.figures = [
        Figure("spawn to listening", "s", False),
        Figure("spawn to answered", "s", False, target=at_most(3, "s")),
        Figure("put before", "k rows/s", True, 0),
    ]
    directory = plan.directory / "restart-keyed"
    server = Thalweg(directory)
    server.start()
    try:
        began = time.perf_counter()
        _, table = filled(server, rows, updated=False)
        row.figures[2].add(OURS, rows / (time.perf_counter() - began) / 1e3)
        last = keyed_frames.ids(rows, shuffled=True)[-keyed_frames.BATCH_ROWS :]
        part = batched(1_000_000)
        tail = keyed_frames.ids(rows, shuffled=True)[(rows - 1) // part * part :]
        expected = keyed_frames.rows(tail, 0)[-1].tobytes()
        sought = keyed_frames.keys(last)[-1].tobytes()
        for _ in range(plan.repeats):
            server.kill()
            os.sync()
            listening, answered = _restart(server, table, sought, expected)
            row.figures[0].add(OURS, listening)
            row.figures[1].add(OURS, answered)
            # So that each start finds as much that was not in the state yet.
            raw = RawClient(server.bootstrap)
            again = keyed_frames.ids(rows, shuffled=True)[-batched(plan.keyed_rows) :]
            raw.put(table, keyed_frames.upserts(again, 1).batches)
            raw.put(table, keyed_frames.upserts(tail, 0).batches)
            raw.close()
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)
    return row


def _restart(server: Thalweg, table: int, key: bytes, expected: bytes) -> tuple[float, float]:
    began = time.perf_counter()
    server.start()
    listening = time.perf_counter() - began
    while time.perf_counter() - began < READY_S_MAX:
        with contextlib.suppress(OSError, RuntimeError):
            raw = RawClient(server.bootstrap)
            answer = raw.lookup(table, key)
            raw.close()
            if answer.error == 0:
                if answer.body.get("values", b"")[2:] != expected:
                    raise ValueError("a row that was acknowledged before kill -9 is not what it was")
                return listening, time.perf_counter() - began
        time.sleep(client.RETRY_S)
    raise RuntimeError(f"no lookup was answered within {READY_S_MAX:g} s of a restart")



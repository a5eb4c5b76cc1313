"""What must hold of the tables of `crash.keyed` after a life: nothing acknowledged is lost, nothing else appears, and
changelog, lookups and limit scans tell the same rows."""

from __future__ import annotations

import asyncio
import json
import time
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field

import fluss

from crash import keyed
from crash.keyed import Key, Kind, Row, Table
from crash.keyed_workers import learn_partitions, look_up

POLL_MS = 200
READ_S_MAX = 60.0
LIMIT = 10_000
Change = fluss.ChangeType
Rows = dict[Key, Row]


@dataclass
class Life:
    """What the workers wrote down in one life of the server."""

    operations: dict[tuple[str, Key], list[tuple[int, Kind]]] = field(default_factory=lambda: defaultdict(list))
    acknowledged: dict[int, float] = field(default_factory=dict)  # operation, when
    reads: list[tuple[float, str, list[tuple[Key, Row | None]]]] = field(default_factory=list)
    ended: list[tuple[float, str]] = field(default_factory=list)


def read_journal(text: str) -> Life:
    life = Life()
    for line in text.splitlines():
        match json.loads(line):
            case ["S", number, table, key, kind]:
                life.operations[table, key].append((number, Kind(kind)))
            case ["A", number, when]:
                life.acknowledged[number] = when
            case ["R", asked, table, rows]:
                seen = [(key, None if row is None else tuple(row)) for key, row in rows]
                life.reads.append((asked, table, seen))
            case ["E", when, why]:
                life.ended.append((when, why))
            case other:
                raise ValueError(f"the journal of the workers says {other}")
    return life


class Fold:
    """The changelog of one table, added up. What it says must follow from what it said before."""

    def __init__(self, table: Table):
        self.table = table
        self.rows: Rows = {}
        self.next_offset: dict[tuple[int | None, int], int] = {}
        self.changes: dict[Key, list[Row | None]] = defaultdict(list)  # what keys became, since `start`
        self.problems: list[str] = []
        self._before: dict[tuple[int | None, int], tuple[Key, Row]] = {}

    def start(self) -> None:
        self.changes.clear()
        self.problems.clear()

    def take(self, where: tuple[int | None, int], offset: int, change: fluss.ChangeType, found: dict[str, object]) -> None:
        key, row = found["id"], self.table.row_of(found)
        said = f"{self.table.name} {where} offset {offset}: {change.short_string()} {key} {row}"
        if offset != self.next_offset[where]:
            self.problems.append(f"{said}, where offset {self.next_offset[where]} was next")
        self.next_offset[where] = offset + 1
        before = self._before.pop(where, None)
        if (before is not None) != (change == Change.UpdateAfter) or (before is not None and before[0] != key):
            self.problems.append(f"{said}, after -U of {before}")
        if change == Change.Insert:
            if key in self.rows:
                self.problems.append(f"{said}, where {self.rows[key]} was")
        elif self.rows.get(key) != row and change != Change.UpdateAfter:
            self.problems.append(f"{said}, where {self.rows.get(key)} was")
        if change == Change.UpdateBefore:
            self._before[where] = (key, row)
            return
        if change == Change.Delete:
            self.rows.pop(key, None)
        else:
            self.rows[key] = row
        self.changes[key].append(None if change == Change.Delete else row)


def check_life(life: Life, table: Table, before: Rows, changes: dict[Key, list[Row | None]]) -> list[str]:
    """What is wrong with what became of the keys of `table` since they were `before`."""
    problems = []
    reads: dict[Key, list[tuple[float, Row | None]]] = defaultdict(list)
    for asked, name, rows in life.reads:
        for key, row in rows if name == table.name else ():
            reads[key].append((asked, row))
    for key in keyed.KEYS:
        problems += _check_key(life, table, key, before.get(key), changes.get(key, []), reads[key])
    return problems


def _check_key(
    life: Life, table: Table, key: Key, row: Row | None, changes: list[Row | None], reads: list[tuple[float, Row | None]]
) -> list[str]:
    """The changelog has the effects of the first so many operations, of all that were acknowledged, and those that were seen."""
    what = f"{table.name} key {key}"
    states = [row]  # that differ from what was before in the changelog
    acknowledged: list[tuple[float, int]] = []  # when, and how many of `states` it takes
    for number, kind in life.operations[table.name, key]:
        if not (kind is Kind.DELETE and row is None):
            row = table.after(row, kind, number)
            states.append(row)
        if number in life.acknowledged:
            acknowledged.append((life.acknowledged[number], len(states)))
    if changes != states[1 : len(changes) + 1]:
        return [f"{what}: became {changes[-5:]} of {len(changes)} changes, and should have {states[1:][-5:]} of {len(states) - 1}"]
    problems = []
    kept = len(changes) + 1
    if acknowledged and kept < max(count for _, count in acknowledged):
        problems.append(f"{what}: {max(count for _, count in acknowledged) - kept} acknowledged changes are lost")
    acknowledged.sort()
    times = [when for when, _ in acknowledged]
    for asked, seen in reads:
        known = max((count for _, count in acknowledged[: bisect_left(times, asked)]), default=1)
        if seen not in states[known - 1 : kept]:
            problems.append(f"{what}: a lookup showed {seen}; of what was acknowledged before or durable: {states[known - 1 : kept][:5]}")
    return problems


class Reader:
    """Compares what the server says of both tables, in every way that it can say it."""

    def __init__(self) -> None:
        self.folds = {table: Fold(table) for table in keyed.TABLES.values()}

    async def compare(self, bootstrap: str) -> list[str]:
        """Reads on in the changelogs; everything by lookup and by limit scan, which must be the same. What is wrong."""
        async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
            # Not at the same time: pyfluss then forgets one of them again, and panics over its partitions.
            opened = {table: await connection.get_table(table.path) for table in self.folds}
            for table, handle in opened.items():
                await learn_partitions(table, handle, connection)
            found = await asyncio.gather(*(self._compare(connection, self.folds[table], opened[table]) for table in opened))
        return [problem for problems in found for problem in problems]

    async def _compare(self, connection: fluss.FlussConnection, fold: Fold, table: fluss.FlussTable) -> list[str]:
        fold.start()
        partitions = {None: ""}
        if "day" in fold.table.keys:
            infos = await connection.get_admin().list_partition_infos(fold.table.path)
            partitions = {info.partition_id: info.partition_name for info in infos}
        looked_up, scanned, _ = await asyncio.gather(
            look_up(fold.table, table), scan(fold.table, table, partitions), read_changes(connection, fold, table, partitions)
        )
        problems = list(fold.problems)
        for how, rows in (("lookups", {key: row for key, row in looked_up.items() if row is not None}), ("limit scans", scanned)):
            if rows != fold.rows:
                differing = {key: (rows.get(key), fold.rows.get(key)) for key in keyed.KEYS if rows.get(key) != fold.rows.get(key)}
                problems.append(f"{fold.table.name}: {how} and changelog differ: {dict(list(differing.items())[:5])}")
        return problems


async def scan(table: Table, opened: fluss.FlussTable, partitions: dict[int | None, str]) -> Rows:
    table_id = opened.get_table_info().table_id
    rows: Rows = {}
    for partition in partitions:
        for number in range(keyed.BUCKETS):
            bucket = fluss.TableBucket(table_id, number)
            if partition is not None:
                bucket = fluss.TableBucket.with_partition(table_id, partition, number)
            for row in (await opened.new_scan().limit(LIMIT).create_bucket_batch_scanner(bucket).to_arrow()).to_pylist():
                assert row["id"] not in rows, f"{table.name} key {row['id']} is in two buckets"
                rows[row["id"]] = table.row_of(row)
    return rows


async def read_changes(
    connection: fluss.FlussConnection, fold: Fold, opened: fluss.FlussTable, partitions: dict[int | None, str]
) -> None:
    admin = connection.get_admin()
    buckets = list(range(keyed.BUCKETS))
    ends: dict[tuple[int | None, int], int] = {}
    for partition, name in partitions.items():
        latest = fluss.OffsetSpec.latest()
        if partition is None:
            offsets = await admin.list_offsets(fold.table.path, buckets, latest)
        else:
            offsets = await admin.list_partition_offsets(fold.table.path, name, buckets, latest)
        ends |= {(partition, bucket): end for bucket, end in offsets.items()}
    for where in ends:
        fold.next_offset.setdefault(where, 0)
    scanner = await opened.new_scan().create_log_scanner()
    for (partition, bucket), offset in fold.next_offset.items():
        if partition is None:
            scanner.subscribe(bucket, offset)
        else:
            scanner.subscribe_partition(partition, bucket, offset)
    deadline = time.monotonic() + READ_S_MAX
    while any(fold.next_offset[where] < end for where, end in ends.items()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{fold.table.name}: read to {fold.next_offset} of {ends} in {READ_S_MAX:g} s")
        for bucket, records in (await scanner.poll(POLL_MS)).items():
            for record in records:
                fold.take((bucket.partition_id, bucket.bucket_id), record.offset, record.change_type, record.row)

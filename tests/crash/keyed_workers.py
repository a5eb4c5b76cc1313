"""Writers and readers of the tables of `crash.keyed`, killed as suddenly as the server.

python -m crash.keyed_workers BOOTSTRAP JOURNAL SEED READERS

Each line `[N, {TABLE: [KEY, …]}]` on standard input begins life N, with the rows that there are: as many processes are forked as there
are writers and readers. An empty line kills them. Both are answered with a line. A client that lived on would send again what the server had lost, and nobody could tell;
so they die too. Into JOURNAL goes, before and after it is done, what they do, and `["E", when, why]` of one that ends by itself.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import random
import signal
import sys
import time

import fluss

from crash import keyed
from crash.keyed import Kind

# Short, so that much is sent and acknowledged between two kills.
LINGER_MS = "2"
ROUND_OPERATIONS_MAX = 12
ROUNDS_IN_FLIGHT_MAX = 4
PART_SHARE = 0.3  # of the rounds are partial updates
DELETE_SHARE = 0.3  # of the other operations, where there is a row
LIFE_OPERATIONS_MAX = 1_000_000  # numbers of one life


class Journal:
    """Lines of JSON, each written in one go; what was written is there whatever happens to the process."""

    def __init__(self, path: str):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(self, *what: object) -> None:
        os.write(self._file, f"{json.dumps(what)}\n".encode())


async def open_writers(bootstrap: str, partial: bool) -> dict[keyed.Table, fluss.UpsertWriter]:
    """On a connection of their own: a client of one fails where whole rows and partial ones wait for the same bucket."""
    config = fluss.Config({"bootstrap.servers": bootstrap, "writer.batch-timeout-ms": LINGER_MS})
    connection = await fluss.FlussConnection.create(config)
    opened = {table: (await connection.get_table(table.path)).new_upsert() for table in keyed.TABLES.values()}
    if partial:
        opened = {table: upsert.partial_update_by_name([*table.keys, table.part]) for table, upsert in opened.items()}
    return {table: upsert.create_writer() for table, upsert in opened.items()}


async def write(
    bootstrap: str, journal: Journal, writer: int, life: int, there: dict[str, list[keyed.Key]], dice: random.Random
) -> None:
    """`["S", number, table, key, kind]` before an operation is handed to the client, `["A", number, when]` once it is acknowledged.
    Only rows that are there are deleted: an empty batch in the changelog is one that a scanner does not tell of."""
    writers = [await open_writers(bootstrap, partial) for partial in (False, True)]
    exist = {table: set(there[table.name]) for table in keyed.TABLES.values()}
    number = (life * keyed.WRITERS + writer) * LIFE_OPERATIONS_MAX
    own = range(writer * keyed.KEYS_OF_A_WRITER, (writer + 1) * keyed.KEYS_OF_A_WRITER)

    async def acknowledge(handles: list[tuple[int, fluss.WriteResultHandle]]) -> None:
        for number, handle in handles:
            await handle.wait()
            journal.note("A", number, time.monotonic())

    while True:
        # Rounds of one sort are in flight together. Two connections keep no order: the last is acknowledged before the next sort.
        partial = dice.random() < PART_SHARE
        rounds = []
        for _ in range(dice.randint(1, ROUNDS_IN_FLIGHT_MAX)):
            table = dice.choice(list(keyed.TABLES.values()))
            into = writers[partial][table]
            handles = []
            for key in dice.sample(own, dice.randint(1, ROUND_OPERATIONS_MAX)):
                delete = not partial and key in exist[table] and dice.random() < DELETE_SHARE
                kind = Kind.DELETE if delete else Kind.PART if partial else Kind.UPSERT
                (exist[table].discard if delete else exist[table].add)(key)
                number += 1
                journal.note("S", number, table.name, key, kind.value)
                row = table.written(key, kind, number)
                handles.append((number, into.delete(row) if delete else into.upsert(row)))
            rounds.append(acknowledge(handles))
        await asyncio.gather(*rounds)


async def read(bootstrap: str, journal: Journal) -> None:
    """`["R", when it was asked, table, [[key, row], …]]` of all keys, again and again."""
    connection = await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap}))
    tables = {table: await connection.get_table(table.path) for table in keyed.TABLES.values()}
    for table, opened in tables.items():
        await learn_partitions(table, opened, connection)
    while True:
        await asyncio.gather(*(_read_once(journal, table, opened) for table, opened in tables.items()))


async def _read_once(journal: Journal, table: keyed.Table, opened: fluss.FlussTable) -> None:
    asked = time.monotonic()
    rows = await look_up(table, opened)
    journal.note("R", asked, table.name, list(rows.items()))


async def learn_partitions(table: keyed.Table, opened: fluss.FlussTable, connection: fluss.FlussConnection) -> None:
    """Has the client learn of the partitions one after the other. Of two that it learns of at the same time it forgets one
    (what one answer adds to its metadata, the other takes out again), and then takes a key there for missing, without asking."""
    if "day" not in table.keys:
        return
    table_id = opened.get_table_info().table_id
    for partition in await connection.get_admin().list_partition_infos(table.path):
        bucket = fluss.TableBucket.with_partition(table_id, partition.partition_id, 0)
        await opened.new_scan().limit(1).create_bucket_batch_scanner(bucket).to_arrow()


async def look_up(table: keyed.Table, opened: fluss.FlussTable) -> dict[keyed.Key, keyed.Row | None]:
    """All keys. One Lookuper takes one key at a time; those of many go out together."""
    asked = (opened.new_lookup().create_lookuper().lookup(table.key_of(key)) for key in keyed.KEYS)
    found = await asyncio.gather(*asked)
    return {key: None if row is None else table.row_of(row) for key, row in zip(keyed.KEYS, found, strict=True)}


def fork(journal: str, work: object) -> int:
    """Runs the coroutine that `work` makes in a new process, which ends with this one."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)
    notes = Journal(journal)
    try:
        asyncio.run(work(notes))  # type: ignore[operator]
    except BaseException as error:  # The process ends here, and says why.
        notes.note("E", time.monotonic(), repr(error))
    os._exit(0)


def main() -> None:
    bootstrap, journal, seed, readers = sys.argv[1:]
    alive: list[int] = []
    for line in sys.stdin:
        if line.strip():
            life, there = json.loads(line)
            for writer in range(keyed.WRITERS):
                dice = random.Random(f"{seed}/{life}/{writer}")
                alive.append(fork(journal, lambda j, w=writer, d=dice: write(bootstrap, j, w, life, there, d)))
            alive += [fork(journal, lambda j: read(bootstrap, j)) for _ in range(int(readers))]
        else:
            for pid in alive:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            alive.clear()
        print("done", flush=True)


if __name__ == "__main__":
    main()

"""kill -9 under upserts and deletions: what was acknowledged is there by key, and the changelog adds up to it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

import fluss
import pyarrow as pa
import pytest

from peers.thalweg import ThalwegServer

KEYS = 60
LIVES = 4
PATH = fluss.TablePath("fluss", "killed")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ThalwegServer]:
    started = ThalwegServer(tmp_path / "server").start()
    yield started
    started.kill()


async def connect(server: ThalwegServer) -> fluss.FlussConnection:
    return await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": server.bootstrap}))


async def create(server: ThalwegServer) -> None:
    async with await connect(server) as connection:
        schema = fluss.Schema(pa.schema([("id", pa.int32()), ("name", pa.string())]), primary_keys=["id"])
        await connection.get_admin().create_table(PATH, fluss.TableDescriptor(schema, bucket_count=1), False)


async def write_until_killed(
    server: ThalwegServer, life: int, dice: random.Random, history: dict[int, list[str | None]], known: dict[int, int]
) -> None:
    """`history`: what each key was given, in order; `known`: how much of that was acknowledged."""
    connection = await connect(server)
    table = await connection.get_table(PATH)
    writer = table.new_upsert().create_writer()

    async def kill() -> None:
        await asyncio.sleep(0.2 + dice.random() / 2)
        server.kill()

    killer = asyncio.create_task(kill())
    for wave in range(10_000):
        if killer.done():
            break
        handles = []
        for key in dice.sample(range(KEYS), 20):
            name = None if dice.random() < 0.25 else f"{life}.{wave}.{dice.random()}"
            history[key].append(name)
            handle = writer.delete({"id": key}) if name is None else writer.upsert({"id": key, "name": name})
            handles.append((key, len(history[key]), handle))
        with contextlib.suppress(asyncio.TimeoutError, fluss.FlussError):
            for key, count, handle in handles:
                await asyncio.wait_for(handle.wait(), timeout=1)
                known[key] = count
    await killer
    with contextlib.suppress(asyncio.TimeoutError, fluss.FlussError):
        await asyncio.wait_for(connection.close(), timeout=1)


async def read_back(server: ThalwegServer) -> tuple[dict[int, str], dict[int, str]]:
    """The rows by lookup, and those that the changelog adds up to: of one moment, since a client that outlives the kill may
    yet send what it had in flight."""
    async with await connect(server) as connection:
        while True:
            end = await end_of_log(connection)
            read = await read_at(connection, end)
            if await end_of_log(connection) == end:
                return read


async def end_of_log(connection: fluss.FlussConnection) -> int:
    return (await connection.get_admin().list_offsets(PATH, [0], fluss.OffsetSpec.latest()))[0]


async def read_at(connection: fluss.FlussConnection, end: int) -> tuple[dict[int, str], dict[int, str]]:
    table = await connection.get_table(PATH)
    lookuper = table.new_lookup().create_lookuper()
    found = await asyncio.gather(*(lookuper.lookup({"id": key}) for key in range(KEYS)))
    rows = {key: row["name"] for key, row in enumerate(found) if row is not None}

    scanner = await table.new_scan().create_log_scanner()
    scanner.subscribe(bucket_id=0, start_offset=fluss.EARLIEST_OFFSET)
    folded: dict[int, str] = {}
    next_offset = 0
    idle = 0
    while next_offset < end and idle < 20:
        records = list(await scanner.poll(500))
        idle = 0 if records else idle + 1
        for record in records:
            next_offset = record.offset + 1
            if record.change_type == fluss.ChangeType.Delete:
                del folded[record.row["id"]]
            elif record.change_type != fluss.ChangeType.UpdateBefore:
                folded[record.row["id"]] = record.row["name"]
    return rows, folded


@pytest.mark.timeout(120)
def test_rows_outlive_kills(server: ThalwegServer) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    dice = random.Random(seed)
    asyncio.run(create(server))
    history: dict[int, list[str | None]] = {key: [None] for key in range(KEYS)}
    known = dict.fromkeys(range(KEYS), 1)
    for life in range(LIVES):
        asyncio.run(write_until_killed(server, life, dice, history, known))
        server.start()
        rows, folded = asyncio.run(read_back(server))
        assert rows == folded
        for key in range(KEYS):
            given = history[key]
            may_be = given[known[key] - 1 :]
            assert rows.get(key) in may_be, f"key {key}: {rows.get(key)}, acknowledged and later: {may_be}"
            # Later writes go on from what is there.
            history[key] = [rows.get(key)]
            known[key] = 1
    assert rows

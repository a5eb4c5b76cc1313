"""The asynchronous face: the same results, and a loop that goes on meanwhile."""

from __future__ import annotations

import asyncio

import pytest

import thalweg
from sdk.conftest import Put


async def test_rows_by_key(server: thalweg.Server, db: thalweg.Database, database: str, put: Put) -> None:
    name = f"{database}.t"
    async with await thalweg.aio.connect(server.address) as connection:
        table = await connection.create_table(name, "id INT, a STRING", primary_key="id", buckets=3)
        put(name, [{"id": i, "a": str(i)} for i in range(100)])
        rows = await asyncio.gather(*(table.get(i) for i in range(100)))
        assert rows == [{"id": i, "a": str(i)} for i in range(100)]
        assert (await table.get([5, 6])).num_rows == 2
        assert name in await connection.tables()
        with pytest.raises(thalweg.TableNotFound):
            await connection.table("none")


async def test_the_loop_goes_on_while_a_get_waits(db: thalweg.Database, database: str) -> None:
    table = thalweg.aio.AsyncTable(db.create_table(f"{database}.t", "id INT, a STRING", primary_key="id"))
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    await asyncio.sleep(0)
    before = turns
    for _ in range(20):
        await table.get(1)
    assert turns > before + 20
    turning.cancel()

"""The asynchronous face: the same results, and a loop that goes on meanwhile."""

from __future__ import annotations

import asyncio
import inspect

import polars as pl
import pyarrow.compute as pc
import pytest

import thalweg
from sdk.conftest import Put
from thalweg import _database, _scan, _table, aio


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


@pytest.mark.parametrize(
    ("sync", "twin"),
    [
        (_database.Database, aio.AsyncDatabase), (_table.Table, aio.AsyncTable), (_scan.Scan, aio.AsyncScan),
        (_scan.Following, aio.AsyncFollowing),
    ],
)  # fmt: skip
def test_every_method_has_its_twin(sync: type, twin: type) -> None:
    public = [name for name, _ in inspect.getmembers(sync, callable) if not name.startswith("_")]
    assert [name for name in public if not hasattr(twin, name)] == []


async def test_every_method_against_a_server(server: thalweg.Server, database: str) -> None:
    async with await aio.connect(server.address) as db:
        assert database in await db.databases()
        await db.create_database(database, exist_ok=True)
        keyed = await db.create_table(f"{database}.k", "a STRING, b INT, c INT", primary_key=["a", "b"], bucket_by="a")
        log = await db.create_table(f"{database}.l", "id INT, name STRING")
        assert await db.tables(database) == [f"{database}.k", f"{database}.l"]
        assert (await log.append([{"id": i, "name": f"n{i}"} for i in range(10)])).rows == 10
        written = await keyed.upsert([{"a": "x", "b": i, "c": i * i} for i in range(5)])
        assert await keyed.get(("x", 3)) == await keyed.get(a="x", b=3) == {"a": "x", "b": 3, "c": 9}
        assert (await keyed.get([("x", 1), ("y", 1)])).num_rows == 1
        assert (await keyed.get_prefix("x")).num_rows == (await keyed.get_prefix(a="x", columns=["c"])).num_rows == 5
        assert (await keyed.delete(a="x", b=3)).rows == 1
        assert (await (await keyed.changes(["_change_type"], since=written.token)).to_arrow()).to_pylist() == [{"_change_type": "delete"}]

        scan = await log.scan(["id"], where=pc.field("id") < 3)
        assert (await scan.to_pandas())["id"].tolist() == (await scan.to_polars())["id"].to_list() == [0, 1, 2]
        assert sum([batch.num_rows async for batch in scan]) == scan.to_reader().read_all().num_rows == 3
        assert scan.token
        assert (await (await db.sql(f"select count(*) as n from {log.name}")).to_polars()).rows() == [(10,)]
        lazy = log.to_polars_lazy().filter(pl.col("id") >= 8).select("name")
        assert sorted((await asyncio.to_thread(lazy.collect))["name"]) == ["n8", "n9"]
        assert await asyncio.to_thread(log.dataset().count_rows) == 10
        await db.sql(f"alter table {log.name} add column more int")
        await log.refresh()
        assert log.schema.names == ["id", "name", "more"]
        await db.drop_table(keyed.name)
        with pytest.raises(thalweg.TableNotFound):
            await db.table(keyed.name)
        await db.drop_table(keyed.name, missing_ok=True)


async def test_who_waits_for_changes_can_be_cancelled(server: thalweg.Server, database: str) -> None:
    async with await aio.connect(server.address) as db:
        log = await db.create_table(f"{database}.l", "id INT")
        async with await log.follow(since="now") as changes:
            waiting = asyncio.ensure_future(anext(changes))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            with pytest.raises(StopAsyncIteration):
                await anext(changes)
        await log.append({"id": 1})
        async with await log.follow(since="beginning") as changes:
            assert (await anext(changes)).to_pylist() == [{"id": 1}]

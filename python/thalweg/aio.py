"""The same for asyncio: `async with await thalweg.aio.connect(…) as db: await (await db.table("t")).get(7)`.

Every call runs on a thread of its own pool and leaves the event loop free; arguments, results and errors are those of the
synchronous methods of the same names.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from thalweg import _database
from thalweg._scan import Following, Scan
from thalweg._table import Table
from thalweg._writing import Written

if TYPE_CHECKING:
    import polars as pl

    from thalweg._dataset import TableDataset

P = ParamSpec("P")
T = TypeVar("T")
THREADS_MAX = 16
_pool = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="thalweg-aio")


async def _off_loop(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(_pool, functools.partial(call, *args, **kwargs))


async def _each(batches: Iterator[pa.RecordBatch]) -> AsyncIterator[pa.RecordBatch]:
    while (batch := await _off_loop(next, batches, None)) is not None:
        yield batch


class AsyncScan:
    """A `Scan`: `async for` gives its record batches."""

    def __init__(self, scan: Scan):
        self.sync = scan
        self.schema = scan.schema

    @property
    def token(self) -> str | None:
        return self.sync.token

    def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
        return _each(iter(self.sync))

    def to_reader(self) -> pa.RecordBatchReader:
        """For tools that take a stream: whoever reads it waits, so hand it to a thread."""
        return self.sync.to_reader()

    async def to_arrow(self) -> pa.Table:
        return await _off_loop(self.sync.to_arrow)

    async def to_pandas(self, **options: Any) -> Any:
        return await _off_loop(self.sync.to_pandas, **options)

    async def to_polars(self) -> Any:
        return await _off_loop(self.sync.to_polars)

    async def to_pylist(self) -> list[dict[str, Any]]:
        return await _off_loop(self.sync.to_pylist)


class AsyncFollowing:
    """A `Following`: `async for` gives record batches as they come. Its waiting holds a thread of its own, not one of the pool."""

    def __init__(self, following: Following):
        self.sync = following
        self.schema = following.schema
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="thalweg-follow")

    @property
    def token(self) -> str | None:
        return self.sync.token

    def __aiter__(self) -> AsyncFollowing:
        return self

    async def __anext__(self) -> pa.RecordBatch:
        try:
            batch = await asyncio.get_running_loop().run_in_executor(self._thread, next, self.sync, None)
        except asyncio.CancelledError:
            self.sync.close()
            raise
        if batch is None:
            raise StopAsyncIteration
        return batch

    async def close(self) -> None:
        self.sync.close()
        self._thread.shutdown(wait=False)

    async def __aenter__(self) -> AsyncFollowing:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class AsyncTable:
    """A `Table`; `sync` is the one behind it."""

    def __init__(self, table: Table):
        self.sync = table

    @property
    def name(self) -> str:
        return self.sync.name

    @property
    def schema(self) -> pa.Schema:
        return self.sync.schema

    async def get(self, key: Any = None, /, **options: Any) -> Any:
        call: Callable[..., Any] = self.sync.get
        return await _off_loop(call, key, **options)

    async def get_prefix(self, prefix: Any = None, /, **options: Any) -> pa.Table:
        return await _off_loop(self.sync.get_prefix, prefix, **options)

    async def append(self, rows: Any) -> Written:
        return await _off_loop(self.sync.append, rows)

    async def upsert(self, rows: Any) -> Written:
        return await _off_loop(self.sync.upsert, rows)

    async def delete(self, keys: Any = None, /, **by_name: Any) -> Written:
        return await _off_loop(self.sync.delete, keys, **by_name)

    async def scan(self, *args: Any, **options: Any) -> AsyncScan:
        return AsyncScan(await _off_loop(self.sync.scan, *args, **options))

    async def changes(self, *args: Any, **options: Any) -> AsyncScan:
        return AsyncScan(await _off_loop(self.sync.changes, *args, **options))

    async def follow(self, *args: Any, **options: Any) -> AsyncFollowing:
        return AsyncFollowing(await _off_loop(self.sync.follow, *args, **options))

    async def refresh(self) -> None:
        await _off_loop(self.sync.refresh)

    # Of other tools, which read in threads of their own: these three ask nothing of the server yet.

    def dataset(self) -> TableDataset:
        return self.sync.dataset()

    def to_polars_lazy(self) -> pl.LazyFrame:
        return self.sync.to_polars_lazy()

    def to_ray(self, *, columns: Sequence[str] | None = None, where: pc.Expression | None = None) -> Any:
        return self.sync.to_ray(columns=columns, where=where)


class AsyncDatabase:
    """A `Database`; `sync` is the one behind it."""

    def __init__(self, database: _database.Database):
        self.sync = database

    async def table(self, name: str) -> AsyncTable:
        return AsyncTable(await _off_loop(self.sync.table, name))

    async def create_table(self, name: str, columns: pa.Schema | str, **options: Any) -> AsyncTable:
        return AsyncTable(await _off_loop(self.sync.create_table, name, columns, **options))

    async def drop_table(self, name: str, *, missing_ok: bool = False) -> None:
        await _off_loop(self.sync.drop_table, name, missing_ok=missing_ok)

    async def create_database(self, name: str, *, exist_ok: bool = False) -> None:
        await _off_loop(self.sync.create_database, name, exist_ok=exist_ok)

    async def databases(self) -> list[str]:
        return await _off_loop(self.sync.databases)

    async def tables(self, database: str | None = None) -> list[str]:
        return await _off_loop(self.sync.tables, database)

    async def sql(self, query: str, *, at_least: str | None = None) -> AsyncScan:
        return AsyncScan(await _off_loop(self.sync.sql, query, at_least=at_least))

    async def close(self) -> None:
        await _off_loop(self.sync.close)

    async def __aenter__(self) -> AsyncDatabase:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def connect(*args: Any, **options: Any) -> AsyncDatabase:
    """As `thalweg.connect`."""
    return AsyncDatabase(await _off_loop(_database.connect, *args, **options))

"""pyfluss and the Java client over the same tables with a primary key: what one puts the other finds, value by value."""

from __future__ import annotations

from typing import Any

import fluss
import pyarrow as pa
import pytest

from conformance import values
from conformance.java_client import JavaClient
from conformance.test_java_keys import NONE, SMALL, KeyTable, delete, put

pytestmark = pytest.mark.java

# pyfluss makes its schema from Arrow, which has no CHAR, and its rows of Python's values, which have no nanoseconds.
LEFT_OUT = ("char", "timestamp_9", "ltz_9")
COLUMNS = [
    values.Column("id", "INT NOT NULL", pa.int32(), [0, 1, 2]),
    *(column for column in values.SCALARS + values.NESTED if column.name not in LEFT_OUT),
]
SMALL_COLUMNS = [
    values.Column("id", "INT NOT NULL", pa.int32(), []),
    values.Column("name", "STRING", pa.string(), []),
    values.Column("score", "BIGINT", pa.int64(), []),
]


async def connected(bootstrap: str) -> fluss.FlussConnection:
    return await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap}))


def as_json(columns: list[values.Column], row: dict[str, Any] | None) -> list[values.Row]:
    """What pyfluss finds, in the form in which the Java program answers."""
    if row is None:
        return NONE
    arrays = [pa.array([row[column.name]], column.arrow_type) for column in columns]
    return values.from_arrow(pa.table(arrays, names=[column.name for column in columns]))


async def test_pyfluss_finds_what_java_put(java: JavaClient, bootstrap: str, database: str) -> None:
    described = [[column.name, column.fluss_type] for column in COLUMNS]
    table = KeyTable(java, database, described, ["id"])
    rows = values.rows(COLUMNS)
    table.change(put(*rows))
    async with await connected(bootstrap) as connection:
        lookuper = (await connection.get_table(fluss.TablePath(database, "t"))).new_lookup().create_lookuper()
        for row in rows:
            found = as_json(COLUMNS, await lookuper.lookup({"id": row[0]}))
            assert values.text(found) == values.text([row])
        assert await lookuper.lookup({"id": 3}) is None


async def test_java_finds_what_pyfluss_put(java: JavaClient, bootstrap: str, database: str) -> None:
    rows = values.rows(COLUMNS)
    written = values.to_arrow(COLUMNS, rows)
    where = {"database": database, "table": "t"}
    async with await connected(bootstrap) as connection:
        path = fluss.TablePath(database, "t")
        schema = fluss.Schema(written.schema, primary_keys=["id"])
        descriptor = fluss.TableDescriptor(schema, bucket_count=1)
        await connection.get_admin().create_table(path, descriptor, ignore_if_exists=False)
        writer = (await connection.get_table(path)).new_upsert().create_writer()
        for row in written.to_pylist():
            writer.upsert(row)
        await writer.flush()
    found = java.do("lookup", **where, keys=[[row[0]] for row in rows])
    assert [values.text(one) for one in found] == [values.text([row]) for row in rows]
    changes = java.do("scan", **where, count=3)
    assert [record["change"] for record in changes] == ["+I"] * 3
    assert values.text([record["row"] for record in changes]) == values.text(rows)
    assert values.text(java.do("limit_scan", **where, bucket=0, limit=9)) == values.text(rows)


class Expected:
    """The rows of SMALL that there should be, and how many changes have led to them."""

    def __init__(self) -> None:
        self.rows: dict[int, values.Row] = {}
        self.changes = 0

    def put(self, key: int, **columns: Any) -> None:
        old = self.rows.get(key)
        self.changes += 1 if old is None else 2
        _, name, score = old or [key, None, None]
        self.rows[key] = [key, columns.get("name", name), columns.get("score", score)]

    def delete(self, key: int) -> None:
        self.changes += self.rows.pop(key, None) is not None


async def test_both_change_the_same_rows(java: JavaClient, bootstrap: str, database: str) -> None:
    table = KeyTable(java, database, SMALL, ["id"], buckets=3)
    expected = Expected()
    async with await connected(bootstrap) as connection:
        theirs = await connection.get_table(fluss.TablePath(database, "t"))
        whole, lookuper = theirs.new_upsert().create_writer(), theirs.new_lookup().create_lookuper()
        names = theirs.new_upsert().partial_update_by_name(["id", "name"]).create_writer()
        table.change(put(*([n, "java", n] for n in range(20))))
        for n in range(20):
            expected.put(n, name="java", score=n)
        for n in range(10, 30):
            whole.upsert({"id": n, "name": "python", "score": -n})
            expected.put(n, name="python", score=-n)
        await whole.flush()
        table.change(delete(*([n, None, None] for n in range(0, 20, 2))))
        for n in range(0, 20, 2):
            expected.delete(n)
        for n in range(1, 30, 7):
            names.upsert({"id": n, "name": "some"})
            expected.put(n, name="some")
        await names.flush()
        for n in range(0, 30, 3):
            whole.delete({"id": n})
            expected.delete(n)
        await whole.flush()
        table.change(put(*([n, None, n] for n in range(28, 32))), columns=["id", "score"])
        for n in range(28, 32):
            expected.put(n, score=n)
        for n in range(33):
            row = [expected.rows[n]] if n in expected.rows else NONE
            assert as_json(SMALL_COLUMNS, await lookuper.lookup({"id": n})) == row
            assert table.get([n]) == [row]
    found = table.changelog(expected.changes)
    assert len(found) == expected.changes
    assert sorted(table.fold(found).values()) == [expected.rows[n] for n in sorted(expected.rows)]


async def test_both_find_rows_by_prefix(java: JavaClient, bootstrap: str, database: str) -> None:
    columns = [["shop", "STRING"], ["item", "INT"], ["price", "BIGINT"]]
    table = KeyTable(java, database, columns, ["shop", "item"], bucket_keys=["shop"], buckets=3)
    rows = [[shop, item, item * 10] for shop in ("a", "aa", "b") for item in range(1, 5)]
    table.change(put(*rows[::2]))
    async with await connected(bootstrap) as connection:
        theirs = await connection.get_table(fluss.TablePath(database, "t"))
        writer = theirs.new_upsert().create_writer()
        for row in rows[1::2]:
            writer.upsert(row)
        await writer.flush()
        lookuper = theirs.new_lookup().lookup_by(["shop"]).create_lookuper()
        for shop in ("a", "aa", "b", "c"):
            expected = [row for row in rows if row[0] == shop]
            assert [list(row.values()) for row in await lookuper.lookup({"shop": shop})] == expected
            assert table.get([shop], by=["shop"]) == [expected]

"""pyfluss and the Java client over the same tables: what one writes the other reads, value by value."""

from __future__ import annotations

import random
import time

import fluss
import pyarrow as pa
import pytest

from conformance import values
from conformance.java_client import JavaClient

pytestmark = pytest.mark.java

READ_S_MAX = 30.0
COMPRESSIONS = ["NONE", "LZ4_FRAME", "ZSTD"]
COLUMNS = values.SCALARS + values.NESTED


async def read_all(table: fluss.FlussTable, count: int, names: list[str] | None = None) -> pa.Table:
    """At least `count` rows of bucket 0 as Arrow, by pyfluss's live scanner."""
    scan = table.new_scan()
    if names is not None:
        scan = scan.project_by_name(names)
    scanner = await scan.create_record_batch_log_scanner()
    scanner.subscribe(0, fluss.EARLIEST_OFFSET)
    parts: list[pa.Table] = []
    deadline = time.monotonic() + READ_S_MAX
    while sum(map(len, parts)) < count and time.monotonic() < deadline:
        part = await scanner.poll_arrow(500)
        if len(part):
            parts.append(part)
    return pa.concat_tables(parts)


@pytest.mark.parametrize("compression", COMPRESSIONS)
async def test_pyfluss_reads_what_java_wrote(
    java: JavaClient, bootstrap: str, database: str, compression: str
) -> None:
    where = {"database": database, "table": "t"}
    java.do(
        "create_table",
        **where,
        columns=[[column.name, column.fluss_type] for column in COLUMNS],
        properties={"table.log.arrow.compression.type": compression},
        buckets=1,
    )
    written = values.rows(COLUMNS)
    java.do("append", **where, rows=written)
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        table = await connection.get_table(fluss.TablePath(database, "t"))
        assert values.text(values.from_arrow(await read_all(table, 3))) == values.text(written)
        names = ["registry", "char", "timestamp_9"]
        places = [[column.name for column in COLUMNS].index(name) for name in names]
        projected = await read_all(table, 3, names)
        assert projected.column_names == names
        assert values.text(values.from_arrow(projected)) == values.text([[row[i] for i in places] for row in written])


@pytest.mark.parametrize("compression", COMPRESSIONS)
async def test_java_reads_what_pyfluss_wrote(
    java: JavaClient, bootstrap: str, database: str, compression: str
) -> None:
    # pyfluss makes its schema from Arrow, which has no CHAR.
    columns = [column for column in COLUMNS if column.name != "char"]
    written = values.to_arrow(columns, values.rows(columns))
    properties = {"table.log.arrow.compression.type": compression}
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        path = fluss.TablePath(database, "t")
        descriptor = fluss.TableDescriptor(fluss.Schema(written.schema), bucket_count=1, properties=properties)
        await connection.get_admin().create_table(path, descriptor, ignore_if_exists=False)
        writer = (await connection.get_table(path)).new_append().create_writer()
        writer.write_arrow(written)
        await writer.flush()
    info = java.do("table_info", database=database, table="t")
    assert [column[0] for column in info["columns"]] == written.column_names
    found = java.do("scan", database=database, table="t", count=3)
    assert values.text([record["row"] for record in found]) == values.text(values.rows(columns))
    projected = java.do("scan", database=database, table="t", count=3, columns=["deep", "bytes"])
    places = [written.column_names.index("deep"), written.column_names.index("bytes")]
    expected = [[row[i] for i in places] for row in values.rows(columns)]
    assert values.text([record["row"] for record in projected]) == values.text(expected)


async def test_both_write_one_log(java: JavaClient, bootstrap: str, database: str) -> None:
    where = {"database": database, "table": "t"}
    java.do("create_table", **where, columns=[["id", "INT"], ["name", "STRING"]], buckets=1)
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        table = await connection.get_table(fluss.TablePath(database, "t"))
        writer = table.new_append().create_writer()
        expected = []
        for turn in range(6):
            rows = [[10 * turn + n, f"turn {turn}"] for n in range(10)]
            if turn % 2:
                java.do("append", **where, rows=rows)
            else:
                for number, name in rows:
                    writer.append({"id": number, "name": name})
                await writer.flush()
            expected += rows
        assert values.from_arrow(await read_all(table, 60)) == expected
    found = java.do("scan", **where, count=60)
    assert [record["row"] for record in found] == expected
    assert [record["offset"] for record in found] == list(range(60))


async def test_a_log_larger_than_a_fetch_is_read_whole(java: JavaClient, bootstrap: str, database: str) -> None:
    """About 24 MB, more than a client asks for at once, of a bucket or in all; incompressible, in many batches."""
    count = 30_000
    chance = random.Random(1)
    schema = pa.schema([("id", pa.int64()), ("noise", pa.binary())])
    data = pa.table([pa.array(range(count)), pa.array([chance.randbytes(800) for _ in range(count)])], schema=schema)
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        path = fluss.TablePath(database, "t")
        await connection.get_admin().create_table(path, fluss.TableDescriptor(fluss.Schema(schema), bucket_count=1))
        table = await connection.get_table(path)
        writer = table.new_append().create_writer()
        for batch in data.to_batches(max_chunksize=500):
            writer.write_arrow_batch(batch)
        await writer.flush()
        assert (await read_all(table, count)).equals(data)
        assert (await read_all(table, count, ["id"])).equals(data.select(["id"]))
    found = java.do("scan", database=database, table="t", count=count, columns=["id"])
    assert [(record["offset"], *record["row"]) for record in found] == [(n, n) for n in range(count)]
    tail = java.do("scan", database=database, table="t", **{"from": count - 700}, count=700)
    assert [record["row"][0] for record in tail] == list(range(count - 700, count))
    assert tail[-1]["row"][1] == data["noise"][-1].as_py().hex()

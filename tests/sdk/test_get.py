"""Rows by key and by prefixes of keys, in every form in which people write keys."""

from __future__ import annotations

import datetime as dt
import subprocess
import threading
from decimal import Decimal
from typing import Any

import fluss
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import thalweg
from peers.places import thalweg_binary
from sdk.conftest import Put

ORDERS = [{"shop": f"s{i % 50}", "id": i, "price": i / 2} for i in range(1000)]


@pytest.fixture
def orders(db: thalweg.Database, database: str, put: Put) -> thalweg.Table:
    table = db.create_table(
        f"{database}.orders", "id BIGINT, shop STRING, price DOUBLE", primary_key=["shop", "id"], bucket_by="shop", buckets=4
    )
    put(table.name, ORDERS)
    return table


@pytest.fixture
def items(db: thalweg.Database, database: str, put: Put) -> thalweg.Table:
    """With a key of one column, in several buckets."""
    table = db.create_table(f"{database}.items", "id BIGINT, name STRING", primary_key="id", buckets=7)
    put(table.name, [{"id": i, "name": f"n{i}"} for i in range(500)])
    return table


def test_one_key_in_every_form(orders: thalweg.Table, items: thalweg.Table) -> None:
    row = {"id": 57, "shop": "s7", "price": 28.5}
    assert orders.get(("s7", 57)) == row
    assert orders.get({"id": 57, "shop": "s7"}) == row
    assert orders.get(shop="s7", id=57) == row
    assert orders.get(("s7", 57), columns=["price", "id"]) == {"price": 28.5, "id": 57}
    assert orders.get(("s7", 58)) is None
    assert items.get(7) == items.get((7,)) == items.get({"id": 7}) == items.get(id=7) == {"id": 7, "name": "n7"}
    assert items.get(np.int64(7)) == {"id": 7, "name": "n7"}
    assert all(items.get(i) == {"id": i, "name": f"n{i}"} for i in range(500))


EVERY_TYPE = """id INT, t TINYINT, s SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, b BOOLEAN, c CHAR(3), v STRING, y BYTES, x BINARY(2),
    p DECIMAL(12, 2), q DECIMAL(38, 5), day DATE, at TIMESTAMP(6), ms TIMESTAMP(3), sec TIMESTAMP(0)"""
OTHER_TYPES = {"ns": "TIMESTAMP(9)", "ltz": "TIMESTAMP_LTZ(3)", "time": "TIME", "list": "ARRAY<INT>", "map": "MAP<STRING, INT>", "nested": "ROW<a INT>"}


def test_one_row_has_the_same_values_as_many_rows(db: thalweg.Database, database: str, put: Put) -> None:
    others = ", ".join(f"`{name}` {kind}" for name, kind in OTHER_TYPES.items())
    for table in (
        db.create_table(f"{database}.plain", EVERY_TYPE, primary_key="id", buckets=2),
        db.create_table(f"{database}.all_kinds", f"{EVERY_TYPE}, {others}", primary_key="id", buckets=2),
    ):
        rows = [
            {"id": 1, "t": -128, "s": -32768, "i": -1, "l": -(2**63), "f": 0.1, "d": -0.0, "b": True, "c": "abc", "v": "ä\x00€", "y": "AP8=",
             "x": "AAE=", "p": "-0.05", "q": "123456789012345678901234567890123.00001", "day": "1899-12-31", "at": "1969-12-31 23:59:59.999999",
             "ms": "1900-01-01 00:00:00.001", "sec": "2262-04-11 23:47:16"},
            {"id": 2, "t": 127, "l": 2**63 - 1, "f": 1e30, "b": False, "v": "", "y": "", "p": "0.00", "day": "9999-12-31", "at": "9999-12-31 23:59:59.999999"},
            {"id": 3},
        ]  # fmt: skip
        put(table.name, rows)
        many = table.get([1, 2, 3]).to_pylist()
        one = [table.get(key) for key in (1, 2, 3)]
        assert one == many
        assert [[type(value) for value in row.values()] for row in one if row] == [[type(value) for value in row.values()] for row in many]
        assert table.get(1, columns=["at", "q"]) == {"at": many[0]["at"], "q": many[0]["q"]}
        assert table.get(4) is None


def test_a_key_of_another_kind_is_refused_in_words(items: thalweg.Table, orders: thalweg.Table) -> None:
    for wrong in (2**63, "seven"):
        with pytest.raises(thalweg.InvalidKey):
            items.get(wrong)
    for wrong in (("s7",), ("s7", 57, 1), ("s7", "x")):
        with pytest.raises(thalweg.InvalidKey):
            orders.get(wrong)


def test_many_keys_in_every_form(orders: thalweg.Table, items: thalweg.Table) -> None:
    import polars as pl

    expected = {"id": [8, 7], "shop": ["s8", "s7"], "price": [4.0, 3.5]}
    keys = {"shop": ["s8", "s7"], "id": [8, 7], "more": [1, 2]}
    for form in (
        [("s8", 8), {"id": 7, "shop": "s7"}],
        pa.table(keys), pa.RecordBatch.from_pydict(keys), pd.DataFrame(keys), pl.DataFrame(keys),
    ):  # fmt: skip
        assert orders.get(form).to_pydict() == expected, type(form)
    for many in ([8, 7], pa.array([8, 7]), pa.chunked_array([[8], [7]]), pd.Series([8, 7]), pl.Series([8, 7]), np.array([8, 7])):
        assert items.get(many).column("name").to_pylist() == ["n8", "n7"], type(many)
    assert items.get([]).to_pydict() == {"id": [], "name": []}


def test_missing_rows_are_left_out_or_nulls(items: thalweg.Table) -> None:
    assert items.get([3, -1, 4]).column("id").to_pylist() == [3, 4]
    assert items.get([3, -1, 4], missing="null").to_pylist() == [
        {"id": 3, "name": "n3"}, {"id": None, "name": None}, {"id": 4, "name": "n4"},
    ]  # fmt: skip
    assert items.get([3, -1, 3], columns=["name"]).to_pydict() == {"name": ["n3", "n3"]}


def test_more_keys_than_one_request_takes(db: thalweg.Database, database: str, put: Put) -> None:
    table = db.create_table(f"{database}.many", "id INT, square BIGINT", primary_key="id", buckets=3)
    put(table.name, [{"id": i, "square": i * i} for i in range(25_000)])
    found = table.get(pa.array(range(25_000), pa.int32()))
    assert found.column("square").to_pylist() == [i * i for i in range(25_000)]


def test_answers_too_large_for_one_frame_come_in_several(db: thalweg.Database, database: str, put: Put) -> None:
    table = db.create_table(f"{database}.large", "id INT, text STRING", primary_key="id", buckets=1)
    for part in range(8):
        put(table.name, [{"id": part * 10 + i, "text": "x" * 1_000_000} for i in range(10)])
    found = table.get(list(range(80)))
    assert found.num_rows == 80
    assert set(map(len, found.column("text").to_pylist())) == {1_000_000}


def test_prefixes(orders: thalweg.Table) -> None:
    found = orders.get_prefix("s3")
    assert sorted(found.column("id").to_pylist()) == list(range(3, 1000, 50))
    assert orders.get_prefix(shop="s3", columns=["id"]).column_names == ["id"]
    assert orders.get_prefix(["s3", "none", "s4"]).num_rows == 40
    assert orders.get_prefix("none").num_rows == 0


def test_partitions(db: thalweg.Database, database: str, put: Put) -> None:
    table = db.create_table(
        f"{database}.parts", "day DATE, region STRING, id INT, n INT", primary_key=["day", "region", "id"],
        partitioned_by=["day", "region"], buckets=2,
    )  # fmt: skip
    assert table.get((dt.date(2026, 1, 1), "eu", 1)) is None  # not even the partition is there
    put(table.name, [{"day": f"2026-01-0{d}", "region": r, "id": i, "n": d * i} for d in (1, 2) for r in ("eu", "us") for i in range(20)])
    assert table.get((dt.date(2026, 1, 2), "us", 7)) == {"day": dt.date(2026, 1, 2), "region": "us", "id": 7, "n": 14}
    assert table.get([(dt.date(2026, 1, d), r, 3) for d in (1, 2, 3) for r in ("eu", "xx")]).column("n").to_pylist() == [3, 6]


def test_every_type_comes_back(db: thalweg.Database, database: str, put: Put) -> None:
    table = db.create_table(
        f"{database}.types",
        "id INT, b BOOLEAN, t TINYINT, s SMALLINT, l BIGINT, f FLOAT, d DOUBLE, c CHAR(3), v STRING, n DECIMAL(20, 3), x BYTES, "
        "day DATE, tm TIME(3), ts TIMESTAMP(6), tz TIMESTAMP_LTZ(3), a ARRAY<INT>, m MAP<STRING, INT>, r ROW<p INT, q STRING>",
        primary_key="id",
    )
    put(table.name, [{
        "id": 1, "b": True, "t": -3, "s": 300, "l": 1 << 40, "f": 0.5, "d": 1e300, "c": "abc", "v": "über", "n": "12345.678", "x": "AQI=",
        "day": "2026-03-01", "tm": "12:30:00.5", "ts": "2026-03-01T12:30:00.000001", "tz": "2026-03-01T12:30:00Z", "a": [1, None, 3],
        "m": {"k": 5}, "r": {"p": 1, "q": "z"},
    }, {"id": 2}])  # fmt: skip
    row = table.get(1)
    assert row is not None
    assert row == {
        "id": 1, "b": True, "t": -3, "s": 300, "l": 1 << 40, "f": 0.5, "d": 1e300, "c": "abc", "v": "über", "n": Decimal("12345.678"), "x": b"\x01\x02",
        "day": dt.date(2026, 3, 1), "tm": dt.time(12, 30, 0, 500_000), "ts": dt.datetime(2026, 3, 1, 12, 30, 0, 1),
        "tz": dt.datetime(2026, 3, 1, 12, 30), "a": [1, None, 3], "m": [("k", 5)], "r": {"p": 1, "q": "z"},
    }  # fmt: skip
    assert table.get(2) == {name: 2 if name == "id" else None for name in table.schema.names}
    assert table.get([1]).schema.equals(table.schema)


@pytest.mark.parametrize(
    "type_, value",
    [("STRING", "ü" * 40), ("SMALLINT", -7), ("BOOLEAN", True), ("DATE", dt.date(1969, 12, 31)), ("DECIMAL(30, 2)", Decimal("-1.50")),
     ("TIMESTAMP(9)", dt.datetime(2026, 1, 1, 1)), ("BYTES", b"\0\xff")],
)  # fmt: skip
def test_keys_of_other_types(db: thalweg.Database, database: str, type_: str, value: Any) -> None:
    """Put by pyfluss, where one bucket has all rows."""
    table = db.create_table(f"{database}.keyed", f"k {type_}, n INT", primary_key="k", buckets=1)
    assert table.get(value) is None
    assert table.get([value, value], missing="null").num_rows == 2


def test_columns_added_later(db: thalweg.Database, database: str, put: Put, server: thalweg.Server) -> None:
    table = db.create_table(f"{database}.grown", "id INT, a STRING", primary_key="id")
    put(table.name, [{"id": 1, "a": "old"}])
    subprocess.run(
        [str(thalweg_binary()), "table", "alter", "-s", server.fluss_address, table.name, "--add-column", "b INT"],
        check=True, capture_output=True,
    )  # fmt: skip
    put(table.name, [{"id": 2, "a": "new", "b": 5}])
    # Opened before: rows of the later version have a column more, which it does not know.
    assert table.get([1, 2]).to_pylist() == [{"id": 1, "a": "old"}, {"id": 2, "a": "new"}]
    table.refresh()
    assert table.get([1, 2]).to_pylist() == [{"id": 1, "a": "old", "b": None}, {"id": 2, "a": "new", "b": 5}]


def test_a_table_dropped_and_made_again(db: thalweg.Database, database: str, put: Put) -> None:
    name = f"{database}.again"
    table = db.create_table(name, "id INT, a STRING", primary_key="id")
    put(name, [{"id": 1, "a": "x"}])
    assert table.get(1) == {"id": 1, "a": "x"}
    db.drop_table(name)
    with pytest.raises(thalweg.TableNotFound, match="There is no table"):
        table.get(1)
    db.create_table(name, "id INT, a STRING", primary_key="id")
    put(name, [{"id": 1, "a": "y"}])
    assert table.get(1) == {"id": 1, "a": "y"}


async def test_rows_that_pyfluss_put_in_other_buckets(db: thalweg.Database, database: str, server: thalweg.Server) -> None:
    """Its hash of keys differs from that of Fluss's Java clients for most numbers above 127."""
    table = db.create_table(f"{database}.theirs", "k BIGINT, part STRING, n INT", primary_key=["k", "part"], bucket_by="k", buckets=5)
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": server.fluss_address})) as connection:
        writer = (await connection.get_table(fluss.TablePath(database, "theirs"))).new_upsert().create_writer()
        for i in range(2000):
            writer.upsert({"k": i, "part": "a", "n": i})
        await writer.flush()
    keys = [(i, "a") for i in range(2000)]
    assert table.get(keys).column("n").to_pylist() == list(range(2000))
    assert table.get_prefix(list(range(2000))).column("n").to_pylist() == list(range(2000))


def test_many_threads_share_one_connection(items: thalweg.Table) -> None:
    wrong: list[Any] = []

    def read(seed: int) -> None:
        for i in range(200):
            key = (seed * 37 + i) % 500
            if items.get(key) != {"id": key, "name": f"n{key}"}:
                wrong.append(key)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda t: t.get(5), thalweg.InvalidKey, r"has 2 columns \(shop, id\), not 1"),
        (lambda t: t.get(("s7", "x")), thalweg.InvalidKey, "'id' is of type int64"),
        (lambda t: t.get(("s7", None)), thalweg.ThalwegError, "'id' is never null"),
        (lambda t: t.get(shop="s7", idd=3), thalweg.ColumnNotFound, "'idd' is no column of the key. Did you mean 'id'"),
        (lambda t: t.get({"shop": "s7"}), thalweg.InvalidKey, "lacks id"),
        (lambda t: t.get(("s7", 7), columns=["prise"]), thalweg.ColumnNotFound, "Did you mean 'price'"),
        (lambda t: t.get(pa.table({"shop": ["a"]})), thalweg.InvalidKey, "lack the column 'id'"),
        (lambda t: t.get(pa.table({"shop": ["a"], "id": ["b"]})), thalweg.InvalidKey, "not string"),
        (lambda t: t.get_prefix(("a", 1)), thalweg.InvalidKey, r"has 1 columns \(shop\), not 2"),
        (lambda t: t.get(("s7", 7), columns="price"), TypeError, "list of names"),
    ],
)
def test_what_is_wrong_is_said(orders: thalweg.Table, call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(orders)


def test_tables_without_keys_say_so(db: thalweg.Database, database: str) -> None:
    log = db.create_table(f"{database}.log", pa.schema([("a", pa.int32())]))
    with pytest.raises(thalweg.NoPrimaryKey, match="scan it"):
        log.get(1)
    keyed = db.create_table(f"{database}.keyed", "id INT, a INT", primary_key="id")
    with pytest.raises(thalweg.InvalidTable, match="cannot be looked up by prefix"):
        keyed.get_prefix(1)


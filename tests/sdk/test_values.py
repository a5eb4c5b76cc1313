"""Values of every type, their extremes and nulls: what goes in by one door comes out of each of them."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight
import pytest

import thalweg

TYPES = {
    "flag": "BOOLEAN", "tiny": "TINYINT", "small": "SMALLINT", "number": "INT", "big": "BIGINT", "single": "FLOAT", "real": "DOUBLE",
    "fixed": "CHAR(3)", "text": "STRING", "two": "BINARY(2)", "raw": "BYTES", "price": "DECIMAL(5, 2)", "huge": "DECIMAL(38, 10)",
    "born": "DATE", "t0": "TIME(0)", "t3": "TIME(3)", "t6": "TIME(6)", "t9": "TIME(9)", "ts0": "TIMESTAMP(0)", "ts3": "TIMESTAMP(3)",
    "ts6": "TIMESTAMP(6)", "ts9": "TIMESTAMP(9)", "z0": "TIMESTAMP_LTZ(0)", "z3": "TIMESTAMP_LTZ(3)", "z6": "TIMESTAMP_LTZ(6)",
    "z9": "TIMESTAMP_LTZ(9)", "list": "ARRAY<INT>", "lists": "ARRAY<ARRAY<STRING>>", "pairs": "MAP<STRING, BIGINT>",
    "part": "ROW<x INT, y STRING, z ROW<at TIMESTAMP(3), d DECIMAL(10, 2)>>", "rows": "ARRAY<ROW<k STRING, v DOUBLE>>",
    "deep": "MAP<STRING, ARRAY<ROW<n BIGINT>>>",
}  # fmt: skip
COLUMNS = "id INT, " + ", ".join(f"{name} {type_}" for name, type_ in TYPES.items())

LOW, HIGH = dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999)
EARLY, LATE = dt.datetime(1677, 9, 22), dt.datetime(2262, 4, 11)  # what 64 bits of nanoseconds hold


def moments(of: dt.datetime, narrow: dt.datetime) -> dict[str, Any]:
    second, milli = of.replace(microsecond=0), of.replace(microsecond=of.microsecond // 1000 * 1000)
    values = {"ts0": second, "ts3": milli, "ts6": of, "ts9": narrow}
    return values | {name.replace("ts", "z"): value.replace(tzinfo=dt.UTC) for name, value in values.items()}


ROWS: list[dict[str, Any]] = [
    {
        "flag": True, "tiny": 127, "small": 32767, "number": 2**31 - 1, "big": 2**63 - 1, "single": 3.4028234663852886e38,
        "real": 1.7976931348623157e308, "fixed": "abc", "text": "z" * 70_000 + "🐟", "two": b"\xff\xff", "raw": bytes(range(256)),
        "price": Decimal("999.99"), "huge": Decimal("9" * 28 + "." + "9" * 10), "born": dt.date(9999, 12, 31),
        "t0": dt.time(23, 59, 59), "t3": dt.time(23, 59, 59, 999000), "t6": dt.time(23, 59, 59, 999999), "t9": dt.time(23, 59, 59, 999999),
        "list": [2**31 - 1, None, 0], "lists": [["a", None], [], None], "pairs": [("k", 2**63 - 1), ("n", None)],
        "part": {"x": 1, "y": "y", "z": {"at": dt.datetime(2026, 1, 1), "d": Decimal("0.01")}},
        "rows": [{"k": "a", "v": 0.5}, None, {"k": None, "v": None}], "deep": [("a", [{"n": 1}, None]), ("b", []), ("c", None)],
        **moments(HIGH, LATE),
    },
    {
        "flag": False, "tiny": -128, "small": -32768, "number": -(2**31), "big": -(2**63), "single": -math.inf, "real": math.nan,
        "fixed": "   ", "text": "", "two": b"\0\0", "raw": b"", "price": Decimal("-999.99"), "huge": Decimal("-" + "9" * 28 + "." + "9" * 10),
        "born": dt.date(1, 1, 1), "t0": dt.time(), "t3": dt.time(), "t6": dt.time(), "t9": dt.time(), "list": [], "lists": [],
        "pairs": [], "part": {"x": None, "y": None, "z": None}, "rows": [], "deep": [], **moments(LOW, EARLY),
    },
    {
        "flag": None, "tiny": 0, "small": -1, "number": 0, "big": 0, "single": -0.0, "real": 5e-324, "fixed": "a\0b", "text": "'\"\n\0",
        "two": b"ab", "raw": b"\0", "price": Decimal("0.00"), "huge": Decimal("0.0000000001"), "born": dt.date(1969, 12, 31),
        "t0": dt.time(0, 0, 1), "t3": dt.time(0, 0, 0, 1000), "t6": dt.time(0, 0, 0, 1), "t9": dt.time(0, 0, 0, 1), "list": None,
        "lists": None, "pairs": None, "part": None, "rows": None, "deep": None,
        **moments(dt.datetime(1969, 12, 31, 23, 59, 59, 999999), dt.datetime(1969, 12, 31, 23, 59, 59, 999999)),
    },
    dict.fromkeys(TYPES),
]  # fmt: skip


def same(found: pa.Table, expected: pa.Table) -> None:
    """To the last bit, but for how lists and maps name what is in them."""
    assert found.schema.names == expected.schema.names
    for name in expected.schema.names:
        given, wanted = found.column(name).to_pylist(), expected.column(name).to_pylist()
        assert repr(given) == repr(wanted), name  # a NaN is none of itself, and -0.0 is not 0.0


@pytest.fixture(params=["log", "keyed", "keyed, not compacted"])
def table(db: thalweg.Database, database: str, request: pytest.FixtureRequest) -> thalweg.Table:
    options = {"table.kv.format": "indexed"} if "not" in request.param else {}
    key = {"primary_key": "id", "buckets": 2} if "keyed" in request.param else {"buckets": 2, "bucket_by": "id"}
    return db.create_table(f"{database}.t", COLUMNS, options=options, **key)  # type: ignore[arg-type]


@pytest.fixture
def rows(table: thalweg.Table) -> pa.Table:
    # Fluss's rows by key count the time of day in milliseconds, whatever the precision of the column.
    cut = {"t6", "t9"} if table.primary_key else set()
    kept = [{name: in_ms(value) if name in cut else value for name, value in row.items()} for row in ROWS]
    return pa.Table.from_pylist([{"id": i, **row} for i, row in enumerate(kept)], table.schema)


def in_ms(value: dt.time | None) -> dt.time | None:
    return value and value.replace(microsecond=value.microsecond // 1000 * 1000)


def put(table: thalweg.Table, rows: pa.Table) -> None:
    assert (table.upsert if table.primary_key else table.append)(rows).rows == len(ROWS)


def test_every_value_comes_out_of_every_door(db: thalweg.Database, server: thalweg.Server, table: thalweg.Table, rows: pa.Table) -> None:
    put(table, rows)
    same(table.scan().to_arrow().sort_by("id"), rows)
    same(table.changes(table.schema.names).to_arrow().sort_by("id"), rows)
    client = flight.connect(server.address.replace("thalweg://", "grpc://"))
    info = client.get_flight_info(flight.FlightDescriptor.for_path(*table.name.split(".")))
    same(client.do_get(info.endpoints[0].ticket).read_all().sort_by("id"), rows)
    client.close()
    if table.primary_key:
        same(table.get(list(range(len(ROWS)))), rows)
        assert [repr(table.get(i)) for i in range(len(ROWS))] == [repr(row) for row in rows.to_pylist()]
    same(db.sql(f"SELECT * FROM {table.name} ORDER BY id").to_arrow().cast(in_sql(rows).schema), in_sql(rows))


def in_sql(rows: pa.Table) -> pa.Table:
    """SQL has microseconds only of these."""
    fields = [field.with_type(pa.time64("us") if pa.types.is_time(field.type) else field.type) for field in rows.schema]
    fields = [field.with_type(pa.timestamp("us", "UTC")) if getattr(field.type, "tz", None) else field for field in fields]
    fields = [field.with_type(pa.timestamp("us", "UTC")) if field.name.startswith("z") else field for field in fields]
    return pa.Table.from_pylist(rows.to_pylist(), pa.schema([field.with_nullable(True) for field in fields]))


def test_sql_writes_what_it_reads(db: thalweg.Database, database: str, table: thalweg.Table, rows: pa.Table) -> None:
    put(table, rows)
    copy = db.create_table(f"{database}.copy", COLUMNS, primary_key=table.primary_key)
    assert db.sql(f"INSERT INTO {copy.name} SELECT * FROM {table.name}").to_pylist() == [{"Count": len(ROWS)}]
    same(copy.scan().to_arrow().sort_by("id"), rows)

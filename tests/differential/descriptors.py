"""Table descriptors: sound ones of every kind, and each way of breaking one."""

from __future__ import annotations

import copy
import datetime
import json
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa

from differential.world import Table

Descriptor = dict[str, Any]

# JSON of the type, as Arrow has it.
TYPES: list[tuple[Descriptor, pa.DataType]] = [
    ({"type": "BOOLEAN"}, pa.bool_()),
    ({"type": "TINYINT"}, pa.int8()),
    ({"type": "SMALLINT"}, pa.int16()),
    ({"type": "INTEGER"}, pa.int32()),
    ({"type": "BIGINT"}, pa.int64()),
    ({"type": "FLOAT"}, pa.float32()),
    ({"type": "DOUBLE"}, pa.float64()),
    ({"type": "STRING"}, pa.string()),
    ({"type": "BYTES"}, pa.binary()),
    ({"type": "BINARY", "length": 4}, pa.binary(4)),
    ({"type": "DECIMAL", "precision": 10, "scale": 2}, pa.decimal128(10, 2)),
    ({"type": "DATE"}, pa.date32()),
    ({"type": "TIMESTAMP_WITHOUT_TIME_ZONE", "precision": 6}, pa.timestamp("us")),
    ({"type": "TIMESTAMP_WITH_LOCAL_TIME_ZONE", "precision": 3}, pa.timestamp("ms")),
    ({"type": "ARRAY", "element_type": {"type": "INTEGER"}}, pa.list_(pa.field("element", pa.int32()))),
]
# As a table's option, as Arrow calls it here.
COMPRESSIONS = {"NONE": None, "LZ4_FRAME": "lz4", "ZSTD": "zstd"}
PARTITION_KEY = "part"
BUCKET_COUNTS = [1, 1, 1, 2, 3]


def sound(chance: random.Random, partitioned: bool, primary_key: bool) -> tuple[Descriptor, list[tuple[str, pa.DataType]]]:
    columns: list[tuple[str, Descriptor, pa.DataType]] = [("id", {"type": "BIGINT"}, pa.int64())]
    for number in range(chance.randint(0, 5)):
        columns.append((f"c{number}", *chance.choice(TYPES)))
    if partitioned:
        columns.append((PARTITION_KEY, {"type": "STRING"}, pa.string()))
    names = [name for name, _, _ in columns]
    keys = ["id"] + ([PARTITION_KEY] if partitioned else []) if primary_key else []
    buckets = chance.choice(BUCKET_COUNTS)
    table: Descriptor = {
        "version": 1,
        "schema": {
            "version": 1,
            "columns": [
                {"name": name, "data_type": {**kind, "nullable": False} if name in keys else kind, "id": place}
                for place, (name, kind, _) in enumerate(columns)
            ],
            "highest_field_id": len(columns) - 1,
        },
        "partition_key": [PARTITION_KEY] if partitioned else [],
        "bucket_count": buckets,
        "bucket_key": ["id"] if primary_key or chance.random() < 0.3 else [],
        "properties": properties(chance),
        "custom_properties": {"owner": chance.choice(["a", "b", ""])} if chance.random() < 0.3 else {},
    }
    if primary_key:
        table["schema"]["primary_key"] = keys
    if chance.random() < 0.3:
        table["comment"] = chance.choice(["", "a table", "Tä—"])
    assert len(set(names)) == len(names)
    return table, [(name, kind) for name, _, kind in columns]


def properties(chance: random.Random) -> dict[str, str]:
    chosen: dict[str, str] = {}
    if chance.random() < 0.5:
        chosen["table.log.arrow.compression.type"] = chance.choice(list(COMPRESSIONS))
    if chance.random() < 0.2:
        chosen["table.log.ttl"] = chance.choice(["1 d", "30 min", "36500 d"])
    if chance.random() < 0.2:
        chosen["table.replication.factor"] = "1"
    if chance.random() < 0.1:
        chosen["table.log.tiered.local-segments"] = chance.choice(["1", "5"])
    return chosen


def _without(key: str, inside: str | None = None) -> Callable[[Descriptor], None]:
    def breaking(table: Descriptor) -> None:
        del (table[inside] if inside else table)[key]

    return breaking


def _with(value: Any, *keys: str | int) -> Callable[[Descriptor], None]:
    def breaking(table: Descriptor) -> None:
        place: Any = table
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return breaking


def _type(kind: Descriptor) -> Callable[[Descriptor], None]:
    return _with(kind, "schema", "columns", 0, "data_type")


def _extra_column(name: str, kind: Descriptor, number: int | None = 90) -> Callable[[Descriptor], None]:
    def breaking(table: Descriptor) -> None:
        column = {"name": name, "data_type": kind} | ({"id": number} if number is not None else {})
        table["schema"]["columns"].append(column)
        table["schema"]["highest_field_id"] = max(table["schema"]["highest_field_id"], number or 0)

    return breaking


def _both(*breakings: Callable[[Descriptor], None]) -> Callable[[Descriptor], None]:
    def breaking(table: Descriptor) -> None:
        for one in breakings:
            one(table)

    return breaking


def _property(name: str, value: str) -> Callable[[Descriptor], None]:
    return _with(value, "properties", name)


# Each way of breaking a descriptor of a log table without partitions; some turn out to be harmless.
BREAKINGS: dict[str, Callable[[Descriptor], None]] = {
    "no columns": _with([], "schema", "columns"),
    "two columns of one name": _extra_column("id", {"type": "INTEGER"}),
    "a column of a system name": _extra_column("__offset", {"type": "BIGINT"}),
    "a column name that is empty": _extra_column("", {"type": "BIGINT"}),
    "a column without id": _extra_column("later", {"type": "INTEGER"}, None),
    "a column id twice": _extra_column("later", {"type": "INTEGER"}, 0),
    "an unknown type": _type({"type": "INTERVAL"}),
    "CHAR(0)": _type({"type": "CHAR", "length": 0}),
    "BINARY without length": _type({"type": "BINARY"}),
    "DECIMAL(40, 2)": _type({"type": "DECIMAL", "precision": 40, "scale": 2}),
    "DECIMAL(5, 6)": _type({"type": "DECIMAL", "precision": 5, "scale": 6}),
    "TIMESTAMP(10)": _type({"type": "TIMESTAMP_WITHOUT_TIME_ZONE", "precision": 10}),
    "no bucket count": _without("bucket_count"),
    "no buckets": _with(0, "bucket_count"),
    "fewer than no buckets": _with(-1, "bucket_count"),
    "a million buckets": _with(1_000_000, "bucket_count"),
    "an unknown bucket key": _with(["nowhere"], "bucket_key"),
    "a bucket key twice": _with(["id", "id"], "bucket_key"),
    "an unknown partition key": _with(["nowhere"], "partition_key"),
    "a partition key of another type": _with(["id"], "partition_key"),
    "a partition key of type ARRAY": _both(
        _extra_column("list", {"type": "ARRAY", "element_type": {"type": "INTEGER"}}), _with(["list"], "partition_key")
    ),
    "no version": _without("version"),
    "a later version": _with(2, "version"),
    "no schema": _without("schema"),
    "no schema version": _without("version", "schema"),
    "no partition keys at all": _without("partition_key"),
    "no properties at all": _without("properties"),
    "no custom properties at all": _without("custom_properties"),
    "an unknown table option": _property("table.no.such.option", "1"),
    "an unknown client option": _property("client.no.such.option", "1"),
    "an option of the server": _property("data.dir", "/nowhere"),
    "a format that is none": _property("table.log.format", "parquet"),
    "a compression that is none": _property("table.log.arrow.compression.type", "snappy"),
    "a compression level beyond": _both(
        _property("table.log.arrow.compression.type", "zstd"), _property("table.log.arrow.compression.zstd.level", "99")
    ),
    "a TTL that is none": _property("table.log.ttl", "soon"),
    "a TTL without unit": _property("table.log.ttl", "7"),
    "three replicas": _property("table.replication.factor", "3"),
    "no replicas": _property("table.replication.factor", "0"),
    "replicas that are no number": _property("table.replication.factor", "many"),
    "no local segments": _property("table.log.tiered.local-segments", "0"),
    "partitions by time without partition keys": _property("table.auto-partition.enabled", "true"),
    "a merge engine without primary key": _property("table.merge-engine", "first_row"),
    "a merge engine that is none": _property("table.merge-engine", "newest"),
    "a lake format that is none": _property("table.datalake.format", "delta"),
    "a property that is empty": _property("table.log.ttl", ""),
    "an unknown primary key": _with(["nowhere"], "schema", "primary_key"),
    "a primary key that may be null": _with(["id"], "schema", "primary_key"),
    "an empty primary key": _with([], "schema", "primary_key"),
    "a primary key twice": _with(["id", "id"], "schema", "primary_key"),
    "an array as primary key": _both(
        _extra_column("list", {"type": "ARRAY", "element_type": {"type": "INTEGER"}}),
        _with(["list"], "schema", "primary_key"),
        _with(["list"], "bucket_key"),
    ),
    "a bucket key outside of the primary key": _both(
        _extra_column("other", {"type": "INTEGER"}), _with(["id"], "schema", "primary_key"), _with(["other"], "bucket_key")
    ),
    "a partition key outside of the primary key": _both(
        _extra_column("other", {"type": "STRING"}), _with(["id"], "schema", "primary_key"),
        _with(["other"], "partition_key"), _with(["id"], "bucket_key"),
    ),
    "a partition key as bucket key": _both(
        _extra_column("other", {"type": "STRING"}), _with(["other"], "partition_key"), _with(["other"], "bucket_key")
    ),
    "the partition key twice": _both(
        _extra_column("other", {"type": "STRING"}), _with(["other", "other"], "partition_key")
    ),
}
NO_DESCRIPTORS: dict[str, bytes] = {
    "no JSON": b"not json",
    "nothing": b"",
    "a list": b"[]",
    "an empty object": b"{}",
    "cut off": b'{"version":1,"schema":{"version":1,"columns":[',
}


def broken(chance: random.Random, how: str) -> bytes:
    if how in NO_DESCRIPTORS:
        return NO_DESCRIPTORS[how]
    table, _ = sound(chance, partitioned=False, primary_key=False)
    table = copy.deepcopy(table)
    BREAKINGS[how](table)
    return json.dumps(table).encode()


def table_of(database: str, name: str, descriptor: Descriptor, columns: list[tuple[str, pa.DataType]]) -> Table:
    compression = COMPRESSIONS[descriptor["properties"].get("table.log.arrow.compression.type", "ZSTD")]
    return Table(
        database, name, columns, descriptor.get("bucket_count", 1), descriptor["partition_key"],
        log="primary_key" not in descriptor["schema"], compression=compression, versions={1: columns},
    )


def rows(chance: random.Random, table: Table, version: int, count: int) -> pa.RecordBatch:
    schema = table.schema(version)
    arrays = [pa.array([_value(chance, field.type) for _ in range(count)], field.type) for field in schema]
    return pa.record_batch(arrays, schema=schema)


def _value(chance: random.Random, kind: pa.DataType) -> Any:
    if chance.random() < 0.15:
        return None
    number = chance.randint(-100, 100)
    if pa.types.is_boolean(kind):
        return number > 0
    if pa.types.is_floating(kind):
        return number / 4
    if pa.types.is_string(kind):
        return "x" * (abs(number) % 20) + str(number)
    if pa.types.is_fixed_size_binary(kind):
        return number.to_bytes(4, "big", signed=True)
    if pa.types.is_binary(kind):
        return chance.randbytes(abs(number) % 12)
    if pa.types.is_decimal(kind):
        return Decimal(number).scaleb(-2)
    if pa.types.is_date(kind):
        return datetime.date(2026, 1, 1) + datetime.timedelta(days=number)
    if pa.types.is_timestamp(kind):
        return datetime.datetime(2026, 1, 1) + datetime.timedelta(seconds=number)
    if pa.types.is_list(kind):
        return [number, None, 7][: abs(number) % 4]
    return number

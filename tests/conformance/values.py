"""Rows of every data type, in the JSON form of `java/…/Values.java`, and the way between that form and Arrow.

    numbers, booleans   themselves; "NaN", "Infinity", "-Infinity"
    DECIMAL             plain text
    BINARY, BYTES       hexadecimal
    DATE, TIME          days since the epoch; milliseconds since midnight
    TIMESTAMP[_LTZ]     [milliseconds since the epoch, nanoseconds on top]
    ARRAY, ROW, MAP     list of elements, of fields, of [key, value]
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

Row = list[Any]

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True)
class Column:
    """A column as the Java client spells its type and as pyfluss does, with one value per row of ROWS."""

    name: str
    fluss_type: str
    arrow_type: pa.DataType
    values: Row


_PERSON = "ROW<name STRING, born DATE, tags ARRAY<STRING>>"
_ARROW_PERSON = pa.struct([("name", pa.string()), ("born", pa.date32()), ("tags", pa.list_(pa.string()))])

SCALARS = [
    Column("boolean", "BOOLEAN", pa.bool_(), [True, False, None]),
    Column("tinyint", "TINYINT", pa.int8(), [127, -128, None]),
    Column("smallint", "SMALLINT", pa.int16(), [32767, -32768, None]),
    Column("integer", "INT", pa.int32(), [2**31 - 1, -(2**31), None]),
    Column("bigint", "BIGINT", pa.int64(), [2**63 - 1, -(2**63), None]),
    Column("float", "FLOAT", pa.float32(), [1.5, "NaN", None]),
    Column("double", "DOUBLE", pa.float64(), [-0.0, "-Infinity", None]),
    Column("char", "CHAR(4)", pa.string(), ["a\u00f6!", "wxyz", None]),  # INDEXED: 4 bytes at most
    Column("string", "STRING", pa.string(), ["Talweg \u2014 \U0001f30a", "", None]),
    Column("binary", "BINARY(3)", pa.binary(3), ["00ff7f", "000001", None]),  # INDEXED: the client drops zeros at the end
    Column("bytes", "BYTES", pa.binary(), ["deadbeef00", "", None]),
    Column("decimal_short", "DECIMAL(10, 2)", pa.decimal128(10, 2), ["12345678.90", "-0.01", None]),
    Column(
        "decimal_long",
        "DECIMAL(38, 10)",
        pa.decimal128(38, 10),
        ["9999999999999999999999999999.9999999999", "-1.0000000001", None],
    ),
    Column("date", "DATE", pa.date32(), [20_779, -719_162, None]),
    Column("time_0", "TIME(0)", pa.time32("s"), [86_399_000, 0, None]),
    Column("time_3", "TIME(3)", pa.time32("ms"), [86_399_999, 0, None]),
    Column("timestamp_0", "TIMESTAMP(0)", pa.timestamp("s"), [[1_795_305_600_000, 0], [-1_000, 0], None]),
    Column("timestamp_3", "TIMESTAMP(3)", pa.timestamp("ms"), [[1_795_305_600_123, 0], [-1, 0], None]),
    Column("timestamp_6", "TIMESTAMP(6)", pa.timestamp("us"), [[1_795_305_600_123, 456_000], [0, 1_000], None]),
    Column("timestamp_9", "TIMESTAMP(9)", pa.timestamp("ns"), [[1_795_305_600_123, 456_789], [0, 1], None]),
    Column("ltz_3", "TIMESTAMP_LTZ(3)", pa.timestamp("ms", "UTC"), [[1_795_305_600_123, 0], [-1, 0], None]),
    Column("ltz_6", "TIMESTAMP_LTZ(6)", pa.timestamp("us", "UTC"), [[1_795_305_600_123, 456_000], [0, 1_000], None]),
    Column("ltz_9", "TIMESTAMP_LTZ(9)", pa.timestamp("ns", "UTC"), [[1_795_305_600_123, 456_789], [0, 1], None]),
]

NESTED = [
    Column("ints", "ARRAY<INT>", pa.list_(pa.int32()), [[1, None, -3], [], None]),
    Column("texts", "ARRAY<STRING>", pa.list_(pa.string()), [["", "\u00e9", None], [], None]),
    Column("matrix", "ARRAY<ARRAY<BIGINT>>", pa.list_(pa.list_(pa.int64())), [[[1], [], None, [2, 3]], [], None]),
    Column(
        "decimals", "ARRAY<DECIMAL(20, 4)>", pa.list_(pa.decimal128(20, 4)), [["1.2345", None], ["-9.0000"], None]
    ),
    Column("person", _PERSON, _ARROW_PERSON, [["Ada", -56_270, ["x", "y"]], [None, None, None], None]),
    Column("people", f"ARRAY<{_PERSON}>", pa.list_(_ARROW_PERSON), [[["Alan", -21_015, []], None], [], None]),
    Column(
        "ages", "MAP<STRING NOT NULL, INT>", pa.map_(pa.string(), pa.int32()), [[["a", 1], ["b", None]], [], None]
    ),
    Column(
        "groups",
        "MAP<INT NOT NULL, ARRAY<STRING>>",
        pa.map_(pa.int32(), pa.list_(pa.string())),
        [[[7, ["p", "q"]], [8, []]], [], None],
    ),
    Column(
        "registry", f"MAP<STRING NOT NULL, {_PERSON}>", pa.map_(pa.string(), _ARROW_PERSON), [[["k", ["Kurt", 0, None]]], [], None]
    ),
    Column(
        "deep",
        "MAP<STRING NOT NULL, MAP<STRING NOT NULL, DOUBLE>>",
        pa.map_(pa.string(), pa.map_(pa.string(), pa.float64())),
        [[["o", [["i", 0.5]]]], [["o", []]], None],
    ),
    Column(
        "holder",
        "ROW<weights MAP<STRING NOT NULL, FLOAT>, at TIMESTAMP_LTZ(6), inner_row ROW<n BIGINT>>",
        pa.struct(
            [
                ("weights", pa.map_(pa.string(), pa.float32())),
                ("at", pa.timestamp("us", "UTC")),
                ("inner_row", pa.struct([("n", pa.int64())])),
            ]
        ),
        [[[["w", 0.25]], [5, 6_000], [2**40]], [[], None, [None]], None],
    ),
]


def rows(columns: list[Column]) -> list[Row]:
    """The example rows over `columns`: two of values, one of nulls."""
    return [list(row) for row in zip(*(column.values for column in columns), strict=True)]


def text(found: list[Row]) -> list[str]:
    """One line per row: what to compare, since -0.0 equals 0.0 and 1 equals True otherwise."""
    return [json.dumps(row) for row in found]


def to_arrow(columns: list[Column], data: list[Row]) -> pa.Table:
    """`data` as an Arrow table of `columns`."""
    arrays = [
        pa.array([_to_arrow(row[i], column.arrow_type) for row in data], column.arrow_type)
        for i, column in enumerate(columns)
    ]
    return pa.table(arrays, names=[column.name for column in columns])


def from_arrow(table: pa.Table) -> list[Row]:
    """The rows of `table` in the JSON form."""
    columns = [[_from_arrow(scalar) for scalar in column] for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def _to_arrow(value: Any, arrow_type: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_floating(arrow_type):
        return float(value)
    if pa.types.is_decimal(arrow_type):
        return Decimal(value)
    if pa.types.is_binary(arrow_type) or pa.types.is_fixed_size_binary(arrow_type):
        return bytes.fromhex(value)
    if pa.types.is_time(arrow_type):
        return value * _PER_SECOND[arrow_type.unit] // 1_000
    if pa.types.is_timestamp(arrow_type):
        return (value[0] * 10**6 + value[1]) * _PER_SECOND[arrow_type.unit] // 10**9
    if pa.types.is_list(arrow_type):
        return [_to_arrow(element, arrow_type.value_type) for element in value]
    if pa.types.is_map(arrow_type):
        return [(_to_arrow(k, arrow_type.key_type), _to_arrow(v, arrow_type.item_type)) for k, v in value]
    if pa.types.is_struct(arrow_type):
        return {field.name: _to_arrow(one, field.type) for field, one in zip(arrow_type, value, strict=True)}
    return value


def _from_arrow(scalar: pa.Scalar) -> Any:
    if not scalar.is_valid:
        return None
    arrow_type = scalar.type
    if pa.types.is_floating(arrow_type):
        number = scalar.as_py()
        if math.isfinite(number):
            return number
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    if pa.types.is_decimal(arrow_type):
        return format(scalar.as_py(), "f")
    if pa.types.is_binary(arrow_type) or pa.types.is_fixed_size_binary(arrow_type):
        return scalar.as_py().hex()
    if pa.types.is_date32(arrow_type):
        return scalar.value
    if pa.types.is_time(arrow_type):
        return scalar.value * 1_000 // _PER_SECOND[arrow_type.unit]
    if pa.types.is_timestamp(arrow_type):
        return list(divmod(scalar.value * (10**9 // _PER_SECOND[arrow_type.unit]), 10**6))
    if pa.types.is_map(arrow_type):
        return [[_from_arrow(entry[0]), _from_arrow(entry[1])] for entry in scalar.values]
    if pa.types.is_list(arrow_type):
        return [_from_arrow(element) for element in scalar.values]
    if pa.types.is_struct(arrow_type):
        return [_from_arrow(scalar[i]) for i in range(len(arrow_type))]
    return scalar.as_py()

"""Arrow's types as Fluss spells them."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from thalweg.errors import InvalidTable

_SIMPLE = {
    pa.bool_(): "BOOLEAN", pa.int8(): "TINYINT", pa.int16(): "SMALLINT", pa.int32(): "INT", pa.int64(): "BIGINT",
    pa.uint8(): "SMALLINT", pa.uint16(): "INT", pa.uint32(): "BIGINT", pa.float32(): "FLOAT", pa.float64(): "DOUBLE",
    pa.string(): "STRING", pa.large_string(): "STRING", pa.string_view(): "STRING", pa.binary(): "BYTES",
    pa.large_binary(): "BYTES", pa.binary_view(): "BYTES", pa.date32(): "DATE", pa.null(): "STRING",
}  # fmt: skip
_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def sql_type(type_: pa.DataType, column: str) -> str:
    """The type of Fluss that holds every value of an Arrow type, as `thalweg table create` writes it.

    Raises:
        InvalidTable: there is none.
    """
    if type_ in _SIMPLE:
        return _SIMPLE[type_]
    if pa.types.is_timestamp(type_):
        return f"TIMESTAMP_LTZ({_DIGITS[type_.unit]})" if type_.tz else f"TIMESTAMP({_DIGITS[type_.unit]})"
    if pa.types.is_time(type_):
        return f"TIME({_DIGITS[type_.unit]})"
    if pa.types.is_decimal128(type_):
        return f"DECIMAL({type_.precision}, {type_.scale})"
    if pa.types.is_fixed_size_binary(type_):
        return f"BINARY({type_.byte_width})"
    if pa.types.is_dictionary(type_):
        return sql_type(type_.value_type, column)
    if pa.types.is_map(type_):
        return f"MAP<{sql_type(type_.key_type, column)} NOT NULL, {sql_type(type_.item_type, column)}>"
    if pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        return f"ARRAY<{sql_type(type_.value_type, column)}>"
    if pa.types.is_struct(type_):
        fields = (f"{quoted(field.name)} {sql_type(field.type, column)}" for field in type_)
        return f"ROW<{', '.join(fields)}>"
    raise InvalidTable(f"The column {column!r} is of type {type_}, for which Fluss has none: cast it before.")


def columns_text(schema: pa.Schema, primary_key: Iterable[str]) -> str:
    """The columns of a CREATE TABLE."""
    keys = list(primary_key)
    parts = [
        f"{quoted(field.name)} {sql_type(field.type, field.name)}"
        f"{' NOT NULL' if field.name in keys or not field.nullable else ''}"
        for field in schema
    ]
    if keys:
        parts.append(f"PRIMARY KEY ({', '.join(quoted(name) for name in keys)})")
    return ", ".join(parts)


def quoted(name: str) -> str:
    if "`" in name:
        raise InvalidTable(f"The name {name!r} must not hold a backquote.")
    return f"`{name}`"

"""Every type of a column, and random values of it in the JSON form of conformance/values.py."""

from __future__ import annotations

import dataclasses
import random
import re
import string
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa

from conformance import values

UNITS = ["s", "ms", "us", "ns"]
# The default context rounds to 28 digits.
EXACT = Context(prec=60)


@dataclasses.dataclass(frozen=True)
class Kind:
    """A type, as SQL and as Arrow have it."""

    sql: str
    arrow: pa.DataType

    @property
    def root(self) -> str:
        return re.split(r"[(<]", self.sql)[0]


def _unit(precision: int) -> str:
    return UNITS[(precision + 2) // 3]


SCALARS = [
    Kind("BOOLEAN", pa.bool_()), Kind("TINYINT", pa.int8()), Kind("SMALLINT", pa.int16()), Kind("INT", pa.int32()),
    Kind("BIGINT", pa.int64()), Kind("FLOAT", pa.float32()), Kind("DOUBLE", pa.float64()), Kind("CHAR(4)", pa.string()),
    Kind("STRING", pa.string()), Kind("BINARY(3)", pa.binary(3)), Kind("BYTES", pa.binary()),
    Kind("DECIMAL(10, 2)", pa.decimal128(10, 2)), Kind("DECIMAL(18, 0)", pa.decimal128(18, 0)),
    Kind("DECIMAL(30, 4)", pa.decimal128(30, 4)), Kind("DATE", pa.date32()),
    *(Kind(f"TIME({p})", (pa.time32 if p <= 3 else pa.time64)(_unit(p))) for p in (0, 3, 6, 9)),
    *(Kind(f"TIMESTAMP({p})", pa.timestamp(_unit(p))) for p in (0, 3, 6, 9)),
    *(Kind(f"TIMESTAMP_LTZ({p})", pa.timestamp(_unit(p), "UTC")) for p in (0, 3, 6, 9)),
]
NESTED = [Kind(column.fluss_type, column.arrow_type) for column in values.NESTED]
# Flags are equal too often, and what is a float is no good key.
KEYS = [kind for kind in SCALARS if kind.root not in ("BOOLEAN", "FLOAT", "DOUBLE")]
VERSIONS = [kind for kind in SCALARS if kind.root in ("INT", "BIGINT", "TIMESTAMP", "TIMESTAMP_LTZ")]

NUMBERS = ("TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL")
ORDERED = (*NUMBERS, "CHAR", "STRING", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_LTZ")
# The types that a function takes; None: every one.
FUNCTIONS: dict[str, tuple[str, ...] | None] = {
    "sum": NUMBERS, "product": NUMBERS, "max": ORDERED, "min": ORDERED, "last_value": None, "last_value_ignore_nulls": None,
    "first_value": None, "first_value_ignore_nulls": None, "listagg": ("STRING",), "string_agg": ("STRING",),
    "bool_and": ("BOOLEAN",), "bool_or": ("BOOLEAN",), "rbm32": ("BYTES",), "rbm64": ("BYTES",),
}


def kinds_for(function: str) -> list[Kind]:
    roots = FUNCTIONS[function]
    return SCALARS + NESTED if roots is None else [kind for kind in SCALARS if kind.root in roots]


def value(chance: random.Random, kind: pa.DataType, length: int | None = None) -> Any:
    """Never None. `length` is that of a CHAR. Mostly of few values, so that equal ones meet."""
    extreme = chance.random() < 0.1
    small = chance.randint(-3, 9)
    if pa.types.is_boolean(kind):
        return small > 3
    if pa.types.is_integer(kind):
        most = 2 ** (kind.bit_width - 1)
        return chance.choice([most - 1, -most, -most + 1]) if extreme else small
    if pa.types.is_floating(kind):
        # Powers of two: what JSON and a FLOAT both keep.
        return chance.choice(["NaN", "Infinity", "-Infinity", -0.0, 2.0**100]) if extreme else small / 4
    if pa.types.is_string(kind):
        if length is not None:
            return "".join(chance.choices(string.ascii_letters, k=chance.randint(0, length)))
        return chance.choice(["", "Talweg — \U0001f30a", "x" * 40]) if extreme else chance.choice(["a", "b", "Ää"]) * (small % 4)
    if pa.types.is_fixed_size_binary(kind) and not pa.types.is_decimal(kind):
        return bytes([chance.randrange(256) for _ in range(kind.byte_width - 1)] + [1 + small % 4]).hex()
    if pa.types.is_binary(kind):
        return chance.randbytes(small % 5).hex()
    if pa.types.is_decimal(kind):
        most = 10**kind.precision - 1
        unscaled = chance.choice([most, -most]) if extreme else small * 10 ** max(kind.scale - 1, 0)
        return format(Decimal(unscaled).scaleb(-kind.scale, EXACT), "f")
    if pa.types.is_date32(kind):
        return chance.choice([-719_162, 2_932_896]) if extreme else 20_000 + small
    if pa.types.is_time(kind):
        return (chance.randint(0, 86_399) * 1_000) + (0 if kind.unit == "s" else small + 3)
    if pa.types.is_timestamp(kind):
        return _timestamp(chance, kind.unit, small, extreme)
    if pa.types.is_map(kind):
        keys = {repr(key): key for key in (value(chance, kind.key_type) for _ in range(small % 4))}
        return [[key, optional(chance, kind.item_type)] for key in keys.values()]
    if pa.types.is_list(kind):
        return [optional(chance, kind.value_type) for _ in range(small % 4)]
    assert pa.types.is_struct(kind), kind
    return [optional(chance, field.type) for field in kind]


def optional(chance: random.Random, kind: pa.DataType) -> Any:
    return None if chance.random() < 0.2 else value(chance, kind)


def char_length(kind: Kind) -> int | None:
    return int(kind.sql[5:-1]) if kind.root == "CHAR" else None


def _timestamp(chance: random.Random, unit: str, small: int, extreme: bool) -> list[int]:
    ms = chance.choice([-9_000_000_000_000, 9_000_000_000_000, 0]) if extreme else 1_795_305_600_000 + 1_000 * small
    if unit == "s":
        return [ms, 0]
    ms += chance.randint(-2, 2)
    nanos = {"ms": 0, "us": 1_000 * chance.randint(0, 2), "ns": chance.choice([0, 1, 999_999])}[unit]
    return [ms, nanos]

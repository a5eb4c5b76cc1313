"""Conditions of pyarrow as the server gets them: never narrower than what was asked for."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import thalweg
from thalweg._predicates import pushed_down

f = pc.field
SCHEMA = pa.schema([
    ("id", pa.int64()), ("n", pa.int32()), ("name", pa.string()), ("price", pa.float64()), ("f", pa.float32()), ("day", pa.date32()),
    ("ts", pa.timestamp("us")), ("ok", pa.bool_()), ("dec", pa.decimal128(10, 2)), ("bin", pa.binary()), ("s", pa.struct([("x", pa.int32())])),
])  # fmt: skip


def text(predicate: Any) -> str:
    """`a = 1 and (b is null or …)`"""
    kind = predicate.WhichOneof("kind")
    if kind == "leaf":
        leaf = predicate.leaf
        values = [getattr(literal, literal.WhichOneof("value")) for literal in leaf.literals]
        function = leaf.DESCRIPTOR.fields_by_name["function"].enum_type.values_by_number[leaf.function].name
        return " ".join([leaf.column, function, *map(repr, values)])
    return f" {kind} ".join(f"({text(one)})" for one in getattr(predicate, kind).predicates)


@pytest.mark.parametrize(
    "where, expected",
    [
        (f("id") == 5, "id EQUAL 5"),
        (f("n") != -5, "n NOT_EQUAL -5"),
        (pc.scalar(5) < f("id"), "id GREATER 5"),
        (f("name") <= "ü", "name LESS_OR_EQUAL 'ü'"),
        (f("price") > 2.5, "price GREATER 2.5"),
        (f("day") >= dt.date(1969, 12, 31), "day GREATER_OR_EQUAL -1"),
        (f("ts") < dt.datetime(1970, 1, 1, 0, 0, 1), "ts LESS 1000000"),
        (f("dec") == pa.scalar(Decimal("-1.50"), pa.decimal128(10, 2)), "dec EQUAL '-1.50'"),
        (f("bin") == b"\0x", r"bin EQUAL b'\x00x'"),
        (f("ok"), "ok EQUAL True"),
        (f("name").is_null(), "name IS_NULL"),
        (f("name").is_valid(), "name IS_NOT_NULL"),
        (f("id").isin([1, 2]), "id IN 1 2"),
        ((f("id") > 1) & (f("id") < 5) & f("ok"), "(id GREATER 1) all_of (id LESS 5) all_of (ok EQUAL True)"),
        ((f("id") == 1) | ((f("id") == 2) & f("ok")), "(id EQUAL 1) any_of ((id EQUAL 2) all_of (ok EQUAL True))"),
    ],
)
def test_whole_conditions(where: pc.Expression, expected: str) -> None:
    predicate, rest = pushed_down(where, SCHEMA)
    assert text(predicate) == expected
    assert rest is None


@pytest.mark.parametrize(
    "where, expected",
    [
        ((f("id") > 1) & (f("n") * 2 == 4), "id GREATER 1"),
        ((f("id") > 1) & ~f("ok"), "id GREATER 1"),
        ((f("id") > 1) | (f("n") * 2 == 4), None),
        (~(f("id") == 1), None),
        (f("id") == f("n"), None),
        (pc.starts_with(f("name"), "a"), None),
        (f("s", "x") == 1, None),
    ],
)
def test_what_the_server_cannot_judge_is_left(where: pc.Expression, expected: str | None) -> None:
    predicate, rest = pushed_down(where, SCHEMA)
    assert (predicate and text(predicate)) == expected
    assert rest is where


def test_columns_that_are_not_there() -> None:
    with pytest.raises(thalweg.ColumnNotFound, match="Did you mean 'price'"):
        pushed_down(f("prise") > 1, SCHEMA)

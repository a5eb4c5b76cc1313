"""Rows by key over DoExchange."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pyarrow import flight

from flight.door import Door, error_of

SCHEMA = pa.schema([("region", pa.string()), ("id", pa.int64()), ("text", pa.string())])


def keys(*pairs: tuple[str, int]) -> pa.RecordBatch:
    return pa.record_batch({"id": pa.array([i for _, i in pairs], pa.int64()), "region": pa.array([r for r, _ in pairs])})


@pytest.fixture
def table(door: Door, database: str) -> str:
    name = f"{database}.keyed"
    door.create_table(name, SCHEMA, primary_key=["region", "id"], bucket_keys=["region"], bucket_count=3)
    rows = [{"region": r, "id": i, "text": f"{r}{i}"} for r in ("north", "south") for i in range(3)]
    door.write(name, pa.RecordBatch.from_pylist(rows, SCHEMA))
    return name


def test_each_key_has_a_row_or_none(door: Door, table: str) -> None:
    ((found, result),) = door.look_up(table, keys(("south", 1), ("west", 1), ("north", 2), ("south", 1)))
    assert found.schema.names == ["region", "id", "text", "_found"]
    assert found.to_pylist() == [
        {"region": "south", "id": 1, "text": "south1", "_found": True},
        {"region": None, "id": None, "text": None, "_found": False},
        {"region": "north", "id": 2, "text": "north2", "_found": True},
        {"region": "south", "id": 1, "text": "south1", "_found": True},
    ]
    assert result.token


def test_a_call_answers_batch_after_batch(door: Door, table: str) -> None:
    answers = door.look_up(table, *[keys(("south", i)) for i in range(4)], columns=door.v1.Columns(names=["text"]))
    assert [found.to_pydict() for found, _ in answers] == [
        {"text": [f"south{i}" if i < 3 else None], "_found": [i < 3]} for i in range(4)
    ]


def test_many_keys_at_once(door: Door, database: str) -> None:
    name = f"{database}.many"
    schema = pa.schema([("id", pa.int64()), ("twice", pa.int64())])
    door.create_table(name, schema, primary_key=["id"], bucket_count=4)
    door.write(name, pa.record_batch({"id": pa.array(range(5000)), "twice": pa.array(range(0, 10_000, 2))}, schema=schema))
    ((found, _),) = door.look_up(name, pa.record_batch({"id": pa.array(range(4000, 6000))}))
    assert found["twice"].to_pylist() == [2 * i if i < 5000 else None for i in range(4000, 6000)]


def test_a_prefix_has_any_number_of_rows(door: Door, table: str) -> None:
    prefixes = pa.record_batch({"region": ["west", "south", "north"]})
    ((found, _),) = door.look_up(table, prefixes, prefix=True, columns=door.v1.Columns(names=["text"]))
    assert found.schema.names == ["text", "_key"]
    assert found.to_pydict() == {
        "text": ["south0", "south1", "south2", "north0", "north1", "north2"], "_key": [1, 1, 1, 2, 2, 2],
    }  # fmt: skip


def test_look_ups_see_what_was_acknowledged(door: Door, table: str) -> None:
    (written,) = door.write(table, pa.record_batch({"region": ["east"], "id": [1], "text": ["new"]}, schema=SCHEMA))
    ((found, _),) = door.look_up(table, keys(("east", 1)), at_least=written.token)
    assert found["text"].to_pylist() == ["new"]


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("INVALID_TABLE", pa.record_batch({"id": [1]})),
        ("INVALID_TABLE", pa.record_batch({"id": [1], "region": ["a"], "more": [1]})),
        ("INVALID_TABLE", pa.record_batch({"id": pa.array([None], pa.int64()), "region": ["a"]})),
    ],
)
def test_what_is_no_key_is_refused(door: Door, table: str, code: str, asked: pa.RecordBatch) -> None:
    with pytest.raises(flight.FlightError) as raised:
        door.look_up(table, asked)
    assert error_of(door.v1, raised.value).name == code


def test_a_log_table_has_no_rows_by_key(door: Door, database: str) -> None:
    door.create_table(f"{database}.log", SCHEMA)
    with pytest.raises(flight.FlightError) as raised:
        door.look_up(f"{database}.log", keys(("a", 1)))
    assert error_of(door.v1, raised.value).name == "NON_PRIMARY_KEY_TABLE"

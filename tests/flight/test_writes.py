"""Rows in by DoPut, each batch acknowledged with its offsets."""

from __future__ import annotations

import threading

import pyarrow as pa
import pytest
from pyarrow import flight

from flight.door import Door, error_of

LOG = pa.schema([("id", pa.int64()), ("text", pa.string())])
KEYED = pa.schema([("id", pa.int64()), ("pieces", pa.int32()), ("shelf", pa.string())])


def batch(schema: pa.Schema, *rows: tuple) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)


def test_appends_are_acknowledged_with_their_offsets(door: Door, database: str) -> None:
    table = f"{database}.log"
    door.create_table(table, LOG)
    first, second = door.write(table, batch(LOG, (1, "a"), (2, "b")), batch(LOG, (3, "c")))
    assert [(b.bucket, b.base_offset, b.end_offset, b.rows) for b in first.buckets] == [(0, 0, 2, 2)]
    assert [(b.bucket, b.base_offset, b.end_offset, b.rows) for b in second.buckets] == [(0, 2, 3, 1)]
    assert (first.rows, second.rows) == (2, 1)
    read = door.read(table, at_least=second.token)
    assert read.rows.to_pylist() == [{"id": 1, "text": "a"}, {"id": 2, "text": "b"}, {"id": 3, "text": "c"}]
    assert read.token == second.token


def test_a_path_says_where_to(door: Door, database: str) -> None:
    for name, definition in (("log", {}), ("keyed", {"primary_key": ["id"]})):
        door.create_table(f"{database}.{name}", LOG, **definition)
        results = door.put(flight.FlightDescriptor.for_path(database, name), [batch(LOG, (1, "a")), batch(LOG, (1, "b"))])
        assert [result.rows for result in results] == [1, 1]
    assert len(door.rows(f"{database}.log")) == 2
    assert door.rows(f"{database}.keyed") == [{"id": 1, "text": "b"}]


def test_upserts_partial_updates_and_deletes(door: Door, database: str) -> None:
    table = f"{database}.stock"
    door.create_table(table, KEYED, primary_key=["id"], bucket_count=2)
    door.write(table, batch(KEYED, (1, 10, "A"), (2, 20, "B")))
    part = pa.schema([("shelf", pa.string()), ("id", pa.int64())])
    door.write(table, batch(part, ("C", 1), ("D", 3)), kind="UPSERT")
    by_id = sorted(door.rows(table), key=lambda row: row["id"])
    assert by_id == [
        {"id": 1, "pieces": 10, "shelf": "C"}, {"id": 2, "pieces": 20, "shelf": "B"}, {"id": 3, "pieces": None, "shelf": "D"},
    ]  # fmt: skip
    (deleted,) = door.write(table, batch(pa.schema([("id", pa.int64())]), (1,), (3,)), kind="DELETE")
    assert door.rows(table, at_least=deleted.token) == [{"id": 2, "pieces": 20, "shelf": "B"}]


def test_types_are_cast_where_nothing_is_lost(door: Door, database: str) -> None:
    table = f"{database}.log"
    door.create_table(table, LOG)
    other = pa.record_batch({"text": pa.array(["x", None]).dictionary_encode(), "id": pa.array([7, 8], pa.int32())})
    door.write(table, other)
    assert door.rows(table) == [{"id": 7, "text": "x"}, {"id": 8, "text": None}]


def test_partitions_are_made_when_rows_want_them(door: Door, database: str) -> None:
    schema = pa.schema([("day", pa.string()), ("n", pa.int64())])
    table = f"{database}.by_day"
    door.create_table(table, schema, partition_keys=["day"])
    (result,) = door.write(table, batch(schema, ("20260101", 1), ("20260102", 2), ("20260101", 3)))
    assert sorted((b.partition, b.rows) for b in result.buckets) == [("20260101", 2), ("20260102", 1)]
    assert sorted(row["n"] for row in door.rows(table, partitions=["20260101"])) == [1, 3]


def test_a_client_that_reads_no_acknowledgement_is_not_stuck(door: Door, database: str) -> None:
    """Thousands of small batches, and nothing read but the end."""
    table = f"{database}.log"
    door.create_table(table, LOG)
    descriptor = flight.FlightDescriptor.for_path(database, "log")
    small = batch(LOG, (1, "a"))

    def write_all() -> None:
        writer, _ = door.client.do_put(descriptor, LOG, door.options)
        with writer:
            for _ in range(5_000):
                writer.write_batch(small)

    thread = threading.Thread(target=write_all, daemon=True)
    thread.start()
    thread.join(50)
    assert not thread.is_alive()
    assert door.read(table, columns=door.v1.Columns()).rows.num_rows == 5_000


def test_batches_are_acknowledged_in_their_order(door: Door, database: str) -> None:
    """All are sent before the first answer is read, so that many are under way at a time."""
    for name, definition in (("log", {}), ("keyed", {"primary_key": ["id"]})):
        door.create_table(f"{database}.{name}", LOG, **definition)
        writer, acknowledged = door.client.do_put(flight.FlightDescriptor.for_path(database, name), LOG, door.options)
        with writer:
            for i in range(200):
                writer.write_batch(batch(LOG, *((n, f"{i}") for n in range(i % 7 + 1))))
            writer.done_writing()
            results = [door.v1.WriteResult.FromString(acknowledged.read().to_pybytes()) for _ in range(200)]
            assert acknowledged.read() is None
        assert [result.rows for result in results] == [i % 7 + 1 for i in range(200)]
        ends = [result.buckets[0].end_offset for result in results]
        assert ends == sorted(ends)
    assert len(door.rows(f"{database}.log")) == sum(i % 7 + 1 for i in range(200))
    texts = {row["id"]: row["text"] for row in door.rows(f"{database}.keyed")}
    assert texts == {n: str(max(i for i in range(200) if i % 7 >= n)) for n in range(7)}


def test_an_error_tells_which_rows_are_stored(door: Door, database: str) -> None:
    table = f"{database}.log"
    schema = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("text", pa.string())])
    door.create_table(table, schema)
    loose = pa.schema([("id", pa.int64()), ("text", pa.string())])
    writer, _ = door.client.do_put(flight.FlightDescriptor.for_path(database, "log"), loose, door.options)
    with pytest.raises(flight.FlightError, match=r"Of this stream the first 3 batches \(6 rows\) are stored\.") as raised:  # noqa: SIM117
        with writer:
            for i in range(3):
                writer.write_batch(batch(loose, (2 * i, "a"), (2 * i + 1, "b")))
            writer.write_batch(batch(loose, (None, "c")))
            writer.write_batch(batch(loose, (7, "d")))
            writer.done_writing()
    assert error_of(door.v1, raised.value).name == "INVALID_TABLE"
    assert [row["id"] for row in door.rows(table)] == list(range(6))


@pytest.mark.parametrize(
    ("code", "kind", "rows"),
    [
        ("INVALID_TABLE", "APPEND", {"none": [1]}),
        ("INVALID_TABLE", "APPEND", {"id": ["text that is no number"]}),
        ("INVALID_TABLE", "UPSERT", {"id": [1]}),
        ("INVALID_TABLE", "DELETE", {"id": [1]}),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(door: Door, database: str, code: str, kind: str, rows: dict) -> None:
    table = f"{database}.log"
    door.create_table(table, LOG)
    with pytest.raises(flight.FlightError) as raised:
        door.write(table, pa.RecordBatch.from_pydict(rows), kind=kind)
    assert error_of(door.v1, raised.value).name == code
    assert door.rows(table) == []

"""Tables from Python: what they are made of, what they are called, how they go."""

from __future__ import annotations

import pyarrow as pa
import pytest

import thalweg


def test_a_table_of_an_arrow_schema(db: thalweg.Database, database: str) -> None:
    schema = pa.schema([
        pa.field("id", pa.int64()), ("b", pa.bool_()), ("u", pa.uint16()), ("f", pa.float32()), ("t", pa.timestamp("us")),
        ("z", pa.timestamp("ms", "UTC")), ("d", pa.decimal128(12, 2)), ("l", pa.list_(pa.int32())), ("m", pa.map_(pa.string(), pa.int64())),
        ("s", pa.struct([("x", pa.int32()), ("y", pa.large_string())])), ("w", pa.binary(4)), ("c", pa.dictionary(pa.int8(), pa.string())),
        ("day", pa.date32()), ("n", pa.time64("us")),
    ])  # fmt: skip
    table = db.create_table(
        f"{database}.t", schema, primary_key="id", buckets=3, options={"table.log.ttl": "3d", "mine": "x"}, comment="of Arrow"
    )
    assert table.schema.names == schema.names
    assert table.schema.field("id") == pa.field("id", pa.int64(), nullable=False)
    assert table.schema.field("u").type == pa.int32()
    assert table.schema.field("s").type == pa.struct([("x", pa.int32()), ("y", pa.string())])
    assert (table.primary_key, table.bucket_keys, table.partition_keys, table.bucket_count) == (["id"], ["id"], [], 3)
    assert (table.properties["table.log.ttl"], table.properties["mine"], table.comment) == ("3d", "x", "of Arrow")
    assert repr(table) == f"<thalweg.Table {database}.t: 14 columns, primary key (id)>"


def test_names_and_lists(db: thalweg.Database, database: str) -> None:
    db.create_table(f"{database}.b", "id INT")
    db.create_table(f"{database}.a", "id INT", partitioned_by=[], comment="")
    assert db.tables(database) == [f"{database}.a", f"{database}.b"]
    assert set(db.tables()) >= set(db.tables(database))
    assert database in db.databases()
    db.drop_table(f"{database}.a")
    assert db.tables(database) == [f"{database}.b"]
    db.drop_table(f"{database}.a", missing_ok=True)
    with pytest.raises(thalweg.TableNotFound):
        db.drop_table(f"{database}.a")


def test_what_is_there_already(db: thalweg.Database, database: str) -> None:
    db.create_table(f"{database}.t", "id INT")
    with pytest.raises(thalweg.AlreadyExists):
        db.create_table(f"{database}.t", "id INT")
    assert db.create_table(f"{database}.t", "other INT", exist_ok=True).schema.names == ["id"]
    with pytest.raises(thalweg.AlreadyExists):
        db.create_database(database)
    db.create_database(database, exist_ok=True)


@pytest.mark.parametrize(
    "columns, options, error, message",
    [
        ("id IMT", {}, thalweg.InvalidTable, "IMT"),
        ("id INT", {"primary_key": "key"}, thalweg.InvalidTable, "key"),
        (pa.schema([("id", pa.int32())]), {"primary_key": "ids"}, thalweg.ColumnNotFound, "Did you mean 'id'"),
        (pa.schema([("id", pa.duration("s"))]), {}, thalweg.InvalidTable, "cast it before"),
        ("id INT", {"options": {"table.log.tll": "3d"}}, thalweg.ThalwegError, "table.log.tll"),
        ("id INT", {"buckets": -1}, thalweg.ThalwegError, "ucket"),
    ],
)
def test_tables_that_cannot_be(db: thalweg.Database, database: str, columns, options, error, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=message):
        db.create_table(f"{database}.t", columns, **options)


def test_databases_that_are_not_there(db: thalweg.Database) -> None:
    with pytest.raises(thalweg.DatabaseNotFound):
        db.create_table("nowhere.t", "id INT")
    with pytest.raises(thalweg.DatabaseNotFound, match="There are|Did you mean"):
        db.table("nowhere.t")
    with pytest.raises(thalweg.DatabaseNotFound):
        db.tables("nowhere")

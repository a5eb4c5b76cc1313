"""The stock Java client 0.9.1: metadata, appends, scans. What it wrote it must read back, value by value."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from conformance import values
from conformance.java_client import JavaClient, JavaClientError

pytestmark = pytest.mark.java

FORMATS = {
    "arrow": {"table.log.format": "ARROW", "table.log.arrow.compression.type": "NONE"},
    "arrow-lz4": {"table.log.format": "ARROW", "table.log.arrow.compression.type": "LZ4_FRAME"},
    "arrow-zstd": {"table.log.format": "ARROW", "table.log.arrow.compression.type": "ZSTD"},
    "indexed": {"table.log.format": "INDEXED"},
    "compacted": {"table.log.format": "COMPACTED"},
}
SMALL = [["id", "INT"], ["name", "STRING"]]


def small_rows(count: int, start: int = 0) -> list[values.Row]:
    return [[n, f"row {n}"] for n in range(start, start + count)]


def found_rows(found: list[dict[str, Any]]) -> list[values.Row]:
    return [record["row"] for record in found]


def once_led(java: JavaClient, command: str, **arguments: Any) -> Any:
    """The command's result; repeats it while the new table's leader is being chosen, as the real Fluss lets one see."""
    deadline = time.monotonic() + 15
    while True:
        try:
            return java.do(command, **arguments)
        except JavaClientError as error:
            if error.kind != "NotLeaderOrFollowerException" or time.monotonic() > deadline:
                raise


def error_of(java: JavaClient, command: str, **arguments: Any) -> str:
    with pytest.raises(JavaClientError) as raised:
        java.do(command, **arguments)
    return raised.value.kind


def test_nodes(java: JavaClient, bootstrap: str) -> None:
    nodes = java.do("server_nodes")
    assert sorted(node["type"] for node in nodes) == ["COORDINATOR", "TABLET_SERVER"]
    assert all(node["host"] == "127.0.0.1" and node["port"] > 0 for node in nodes)
    assert f"127.0.0.1:{[n['port'] for n in nodes if n['type'] == 'COORDINATOR'][0]}" == bootstrap


def test_database_keeps_its_description(java: JavaClient) -> None:
    java.do("create_database", database="described", comment="a comment", custom_properties={"owner": "ada"})
    try:
        info = java.do("database_info", database="described")
        assert info["comment"] == "a comment"
        assert info["custom_properties"] == {"owner": "ada"}
        assert "described" in java.do("list_databases")
        assert error_of(java, "create_database", database="described") == "DatabaseAlreadyExistException"
    finally:
        java.do("drop_database", database="described")
    assert "described" not in java.do("list_databases")
    assert error_of(java, "database_info", database="described") == "DatabaseNotExistException"


def test_database_with_tables_is_kept_without_cascade(java: JavaClient, database: str) -> None:
    java.do("create_table", database=database, table="t", columns=SMALL)
    assert error_of(java, "drop_database", database=database) == "DatabaseNotEmptyException"
    assert java.do("list_tables", database=database) == ["t"]


def test_log_table_is_described_as_created(java: JavaClient, database: str) -> None:
    columns = [["id", "INT NOT NULL", "the id"], *([c.name, c.fluss_type] for c in values.SCALARS + values.NESTED)]
    java.do(
        "create_table",
        database=database,
        table="t",
        columns=columns,
        buckets=3,
        bucket_keys=["id"],
        comment="flows",
        properties={"table.log.ttl": "2 d"},
        custom_properties={"team": "river"},
    )
    before = time.time() * 1000
    info = java.do("table_info", database=database, table="t")
    assert [column[0] for column in info["columns"]] == [column[0] for column in columns]
    assert [squeezed(column[1]) for column in info["columns"]] == [squeezed(column[1]) for column in columns]
    assert info["columns"][0][2] == "the id"
    assert (info["buckets"], info["bucket_keys"], info["primary_key"]) == (3, ["id"], [])
    assert (info["comment"], info["custom_properties"]) == ("flows", {"team": "river"})
    assert info["properties"]["table.log.ttl"] == "2 d"
    assert info["schema_id"] == 1
    assert abs(info["created_ms"] - before) < 60_000
    assert java.do("table_exists", database=database, table="t") is True
    java.do("drop_table", database=database, table="t")
    assert java.do("table_exists", database=database, table="t") is False


def squeezed(type_name: str) -> str:
    """A type's text without the spaces, quotes and long words that the client adds."""
    plain = type_name.replace(" ", "").replace("`", "")
    return re.sub(r"TIMESTAMP(\(\d\))WITHLOCALTIMEZONE", r"TIMESTAMP_LTZ\1", plain)


def test_primary_key_table_is_described_as_created(java: JavaClient, database: str) -> None:
    java.do(
        "create_table",
        database=database,
        table="t",
        columns=[["region", "STRING"], ["id", "BIGINT"], ["score", "DOUBLE"]],
        primary_key=["region", "id"],
        partitioned_by=["region"],
        buckets=2,
    )
    info = java.do("table_info", database=database, table="t")
    assert info["primary_key"] == ["region", "id"]
    assert info["partitioned_by"] == ["region"]
    assert info["bucket_keys"] == ["id"]
    assert [column[1] for column in info["columns"]] == ["STRING NOT NULL", "BIGINT NOT NULL", "DOUBLE"]


def test_errors_have_their_names(java: JavaClient, database: str) -> None:
    assert error_of(java, "table_info", database=database, table="absent") == "TableNotExistException"
    assert error_of(java, "drop_table", database=database, table="absent") == "TableNotExistException"
    assert error_of(java, "list_tables", database="absent") == "DatabaseNotExistException"
    assert error_of(java, "create_table", database="absent", table="t", columns=SMALL) == "DatabaseNotExistException"
    java.do("create_table", database=database, table="t", columns=SMALL)
    assert error_of(java, "create_table", database=database, table="t", columns=SMALL) == "TableAlreadyExistException"
    assert error_of(java, "list_partitions", database=database, table="t") == "TableNotPartitionedException"
    assert error_of(java, "table_schema", database=database, table="t", schema_id=9) == "SchemaNotExistException"
    unknown = {"table.no.such.option": "1"}
    refused = error_of(java, "create_table", database=database, table="u", columns=SMALL, properties=unknown)
    assert refused == "InvalidConfigException"


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("kind", ["scalars", "nested"])
def test_every_type_is_read_back(java: JavaClient, database: str, format_name: str, kind: str) -> None:
    columns = values.SCALARS if kind == "scalars" else values.NESTED
    java.do(
        "create_table",
        database=database,
        table="t",
        columns=[[column.name, column.fluss_type] for column in columns],
        properties=FORMATS[format_name],
        buckets=1,
    )
    written = values.rows(columns)
    java.do("append", database=database, table="t", rows=written)
    found = java.do("scan", database=database, table="t", count=len(written))
    assert values.text(found_rows(found)) == values.text(written)
    assert [record["offset"] for record in found] == [0, 1, 2]
    assert {record["change"] for record in found} == {"+A"}


@pytest.mark.parametrize("format_name", ["arrow", "arrow-lz4", "arrow-zstd"])
def test_projection_keeps_the_asked_order(java: JavaClient, database: str, format_name: str) -> None:
    columns = values.SCALARS + values.NESTED
    java.do(
        "create_table",
        database=database,
        table="t",
        columns=[[column.name, column.fluss_type] for column in columns],
        properties=FORMATS[format_name],
        buckets=1,
    )
    written = values.rows(columns)
    java.do("append", database=database, table="t", rows=written)
    for names in (["bigint"], ["registry", "string", "boolean"], ["holder", "deep", "decimal_long", "bytes"]):
        places = [[column.name for column in columns].index(name) for name in names]
        found = java.do("scan", database=database, table="t", count=len(written), columns=names)
        assert values.text(found_rows(found)) == values.text([[row[i] for i in places] for row in written])


def test_buckets_have_dense_offsets_and_keep_order(java: JavaClient, database: str) -> None:
    java.do("create_table", database=database, table="t", columns=SMALL, buckets=3, bucket_keys=["id"])
    written = small_rows(500)
    for start in range(0, 500, 100):
        java.do("append", database=database, table="t", rows=written[start : start + 100])
    found = java.do("scan", database=database, table="t", count=500)
    assert sorted(found_rows(found)) == written
    for bucket in range(3):
        records = [record for record in found if record["bucket"] == bucket]
        assert len(records) > 100
        assert [record["offset"] for record in records] == list(range(len(records)))
        assert found_rows(records) == sorted(found_rows(records))
        assert [r["timestamp"] for r in records] == sorted(r["timestamp"] for r in records)
    latest = java.do("list_offsets", database=database, table="t", buckets=[0, 1, 2], at="latest")
    assert sum(latest.values()) == 500


def test_scan_from_an_offset_starts_there(java: JavaClient, database: str) -> None:
    java.do("create_table", database=database, table="t", columns=SMALL, buckets=1)
    java.do("append", database=database, table="t", rows=small_rows(100))
    found = java.do("scan", database=database, table="t", **{"from": 37}, count=63)
    assert [record["offset"] for record in found] == list(range(37, 100))
    assert found_rows(found) == small_rows(63, start=37)


def test_offsets_by_place_and_time(java: JavaClient, database: str) -> None:
    java.do("create_table", database=database, table="t", columns=SMALL, buckets=1)
    where = {"database": database, "table": "t", "buckets": [0]}
    assert once_led(java, "list_offsets", **where, at="earliest") == {"0": 0}
    assert java.do("list_offsets", **where, at="latest") == {"0": 0}
    java.do("append", database=database, table="t", rows=small_rows(5))
    first = java.do("scan", database=database, table="t", count=5)
    last_of_first = first[-1]["timestamp"]
    while time.time_ns() // 1_000_000 <= last_of_first:
        pass  # Less than a millisecond, if at all: the next batch must carry a later one.
    java.do("append", database=database, table="t", rows=small_rows(5, start=5))
    second = java.do("scan", database=database, table="t", **{"from": 5}, count=5)
    assert second[0]["timestamp"] > last_of_first
    assert java.do("list_offsets", **where, at="earliest") == {"0": 0}
    assert java.do("list_offsets", **where, at="latest") == {"0": 10}
    assert java.do("list_offsets", **where, at=first[0]["timestamp"]) == {"0": 0}
    assert java.do("list_offsets", **where, at=last_of_first + 1) == {"0": 5}


def test_partitions_come_with_the_rows(java: JavaClient, database: str) -> None:
    java.do(
        "create_table",
        database=database,
        table="t",
        columns=[["id", "INT"], ["day", "STRING"]],
        partitioned_by=["day"],
        buckets=2,
    )
    assert java.do("list_partitions", database=database, table="t") == {}
    written = [[n, f"2026-11-{20 + n % 3}"] for n in range(30)]
    java.do("append", database=database, table="t", rows=written)
    partitions = java.do("list_partitions", database=database, table="t")
    assert sorted(partitions) == ["2026-11-20", "2026-11-21", "2026-11-22"]
    assert len(set(partitions.values())) == 3
    found = java.do("scan", database=database, table="t", count=30)
    assert sorted(found_rows(found)) == sorted(written)
    assert all(record["partition"] == record["row"][1] for record in found)
    for name in partitions:
        asked = {"database": database, "table": "t", "partition_name": name, "buckets": [0, 1]}
        assert sum(java.do("list_offsets", **asked, at="latest").values()) == 10


def test_partitions_by_hand(java: JavaClient, database: str) -> None:
    where = {"database": database, "table": "t"}
    columns = [["id", "INT"], ["day", "STRING"], ["region", "STRING"]]
    java.do("create_table", **where, columns=columns, partitioned_by=["day", "region"], buckets=1)
    for region in ("eu", "us"):
        java.do("create_partition", **where, partition={"day": "1", "region": region})
    assert sorted(java.do("list_partitions", **where)) == ["1$eu", "1$us"]
    assert list(java.do("list_partitions", **where, partition={"region": "eu"})) == ["1$eu"]
    again = error_of(java, "create_partition", **where, partition={"day": "1", "region": "eu"})
    assert again == "PartitionAlreadyExistsException"
    java.do("drop_partition", **where, partition={"day": "1", "region": "eu"})
    assert list(java.do("list_partitions", **where)) == ["1$us"]
    gone = error_of(java, "drop_partition", **where, partition={"day": "1", "region": "eu"})
    assert gone == "PartitionNotExistException"
    assert error_of(java, "create_partition", **where, partition={"day": "1"}) == "InvalidPartitionException"


# Not "compacted": there the 0.9.1 client itself fails on rows of an older schema (it forgets its schema getter).
@pytest.mark.parametrize("format_name", ["arrow-zstd", "indexed"])
def test_old_rows_have_no_value_in_an_added_column(java: JavaClient, database: str, format_name: str) -> None:
    where = {"database": database, "table": "t"}
    java.do("create_table", **where, columns=SMALL, buckets=1, properties=FORMATS[format_name])
    java.do("append", **where, rows=small_rows(3))
    java.do("add_column", **where, name="score", type="DOUBLE", comment="added")
    info = java.do("table_info", **where)
    assert info["schema_id"] == 2
    assert info["columns"][2] == ["score", "DOUBLE", "added"]
    assert [column[0] for column in java.do("table_schema", **where, schema_id=1)["columns"]] == ["id", "name"]
    java.do("append", **where, rows=[[3, "row 3", 0.5]])
    found = java.do("scan", **where, count=4)
    assert found_rows(found) == [[n, f"row {n}", None] for n in range(3)] + [[3, "row 3", 0.5]]
    if format_name.startswith("arrow"):
        # Of columns that all batches have; Fluss refuses to project an added column out of older batches.
        projected = java.do("scan", **where, count=4, columns=["name", "id"])
        assert found_rows(projected) == [[f"row {n}", n] for n in range(4)]


def test_options_can_be_set_and_reset(java: JavaClient, database: str) -> None:
    where = {"database": database, "table": "t"}
    java.do("create_table", **where, columns=SMALL)
    java.do("set_option", **where, key="table.log.tiered.local-segments", value="5")
    java.do("set_option", **where, key="note", value="mine")
    info = java.do("table_info", **where)
    assert info["properties"]["table.log.tiered.local-segments"] == "5"
    assert info["custom_properties"]["note"] == "mine"
    java.do("reset_option", **where, key="note")
    assert "note" not in java.do("table_info", **where)["custom_properties"]


@pytest.mark.parametrize("limit", [1, 7, 10, 200])
def test_limit_scan_gives_the_last_rows(java: JavaClient, database: str, limit: int) -> None:
    where = {"database": database, "table": "t"}
    java.do("create_table", **where, columns=SMALL, buckets=1)
    for start in range(0, 50, 10):
        java.do("append", **where, rows=small_rows(10, start))
    found = java.do("limit_scan", **where, bucket=0, limit=limit)
    assert found == small_rows(50)[-limit:]
    projected = java.do("limit_scan", **where, bucket=0, limit=limit, columns=["name"])
    assert projected == [row[1:] for row in small_rows(50)[-limit:]]


def test_table_stats_count_the_rows(java: JavaClient, database: str) -> None:
    where = {"database": database, "table": "t"}
    java.do("create_table", **where, columns=SMALL, buckets=2)
    for count in (25, 50):
        java.do("append", **where, rows=small_rows(25))
        assert java.do("table_stats", **where) == count


def test_a_refused_row_is_not_written(java: JavaClient, bootstrap: str, database: str, tmp_path: Path) -> None:
    where = {"database": database, "table": "t"}
    java.do("create_table", **where, columns=[["id", "INT"], ["day", "STRING"]], partitioned_by=["day"], buckets=1)
    nameless = "not a / valid name"
    assert error_of(java, "create_partition", **where, partition={"day": nameless}) == "InvalidPartitionException"
    # A client of its own: one that was refused a partition may go on asking for it, and never close.
    client = JavaClient(bootstrap, tmp_path / "java-client.log")
    try:
        assert error_of(client, "append_until_answered", **where, row=[1, nameless]) == "InvalidPartitionException"
    finally:
        client.kill()
    assert java.do("list_partitions", **where) == {}


# The others append with all acknowledgements, the default.
@pytest.mark.parametrize("acks", ["0", "1"])
def test_fewer_acknowledgements(
    java: JavaClient, bootstrap: str, database: str, tmp_path: Path, acks: str
) -> None:
    where = {"database": database, "table": "t"}
    java.do("create_table", **where, columns=SMALL, buckets=1)
    settings = {"client.writer.acks": acks, "client.writer.enable-idempotence": "false"}
    client = JavaClient(bootstrap, tmp_path / "java-client.log", settings)
    try:
        for start in range(0, 100, 10):
            client.do("append", **where, rows=small_rows(10, start))
        assert found_rows(client.do("scan", **where, count=100)) == small_rows(100)
    finally:
        client.close()

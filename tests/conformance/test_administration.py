"""The cluster as a whole and what it does by itself, through the Java client's Admin."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conformance.java_client import JavaClient, JavaClientError

pytestmark = pytest.mark.java

COLUMNS = [["id", "BIGINT"], ["name", "STRING"]]
WAIT_S_MAX = 20.0


def error_of(java: JavaClient, command: str, **arguments: Any) -> str:
    """The class of the exception that the command must raise."""
    with pytest.raises(JavaClientError) as raised:
        java.do(command, **arguments)
    return raised.value.kind


def eventually(condition: Callable[[], bool]) -> bool:
    """Fluss answers before it has done everything."""
    deadline = time.monotonic() + WAIT_S_MAX
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def untagged(java: JavaClient) -> Iterator[int]:
    """The tablet server's id; without a tag afterwards too."""
    server = next(node["id"] for node in java.do("server_nodes") if node["type"] == "TABLET_SERVER")
    yield server
    for tag in ("PERMANENT_OFFLINE", "TEMPORARY_OFFLINE"):
        try:
            java.do("remove_server_tag", servers=[server], tag=tag)
        except JavaClientError as error:
            assert error.kind == "ServerTagNotExistException"


def test_server_tags(java: JavaClient, untagged: int) -> None:
    java.do("add_server_tag", servers=[untagged], tag="TEMPORARY_OFFLINE")
    java.do("add_server_tag", servers=[untagged], tag="TEMPORARY_OFFLINE")
    where = {"servers": [untagged], "tag": "PERMANENT_OFFLINE"}
    assert error_of(java, "add_server_tag", **where) == "ServerTagAlreadyExistException"
    assert error_of(java, "remove_server_tag", **where) == "ServerTagNotExistException"
    missing = error_of(java, "add_server_tag", servers=[77], tag="TEMPORARY_OFFLINE")
    assert missing == "ServerNotExistException"
    java.do("remove_server_tag", servers=[untagged], tag="TEMPORARY_OFFLINE")
    java.do("add_server_tag", servers=[untagged], tag="PERMANENT_OFFLINE")


def test_a_rebalance_of_one_server_has_nothing_to_do(java: JavaClient, database: str) -> None:
    java.do("create_table", database=database, table="t", columns=COLUMNS, buckets=3)
    rebalance = java.do("rebalance", goals=["REPLICA_DISTRIBUTION", "LEADER_DISTRIBUTION"])
    done = {"id": rebalance, "status": "COMPLETED", "buckets": 0}
    assert java.do("rebalance_progress", id=rebalance) == done
    assert java.do("rebalance_progress") == done
    java.do("cancel_rebalance", id=rebalance)
    assert java.do("rebalance_progress") == done
    assert error_of(java, "rebalance_progress", id="another") == "NoRebalanceInProgressException"
    assert error_of(java, "cancel_rebalance", id="another") == "NoRebalanceInProgressException"


def test_cluster_options(java: JavaClient) -> None:
    key = "kv.rocksdb.shared-rate-limiter.bytes-per-sec"
    java.do("alter_config", key=key, value="2mb")
    try:
        assert java.do("describe_configs")[key] == ["2mb", "DYNAMIC_SERVER_CONFIG"]
    finally:
        java.do("alter_config", key=key)
    assert key not in java.do("describe_configs")
    for refused in ({"key": "default.bucket.number", "value": "7"}, {"key": key, "value": "fast"}):
        with pytest.raises(JavaClientError):
            java.do("alter_config", **refused)


def test_no_table_has_a_lake_snapshot(java: JavaClient, database: str) -> None:
    java.do("create_table", database=database, table="t", columns=COLUMNS)
    kind = error_of(java, "lake_snapshot", database=database, table="t")
    assert kind == "LakeTableSnapshotNotExistException"


def days(*offsets: int) -> set[str]:
    today = datetime.now(UTC)
    return {(today + timedelta(days=offset)).strftime("%Y%m%d") for offset in offsets}


def test_automatic_partitions(java: JavaClient, database: str) -> None:
    where = {"database": database, "table": "t"}
    options = {"table.auto-partition.enabled": "true", "table.auto-partition.time-zone": "UTC"}
    before = days(0, 1)
    java.do("create_table", **where, columns=COLUMNS, partitioned_by=["name"], properties=options)
    assert eventually(lambda: len(java.do("list_partitions", **where)) == 2)
    assert set(java.do("list_partitions", **where)) in (before, days(0, 1))
    # They are partitions as others are.
    today = sorted(java.do("list_partitions", **where))[0]
    java.do("append", **where, rows=[[n, today] for n in range(10)])
    found = java.do("scan", **where, count=10)
    assert sorted(row[0] for row in found_rows(found)) == list(range(10))


def found_rows(found: Any) -> list[Any]:
    return [record["row"] for record in found]


def test_replicas_beyond_the_only_server_are_refused(java: JavaClient, database: str) -> None:
    options = {"table.replication.factor": "2"}
    kind = error_of(java, "create_table", database=database, table="t", columns=COLUMNS, properties=options)
    assert kind == "InvalidReplicationFactorException"

"""Rights at the door of Flight SQL: those of the RPC port, for statements, for what is asked about tables, and for the server's own tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import adbc_driver_flightsql.dbapi as dbapi
import adbc_driver_manager
import pyarrow as pa
import pytest
from pyarrow import flight

from flight.conftest import FlightServer
from flight.door import Door, error_of
from flight.test_access import ALLOW, READ, SCHEMA, SETTINGS, TABLE, USERS, basic
from peers.wire import WireConnection

# Whoever comes to the Fluss port may give rights.
OPEN_TO_GIVE = {"security.protocol.map": "FLUSS:PLAINTEXT,FLIGHT:SASL", "super.users": "User:root;User:ANONYMOUS"}
ROWS = pa.record_batch({"id": [1, 2]}, schema=SCHEMA)
OWN_TABLES = ("databases", "tables", "partitions", "buckets", "writers")


@pytest.fixture
def server(tmp_path: Path, v1: ModuleType) -> Iterator[FlightServer]:
    """With tables that are alice's to see, `shown`, and that are not, `hidden`."""
    started = FlightServer(tmp_path / "server", {**SETTINGS, **OPEN_TO_GIVE})
    started.start()
    root = Door(started.address, v1, basic("root", USERS["root"]))
    for name in ("shown", "hidden"):
        root.create_table(f"fluss.{name}", SCHEMA, primary_key=["id"])
        root.write(f"fluss.{name}", ROWS)
    root.create_table("fluss.parts", pa.schema([("day", pa.string()), ("id", pa.int64())]), partition_keys=["day"])
    root.action(v1.CreatePartition(table=root.name("fluss.parts"), values={"day": "20260101"}))
    root.close()
    yield started
    started.stop()


def give(server: FlightServer, table: str, operation: int) -> None:
    right = {
        "resource_name": table, "resource_type": TABLE, "principal_name": "alice", "principal_type": "User",
        "host": "*", "operation_type": operation, "permission_type": ALLOW,
    }  # fmt: skip
    connection = WireConnection(server.bootstrap)
    assert connection.call("CREATE_ACLS", {"acl": [right]}).error == 0
    connection.close()


@pytest.fixture
def alice(server: FlightServer) -> Iterator[Any]:
    with dbapi.connect(server.address, db_kwargs={"username": "alice", "password": USERS["alice"]}, autocommit=True) as opened:
        yield opened


def rows(connection: Any, statement: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def refused(connection: Any, *statements: str) -> None:
    for statement in statements:
        with pytest.raises(adbc_driver_manager.Error) as raised:
            rows(connection, statement)
        assert "has no right to" in str(raised.value), statement


def ingest(connection: Any, table: str, mode: str) -> int:
    with connection.cursor() as cursor:
        return cursor.adbc_ingest(table, pa.Table.from_batches([ROWS]), mode=mode, db_schema_name="fluss")


def told(connection: Any) -> str:
    """All names that the metadata calls of a tool bring."""
    objects = connection.adbc_get_objects(depth="columns").read_all().to_pylist()
    return str([objects, rows(connection, "SHOW TABLES"), rows(connection, "SELECT table_name FROM information_schema.tables")])


def test_who_has_no_rights_changes_and_learns_nothing(alice: Any) -> None:
    refused(
        alice,
        "SELECT * FROM fluss.hidden", "SELECT id FROM fluss.hidden WHERE id = 1", "SELECT * FROM fluss.hidden$changelog",
        "SELECT * FROM fluss.hidden$binlog", "EXPLAIN SELECT * FROM fluss.hidden",
        "INSERT INTO fluss.hidden VALUES (3)", "UPDATE fluss.hidden SET id = 3", "DELETE FROM fluss.hidden WHERE id = 1",
        "CREATE TABLE fluss.mine (id INT)", "CREATE TABLE fluss.mine AS SELECT 1 AS id", "CREATE DATABASE mine",
        "ALTER TABLE fluss.hidden ADD COLUMN more INT", "ALTER TABLE fluss.hidden SET ('table.log.ttl' = '1d')",
        "ALTER TABLE fluss.parts ADD PARTITION (day = '20260102')", "ALTER TABLE fluss.parts DROP PARTITION (day = '20260101')",
        "ALTER DATABASE fluss SET ('a' = 'b')", "DROP TABLE fluss.hidden", "DROP DATABASE fluss CASCADE",
        "SELECT * FROM thalweg.metrics", "SELECT * FROM thalweg.settings",
    )  # fmt: skip
    for mode in ("append", "create", "replace"):
        with pytest.raises(adbc_driver_manager.Error, match="has no right to"):
            ingest(alice, "hidden", mode)
    assert {name: rows(alice, f"SELECT * FROM thalweg.{name}") for name in OWN_TABLES} == {name: [] for name in OWN_TABLES}
    assert "hidden" not in told(alice)
    with pytest.raises(adbc_driver_manager.Error):
        alice.adbc_get_table_schema("hidden", db_schema_filter="fluss")


def test_who_may_read_one_table_may_do_that_alone(server: FlightServer, alice: Any, v1: ModuleType) -> None:
    refused(alice, "SELECT count(*) FROM fluss.shown")
    give(server, "fluss.shown", READ)
    assert rows(alice, "SELECT id FROM fluss.shown ORDER BY id") == [(1,), (2,)]
    assert rows(alice, "SELECT id FROM fluss.shown WHERE id = 2") == [(2,)]
    assert rows(alice, "SELECT count(*) FROM fluss.shown$changelog") == [(2,)]
    refused(
        alice,
        "SELECT * FROM fluss.hidden", "SELECT * FROM fluss.shown JOIN fluss.hidden USING (id)", "INSERT INTO fluss.shown VALUES (3)",
        "DELETE FROM fluss.shown WHERE id = 1", "DROP TABLE fluss.shown", "ALTER TABLE fluss.shown ADD COLUMN more INT",
        "EXPLAIN ANALYZE DELETE FROM fluss.shown",
    )  # fmt: skip
    with pytest.raises(adbc_driver_manager.Error, match="has no right to"):
        ingest(alice, "shown", "append")
    with pytest.raises(adbc_driver_manager.Error, match="has no right to"):
        ingest(alice, "shown", "replace")
    root = Door(server.address, v1, basic("root", USERS["root"]))
    assert len(root.rows("fluss.shown")) == 2
    names = told(alice)
    assert "shown" in names
    assert "hidden" not in names
    assert {row[0] for row in rows(alice, "SELECT table_name FROM thalweg.buckets")} == {"shown"}


def test_a_token_tells_nothing_of_a_table_that_is_not_shown(server: FlightServer, v1: ModuleType) -> None:
    root, alice = (Door(server.address, v1, basic(name, USERS[name])) for name in ("root", "alice"))
    give(server, "fluss.shown", READ)
    hidden, shown = root.read("fluss.hidden").token, alice.read("fluss.shown").token
    asks: list[Callable[[], object]] = [
        lambda: alice.action(v1.WaitForToken(token=hidden)),
        lambda: alice.action(v1.WaitForToken(token=f"{shown},{hidden}")),
        lambda: alice.read("fluss.shown", at_least=hidden),
        lambda: alice.look_up("fluss.shown", ROWS, at_least=hidden),
    ]
    for ask in asks:
        with pytest.raises(flight.FlightUnauthorizedError) as raised:
            ask()
        assert error_of(v1, raised.value).name == "AUTHORIZATION"
        assert "hidden" not in str(raised.value)
    credentials = {"username": "alice", "password": USERS["alice"]}
    with dbapi.connect(server.address, db_kwargs=credentials, autocommit=True) as opened:
        refused(opened, f"SET thalweg_at_least = '{hidden}'")
        assert rows(opened, f"SET thalweg_at_least = '{shown}'") in ([], [(0,)])
    alice.action(v1.WaitForToken(token=shown))
    assert len(alice.rows("fluss.shown", at_least=shown)) == 2


def test_a_right_that_is_taken_back_ends_who_follows(server: FlightServer, v1: ModuleType) -> None:
    root, alice = (Door(server.address, v1, basic(name, USERS[name])) for name in ("root", "alice"))
    give(server, "fluss.shown", READ)
    stream = alice.chunks(alice.ticket("fluss.shown$changelog", follow=True, columns=v1.Columns(names=["id"])))
    found: list[int] = []
    while len(found) < 2:
        found += next(stream)[0]["id"].to_pylist()
    connection = WireConnection(server.bootstrap)
    of_all = {"resource_type": TABLE, "resource_name": "fluss.shown", "operation_type": 1, "permission_type": 1}
    assert connection.call("DROP_ACLS", {"acl_filter": [of_all]}).error == 0
    connection.close()
    root.write("fluss.shown", pa.record_batch({"id": [3]}, schema=SCHEMA))
    with pytest.raises(flight.FlightUnauthorizedError):
        while True:
            assert not next(stream)[0]["id"].to_pylist()

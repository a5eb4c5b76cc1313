"""Flight SQL by a client that others wrote: Apache's ADBC driver, through Python's DB-API."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import adbc_driver_flightsql.dbapi as dbapi
import adbc_driver_manager
import pyarrow as pa
import pytest
from google.protobuf import any_pb2
from pyarrow import flight

from flight.conftest import FlightServer
from flight.door import Door


@pytest.fixture
def connection(server: FlightServer) -> Iterator[Any]:
    with dbapi.connect(server.address, autocommit=True) as opened:
        yield opened


@pytest.fixture
def cursor(connection: Any) -> Iterator[Any]:
    with connection.cursor() as opened:
        yield opened


@pytest.fixture
def stock(door: Door, database: str) -> str:
    """100 rows by key."""
    schema = pa.schema([("id", pa.int64()), ("name", pa.string()), ("pieces", pa.int32())])
    name = f"{database}.stock"
    door.create_table(name, schema, primary_key=["id"], bucket_count=2)
    rows = [{"id": i, "name": f"n{i}", "pieces": i * 10} for i in range(100)]
    door.write(name, pa.RecordBatch.from_pylist(rows, schema))
    return name


def test_a_query(cursor: Any, stock: str) -> None:
    cursor.execute(f"SELECT count(*) AS n, sum(pieces) AS total FROM {stock} WHERE id < 10")
    assert cursor.fetchall() == [(10, 450)]
    assert [column[0] for column in cursor.description] == ["n", "total"]


def test_one_row_by_key(cursor: Any, stock: str) -> None:
    cursor.execute(f"SELECT name FROM {stock} WHERE id = 42")
    assert cursor.fetchone() == ("n42",)


def test_a_prepared_statement_with_parameters(cursor: Any, stock: str) -> None:
    for i in (7, 8):
        cursor.execute(f"SELECT name, pieces FROM {stock} WHERE id = ? AND pieces > ?", (i, 0))
        assert cursor.fetchall() == [(f"n{i}", i * 10)]


def test_large_results_are_streamed(cursor: Any) -> None:
    cursor.execute("SELECT range AS i, repeat('x', 100) AS text FROM range(200000)")
    assert cursor.fetch_arrow_table().num_rows == 200_000


def test_the_first_rows_come_before_the_last_are_made(connection: Any) -> None:
    """All of them would take hours; who has seen enough leaves nothing running."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT range AS i FROM range(1000000000000)")
        with cursor.fetch_record_batch() as reader:
            assert reader.read_next_batch()["i"][0].as_py() == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_statements_that_change_something_say_how_many(connection: Any, cursor: Any, database: str) -> None:
    cursor.execute(f"CREATE TABLE {database}.made (id BIGINT NOT NULL PRIMARY KEY, text VARCHAR)")
    cursor.execute(f"INSERT INTO {database}.made VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    assert cursor.rowcount in (-1, 3)  # what the driver makes of it differs by version
    cursor.execute(f"UPDATE {database}.made SET text = 'changed' WHERE id = 2")
    cursor.execute(f"DELETE FROM {database}.made WHERE id = 3")
    cursor.execute(f"SELECT * FROM {database}.made ORDER BY id")
    assert cursor.fetchall() == [(1, "a"), (2, "changed")]


def test_many_rows_of_parameters(cursor: Any, database: str) -> None:
    cursor.execute(f"CREATE TABLE {database}.log (id BIGINT, text VARCHAR)")
    cursor.executemany(f"INSERT INTO {database}.log VALUES (?, ?)", [(i, f"t{i}") for i in range(50)])
    cursor.execute(f"SELECT count(*), min(text) FROM {database}.log")
    assert cursor.fetchone() == (50, "t0")


def test_tables_are_ingested(cursor: Any, database: str) -> None:
    table = pa.table({"id": pa.array(range(1000)), "text": [f"t{i}" for i in range(1000)]})
    assert cursor.adbc_ingest("log", table, mode="create", db_schema_name=database) == 1000
    assert cursor.adbc_ingest("log", table, mode="append", db_schema_name=database) == 1000
    cursor.execute(f"SELECT count(*), count(DISTINCT id) FROM {database}.log")
    assert cursor.fetchone() == (2000, 1000)


def test_a_table_is_replaced_by_one_that_can_be(cursor: Any, database: str) -> None:
    cursor.adbc_ingest("log", pa.table({"id": [1, 2, 3]}), mode="create", db_schema_name=database)
    with pytest.raises(adbc_driver_manager.Error):
        cursor.adbc_ingest("log", pa.table({"id": pa.array([1], pa.duration("s"))}), mode="replace", db_schema_name=database)
    cursor.execute(f"SELECT sum(id) FROM {database}.log")
    assert cursor.fetchone() == (6,)
    assert cursor.adbc_ingest("log", pa.table({"name": ["a"]}), mode="replace", db_schema_name=database) == 1
    cursor.execute(f"SELECT * FROM {database}.log")
    assert cursor.fetchall() == [("a",)]


def test_what_there_is(connection: Any, stock: str) -> None:
    database, name = stock.split(".")
    info = connection.adbc_get_info()
    assert info["vendor_name"] == "Thalweg"
    assert connection.adbc_get_table_types() == ["TABLE"]
    schema = connection.adbc_get_table_schema(name, db_schema_filter=database)
    assert schema.names == ["id", "name", "pieces"]
    objects = connection.adbc_get_objects(depth="columns", db_schema_filter=database).read_all().to_pylist()
    (catalog,) = objects
    assert catalog["catalog_name"] == "cluster"
    (found,) = catalog["catalog_db_schemas"]
    assert [t["table_name"] for t in found["db_schema_tables"]] == [name]
    assert [c["column_name"] for c in found["db_schema_tables"][0]["table_columns"]] == ["id", "name", "pieces"]


def test_types_are_told(door: Door) -> None:
    """For ODBC; neither ADBC nor the JDBC driver asks for them."""
    command = any_pb2.Any(type_url="type.googleapis.com/arrow.flight.protocol.sql.CommandGetXdbcTypeInfo").SerializeToString()
    info = door.client.get_flight_info(flight.FlightDescriptor.for_command(command), door.options)
    types = door.client.do_get(info.endpoints[0].ticket, door.options).read_all()
    assert {"BIGINT", "STRING", "DECIMAL"} <= set(types["type_name"].to_pylist())


def test_mistakes_are_explained(cursor: Any, stock: str) -> None:
    with pytest.raises(adbc_driver_manager.Error, match="(?i)nmae"):
        cursor.execute(f"SELECT nmae FROM {stock}")
        cursor.fetchall()
    with pytest.raises(adbc_driver_manager.Error, match="(?i)syntax"):
        cursor.execute("SELEC 1")
        cursor.fetchall()
    cursor.execute("SELECT 1")
    assert cursor.fetchone() == (1,)


def sql_chunks(door: Door, query: str) -> tuple[list[pa.RecordBatch], list[str]]:
    """The batches of a statement's result, and the token that came with each."""
    command = any_pb2.Any(type_url="type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery")
    command.value = b"\x0a" + bytes([len(query.encode())]) + query.encode()
    info = door.client.get_flight_info(flight.FlightDescriptor.for_command(command.SerializeToString()), door.options)
    batches, tokens = [], []
    for chunk in door.client.do_get(info.endpoints[0].ticket, door.options):
        batches.append(chunk.data)
        tokens.append(door.v1.ReadPosition.FromString(chunk.app_metadata.to_pybytes()).token if chunk.app_metadata else "")
    return batches, tokens


def test_a_result_ends_with_its_token(door: Door, stock: str) -> None:
    batches, tokens = sql_chunks(door, f"SELECT * FROM {stock}")
    assert sum(batch.num_rows for batch in batches) == 100
    assert batches[-1].num_rows == 0
    assert tokens[:-1] == [""] * (len(tokens) - 1)
    assert tokens[-1] == door.read(stock).token
    (insert, none), (_, written) = sql_chunks(door, f"INSERT INTO {stock} VALUES (7, 'x', 1)")
    assert (insert.to_pylist(), none.num_rows) == ([{"Count": 1}], 0)
    assert door.read(stock, at_least=written).token != tokens[-1]
    assert sql_chunks(door, "SELECT 1 AS a")[1] == [""], "nothing was read"
    empty, (token,) = sql_chunks(door, f"SELECT name FROM {stock} WHERE id = 4711")
    assert (empty[0].num_rows, token.count(":")) == (0, 1), "that there is no row is what was read"


def test_a_connection_waits_for_a_token(cursor: Any, door: Door, stock: str) -> None:
    schema = pa.schema([("id", pa.int64()), ("pieces", pa.int32())])
    (written,) = door.write(stock, pa.RecordBatch.from_pylist([{"id": 42, "pieces": 7}], schema))
    cursor.execute(f"SET thalweg_at_least = '{written.token}'")
    cursor.execute(f"SELECT pieces FROM {stock} WHERE id = 42")
    assert cursor.fetchall() == [(7,)]
    table = written.token.split("/")[0]
    for token, message in (("nonsense", "is no token"), (f"{table}/9:1", "(?i)bucket"), ("4711/0:1", "4711")):
        with pytest.raises(adbc_driver_manager.Error, match=message):
            cursor.execute(f"SET thalweg_at_least = '{token}'")


def test_a_query_is_cancelled(connection: Any) -> None:
    with connection.cursor() as cursor:
        timer = threading.Timer(1.0, cursor.adbc_cancel)
        began = time.monotonic()
        timer.start()
        with pytest.raises(adbc_driver_manager.Error):
            cursor.execute("SELECT count(*) FROM range(1000000000) a, range(1000) b WHERE a.range % 7 = b.range")
            cursor.fetchall()
        assert time.monotonic() - began < 20
        timer.join()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_what_a_connection_sets_is_its_own(server: FlightServer, connection: Any, database: str, door: Door) -> None:
    door.create_table(f"{database}.here", pa.schema([("id", pa.int64())]))
    with connection.cursor() as cursor:
        cursor.execute(f"USE {database}")
        cursor.execute("SELECT count(*) FROM here")
        assert cursor.fetchone() == (0,)
    with dbapi.connect(server.address, autocommit=True) as other, other.cursor() as cursor:
        with pytest.raises(adbc_driver_manager.Error):
            cursor.execute("SELECT count(*) FROM here")
            cursor.fetchall()


def test_a_header_names_the_database(server: FlightServer, database: str, door: Door) -> None:
    """Each call says it, so that it does not depend on what the server has kept; one that is missing may be created."""
    door.create_table(f"{database}.here", pa.schema([("id", pa.int64())]))

    def connect(name: str) -> Any:
        return dbapi.connect(server.address, db_kwargs={"adbc.flight.sql.rpc.call_header.thalweg-database": name}, autocommit=True)

    with connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM here")
        assert cursor.fetchone() == (0,)
    missing = f"{database}_later"
    with connect(missing) as connection, connection.cursor() as cursor:
        with pytest.raises(adbc_driver_manager.Error, match="here"):
            cursor.execute("SELECT count(*) FROM here")
            cursor.fetchall()
        cursor.execute(f"CREATE DATABASE {missing}")
        cursor.execute("CREATE TABLE here AS SELECT 7 AS id")
        cursor.execute(f"SELECT id FROM {missing}.here")
        assert cursor.fetchone() == (7,)
        cursor.execute(f"DROP DATABASE {missing} CASCADE")


def told_of(door: Door, text: str) -> tuple[flight.FlightInfo, Any]:
    """What GetFlightInfo says of a statement."""
    query = b"\x0a" + bytes([len(text)]) + text.encode()  # field 1 of CommandStatementQuery
    command = any_pb2.Any(type_url="type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery", value=query)
    descriptor = flight.FlightDescriptor.for_command(command.SerializeToString())
    info = door.client.get_flight_info(descriptor, door.options)
    return info, door.v1.StatementInfo.FromString(info.app_metadata)


def test_what_a_statement_is(door: Door, database: str) -> None:
    kinds = door.v1.StatementInfo
    for text, kind, rows, now in (
        (f"USE {database}", kinds.SESSION, 0, database),
        ("CREATE TABLE t (id INT)", kinds.DEFINITION, 0, database),
        ("INSERT INTO t VALUES (1), (2)", kinds.CHANGE, 2, database),
        ("SELECT 1", kinds.QUERY, 0, database),
        ("USE fluss", kinds.SESSION, 0, "fluss"),
    ):
        told = told_of(door, text)[1]
        assert (told.kind, told.changed_rows, told.database) == (kind, rows, now), text


@pytest.mark.parametrize("early", [True, False])
def test_a_query_is_cancelled_before_its_first_row(door: Door, early: bool) -> None:
    """By CancelFlightInfo: while it computes, or before it has begun to."""
    info, _ = told_of(door, "SELECT count(*) FROM range(1000000000000) WHERE hash(range) = 7")
    cancel = flight.Action("CancelFlightInfo", b"\x0a" + varint(len(info.serialize())) + info.serialize())
    if early:
        list(door.client.do_action(cancel, door.options))
    else:
        timer = threading.Timer(1.0, lambda: list(door.client.do_action(cancel, door.options)))
        timer.start()
    began = time.monotonic()
    with pytest.raises(flight.FlightCancelledError):
        door.client.do_get(info.endpoints[0].ticket, door.options).read_all()
    assert time.monotonic() - began < 20


def varint(number: int) -> bytes:
    low = number & 0x7F
    return bytes([low]) if number < 0x80 else bytes([low | 0x80]) + varint(number >> 7)


def test_users_and_rights(tmp_path: Any, v1: ModuleType) -> None:
    from flight.test_access import SETTINGS, USERS, basic

    server = FlightServer(tmp_path / "server", SETTINGS)
    server.start()
    root = Door(server.address, v1, basic("root", USERS["root"]))
    root.create_table("fluss.secrets", pa.schema([("id", pa.int64())]))
    for name, allowed in (("root", True), ("alice", False)):
        with dbapi.connect(server.address, db_kwargs={"username": name, "password": USERS[name]}, autocommit=True) as opened:
            with opened.cursor() as cursor:
                if allowed:
                    cursor.execute("SELECT count(*) FROM fluss.secrets")
                    assert cursor.fetchone() == (0,)
                else:
                    with pytest.raises(adbc_driver_manager.Error):
                        cursor.execute("SELECT count(*) FROM fluss.secrets")
                        cursor.fetchall()
    with pytest.raises(adbc_driver_manager.Error):
        dbapi.connect(server.address, db_kwargs={"username": "alice", "password": "wrong"}, autocommit=True).cursor().execute("SELECT 1")
    server.stop()

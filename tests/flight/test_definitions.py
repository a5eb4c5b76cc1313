"""Databases, tables and partitions by actions; what is listed of them."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pyarrow import flight

from flight.door import Door, error_of
from flight.messages import packed

COLUMNS = pa.schema([pa.field("id", pa.int64()), ("name", pa.string()), ("price", pa.decimal128(10, 2))])


def test_every_action_is_listed_and_described(door: Door) -> None:
    actions = {action.type: action.description for action in door.client.list_actions(door.options)}
    assert all(actions.values())
    names = {name for name in door.v1.DESCRIPTOR.message_types_by_name if name.startswith(("Create", "Drop", "Alter", "List", "Get", "Wait"))}
    assert {f"thalweg.flight.v1.{name}" for name in names} == {name for name in actions if "." in name}
    # Those that Flight and Flight SQL name themselves.
    assert {name for name in actions if "." not in name} == {
        "CancelFlightInfo", "CancelQuery", "ClosePreparedStatement", "CloseSession", "CreatePreparedStatement",
    }  # fmt: skip


def test_the_server_says_where_fluss_clients_connect(door: Door, server) -> None:
    info = door.action(door.v1.GetServerInfo(), "ServerInfo")
    (listener,) = info.fluss_listeners
    assert (listener.name, listener.address, listener.sasl) == ("FLUSS", server.bootstrap, False)
    assert info.principal == "User:ANONYMOUS"
    assert info.version


def test_a_table_is_described_as_it_was_created(door: Door, database: str) -> None:
    created = door.create_table(
        f"{database}.orders", COLUMNS, primary_key=["id"], bucket_count=3, comment="of shops",
        properties={"table.log.ttl": "2d"}, custom_properties={"team": "sales"},
    )  # fmt: skip
    told = door.action(door.v1.GetTable(table=door.name(f"{database}.orders")), "TableInfo")
    assert told == created
    assert [(c.name, c.type) for c in told.definition.columns] == [
        ("id", "BIGINT NOT NULL"), ("name", "STRING"), ("price", "DECIMAL(10, 2)"),
    ]  # fmt: skip
    assert pa.ipc.read_schema(pa.py_buffer(told.definition.arrow_schema)).names == COLUMNS.names
    assert list(told.definition.primary_key) == ["id"]
    assert list(told.definition.bucket_keys) == ["id"]
    assert told.definition.bucket_count == 3
    assert told.definition.comment == "of shops"
    assert told.definition.properties["table.log.ttl"] == "2d"
    assert dict(told.definition.custom_properties) == {"team": "sales"}
    assert told.schema_id == 1


def test_columns_may_be_given_as_text(door: Door, database: str) -> None:
    column = door.v1.TableDefinition.Column
    definition = door.v1.TableDefinition(
        columns=[column(name="t", type="timestamp_ltz(3)", comment="when"), column(name="v", type="array<float>")]
    )
    table = door.name(f"{database}.events")
    door.action(door.v1.CreateTable(table=table, definition=definition), "TableInfo")
    told = door.action(door.v1.GetTable(table=table), "TableInfo").definition
    assert [(c.name, c.type, c.comment) for c in told.columns] == [
        ("t", "TIMESTAMP_LTZ(3)", "when"), ("v", "ARRAY<FLOAT>", ""),
    ]  # fmt: skip


def test_a_table_is_altered(door: Door, database: str) -> None:
    door.create_table(f"{database}.t", COLUMNS)
    table = door.name(f"{database}.t")
    told = door.action(
        door.v1.AlterTable(table=table, add_columns=[door.v1.TableDefinition.Column(name="more", type="INT")]), "TableInfo"
    )
    assert [c.name for c in told.definition.columns] == ["id", "name", "price", "more"]
    assert told.schema_id == 2
    told = door.action(door.v1.AlterTable(table=table, set_options={"table.log.ttl": "1d"}), "TableInfo")
    assert told.definition.properties["table.log.ttl"] == "1d"
    told = door.action(door.v1.AlterTable(table=table, reset_options=["table.log.ttl"]), "TableInfo")
    assert told.definition.properties.get("table.log.ttl") != "1d"


def test_lists_of_databases_tables_and_flights(door: Door, database: str) -> None:
    for name in ("b", "a"):
        door.create_table(f"{database}.{name}", COLUMNS)
    databases = door.action(door.v1.ListDatabases(), "DatabaseList")
    assert database in [one.name for one in databases.databases]
    assert list(door.action(door.v1.ListTables(database=database), "TableList").tables) == ["a", "b"]
    flights = list(door.client.list_flights(database.encode(), door.options))
    assert [f.descriptor.path for f in flights] == [[database.encode(), b"a"], [database.encode(), b"b"]]
    assert flights[0].schema.names == COLUMNS.names
    everything = [f.descriptor.path for f in door.client.list_flights(options=door.options)]
    assert [database.encode(), b"a"] in everything
    door.action(door.v1.DropTable(table=door.name(f"{database}.a")))
    assert list(door.action(door.v1.ListTables(database=database), "TableList").tables) == ["b"]


def test_partitions(door: Door, database: str) -> None:
    schema = pa.schema([("day", pa.string()), ("n", pa.int32())])
    door.create_table(f"{database}.by_day", schema, partition_keys=["day"])
    table = door.name(f"{database}.by_day")
    for day in ("20260101", "20260102"):
        door.action(door.v1.CreatePartition(table=table, values={"day": day}))
    door.action(door.v1.CreatePartition(table=table, values={"day": "20260101"}, ignore_if_exists=True))
    listed = door.action(door.v1.ListPartitions(table=table), "PartitionList").partitions
    assert [p.name for p in listed] == ["20260101", "20260102"]
    door.action(door.v1.DropPartition(table=table, values={"day": "20260101"}))
    assert [p.name for p in door.action(door.v1.ListPartitions(table=table), "PartitionList").partitions] == ["20260102"]


def test_schema_and_endpoints(door: Door, database: str) -> None:
    door.create_table(f"{database}.t", COLUMNS, bucket_count=3)
    path = flight.FlightDescriptor.for_path(database, "t")
    assert door.client.get_schema(path, door.options).schema == pa.schema(COLUMNS)
    assert len(door.client.get_flight_info(path, door.options).endpoints) == 1
    read = door.v1.ReadTable(table=door.name(f"{database}.t"), columns=door.v1.Columns(names=["price", "id"]), endpoints_max=2)
    info = door.client.get_flight_info(flight.FlightDescriptor.for_command(door.ticket(f"{database}.t").ticket), door.options)
    assert info.schema.names == COLUMNS.names
    info = door.client.get_flight_info(flight.FlightDescriptor.for_command(packed(read)), door.options)
    assert info.schema.names == ["price", "id"]
    assert len(info.endpoints) == 2


@pytest.mark.parametrize(
    ("code", "act"),
    [
        ("TABLE_NOT_EXIST", lambda door, db: door.action(door.v1.GetTable(table=door.name(f"{db}.none")), "TableInfo")),
        ("DATABASE_NOT_EXIST", lambda door, db: door.action(door.v1.ListTables(database="none"), "TableList")),
        ("DATABASE_ALREADY_EXIST", lambda door, db: door.action(door.v1.CreateDatabase(name=db))),
        ("INVALID_TABLE", lambda door, db: door.create_table(f"{db}.t", pa.schema([("x", pa.null())]))),
        ("INVALID_TABLE", lambda door, db: door.create_table(f"{db}.t", COLUMNS, primary_key=["none"])),
        ("TABLE_NOT_PARTITIONED", lambda door, db: (
            door.create_table(f"{db}.t", COLUMNS),
            door.action(door.v1.ListPartitions(table=door.name(f"{db}.t")), "PartitionList"),
        )),
        ("INVALID_SCAN_REQUEST", lambda door, db: list(door.client.do_get(flight.Ticket(b"select 1"), door.options))),
        ("INVALID_SCAN_REQUEST", lambda door, db: door.client.get_flight_info(flight.FlightDescriptor.for_path("a", "b", "c"))),
        ("UNSUPPORTED_VERSION", lambda door, db: list(door.client.do_action(flight.Action("Fly", b""), door.options))),
    ],
)  # fmt: skip
def test_errors_carry_their_code_and_say_what_to_do(door: Door, database: str, code: str, act) -> None:
    with pytest.raises(flight.FlightError) as raised:
        act(door, database)
    detail = error_of(door.v1, raised.value)
    assert detail.name == code
    assert len(str(raised.value)) > 20

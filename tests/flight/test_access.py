"""Who gets in, and what they may do: as at the RPC port, with its users and rights."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest
from pyarrow import flight

from flight.conftest import FlightServer
from flight.door import CALL_S_MAX, Door, error_of
from peers.thalweg import sasl_settings
from peers.wire import WireConnection

USERS = {"root": "of all", "alice": "wonder:land"}
SETTINGS = {
    **sasl_settings(USERS),
    "security.protocol.map": "FLUSS:SASL",
    "authorizer.enabled": "true",
    "super.users": "User:root",
    "thalweg.security.deny": "User:root DROP on cluster",
}
# As the Fluss protocol numbers them.
TABLE, READ, ALLOW = 4, 3, 2
SCHEMA = pa.schema([("id", pa.int64())])


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[FlightServer]:
    server = FlightServer(tmp_path / "server", SETTINGS)
    server.start()
    yield server
    server.stop()


def basic(user: str, password: str) -> flight.FlightCallOptions:
    text = base64.b64encode(f"{user}:{password}".encode())
    return flight.FlightCallOptions(timeout=CALL_S_MAX, headers=[(b"authorization", b"Basic " + text)])


def refusal(v1: ModuleType, door: Door) -> str:
    with pytest.raises(flight.FlightError) as raised:
        door.action(v1.GetServerInfo(), "ServerInfo")
    return error_of(v1, raised.value).name


def test_who_has_a_password_gets_in_and_is_known(guarded: FlightServer, v1: ModuleType) -> None:
    door = Door(guarded.address, v1, basic("alice", "wonder:land"))
    info = door.action(v1.GetServerInfo(), "ServerInfo")
    assert info.principal == "User:alice"
    assert info.fluss_listeners[0].sasl


def test_a_handshake_gives_a_token_that_stands_for_the_password(guarded: FlightServer, v1: ModuleType) -> None:
    client = flight.FlightClient(guarded.address)
    header = client.authenticate_basic_token("alice", "wonder:land")
    assert header[0] == b"authorization"
    assert header[1].startswith(b"Bearer ")
    door = Door(guarded.address, v1, flight.FlightCallOptions(timeout=CALL_S_MAX, headers=[header]))
    assert door.action(v1.GetServerInfo(), "ServerInfo").principal == "User:alice"


@pytest.mark.parametrize(
    "options",
    [
        flight.FlightCallOptions(timeout=CALL_S_MAX),
        basic("alice", "wrong"),
        basic("nobody", "wonder:land"),
        flight.FlightCallOptions(headers=[(b"authorization", b"Bearer made-up")]),
        flight.FlightCallOptions(headers=[(b"authorization", b"Basic %%%")]),
        flight.FlightCallOptions(headers=[(b"authorization", b"Negotiate x")]),
    ],
)
def test_all_others_do_not(guarded: FlightServer, v1: ModuleType, options: flight.FlightCallOptions) -> None:
    door = Door(guarded.address, v1, options)
    assert refusal(v1, door) == "AUTHENTICATE"
    with pytest.raises(flight.FlightUnauthenticatedError):
        list(door.client.list_flights(options=options))
    with pytest.raises(flight.FlightUnauthenticatedError):
        door.client.list_actions(options)


def test_who_guesses_passwords_is_held_off(guarded: FlightServer, v1: ModuleType) -> None:
    door = Door(guarded.address, v1, basic("alice", "a guess"))
    names = [refusal(v1, door) for _ in range(30)]
    assert set(names[:20]) == {"AUTHENTICATE"}
    assert "RETRIABLE_AUTHENTICATE" in names[20:]
    right = Door(guarded.address, v1, basic("alice", "wonder:land"))
    assert refusal(v1, right) == "RETRIABLE_AUTHENTICATE", "not even the right one is looked at"
    assert "a guess" not in guarded.last_output()


def test_rights_are_those_of_the_rpc_port(guarded: FlightServer, v1: ModuleType) -> None:
    root, alice = (Door(guarded.address, v1, basic(name, USERS[name])) for name in ("root", "alice"))
    root.action(v1.CreateDatabase(name="shop"))
    root.create_table("shop.orders", SCHEMA, primary_key=["id"])
    root.write("shop.orders", pa.record_batch({"id": [1]}, schema=SCHEMA))
    table = alice.name("shop.orders")
    refused = {
        "list": lambda: alice.action(v1.GetTable(table=table), "TableInfo"),
        "read": lambda: alice.read("shop.orders"),
        "look up": lambda: alice.look_up("shop.orders", pa.record_batch({"id": [1]})),
        "write": lambda: alice.write("shop.orders", pa.record_batch({"id": [1]})),
        "create": lambda: alice.create_table("shop.mine", SCHEMA),
        "alter": lambda: alice.action(v1.AlterTable(table=table, set_options={"table.log.ttl": "1d"}), "TableInfo"),
        "drop": lambda: alice.action(v1.DropTable(table=table)),
        "create a database": lambda: alice.action(v1.CreateDatabase(name="mine")),
        "no such table": lambda: alice.read("shop.none"),
    }
    for what, act in refused.items():
        with pytest.raises(flight.FlightUnauthorizedError) as raised:
            act()
        assert error_of(v1, raised.value).name == "AUTHORIZATION", what
    assert list(alice.client.list_flights(options=alice.options)) == []
    assert not alice.action(v1.ListDatabases(), "DatabaseList").databases
    # A deny rule goes before all rights.
    with pytest.raises(flight.FlightUnauthorizedError):
        root.action(v1.DropTable(table=table))


def test_a_right_given_at_the_rpc_port_holds_here_at_once(tmp_path: Path, v1: ModuleType) -> None:
    # Whoever comes to the Fluss port is a super user here, so that the test can speak to it without a client of Fluss's.
    settings = {
        **SETTINGS, "security.protocol.map": "FLUSS:PLAINTEXT,FLIGHT:SASL", "super.users": "User:root;User:ANONYMOUS",
    }  # fmt: skip
    server = FlightServer(tmp_path / "server", settings)
    server.start()
    root, alice = (Door(server.address, v1, basic(name, USERS[name])) for name in ("root", "alice"))
    root.create_table("fluss.orders", SCHEMA, primary_key=["id"])
    rows = pa.record_batch({"id": [1]}, schema=SCHEMA)
    root.write("fluss.orders", rows)
    with pytest.raises(flight.FlightUnauthorizedError):
        alice.read("fluss.orders")
    right = {
        "resource_name": "fluss.orders", "resource_type": TABLE, "principal_name": "alice", "principal_type": "User",
        "host": "*", "operation_type": READ, "permission_type": ALLOW,
    }  # fmt: skip
    connection = WireConnection(server.bootstrap)
    assert connection.call("CREATE_ACLS", {"acl": [right]}).error == 0
    connection.close()
    assert alice.rows("fluss.orders") == [{"id": 1}]
    assert alice.look_up("fluss.orders", rows)[0][0]["_found"].to_pylist() == [True]
    with pytest.raises(flight.FlightUnauthorizedError):
        alice.write("fluss.orders", rows)
    server.stop()


def test_where_some_listener_is_open_so_is_this_door(tmp_path: Path, v1: ModuleType) -> None:
    settings = {**sasl_settings(USERS), "security.protocol.map": "CLIENT:SASL,FLUSS:PLAINTEXT"}
    server = FlightServer(tmp_path / "server", settings, listen="FLUSS://127.0.0.1:{port},CLIENT://127.0.0.1:0")
    server.start()
    assert Door(server.address, v1).action(v1.GetServerInfo(), "ServerInfo").principal == "User:ANONYMOUS"
    named = Door(server.address, v1, basic("alice", "wonder:land"))
    assert named.action(v1.GetServerInfo(), "ServerInfo").principal == "User:alice"
    assert refusal(v1, Door(server.address, v1, basic("alice", "wrong"))) == "AUTHENTICATE"
    server.stop()


def test_the_options_can_say_otherwise(tmp_path: Path, v1: ModuleType) -> None:
    settings = {**sasl_settings(USERS), "security.protocol.map": "FLIGHT:SASL"}
    server = FlightServer(tmp_path / "server", settings)
    server.start()
    assert refusal(v1, Door(server.address, v1)) == "AUTHENTICATE"
    server.stop()


def test_nobody_takes_a_password_for_checked_that_was_not(server: FlightServer, v1: ModuleType) -> None:
    assert refusal(v1, Door(server.address, v1, basic("alice", "wonder:land"))) == "AUTHENTICATE"

"""Logging in and rights, as the stock Java client sees them. The server is Thalweg's own, whatever --server says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformance.java_client import JavaClient, JavaClientError
from peers.thalweg import SaslServer

pytestmark = pytest.mark.java

USERS = {"admin": "admin-secret", "bob": "bob-secret"}
SETTINGS = {
    "authorizer.enabled": "true",
    "super.users": "User:admin",
    "thalweg.security.deny": "User:bob ALL on table fluss.secret",
}
LOG_TABLE = {"columns": [["id", "BIGINT"]], "buckets": 1}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SaslServer]:
    server = SaslServer(tmp_path_factory.mktemp("thalweg-access"), USERS, SETTINGS).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def log_in(server: SaslServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], JavaClient]]:
    """A client that has logged in as a user of USERS; one for each."""
    logs = tmp_path_factory.mktemp("java-clients")
    clients: dict[str, JavaClient] = {}

    def client(user: str) -> JavaClient:
        if user not in clients:
            settings = {
                "client.security.protocol": "SASL",
                "client.security.sasl.mechanism": "PLAIN",
                "client.security.sasl.username": user,
                "client.security.sasl.password": USERS[user],
            }
            clients[user] = JavaClient(server.sasl_bootstrap, logs / f"{user}.log", settings)
        return clients[user]

    yield client
    for one in clients.values():
        one.close()


def refused(client: JavaClient, command: str, **arguments: object) -> None:
    with pytest.raises(JavaClientError) as raised:
        client.do(command, **arguments)
    assert raised.value.kind == "AuthorizationException", raised.value


def test_a_super_user_grants_what_another_may_do(log_in: Callable[[str], JavaClient]) -> None:
    admin, bob = log_in("admin"), log_in("bob")
    admin.do("create_table", database="fluss", table="t", **LOG_TABLE)
    admin.do("create_table", database="fluss", table="secret", **LOG_TABLE)
    assert bob.do("list_databases") == []
    refused(bob, "create_database", database="mine")
    refused(bob, "table_info", database="fluss", table="t")
    refused(bob, "grant", right="bob ALL CLUSTER fluss-cluster")

    admin.do("grant", right="bob READ DATABASE fluss")
    assert bob.do("list_databases") == ["fluss"]
    assert bob.do("list_tables", database="fluss") == ["t"], "a deny rule hides the other"
    bob.do("table_info", database="fluss", table="t")
    refused(bob, "table_info", database="fluss", table="secret")
    refused(bob, "drop_table", database="fluss", table="t")
    assert bob.do("rights") == ["bob READ DATABASE fluss"]

    assert admin.do("revoke", user="bob") == ["bob READ DATABASE fluss"]
    refused(bob, "table_info", database="fluss", table="t")
    assert admin.do("rights") == []


def test_rights_cover_reading_and_writing(log_in: Callable[[str], JavaClient]) -> None:
    admin, bob = log_in("admin"), log_in("bob")
    admin.do("create_table", database="fluss", table="rows", **LOG_TABLE)
    admin.do("grant", right="bob WRITE TABLE fluss.rows")
    bob.do("append", database="fluss", table="rows", rows=[[1], [2]])
    admin.do("grant", right="bob READ TABLE fluss.rows")
    found = bob.do("scan", database="fluss", table="rows", count=2)
    assert [record["row"] for record in found] == [[1], [2]]
    admin.do("revoke", user="bob")


def test_a_wrong_password_is_refused(server: SaslServer, tmp_path: Path) -> None:
    settings = {
        "client.security.protocol": "SASL",
        "client.security.sasl.mechanism": "PLAIN",
        "client.security.sasl.username": "bob",
        "client.security.sasl.password": "sesame",
    }
    with pytest.raises((JavaClientError, RuntimeError)):
        JavaClient(server.sasl_bootstrap, tmp_path / "java.log", settings).do("list_databases")
    assert "AuthenticationException" in (tmp_path / "java.log").read_text()
    log = server.last_output()
    assert "sesame" not in log and "bob-secret" not in log


def test_who_comes_without_a_password_has_no_rights(server: SaslServer, tmp_path: Path) -> None:
    client = JavaClient(server.bootstrap, tmp_path / "java.log")
    try:
        refused(client, "create_database", database="mine")
        assert client.do("list_databases") == []
    finally:
        client.close()

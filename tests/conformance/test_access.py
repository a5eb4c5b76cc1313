"""Logging in and rights, as the stock Java client sees them: against Thalweg, or with --server java the real Fluss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformance.java_client import JavaClient, JavaClientError
from peers.java_fluss import JavaFluss
from peers.thalweg import SaslServer, sasl_settings

pytestmark = pytest.mark.java

USERS = {"admin": "admin-secret", "bob": "bob-secret"}
SETTINGS = {"authorizer.enabled": "true", "super.users": "User:admin"}
DENY = {"thalweg.security.deny": "User:bob ALL on table fluss.secret"}
LOG_TABLE = {"columns": [["id", "BIGINT"]], "buckets": 1}


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SaslServer | JavaFluss]:
    server: SaslServer | JavaFluss
    if request.config.getoption("--server") == "java":
        server = JavaFluss(tmp_path_factory.mktemp("java-access"), {**sasl_settings(USERS), **SETTINGS})
    else:
        server = SaslServer(tmp_path_factory.mktemp("thalweg-access"), USERS, {**SETTINGS, **DENY})
    server.start()
    yield server
    server.stop()


@pytest.fixture
def thalweg(server: SaslServer | JavaFluss) -> SaslServer:
    if not isinstance(server, SaslServer):
        pytest.skip("the real server has neither deny rules nor an internal listener that asks for rights")
    return server


@pytest.fixture(scope="module")
def log_in(server: SaslServer | JavaFluss, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], JavaClient]]:
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
    assert bob.do("list_databases") == []
    refused(bob, "create_database", database="mine")
    refused(bob, "table_info", database="fluss", table="t")
    refused(bob, "grant", right="bob ALL CLUSTER fluss-cluster")

    admin.do("grant", right="bob READ DATABASE fluss")
    assert bob.do("list_databases") == ["fluss"]
    assert bob.do("list_tables", database="fluss") == ["t"]
    bob.do("table_info", database="fluss", table="t")
    refused(bob, "drop_table", database="fluss", table="t")
    assert bob.do("rights") == ["bob READ DATABASE fluss"]

    assert admin.do("revoke", user="bob") == ["bob READ DATABASE fluss"]
    refused(bob, "table_info", database="fluss", table="t")
    assert admin.do("rights") == []


def test_a_deny_rule_wins_over_rights(log_in: Callable[[str], JavaClient], thalweg: SaslServer) -> None:
    admin, bob = log_in("admin"), log_in("bob")
    admin.do("create_database", database="more")
    admin.do("create_table", database="fluss", table="secret", **LOG_TABLE)
    admin.do("grant", right="bob ALL CLUSTER fluss-cluster")
    assert bob.do("list_databases") == ["fluss", "more"]
    assert "secret" not in bob.do("list_tables", database="fluss")
    refused(bob, "table_info", database="fluss", table="secret")
    refused(bob, "drop_database", database="fluss", cascade=True)
    assert bob.do("rights") == ["bob ALL CLUSTER fluss-cluster"], "rules are the configuration's, and stay there"
    admin.do("revoke", user="bob")


def test_rights_cover_reading_and_writing(log_in: Callable[[str], JavaClient]) -> None:
    admin, bob = log_in("admin"), log_in("bob")
    admin.do("create_table", database="fluss", table="rows", **LOG_TABLE)
    admin.do("grant", right="bob WRITE TABLE fluss.rows")
    bob.do("append", database="fluss", table="rows", rows=[[1], [2]])
    admin.do("grant", right="bob READ TABLE fluss.rows")
    found = bob.do("scan", database="fluss", table="rows", count=2)
    assert [record["row"] for record in found] == [[1], [2]]
    admin.do("revoke", user="bob")


def test_a_wrong_password_is_refused(server: SaslServer | JavaFluss, tmp_path: Path) -> None:
    settings = {
        "client.security.protocol": "SASL",
        "client.security.sasl.mechanism": "PLAIN",
        "client.security.sasl.username": "bob",
        "client.security.sasl.password": "sesame",
    }
    with pytest.raises((JavaClientError, RuntimeError)):
        JavaClient(server.sasl_bootstrap, tmp_path / "java.log", settings).do("list_databases")
    assert "AuthenticationException" in (tmp_path / "java.log").read_text()
    if isinstance(server, SaslServer):
        log = server.last_output()
        assert "sesame" not in log and "bob-secret" not in log


def test_who_comes_without_a_password_has_no_rights(thalweg: SaslServer, tmp_path: Path) -> None:
    client = JavaClient(thalweg.bootstrap, tmp_path / "java.log")
    try:
        refused(client, "create_database", database="mine")
        assert client.do("list_databases") == []
    finally:
        client.close()

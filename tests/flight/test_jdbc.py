"""Flight SQL by the JDBC driver of Apache Arrow, as database tools use it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from flight.conftest import FlightServer
from flight.test_access import USERS
from peers import maven
from peers.thalweg import sasl_settings

HERE = Path(__file__).parent / "java"


@pytest.mark.java
@pytest.mark.network
@pytest.mark.parametrize("user", ["", "alice"])
def test_a_database_tool_finds_its_way(tmp_path: Path, user: str) -> None:
    settings = {**sasl_settings(USERS), "security.protocol.map": "FLUSS:SASL"} if user else {}
    server = FlightServer(tmp_path / "server", settings)
    server.start()
    jars = maven.classpath(maven.dependencies(HERE / "pom.xml", "flight-sql-jdbc"))
    url = server.address.replace("grpc://", "jdbc:arrow-flight-sql://") + "/?useEncryption=false"
    done = subprocess.run(
        ["java", "-Xmx512m", "--add-opens=java.base/java.nio=ALL-UNNAMED", "-cp", jars, str(HERE / "Jdbc.java"), url, "fluss", user,
         USERS.get(user, "")],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = dict(line.partition(" ")[::2] for line in done.stdout.splitlines())
    found = [line.partition(" ")[2] for line in done.stdout.splitlines() if line.startswith("found")]
    assert said["product"] == "Thalweg"
    assert said["inserted"] == "3"
    assert said["schemas"] == "fluss"
    assert said["tables"] == "goods"
    assert said["columns"] == "id name price"
    assert said["keys"] == "id"
    assert found == ["nail", "screw"]
    assert said["deleted"] == "1"
    assert said["count"] == "2"
    assert said["first"] == "0"
    assert said["cancelled"] == "true"
    assert said["mistake"] == "true"
    server.stop()

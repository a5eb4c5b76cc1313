"""`thalweg sql` against a running server: what it prints is what it prints on the data directory."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flight.conftest import FlightServer
from flight.test_access import SETTINGS, USERS
from flight.test_tls import make_certificate
from sql import shell
from sql.test_terminal import TAB, Terminal

# They take time, and no memory.
ENDLESS = "SELECT count(*) AS id FROM range(1000000000000) WHERE hash(range) = 7"
ENDLESS_ROWS = "SELECT range AS id FROM range(1000000000000)"
PATIENCE_S = 90.0  # statements stand back behind all else that a busy machine does
MADE = """
CREATE DATABASE shop;
USE shop;
CREATE TABLE orders (id BIGINT NOT NULL, customer STRING, amount DECIMAL(10, 2), at TIMESTAMP_LTZ(3), tags ARRAY<STRING>,
  PRIMARY KEY (id) NOT ENFORCED) WITH ('bucket.num' = '2');
INSERT INTO orders VALUES (1, 'ada', 10.5, '2026-01-02 10:00:00+00', ['a', 'b']), (2, 'bob, "b"', 99, NULL, NULL), (3, NULL, 5, NULL, []);
UPDATE orders SET amount = amount * 2 WHERE id = 1;
UPDATE orders SET amount = 0 WHERE id = 77;
DELETE FROM orders WHERE id = 3;
CREATE TABLE copied AS SELECT id, amount FROM orders;
"""
SHOWN = """
SELECT * FROM orders ORDER BY id;
SHOW TABLES;
SELECT _change_type, id FROM orders$changelog ORDER BY id, _log_offset;
SELECT INTERVAL 1 DAY AS f, [1, 2] AS l, {'a': 1} AS s, NULL AS n, 'x' AS n, 1.5::DECIMAL(4, 2) AS d;
EXPLAIN SELECT customer FROM orders WHERE id = 2;
CREATE TEMP TABLE mine AS SELECT 1 AS one;
SELECT one FROM mine;
SET TimeZone = 'Europe/Berlin';
SELECT orders.at FROM orders WHERE id = 1;
USE fluss;
SHOW TABLES;
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FlightServer]:
    started = FlightServer(tmp_path / "server")
    started.start()
    yield started
    started.stop()


def place(server: FlightServer) -> str:
    """HOST:PORT."""
    return server.address.split("://")[1]


def cpu_s(pid: int) -> float:
    times = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


def wait_until_busy(pid: int) -> None:
    """More work at a stretch than idle servers have."""
    began, ends = cpu_s(pid), time.monotonic() + PATIENCE_S
    while cpu_s(pid) - began < 0.2:
        assert time.monotonic() < ends, "the statement does not run"
        time.sleep(0.05)


def wait_until_idle(pid: int) -> None:
    ends = time.monotonic() + PATIENCE_S
    while True:
        began = cpu_s(pid)
        time.sleep(0.5)
        if cpu_s(pid) - began < 0.1:
            return
        assert time.monotonic() < ends, "the statement still runs"


def test_every_format_is_that_of_the_directory(tmp_path: Path) -> None:
    server = FlightServer(tmp_path / "server")
    server.start()
    done = shell.run(place(server), script=MADE)
    assert done.returncode == 0, done.stderr
    # DDL says nothing; the numbers of changed rows, also where it is none.
    assert done.stdout.split("\n") == ["3 rows", "1 row", "0 rows", "1 row", "2 rows", ""]
    formats = ("table", "json", "csv")
    given = {name: shell.run(place(server), "-d", "shop", "--format", name, script=SHOWN) for name in formats}
    file = tmp_path / "of_server.parquet"
    query = "SELECT * FROM shop.orders ORDER BY id"
    done = shell.run(place(server), "-c", query, "-o", str(file))
    assert done.returncode == 0, done.stderr
    server.stop()
    for name in formats:
        wanted = shell.run(server.data_dir, "-d", "shop", "--format", name, script=SHOWN)
        assert wanted.returncode == 0 and "ada" in wanted.stdout
        assert (given[name].stdout, given[name].stderr) == (wanted.stdout, wanted.stderr)
    shell.run(server.data_dir, "-c", query, "-o", str(tmp_path / "of_directory.parquet"))
    assert pq.read_table(file).num_rows == 2
    assert pq.read_table(file).equals(pq.read_table(tmp_path / "of_directory.parquet"))


def test_errors_have_the_servers_words_and_end_the_script(server: FlightServer, tmp_path: Path) -> None:
    mistakes = ["SELECT nothing FROM nowhere", "SELECT 1 +", "UPDATE keyed SET id = 2", "USE nowhere", "SELECT 1/0 AS x, error('mine')"]
    made = "CREATE TABLE keyed (id INT PRIMARY KEY, v INT)"
    assert shell.run(place(server), "-c", made).returncode == 0
    given = [shell.run(place(server), "-c", f"SELECT 1 AS one; {text}; SELECT 2 AS two") for text in mistakes]
    late = shell.run(place(server), "--timeout", "0.3", "-c", ENDLESS)
    assert late.returncode == 1 and "longer than the 300 ms" in late.stderr
    server.stop()
    for text, done in zip(mistakes, given, strict=True):
        wanted = shell.run(server.data_dir, "-c", f"SELECT 1 AS one; {text}; SELECT 2 AS two")
        assert (done.returncode, done.stdout, done.stderr) == (1, wanted.stdout, wanted.stderr)
        assert "one" in done.stdout and "two" not in done.stdout
    server.start()


def test_where_the_server_is(server: FlightServer, tmp_path: Path) -> None:
    one = ("-c", "SELECT 1 AS one", "--format", "json")
    port = place(server).rsplit(":", 1)[1]
    for found in (
        shell.run(f"thalweg://127.0.0.1:{port}", *one),
        shell.run(f"localhost:{port}", *one),
        shell.run(None, *one, THALWEG_FLIGHT=place(server)),
        shell.run(place(server), *one, THALWEG_SERVER="nowhere:1"),
    ):
        assert found.stdout == '{"one":1}\n', found.stderr
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        free = nobody.getsockname()[1]
        nowhere = shell.run(f"127.0.0.1:{free}", *one)
    assert nowhere.returncode == 1
    assert f"127.0.0.1:{free}" in nowhere.stderr and "refused" in nowhere.stderr and "thalweg serve" in nowhere.stderr
    assert len(nowhere.stderr.splitlines()) == 1
    other_door = shell.run(server.bootstrap, *one)
    assert other_door.returncode == 1 and "9130" in other_door.stderr
    assert len(other_door.stderr.splitlines()) == 1
    for arguments, told, says in (
        ((), {"THALWEG_SERVER": "there:19123"}, "THALWEG_FLIGHT"),
        (("--server", "fluss://there:9123"), {}, "thalweg://"),
        (("--server", "thalweg://me:secret@there"), {}, "THALWEG_PASSWORD"),
        (("--server", "there:x"), {}, "port"),
        (("--server", "there", "-d", "a b"), {}, "database"),
        (("--server", "there", "--user", "me"), {}, "THALWEG_PASSWORD"),
    ):
        refused = shell.run(None, *arguments, *one, **told)
        assert refused.returncode == 1 and says in refused.stderr, (arguments, refused.stderr)
    for arguments in (("--data", str(tmp_path), "--server", place(server)), ("--memory", "1GB"), ("--config", "thalweg.yaml")):
        refused = shell.run(None, *arguments, *one)
        assert refused.returncode == 2 and "--data" in refused.stderr


def test_users_and_passwords(tmp_path: Path) -> None:
    server = FlightServer(tmp_path / "server", SETTINGS)
    server.start()
    asks = ("-c", "SELECT 1 AS one", "--format", "json")
    assert shell.run(place(server), "--user", "alice", *asks, THALWEG_PASSWORD=USERS["alice"]).stdout == '{"one":1}\n'
    secret = tmp_path / "secret"
    secret.write_text(USERS["root"] + "\nmore")
    made = shell.run(f"thalweg://root@{place(server)}", "--password-file", str(secret), "-c", "CREATE TABLE secrets (id INT)")
    assert made.returncode == 0, made.stderr
    for user, password, says in (("alice", "wrong", "password"), ("", "", "asks who you are")):
        refused = shell.run(place(server), *asks, THALWEG_USER=user, THALWEG_PASSWORD=password)
        assert refused.returncode == 1 and says in refused.stderr
        assert "gRPC" not in refused.stderr and len(refused.stderr.splitlines()) == 1
    may_not = shell.run(place(server), "--user", "alice", "-c", "SELECT * FROM secrets", THALWEG_PASSWORD=USERS["alice"])
    assert may_not.returncode == 1 and "secrets" in may_not.stderr
    server.stop()


def test_tls(tmp_path: Path) -> None:
    make_certificate(tmp_path, "first")
    certificate = tmp_path / "server.crt"
    settings = {
        "thalweg.tls.certificate": str(certificate),
        "thalweg.tls.key": str(certificate.with_suffix(".key")),
        "thalweg.tls.listeners": "FLIGHT",
    }
    server = FlightServer(tmp_path / "server", settings)
    server.start()
    asks = ("-c", "SELECT 1 AS one", "--format", "json")
    assert shell.run(place(server), "--tls-ca", str(certificate), *asks).stdout == '{"one":1}\n'
    assert shell.run(f"thalweg+tls://{place(server)}", *asks, THALWEG_TLS_CA=str(certificate)).stdout == '{"one":1}\n'
    assert shell.run(place(server), "--tls", *asks, SSL_CERT_FILE=str(certificate)).stdout == '{"one":1}\n'
    for distrusted in (shell.run(place(server), "--tls", *asks), shell.run(place(server), *asks)):
        assert distrusted.returncode == 1 and "TLS" in distrusted.stderr
    server.stop()


def high_water_kb(pid: int) -> int:
    """Of its own memory: what wait4 tells has that of the process that started it in it, which exec replaces. 0 once it has ended."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found.group(1)) if found else 0


def test_rows_come_while_they_are_made(server: FlightServer) -> None:
    """More than memory holds, at a bound; and who has seen enough leaves nothing running."""
    rows = 3_000_000
    query = f"SELECT range AS i, repeat('x', 150) AS text FROM range({rows})"
    child = subprocess.Popen(
        shell.command(place(server), "-c", query, "--format", "csv"), stdout=subprocess.PIPE, env=shell.environment()
    )
    assert child.stdout is not None
    size, peak_kb = 0, 0
    while piece := child.stdout.read(1 << 20):
        size += len(piece)
        peak_kb = max(peak_kb, high_water_kb(child.pid))
    assert child.wait(PATIENCE_S) == 0
    assert size > rows * 150
    assert 0 < peak_kb * 1024 < size / 2, f"{peak_kb} kB for {size} bytes"
    child = subprocess.Popen(
        shell.command(place(server), "-c", ENDLESS_ROWS, "--format", "csv"),
        stdout=subprocess.PIPE, env=shell.environment(),
    )  # fmt: skip
    assert child.stdout is not None and child.stdout.readline() == b"id\n"
    child.stdout.close()
    child.wait(PATIENCE_S)
    wait_until_idle(server.pid)


@pytest.mark.parametrize("statement", [ENDLESS, f"CREATE TABLE never AS {ENDLESS}"])
def test_a_command_that_is_interrupted_leaves_nothing_running(server: FlightServer, statement: str) -> None:
    child = subprocess.Popen(shell.command(place(server), "-c", statement), env=shell.environment(), stderr=subprocess.PIPE)
    wait_until_busy(server.pid)
    child.send_signal(signal.SIGINT)
    assert child.wait(PATIENCE_S) == -signal.SIGINT
    wait_until_idle(server.pid)


@pytest.fixture
def terminal(server: FlightServer, tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(place(server), tmp_path)
    yield opened
    opened.close()


def test_a_person_in_the_shell(server: FlightServer, terminal: Terminal) -> None:
    terminal.wait("fluss> ")
    terminal.type("CREATE DATABASE shop; USE shop;\n")
    terminal.wait("\nshop> ")
    terminal.type("CREATE TABLE stockpile (id BIGINT); INSERT INTO stockpile VALUES (41);\n")
    terminal.wait("1 row\n")
    terminal.type(".tables\n")
    terminal.wait("stockpile\n")
    terminal.type(f"SELECT id + 1 AS more FROM stockp{TAB}")
    terminal.wait("stockpile")
    terminal.type(";\n")
    terminal.wait("42\n")
    for number, statement in enumerate((ENDLESS, f"INSERT INTO stockpile {ENDLESS}", ENDLESS_ROWS)):
        terminal.wait("shop> ")
        terminal.type(f"{statement};\n")
        if statement == ENDLESS_ROWS:
            terminal.wait(r"\b4709\n")
        else:
            wait_until_busy(server.pid)
        os.kill(terminal.pid, signal.SIGINT)
        terminal.wait("The statement was cancelled")
        wait_until_idle(server.pid)
        terminal.wait("shop> ")
        terminal.type(f"SELECT {number} + 4710 AS next;\n")
        terminal.wait(f"{number + 4710}\n")
    terminal.type("SELECT wrong;\n")
    terminal.wait('"wrong" was not found')
    terminal.type("USE fluss;\n")
    terminal.wait("\nfluss> ")
    terminal.type(".quit\n")
    assert terminal.reap() == 0


def test_the_current_database_outlives_the_servers_session(server: FlightServer, tmp_path: Path) -> None:
    """The server keeps so many sessions of connections that wait; here it keeps none, since it starts anew."""
    opened = Terminal(place(server), tmp_path, "-d", "shop")
    opened.wait("shop> ")
    opened.type("CREATE DATABASE shop; SELECT 4710 + 1;\n")
    opened.wait("4711\n")
    server.options = ("--flight", place(server), *server.options[2:])
    server.stop()
    opened.type("SELECT 1;\n")
    opened.wait("No Thalweg answers")
    server.start()
    for _ in range(100):  # it tries to connect once a second or so
        opened.type("CREATE TABLE here AS SELECT 4712 AS id;\n")
        if "row" in opened.wait("1 row\n|No Thalweg answers"):
            break
        time.sleep(0.1)
    opened.type("SELECT id FROM shop.here;\n")
    opened.wait("4712\n")
    opened.type(".quit\n")
    assert opened.reap() == 0
    opened.close()

"""What becomes of a connection: servers that restart, passwords, forks, threads, addresses that are none."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import thalweg
from flight.conftest import FlightServer
from peers.thalweg import SaslServer, ThalwegServer, sasl_settings
from sdk.conftest import Put
from sdk.tls_proxy import TlsProxy, make_certificate

FORK_S_MAX = 20
USERS = {"alice": "alice-secret", "böb": "päss wörd"}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[ThalwegServer]:
    started = ThalwegServer(tmp_path / "server").start()
    yield started
    started.kill()


def test_a_server_that_restarts_is_hardly_noticed(own: ThalwegServer) -> None:
    db = thalweg.connect(f"fluss://{own.bootstrap}")
    table = db.create_table("t", "id INT, a INT", primary_key="id")
    assert table.get(1) is None
    own.kill()
    found: list[object] = []
    reading = threading.Thread(target=lambda: found.append(table.get(1)))
    reading.start()
    own.start()
    reading.join()
    assert found == [None]
    assert table.get(1) is None


def test_a_server_that_stays_away_is_an_error_in_time(own: ThalwegServer) -> None:
    db = thalweg.connect(f"fluss://{own.bootstrap}", timeout=5)
    table = db.create_table("t", "id INT, a INT", primary_key="id")
    own.kill()
    began = time.monotonic()
    with pytest.raises(thalweg.ConnectionFailed, match="Is the server running"):
        table.get(1)
    assert time.monotonic() - began < 5


def test_a_server_that_does_not_answer_is_an_error_in_time(own: ThalwegServer) -> None:
    db = thalweg.connect(f"fluss://{own.bootstrap}", timeout=1)
    table = db.create_table("t", "id INT, a INT", primary_key="id")
    os.kill(own.pid, 19)  # SIGSTOP
    try:
        began = time.monotonic()
        with pytest.raises(thalweg.RequestTimedOut, match="has not answered"):
            table.get(1)
        assert time.monotonic() - began < 3
    finally:
        os.kill(own.pid, 18)


def test_other_threads_run_while_one_waits(own: ThalwegServer) -> None:
    db = thalweg.connect(f"fluss://{own.bootstrap}", timeout=2)
    table = db.create_table("t", "id INT, a INT", primary_key="id")
    os.kill(own.pid, 19)
    try:
        waiting = threading.Thread(target=lambda: pytest.raises(thalweg.ThalwegError, table.get, 1))
        waiting.start()
        counted = 0
        while waiting.is_alive():
            counted += 1
        assert counted > 100_000
    finally:
        os.kill(own.pid, 18)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[SaslServer]:
    started = SaslServer(tmp_path / "sasl", USERS)
    started.start()
    yield started
    started.kill()


def test_passwords(guarded: SaslServer, monkeypatch: pytest.MonkeyPatch) -> None:
    address = guarded.sasl_bootstrap
    assert thalweg.connect(f"fluss://{address}", user="alice", password="alice-secret").databases() == ["fluss"]
    assert thalweg.connect(f"fluss://b%C3%B6b:p%C3%A4ss%20w%C3%B6rd@{address}").databases() == ["fluss"]
    monkeypatch.setenv("THALWEG_USER", "alice")
    monkeypatch.setenv("THALWEG_PASSWORD", "alice-secret")
    db = thalweg.connect(f"fluss://{address}")
    assert "alice-secret" not in repr(db) + db.address + str(vars(db))
    with pytest.raises(thalweg.AuthenticationFailed):
        thalweg.connect(f"fluss://{address}", user="alice", password="wrong")
    monkeypatch.delenv("THALWEG_PASSWORD")
    with pytest.raises(thalweg.ThalwegError, match="needs a password"):
        thalweg.connect(f"fluss://{address}", user="alice")


def test_a_user_goes_through_both_doors(tmp_path: Path) -> None:
    """Rows by key over Fluss frames with SASL, all else over Flight with the same password."""
    server = FlightServer(tmp_path / "server", {**sasl_settings(USERS), "security.protocol.map": "FLUSS:SASL"})
    server.start()
    address = server.address.replace("grpc://", "thalweg://")
    with thalweg.connect(address, user="böb", password="päss wörd") as db:
        table = db.create_table("t", "id INT, a STRING", primary_key="id")
        written = table.upsert([{"id": 1, "a": "x"}, {"id": 2, "a": "y"}])
        assert table.get(2) == {"id": 2, "a": "y"}
        assert table.get([1, 3], missing="null").num_rows == 2
        assert table.scan(at_least=written.token).to_arrow().num_rows == 2
        assert db.sql("SELECT count(*) AS n FROM t").to_pylist() == [{"n": 2}]
    for user, password in (("böb", "wrong"), ("", "")):
        with pytest.raises(thalweg.AuthenticationFailed):
            thalweg.connect(address, user=user or None, password=password or None)
    assert "päss wörd" not in server.last_output()
    server.stop()


def test_an_address_where_nothing_is() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(thalweg.ConnectionFailed, match="No connection to"):
            thalweg.connect(f"fluss://127.0.0.1:{port}")


@pytest.mark.parametrize("address", ["http://localhost", "thalweg://", "thalweg://a:b:c", "fluss://host:99999", "thalweg://h/path"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(thalweg.ThalwegError, match="thalweg://host:9130|no valid port"):
        thalweg.connect(address)


def in_a_fork(call: Callable[[], bool]) -> bool | None:
    """What it returns there; None: it raised something, or hung."""
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(FORK_S_MAX)
        status = 2
        with contextlib.suppress(BaseException):
            status = 0 if call() else 1
        os._exit(status)
    return {0: True, 1: False}.get(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def test_a_fork_connects_anew(db: thalweg.Database, database: str, put: Put) -> None:
    table = db.create_table(f"{database}.t", "id INT, a INT", primary_key="id")
    put(table.name, [{"id": 1, "a": 2}])
    assert table.get(1) == {"id": 1, "a": 2}
    assert in_a_fork(lambda: table.get(1) == {"id": 1, "a": 2} and db.tables(database) == [table.name])
    assert table.get(1) == {"id": 1, "a": 2}


def test_a_fork_is_told_that_flight_stays_behind(db: thalweg.Database, server: thalweg.Server, database: str) -> None:
    table = db.create_table(f"{database}.t", "id INT, a INT", primary_key="id")
    table.upsert({"id": 1, "a": 2})

    def refused(call: Callable[[], object]) -> bool:
        try:
            call()
        except thalweg.Unsupported as error:
            return "spawn" in str(error)
        return False

    for call in (table.scan().to_arrow, lambda: table.upsert({"id": 1}), lambda: db.sql("select 1"), server.connect):
        assert in_a_fork(lambda call=call: refused(call))  # type: ignore[misc]
    assert table.scan().to_pylist() == [{"id": 1, "a": 2}]


def test_a_closed_connection_says_so(own: ThalwegServer) -> None:
    with thalweg.connect(f"fluss://{own.bootstrap}") as db:
        pass
    with pytest.raises(thalweg.ThalwegError, match="was closed"):
        db.table("t")


def test_the_fluss_port_alone_has_no_scans(own: ThalwegServer) -> None:
    db = thalweg.connect(f"fluss://{own.bootstrap}")
    table = db.create_table("t", "id INT, a INT", primary_key="id")
    for call in (table.scan, lambda: table.upsert([{"id": 1}]), lambda: db.sql("select 1"), table.follow):
        with pytest.raises(thalweg.Unsupported, match="connect to the server's Flight address"):
            call()


def test_tls(own: ThalwegServer, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    (tmp_path / "other").mkdir()
    other, _ = make_certificate(tmp_path / "other")
    with TlsProxy(own.bootstrap, certificate, key) as proxy:
        db = thalweg.connect(f"fluss+tls://{proxy.address}", tls_ca=certificate)
        table = db.create_table("t", "id INT, a STRING", primary_key="id")
        assert table.get(list(range(1000)), missing="null").num_rows == 1000
        for authorities in (other, None):
            with pytest.raises(thalweg.ConnectionFailed, match="certificate|TLS"):
                thalweg.connect(f"fluss+tls://{proxy.address}", tls_ca=authorities)
        with pytest.raises(thalweg.ThalwegError):
            thalweg.connect(f"fluss://{proxy.address}", timeout=3)

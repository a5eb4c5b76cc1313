"""The server's process is handled as its tests rely on, tried with a stand-in that only listens."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.child import ChildFailed
from peers.thalweg import ThalwegServer

STAND_IN = f"""#!{sys.executable} -u
import pathlib, signal, socket, sys
arguments = sys.argv[1:]
assert arguments[0] == "serve"
value = lambda name: arguments[arguments.index(name) + 1]
if pathlib.Path(value("--data")).with_name("refuse").exists():
    sys.exit("another server has this directory")
host, port = value("--listen").split(":")
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((host, int(port)))
listener.listen()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(f"thalweg: listening on {{host}}:{{listener.getsockname()[1]}}")
while True:
    signal.pause()
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThalwegServer]:
    binary = tmp_path / "thalweg"
    binary.write_text(STAND_IN)
    binary.chmod(0o755)
    monkeypatch.setenv("THALWEG_BINARY", str(binary))
    made = ThalwegServer(tmp_path / "run")
    yield made
    made.kill()


def listens(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def test_the_port_stays_over_kill_and_stop(server: ThalwegServer) -> None:
    port = server.start().port
    assert port > 0 and listens(port)
    server.kill()
    assert not server.running() and not listens(port)
    assert server.start().port == port and listens(port)
    server.stop()
    assert not listens(port)


def test_a_server_that_died_before_its_stop_is_an_error(server: ThalwegServer) -> None:
    server.start()
    server.kill()
    with pytest.raises(RuntimeError, match="ended with status -9"):
        server.stop()


def test_a_start_that_fails_tells_why(server: ThalwegServer) -> None:
    server.directory.mkdir()
    (server.directory / "refuse").touch()
    with pytest.raises(ChildFailed, match="another server has this directory"):
        server.start()
    assert not server.running()


def test_a_missing_binary_is_told_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THALWEG_BINARY", str(tmp_path / "nothing"))
    with pytest.raises(FileNotFoundError, match="./dev build release"):
        ThalwegServer(tmp_path / "run").start()

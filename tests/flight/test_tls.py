"""TLS at all three doors, certificates that change while the server runs, and a stock client behind a proxy that speaks it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType

import adbc_driver_flightsql.dbapi as dbapi
import fluss
import pyarrow as pa
import pytest
from adbc_driver_flightsql import DatabaseOptions
from pyarrow import flight

from flight.conftest import FlightServer
from flight.door import Door
from peers.places import thalweg_binary

PATIENCE_S = 30.0


def make_certificate(directory: Path, name: str) -> None:
    """`server.crt` and `server.key`: one that vouches for itself, for 127.0.0.1 and localhost."""
    for ending in ("key", "crt"):
        assert not (directory / f"new.{ending}").exists()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
         "-keyout", directory / "new.key", "-out", directory / "new.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    for ending in ("key", "crt"):
        (directory / f"new.{ending}").rename(directory / f"server.{ending}")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    make_certificate(tmp_path, "first")
    return tmp_path / "server.crt"


@pytest.fixture
def server(tmp_path: Path, certificate: Path) -> Iterator[FlightServer]:
    """TLS everywhere."""
    settings = {
        "thalweg.tls.certificate": str(certificate),
        "thalweg.tls.key": str(certificate.with_suffix(".key")),
        "thalweg.tls.listeners": "FLUSS, FLIGHT, HTTP",
        "thalweg.tls.reload-interval": "1s",
    }
    started = FlightServer(tmp_path / "server", settings)
    started.options = tuple("127.0.0.1:0" if option == "off" else option for option in started.options)
    started.start()
    yield started
    started.stop()


def context(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def connect(server: FlightServer, v1: ModuleType, certificate: Path) -> Door:
    assert server.address.startswith("grpc+tls://")
    return Door(server.address, v1, tls_root_certs=certificate.read_bytes())


def presented(address: tuple[str, int]) -> str:
    """The certificate that a server shows, PEM; nothing while it takes no connection."""
    try:
        return ssl.get_server_certificate(address, timeout=10)
    except OSError:
        return ""


def wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.1)


def port_of(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition("://")[2].rstrip("/").rpartition(":")
    return host, int(port)


def test_flight_clients_that_believe_the_certificate_get_in(server: FlightServer, v1: ModuleType, certificate: Path) -> None:
    door = connect(server, v1, certificate)
    info = door.action(v1.GetServerInfo(), "ServerInfo")
    assert info.fluss_listeners[0].tls
    with pytest.raises(flight.FlightUnavailableError):
        Door(server.address.replace("grpc+tls", "grpc"), v1).action(v1.GetServerInfo(), "ServerInfo")
    with pytest.raises(flight.FlightUnavailableError):
        Door(server.address, v1).action(v1.GetServerInfo(), "ServerInfo")


def test_drivers_of_flight_sql_speak_tls(server: FlightServer, certificate: Path) -> None:
    def one(**options: str) -> tuple:
        with dbapi.connect(server.address, db_kwargs=options, autocommit=True) as connection:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                return cursor.fetchone()

    assert one(**{DatabaseOptions.TLS_ROOT_CERTS.value: certificate.read_text()}) == (1,)
    with pytest.raises(dbapi.Error):
        one()


def test_http_answers_over_tls(server: FlightServer, certificate: Path) -> None:
    address = server.wait_for_line(r"metrics and health: (https://\S+)").group(1)
    with socket.create_connection(port_of(address)) as bare, context(certificate).wrap_socket(bare, server_hostname="localhost") as safe:
        safe.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: safe.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"thalweg_flight_calls" in answer


def test_our_client_speaks_tls_with_the_fluss_port(server: FlightServer, certificate: Path) -> None:
    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(thalweg_binary()), "table", "list", "--server", server.bootstrap, *more],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    assert run("--tls-ca", str(certificate)).returncode == 0
    wrong = run("--tls")
    assert wrong.returncode == 1
    assert "TLS with 127.0.0.1" in wrong.stderr


@contextlib.asynccontextmanager
async def proxy(target: tuple[str, int], certificate: Path) -> AsyncIterator[int]:
    """Takes connections in the clear and brings them on over TLS: what stunnel does for clients that know none.

    In one thread: before Python 3.13 two may not read and write the same TLS connection.
    """

    async def carry(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                to.write(data)
                await to.drain()
        to.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner, out = await asyncio.open_connection(*target, ssl=context(certificate), server_hostname="localhost")
        except OSError:
            writer.close()
            return
        await asyncio.gather(carry(reader, out), carry(inner, writer))

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    yield listener.sockets[0].getsockname()[1]
    listener.close()


async def test_a_stock_client_comes_through_a_proxy_that_speaks_tls(tmp_path: Path, certificate: Path) -> None:
    settings = {
        "thalweg.tls.certificate": str(certificate),
        "thalweg.tls.key": str(certificate.with_suffix(".key")),
        "thalweg.tls.listeners": "FLUSS",
    }
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = FlightServer(tmp_path / "server", settings)
    async with proxy(("127.0.0.1", port), certificate) as outside:
        config = server.directory / "thalweg.yaml"
        config.write_text(
            config.read_text()
            + f"bind.listeners: FLUSS://127.0.0.1:{port}\nadvertised.listeners: FLUSS://127.0.0.1:{outside}\n"
        )
        server.listen = f"FLUSS://127.0.0.1:{port}"
        server.start()
        connection = await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": f"127.0.0.1:{outside}"}))
        path = fluss.TablePath("fluss", "behind")
        schema = fluss.Schema(pa.schema([("id", pa.int32()), ("text", pa.string())]))
        await connection.get_admin().create_table(path, fluss.TableDescriptor(schema, bucket_count=1))
        writer = (await connection.get_table(path)).new_append().create_writer()
        for i in range(1000):
            writer.append((i, "x" * 100))
        await writer.flush()
        scanner = await (await connection.get_table(path)).new_scan().create_log_scanner()
        scanner.subscribe(0, fluss.EARLIEST_OFFSET)
        seen = 0
        deadline = time.monotonic() + PATIENCE_S
        while seen < 1000 and time.monotonic() < deadline:
            seen += len(await scanner.poll(1000))
        assert seen == 1000
        server.stop()


def test_certificates_change_without_a_restart(server: FlightServer, v1: ModuleType, certificate: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.crt"
    old.write_bytes(certificate.read_bytes())
    before = connect(server, v1, old)
    before.action(v1.CreateDatabase(name="kept"))
    http = port_of(server.wait_for_line(r"metrics and health: (https://\S+)").group(1))
    doors = [port_of(server.bootstrap), port_of(server.address), http]
    assert all(presented(door) == old.read_text() for door in doors)

    make_certificate(tmp_path, "second")
    new = certificate.read_text()
    assert new != old.read_text()
    wait_until(lambda: all(presented(door) == new for door in doors))
    after = connect(server, v1, certificate)
    assert "kept" in [one.name for one in after.action(v1.ListDatabases(), "DatabaseList").databases]

    # A key that is not the certificate's changes nothing.
    make_certificate(tmp_path, "third")
    certificate.write_text(new)
    server.wait_for_line("The certificate is still the one of before")
    assert all(presented(door) == new for door in doors)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"thalweg.tls.certificate": "/none"}, "thalweg.tls.key"),
        ({"thalweg.tls.certificate": "/none", "thalweg.tls.key": "/none"}, "/none"),
        ({"thalweg.tls.listeners": "FLUSS"}, "thalweg.tls.certificate"),
        ({"thalweg.tls.certificate": "a", "thalweg.tls.key": "b", "thalweg.tls.listeners": "FLUS"}, "no listener is called FLUS"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path: Path, settings: dict[str, str], complaint: str) -> None:
    config = tmp_path / "thalweg.yaml"
    config.write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))
    done = subprocess.run(
        [str(thalweg_binary()), "serve", "--data", str(tmp_path / "data"), "--config", str(config), "--listen", "127.0.0.1:0"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert complaint in done.stderr

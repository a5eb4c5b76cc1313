"""Memory under what clients can do to a server: it stays within thalweg.memory.budget, and the server goes on serving."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import fluss
import pyarrow as pa
import pytest

from crash import faulty_disk
from limits import process, raw
from peers.thalweg import FLUSS_ONLY

BUDGET_MB = 256
BUDGET_FOR_10000_CONNECTIONS_MB = 512
BUCKETS = 8
DATABASE = "limits"
TABLE = "load"
WATCH_S = 0.02
SCHEMA = fluss.Schema(pa.schema([pa.field("id", pa.int64())]))

IDLE_BYTES_MAX = 32 << 10  # of a connection
LOAD_CONNECTIONS = 64
LOAD_BATCH_BYTES = 64 << 10
SLOW_MS = 50  # that each write of the journal takes longer: about a tenth of what is offered gets through
READERS = 400
READER_BYTES_MAX = 16 << 20


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return faulty_disk.build(tmp_path_factory.mktemp("faulty-disk"))


@pytest.fixture
def server(library: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[faulty_disk.FaultyServer]:
    """With BUDGET_MB, or what the test is parametrised with."""
    budget_mb = getattr(request, "param", BUDGET_MB)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    config = tmp_path / "thalweg.yaml"
    config.write_text(f"thalweg.memory.budget: {budget_mb}mb\nthalweg.journal.size: 256mb\n")
    started = faulty_disk.FaultyServer(tmp_path / "server", library, (*FLUSS_ONLY, "--config", str(config)))
    started.start()
    try:
        yield started
        started.stop()
    finally:
        started.kill()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Watch:
    """The most anonymous memory that a process had while this was entered."""

    def __init__(self, pid: int):
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.most_bytes = 0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(WATCH_S):
            self.most_bytes = max(self.most_bytes, process.anonymous_bytes(self._pid))


def make_table(bootstrap: str) -> int:
    async def make() -> int:
        async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
            admin = connection.get_admin()
            await admin.create_database(DATABASE, ignore_if_exists=True)
            path = fluss.TablePath(DATABASE, TABLE)
            await admin.create_table(path, fluss.TableDescriptor(SCHEMA, bucket_count=BUCKETS), ignore_if_exists=False)
            return (await admin.get_table_info(path)).table_id

    return asyncio.run(make())


def list_databases_s(bootstrap: str) -> float:
    """How long a well-behaved client takes for one request, connection and all."""

    async def ask() -> None:
        async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
            await connection.get_admin().list_databases()

    began = time.monotonic()
    asyncio.run(ask())
    return time.monotonic() - began


def ends(bootstrap: str) -> dict[int, int]:
    async def ask() -> dict[int, int]:
        async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
            path = fluss.TablePath(DATABASE, TABLE)
            return await connection.get_admin().list_offsets(path, list(range(BUCKETS)), fluss.OffsetSpec.latest())

    return asyncio.run(ask())


def flood(bootstrap: str, frames: list[bytes], connections: int, seconds: float, done: Callable[[], bool]) -> int:
    """Sends the frames again and again on each connection, as fast as they are taken, for so long; reads and drops what
    comes back. How many bytes were taken."""
    taken = 0
    with contextlib.ExitStack() as open_sockets, selectors.DefaultSelector() as selector:
        for number in range(connections):
            client = open_sockets.enter_context(raw.connect(bootstrap))
            client.setblocking(False)
            frame = frames[number % len(frames)]
            selector.register(client, selectors.EVENT_READ | selectors.EVENT_WRITE, [frame, 0])
        until = time.monotonic() + seconds
        while time.monotonic() < until and not done():
            for key, events in selector.select(0.1):
                client, state = key.fileobj, key.data
                assert isinstance(client, socket.socket)
                if events & selectors.EVENT_READ:
                    assert client.recv(1 << 16), "the server closed a connection"
                if events & selectors.EVENT_WRITE:
                    with contextlib.suppress(BlockingIOError):
                        sent = client.send(memoryview(state[0])[state[1] :])
                        taken += sent
                        state[1] = (state[1] + sent) % len(state[0])
    return taken


@pytest.mark.timeout(600)
@pytest.mark.parametrize("server", [BUDGET_FOR_10000_CONNECTIONS_MB], indirect=True)
def test_idle_connections(
    server: faulty_disk.FaultyServer, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    count = pytestconfig.getoption("--connections")
    list_databases_s(server.bootstrap)
    before = process.anonymous_bytes(server.pid)
    with contextlib.ExitStack() as idle:
        for _ in range(count):
            idle.enter_context(raw.connect(server.bootstrap))
        took_s = list_databases_s(server.bootstrap)
        more = process.anonymous_bytes(server.pid) - before
        files = process.open_files(server.pid)
    with capsys.disabled():
        print(
            f"\n{count} idle connections: {more / 2**20:.1f} MiB more ({more / count / 1024:.1f} KiB each), "
            f"{files} open files, a client beside them is served in {took_s * 1000:.0f} ms"
        )
    assert files >= count, "they were not all taken"
    assert more <= count * IDLE_BYTES_MAX
    assert before + more < BUDGET_FOR_10000_CONNECTIONS_MB << 20


@pytest.mark.timeout(600)
def test_more_writes_than_the_disk_takes(
    server: faulty_disk.FaultyServer, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = pytestconfig.getoption("--load-seconds")
    table = make_table(server.bootstrap)
    records = raw.batch(LOAD_BATCH_BYTES)
    frames = [raw.produce(bucket, table, bucket, records) for bucket in range(BUCKETS)]
    server.fail("write", "/journal/", -SLOW_MS, "always")
    waited: list[float] = []
    with Watch(server.pid) as watch:
        beside = threading.Thread(target=lambda: waited.append(list_databases_s(server.bootstrap)))
        beside.start()
        taken = flood(server.bootstrap, frames, LOAD_CONNECTIONS, seconds, lambda: False)
        beside.join()
        server.heal()
    appended = sum(ends(server.bootstrap).values()) * len(records)
    with capsys.disabled():
        print(
            f"\n{LOAD_CONNECTIONS} writers on a slow disk for {seconds:g} s: {taken / 2**20:.0f} MiB taken from them, "
            f"{appended / 2**20:.0f} MiB appended, at most {watch.most_bytes / 2**20:.0f} MiB of anonymous memory "
            f"(budget {BUDGET_MB}); a client beside them is served in {waited[0] * 1000:.0f} ms"
        )
    assert watch.most_bytes <= BUDGET_MB << 20
    assert appended > 0


@pytest.mark.timeout(600)
def test_readers_that_do_not_read(
    server: faulty_disk.FaultyServer, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = pytestconfig.getoption("--load-seconds")
    table = make_table(server.bootstrap)
    records = raw.batch(LOAD_BATCH_BYTES)
    frames = [raw.produce(bucket, table, bucket, records) for bucket in range(BUCKETS)]
    asked = 0
    with contextlib.ExitStack() as open_sockets, Watch(server.pid) as watch:
        until = time.monotonic() + seconds
        # The newest rows are in memory only, so each round of readers holds others.
        while time.monotonic() < until:
            flood(server.bootstrap, frames, BUCKETS, 0.3, lambda: False)
            at = {bucket: max(0, end - 32) for bucket, end in ends(server.bootstrap).items()}
            request = raw.fetch(1, table, at, READER_BYTES_MAX)
            for _ in range(READERS // 10):
                client = open_sockets.enter_context(raw.connect(server.bootstrap))
                client.sendall(request * 8)
                asked += 1
        took_s = list_databases_s(server.bootstrap)
    with capsys.disabled():
        print(
            f"\n{asked} readers that do not read, in {seconds:g} s: at most {watch.most_bytes / 2**20:.0f} MiB of anonymous "
            f"memory (budget {BUDGET_MB}); a client beside them is served in {took_s * 1000:.0f} ms"
        )
    assert watch.most_bytes <= BUDGET_MB << 20

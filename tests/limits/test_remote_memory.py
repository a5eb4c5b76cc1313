"""Memory while many clients want what is only in an object store: what is read there counts against the budget too."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from limits import raw
from limits.test_memory import BUCKETS, LOAD_BATCH_BYTES, Watch, ends, flood, list_databases_s, make_table
from peers.thalweg import ThalwegServer, tiered_server
from peers.versitygw import ACCESS_KEY, SECRET_KEY, S3Server

pytestmark = pytest.mark.network

BUDGET_MB = 256
BATCHES_EACH = 200
READERS = 200
READER_BYTES_MAX = 16 << 20
WAIT_S_MAX = 90.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[S3Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = S3Server(tmp_path / "s3", port).start()
    started.make_bucket("logs")
    yield started
    started.stop()


@pytest.fixture
def server(store: S3Server, tmp_path: Path) -> Iterator[ThalwegServer]:
    made = tiered_server(
        tmp_path / "server",
        {
            "remote.data.dir": "s3://logs/fluss",
            "s3.endpoint": store.endpoint,
            "s3.region": "us-east-1",
            "s3.access-key": ACCESS_KEY,
            "s3.secret-key": SECRET_KEY,
            "log.segment.file-size": "2mb",
            "thalweg.memory.budget": f"{BUDGET_MB}mb",
            "thalweg.journal.size": "128mb",
        },
    ).start()
    yield made
    made.stop()


def local_bytes(server: ThalwegServer) -> int:
    return sum(path.stat().st_size for path in (server.data_dir / "log").rglob("*.log"))


@pytest.mark.timeout(600)
def test_readers_of_remote_records_that_do_not_read(
    server: ThalwegServer, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    table = make_table(server.bootstrap)
    records = raw.batch(LOAD_BATCH_BYTES)
    frames = [raw.produce(bucket, table, bucket, records) for bucket in range(BUCKETS)]
    deadline = time.monotonic() + WAIT_S_MAX
    while min(ends(server.bootstrap).values()) < BATCHES_EACH:
        assert time.monotonic() < deadline
        flood(server.bootstrap, frames, BUCKETS, 0.2, lambda: False)
    written = sum(ends(server.bootstrap).values()) * len(records)
    while local_bytes(server) > BUCKETS * 3 * (2 << 20):
        assert time.monotonic() < deadline, "segments do not leave the server's disk"
        time.sleep(0.2)
    with contextlib.ExitStack() as open_sockets, Watch(server.pid) as watch:
        request = raw.fetch(1, table, dict.fromkeys(range(BUCKETS), 0), READER_BYTES_MAX)
        until = time.monotonic() + pytestconfig.getoption("--load-seconds")
        for reader in range(READERS):
            client = open_sockets.enter_context(raw.connect(server.bootstrap))
            client.sendall(request * 4)
            if reader % 20 == 0:
                time.sleep(0.05)
        while time.monotonic() < until:
            time.sleep(0.1)
        took_s = list_databases_s(server.bootstrap)
    with capsys.disabled():
        print(
            f"\n{READERS} readers of {written / 2**20:.0f} MiB in an object store that do not read: at most "
            f"{watch.most_bytes / 2**20:.0f} MiB of anonymous memory (budget {BUDGET_MB}); a client beside them is served in "
            f"{took_s * 1000:.0f} ms"
        )
    assert watch.most_bytes <= BUDGET_MB << 20

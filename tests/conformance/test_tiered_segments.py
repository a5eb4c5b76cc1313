"""Segments in remote storage, read by the stock clients: what is not on the server's disk any more comes from there."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import fluss
import pyarrow as pa
import pytest

from conformance import values
from conformance.java_client import JavaClient
from conformance.test_interop import read_all
from peers.places import thalweg_binary
from peers.thalweg import ThalwegServer, tiered_server

WAIT_S_MAX = 60.0
BATCHES = 12
ROWS = 20
SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string()), ("load", pa.float64())])


def batch(number: int) -> pa.RecordBatch:
    ids = range(number * ROWS, (number + 1) * ROWS)
    return pa.record_batch([list(ids), [f"name {n}" for n in ids], [n / 4 for n in ids]], schema=SCHEMA)


EXPECTED = pa.Table.from_batches([batch(n) for n in range(BATCHES)])


def manifest_segments(data_dir: Path) -> list[str]:
    """The ids of all segments that count, by the server's own manifests."""
    manifests = [json.loads(path.read_text()) for path in data_dir.rglob("remote.manifest")]
    return [segment["segment_id"] for manifest in manifests for segment in manifest["remote_log_segments"]]


class Tiered:
    """A server with remote storage in a directory."""

    def __init__(self, directory: Path):
        self.server: ThalwegServer = tiered_server(directory)
        self.remote = directory / "remote"

    def local_segments(self) -> list[Path]:
        return sorted((self.server.data_dir / "log").rglob("*.log"))

    def remote_segments(self) -> list[Path]:
        return sorted(self.remote.rglob("*.log"))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def tiered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiered]:
    made = Tiered(tmp_path_factory.mktemp("tiered"))
    made.server.start()
    yield made
    made.server.stop()


async def write_batches(bootstrap: str, path: fluss.TablePath, properties: dict[str, str] | None = None) -> None:
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        descriptor = fluss.TableDescriptor(fluss.Schema(SCHEMA), bucket_count=1, properties=properties or {})
        await connection.get_admin().create_table(path, descriptor, ignore_if_exists=False)
        writer = (await connection.get_table(path)).new_append().create_writer()
        for number in range(BATCHES):
            writer.write_arrow_batch(batch(number))
            await writer.flush()


@pytest.fixture(scope="module")
def written(tiered: Tiered) -> fluss.TablePath:
    """A table whose batches are segments of their own; all but the last two are in remote storage alone."""
    path = fluss.TablePath("fluss", "tiered")
    asyncio.run(write_batches(tiered.server.bootstrap, path))
    wait_for(lambda: len(tiered.remote_segments()) == BATCHES - 1 and len(tiered.local_segments()) == 2)
    return path


async def scan(tiered: Tiered, path: fluss.TablePath, names: list[str] | None = None) -> pa.Table:
    where = fluss.Config({"bootstrap.servers": tiered.server.bootstrap})
    async with await fluss.FlussConnection.create(where) as connection:
        return await read_all(await connection.get_table(path), BATCHES * ROWS, names)


async def test_pyfluss_reads_remote_and_local(tiered: Tiered, written: fluss.TablePath) -> None:
    assert (await scan(tiered, written)).equals(EXPECTED)


async def test_pyfluss_reads_chosen_columns(tiered: Tiered, written: fluss.TablePath) -> None:
    assert (await scan(tiered, written, ["load"])).equals(EXPECTED.select(["load"]))


async def test_pyfluss_finds_the_beginning(tiered: Tiered, written: fluss.TablePath) -> None:
    where = fluss.Config({"bootstrap.servers": tiered.server.bootstrap})
    async with await fluss.FlussConnection.create(where) as connection:
        offsets = await connection.get_admin().list_offsets(written, [0], fluss.OffsetSpec.earliest())
    assert offsets == {0: 0}


@pytest.mark.java
def test_java_reads_remote_and_local(tiered: Tiered, written: fluss.TablePath, tmp_path: Path) -> None:
    client = JavaClient(tiered.server.bootstrap, tmp_path / "java-client.log", {"client.scanner.io.tmpdir": str(tmp_path)})
    try:
        where = {"database": "fluss", "table": "tiered"}
        found = client.do("scan", **where, count=BATCHES * ROWS)
        assert [record["row"] for record in found] == values.from_arrow(EXPECTED)
        assert [record["offset"] for record in found] == list(range(BATCHES * ROWS))
        middle = client.do("scan", **where, **{"from": 3 * ROWS + 7}, count=5)
        assert [record["offset"] for record in middle[:5]] == list(range(3 * ROWS + 7, 3 * ROWS + 12))
        projected = client.do("scan", **where, count=BATCHES * ROWS, columns=["name"])
        assert [record["row"] for record in projected] == [[name] for name in EXPECTED["name"].to_pylist()]
    finally:
        client.close()


async def test_a_killed_server_still_has_all(tmp_path: Path) -> None:
    tiered = Tiered(tmp_path)
    tiered.server.start()
    path = fluss.TablePath("fluss", "killed")
    await write_batches(tiered.server.bootstrap, path)
    tiered.server.kill()  # some are copied, some are not
    tiered.server.start()
    assert (await scan(tiered, path)).equals(EXPECTED)
    wait_for(lambda: len(tiered.local_segments()) == 2 and len(tiered.remote_segments()) == BATCHES - 1)
    assert (await scan(tiered, path)).equals(EXPECTED)
    tiered.server.stop()


async def test_a_dropped_table_leaves_nothing(tmp_path: Path) -> None:
    tiered = Tiered(tmp_path)
    tiered.server.start()
    path = fluss.TablePath("fluss", "dropped")
    await write_batches(tiered.server.bootstrap, path)
    wait_for(lambda: len(tiered.remote_segments()) > 0)
    where = fluss.Config({"bootstrap.servers": tiered.server.bootstrap})
    async with await fluss.FlussConnection.create(where) as connection:
        await connection.get_admin().drop_table(path, ignore_if_not_exists=False)
    wait_for(lambda: not list(tiered.remote.rglob("*.*")) and not tiered.local_segments())
    tiered.server.stop()


async def test_old_records_go_from_remote_storage(tmp_path: Path) -> None:
    tiered = Tiered(tmp_path)
    tiered.server.start()
    path = fluss.TablePath("fluss", "short")
    await write_batches(tiered.server.bootstrap, path, {"table.log.ttl": "3s"})
    where = fluss.Config({"bootstrap.servers": tiered.server.bootstrap})
    async with await fluss.FlussConnection.create(where) as connection:
        admin = connection.get_admin()
        deadline = time.monotonic() + WAIT_S_MAX
        while (await admin.list_offsets(path, [0], fluss.OffsetSpec.earliest()))[0] < (BATCHES - 2) * ROWS:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    tiered.server.stop()


async def earliest(bootstrap: str, path: fluss.TablePath) -> int:
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        return (await connection.get_admin().list_offsets(path, [0], fluss.OffsetSpec.earliest()))[0]


async def test_what_expired_before_a_kill_is_removed_after_it(tmp_path: Path) -> None:
    tiered = Tiered(tmp_path)
    tiered.server.start()
    path = fluss.TablePath("fluss", "expired")
    await write_batches(tiered.server.bootstrap, path, {"table.log.ttl": "4s"})
    wait_for(lambda: len(manifest_segments(tiered.server.data_dir)) > 0)
    wait_for(lambda: not manifest_segments(tiered.server.data_dir))
    assert tiered.remote_segments(), "they stay for a minute, for clients that were told of them"
    tiered.server.kill()
    tiered.server.start()
    assert await earliest(tiered.server.bootstrap, path) >= (BATCHES - 2) * ROWS
    wait_for(lambda: not tiered.remote_segments())
    tiered.server.stop()


async def test_a_kill_amid_copies_and_a_drop_leaves_nothing(tmp_path: Path) -> None:
    tiered = Tiered(tmp_path)
    tiered.server.start()
    path = fluss.TablePath("fluss", "interrupted")
    await write_batches(tiered.server.bootstrap, path)
    wait_for(lambda: bool(tiered.remote_segments()))
    tiered.server.kill()  # amid copies
    tiered.server.start()
    wait_for(lambda: len(manifest_segments(tiered.server.data_dir)) == BATCHES - 1)
    wait_for(lambda: len(tiered.remote_segments()) == BATCHES - 1)
    where = fluss.Config({"bootstrap.servers": tiered.server.bootstrap})
    async with await fluss.FlussConnection.create(where) as connection:
        await connection.get_admin().drop_table(path, ignore_if_not_exists=False)
    tiered.server.kill()  # before, amid or after the removal
    tiered.server.start()
    wait_for(lambda: not list(tiered.remote.rglob("*.*")) and not tiered.local_segments())
    tiered.server.stop()


async def test_verify_looks_at_remote_segments_too(tmp_path: Path) -> None:
    tiered = Tiered(tmp_path)
    tiered.server.start()
    path = fluss.TablePath("fluss", "verified")
    await write_batches(tiered.server.bootstrap, path)
    wait_for(lambda: len(tiered.local_segments()) == 2 and len(tiered.remote_segments()) == BATCHES - 1)
    tiered.server.stop()
    remote = ("--remote", str(tiered.remote))
    assert verify(tiered.server.data_dir, *remote) == (0, BATCHES - 1)
    assert verify(tiered.server.data_dir) == (0, BATCHES - 1), "their data are not looked at, which is no fault"
    damaged = tiered.remote_segments()[3]
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)
    assert verify(tiered.server.data_dir, *remote)[0] == 1
    said = subprocess.run([str(thalweg_binary()), "verify", str(tiered.remote)], capture_output=True, text=True)
    assert said.returncode == 1 and "--remote" in said.stderr


def verify(data_dir: Path, *arguments: str) -> tuple[int, int]:
    """How many faults it finds, and how many remote segments."""
    command = [str(thalweg_binary()), "verify", str(data_dir), "--json", *arguments]
    found = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    return len(found["faults"]), found["remote_segments"]

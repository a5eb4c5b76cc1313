"""Segments in an S3 store: the server reads them for its clients, which never learn where they are."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import fluss
import pytest

from conformance import values
from conformance.java_client import JavaClient
from conformance.test_tiered_segments import BATCHES, EXPECTED, ROWS, Tiered, scan, wait_for, write_batches
from peers.thalweg import tiered_server
from peers.versitygw import ACCESS_KEY, SECRET_KEY, S3Server

pytestmark = pytest.mark.network


class TieredToS3(Tiered):
    def __init__(self, directory: Path, store: S3Server):
        settings = {
            "remote.data.dir": "s3://logs/fluss",
            "s3.endpoint": store.endpoint,
            "s3.region": "us-east-1",
            "s3.access-key": ACCESS_KEY,
            "s3.secret-key": SECRET_KEY,
        }
        self.server = tiered_server(directory, settings)
        self.remote = store.buckets / "logs" / "fluss"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = S3Server(tmp_path_factory.mktemp("s3"), port).start()
    started.make_bucket("logs")
    yield started
    started.stop()


@pytest.fixture(scope="module")
def tiered(store: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TieredToS3]:
    made = TieredToS3(tmp_path_factory.mktemp("tiered-s3"), store)
    made.server.start()
    yield made
    made.server.stop()


@pytest.fixture(scope="module")
def written(tiered: TieredToS3) -> fluss.TablePath:
    path = fluss.TablePath("fluss", "tiered")
    asyncio.run(write_batches(tiered.server.bootstrap, path))
    wait_for(lambda: len(tiered.remote_segments()) == BATCHES - 1 and len(tiered.local_segments()) == 2)
    return path


async def test_pyfluss_reads_remote_and_local(tiered: TieredToS3, written: fluss.TablePath) -> None:
    assert (await scan(tiered, written)).equals(EXPECTED)


async def test_pyfluss_reads_chosen_columns(tiered: TieredToS3, written: fluss.TablePath) -> None:
    assert (await scan(tiered, written, ["load"])).equals(EXPECTED.select(["load"]))


@pytest.mark.java
def test_java_reads_remote_and_local(tiered: TieredToS3, written: fluss.TablePath, tmp_path: Path) -> None:
    client = JavaClient(tiered.server.bootstrap, tmp_path / "java-client.log")
    try:
        found = client.do("scan", database="fluss", table="tiered", count=BATCHES * ROWS)
        assert [record["row"] for record in found] == values.from_arrow(EXPECTED)
    finally:
        client.close()


async def test_a_store_that_goes_away_holds_up_no_writes(tiered: TieredToS3, store: S3Server) -> None:
    path = fluss.TablePath("fluss", "without_store")
    before = len(tiered.remote_segments())
    store.stop()
    await write_batches(tiered.server.bootstrap, path)
    assert (await scan(tiered, path)).equals(EXPECTED)
    store.start()
    wait_for(lambda: len(tiered.remote_segments()) == before + BATCHES - 1)
    assert (await scan(tiered, path)).equals(EXPECTED)


async def test_a_dropped_table_leaves_no_object(tiered: TieredToS3) -> None:
    path = fluss.TablePath("fluss", "dropped")
    await write_batches(tiered.server.bootstrap, path)
    mine = "dropped-*"
    wait_for(lambda: bool(list((tiered.remote / "log" / "fluss").glob(mine))))
    where = fluss.Config({"bootstrap.servers": tiered.server.bootstrap})
    async with await fluss.FlussConnection.create(where) as connection:
        await connection.get_admin().drop_table(path, ignore_if_not_exists=False)
    wait_for(lambda: not [f for folder in (tiered.remote / "log" / "fluss").glob(mine) for f in folder.rglob("*.*")])


def test_keys_stay_with_the_server(tiered: TieredToS3) -> None:
    log = (tiered.server.directory / "server.log").read_text()
    assert "listening" in log
    assert SECRET_KEY not in log and ACCESS_KEY not in log

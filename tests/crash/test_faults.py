"""A disk that fails under a running server: what was acknowledged stays, and what can go on goes on.

The shipped binary runs; its calls to the kernel are made to fail (faulty_disk.c).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import random
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import fluss
import pytest

from crash import faulty_disk, reader
from crash.workload import WRITERS, Workload, create_table

DEADLINE_S = 60.0
WATCH_S = 0.02
READ_S_MAX = 60.0
SEED = 20_261_122


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return faulty_disk.build(tmp_path_factory.mktemp("faulty-disk"))


@contextlib.contextmanager
def at_work(directory: Path, library: Path) -> Iterator[tuple[faulty_disk.FaultyServer, Workload]]:
    """A server with a workload on it, both gone afterwards."""
    options = ("--flight", "off", "--http", "127.0.0.1:0")
    server = faulty_disk.FaultyServer(directory / "server", library, options)
    server.start()
    try:
        asyncio.run(create_table(server.bootstrap))
        workload = Workload(server.bootstrap, directory, SEED)
        try:
            workload.wait_for_acknowledgements(WRITERS)
            yield server, workload
        finally:
            workload.kill()
    finally:
        server.kill()


def wait_for(what: str, condition: object) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"{what}: not within {DEADLINE_S:g} s"
        time.sleep(WATCH_S)


def http(server: faulty_disk.FaultyServer, path: str) -> tuple[int, str]:
    base = server.wait_for_line(r"metrics and health: (http://\S+)").group(1)
    try:
        with urllib.request.urlopen(base.rstrip("/") + path, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def metric(server: faulty_disk.FaultyServer, name: str) -> float:
    for line in http(server, "/metrics")[1].splitlines():
        if line.split(" ")[0] == name:
            return float(line.split(" ")[1])
    raise AssertionError(f"there is no metric {name}")


def check(server: faulty_disk.FaultyServer, workload: Workload, may_refuse: bool = False) -> str:
    """After the fault: writers get through again and end; then everything is looked at, also after a kill -9."""
    server.heal()
    workload.wait_for_acknowledgements(WRITERS)
    workload.stop()
    summary = ""
    for _ in range(2):
        problems, summary = workload.verdict()
        assert not problems, "\n".join(problems) + "\n" + server.last_output()
        server.kill()
        server.start()
    if not may_refuse:
        assert not workload.refusals(), "\n".join(workload.refusals())
    return summary


def test_a_failed_journal_write_makes_the_server_read_only_until_a_restart(library: Path, tmp_path: Path) -> None:
    with at_work(tmp_path, library) as (server, workload):
        server.fail("write", "/journal/", errno.EIO, "once")
        wait_for("the fault", server.fired)
        wait_for("/ready tells", lambda: http(server, "/ready")[0] == 503)
        assert ".wal" in http(server, "/ready")[1], "the message names the file"
        assert http(server, "/health")[0] == 200
        before = sum(workload.acknowledged())
        log = asyncio.run(reader.read_all(server.bootstrap, READ_S_MAX))
        assert sum(map(len, log.buckets.values())) > 0, "reads go on"
        assert sum(workload.acknowledged()) == before, "nothing is acknowledged any more"
        server.kill()
        server.start()
        print(check(server, workload))


@pytest.mark.parametrize("what", ["write", "sync"])
@pytest.mark.parametrize("kind", [".log", ".stats"])
def test_a_segment_that_fails_once_is_rebuilt_from_the_journal(
    library: Path, tmp_path: Path, what: str, kind: str
) -> None:
    with at_work(tmp_path, library) as (server, workload):
        if kind == ".stats" and not any(server.data_dir.rglob("*.stats")):
            kind = ".log"  # This client sends no statistics.
        for _ in range(3):
            server.fail(what, kind, errno.EIO, "once")
            wait_for("the fault", server.fired)
            workload.wait_for_acknowledgements(WRITERS)
        assert http(server, "/ready")[0] == 200
        print(check(server, workload))


def test_segments_that_fail_for_a_while_cost_nothing(library: Path, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    with at_work(tmp_path, library) as (server, workload):
        for _ in range(3):
            server.fail(chance.choice(["write", "sync", "any"]), "/data/log/", errno.EIO, "always")
            failed = metric(server, "thalweg_segment_write_failures") + metric(server, "thalweg_segment_sync_failures")
            wait_for(
                "failures",
                lambda failed=failed: metric(server, "thalweg_segment_write_failures")
                + metric(server, "thalweg_segment_sync_failures")
                > failed + 2,
            )
            workload.wait_for_acknowledgements(WRITERS)  # The journal takes them.
            server.heal()
            workload.wait_for_acknowledgements(WRITERS)
        print(check(server, workload))


def test_a_device_that_says_it_is_full_stops_writes_until_it_has_room(library: Path, tmp_path: Path) -> None:
    with at_work(tmp_path, library) as (server, workload):
        server.fail("write", "/data/log/", errno.ENOSPC, "always")
        wait_for("refusals", lambda: metric(server, "thalweg_disk_refusals") > 0)
        log = asyncio.run(reader.read_all(server.bootstrap, READ_S_MAX))
        assert sum(map(len, log.buckets.values())) > 0, "reads go on"
        assert http(server, "/ready")[0] == 200
        server.heal()
        print(check(server, workload, may_refuse=True))


def test_a_checkpoint_that_fails_is_written_later(library: Path, tmp_path: Path) -> None:
    with at_work(tmp_path, library) as (server, workload):
        server.fail("sync", "/data/checkpoint", errno.EIO, "once")
        wait_for("the fault", server.fired)
        print(check(server, workload))


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_a_catalog_that_fails_once_refuses_one_change(library: Path, tmp_path: Path, error: int) -> None:
    async def create(bootstrap: str, name: str) -> None:
        async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
            await connection.get_admin().create_database(name, ignore_if_exists=False)

    async def databases(bootstrap: str) -> set[str]:
        async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
            return set(await connection.get_admin().list_databases())

    with at_work(tmp_path, library) as (server, workload):
        server.fail("sync", "/meta/", error, "once")
        with pytest.raises(fluss.FlussError):
            asyncio.run(create(server.bootstrap, "refused"))
        assert server.fired()
        asyncio.run(create(server.bootstrap, "made"))
        assert "made" in asyncio.run(databases(server.bootstrap))
        print(check(server, workload))
        assert "made" in asyncio.run(databases(server.bootstrap))

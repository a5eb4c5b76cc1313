"""A small file system that fills up under writers: they are refused in time, and go on without a restart."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import fluss
import pytest

from crash import reader, rows, small_disk
from crash.workload import WRITERS, Workload, create_table, drop_table
from peers.thalweg import FLUSS_ONLY, ThalwegServer

DISK_MB = 64
RESERVE_MB = 8
JOURNAL_MB = 16
PAYLOAD_CHARS_MAX = 8_000
FULL_S_MAX = 120.0
WATCH_S = 0.1
WATCHED_S = 3.0
SEED = 4


class ServerOn(ThalwegServer):
    """A server whose data lie on another disk than what it prints."""

    def __init__(self, directory: Path, disk: Path):
        config = directory / "thalweg.yaml"
        config.write_text(f"thalweg.disk.reserve: {RESERVE_MB}mb\nthalweg.journal.size: {JOURNAL_MB}mb\n")
        super().__init__(directory, options=(*FLUSS_ONLY, "--config", str(config)))
        self._disk = disk

    @property
    def data_dir(self) -> Path:
        return self._disk / "data"


@contextlib.contextmanager
def server_on_a_small_disk(directory: Path) -> Iterator[tuple[ServerOn, Path]]:
    disk = directory / "disk"
    with small_disk.mounted(disk, DISK_MB) as kind:
        print(f"{DISK_MB} MiB of {kind}")
        server = ServerOn(directory, disk)
        try:
            yield server, disk
        finally:
            server.kill()


def free_bytes(disk: Path) -> int:
    state = os.statvfs(disk)
    return state.f_bavail * state.f_frsize


def test_writers_are_refused_before_the_disk_is_full_and_go_on_after(tmp_path: Path) -> None:
    with server_on_a_small_disk(tmp_path) as (server, disk):
        ballast = disk / "ballast"  # What somebody else has there, and takes away later.
        ballast.write_bytes(bytes(16 << 20))
        server.start()
        asyncio.run(create_table(server.bootstrap))
        workload = Workload(server.bootstrap, tmp_path, SEED, PAYLOAD_CHARS_MAX)
        try:
            free_min = free_bytes(disk)
            deadline = time.monotonic() + FULL_S_MAX
            while not workload.refusals():
                free_min = min(free_min, free_bytes(disk))
                assert time.monotonic() < deadline, f"{free_bytes(disk)} bytes are free and nobody was refused"
                time.sleep(WATCH_S)
            refusal = workload.refusals()[0]
            assert "nearly full" in refusal and "thalweg.disk.reserve" in refusal, refusal
            # What was acknowledged comes into its files, which takes nothing but the reserve.
            watched_until = time.monotonic() + WATCHED_S
            while time.monotonic() < watched_until:
                free_min = min(free_min, free_bytes(disk))
                time.sleep(WATCH_S)
            assert free_min > RESERVE_MB * (1 << 20) * 3 // 4, "the reserve is for other things than new data"
            log = asyncio.run(reader.read_all(server.bootstrap, FULL_S_MAX))
            assert sum(map(len, log.buckets.values())) > 0, "reads go on"
            with pytest.raises(fluss.FlussError, match="nearly full"):
                asyncio.run(create_database(server.bootstrap))

            ballast.unlink()
            workload.wait_for_acknowledgements(WRITERS)
            asyncio.run(create_database(server.bootstrap))
            # And full again, this time with a kill on top.
            seen = len(workload.refusals())
            while len(workload.refusals()) == seen:
                assert time.monotonic() < deadline + FULL_S_MAX
                time.sleep(WATCH_S)
            server.kill()
            server.start()
            asyncio.run(reader.read_all(server.bootstrap, FULL_S_MAX))
            workload.stop()
        finally:
            workload.kill()
        problems, summary = workload.verdict()
        assert not problems, "\n".join(problems)
        print(summary)
        asyncio.run(drop_table(server.bootstrap))  # A full disk is no reason to refuse what makes room.
        deadline = time.monotonic() + FULL_S_MAX
        while free_bytes(disk) < DISK_MB << 19:
            assert time.monotonic() < deadline, f"{free_bytes(disk)} bytes are free after the drop"
            time.sleep(WATCH_S)
        asyncio.run(create_table(server.bootstrap))
        server.stop()


def test_somebody_else_takes_the_last_byte(tmp_path: Path) -> None:
    with server_on_a_small_disk(tmp_path) as (server, disk):
        server.start()
        asyncio.run(create_table(server.bootstrap))
        workload = Workload(server.bootstrap, tmp_path, SEED)
        try:
            workload.wait_for_acknowledgements(WRITERS)
            ballast = disk / "ballast"
            with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(1 << 16))
            deadline = time.monotonic() + FULL_S_MAX
            while not workload.refusals():
                assert time.monotonic() < deadline, "nobody was refused"
                time.sleep(WATCH_S)
            asyncio.run(reader.read_all(server.bootstrap, FULL_S_MAX))
            assert server.running()
            ballast.unlink()
            workload.wait_for_acknowledgements(WRITERS)
            workload.stop()
        finally:
            workload.kill()
        for _ in range(2):
            problems, summary = workload.verdict()
            assert not problems, "\n".join(problems) + "\n" + server.last_output()
            server.kill()
            server.start()
        print(summary)


async def create_database(bootstrap: str) -> None:
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        await connection.get_admin().create_database(f"{rows.DATABASE}_more", ignore_if_exists=False)

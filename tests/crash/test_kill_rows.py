"""kill -9 under upserts, partial updates, deletions and lookups: what was acknowledged or seen is there by key, nothing else is,
and changelog, lookups and limit scans tell the same, after every kill."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crash import faulty_disk, keyed, keyed_check
from peers.places import ROOT
from peers.thalweg import FLUSS_ONLY

READERS = 2
LIFE_S = (0.15, 0.7)
# Of the lives, so many are led on a disk that takes so long for each write of the journal: there is much then that is neither
# durable nor unwritten, and lookups must not show it.
SLOW_SHARE = 0.3
SLOW_MS = 250
SLOW_LIFE_S = (0.5, 0.9)
# So small that rows reach the states on disk, too, while they are written.
CONFIG = "thalweg.journal.size: 64mb\n"


@pytest.fixture
def seed(pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]) -> int:
    """The asked seed or a new one; printed before anything else happens."""
    chosen = pytestconfig.getoption("--seed") or random.SystemRandom().randrange(1, 2**31)
    with capsys.disabled():
        print(f"\nseed {chosen} (the same again: --seed {chosen})")
    return chosen


class Workers:
    """The process that forks writers and readers; see keyed_workers."""

    def __init__(self, bootstrap: str, directory: Path, seed: int):
        self._journal = directory / "workers.journal"
        self._journal.touch()
        self._read_to = 0
        argv = [sys.executable, "-m", "crash.keyed_workers", bootstrap, str(self._journal), str(seed), str(READERS)]
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT / "tests", text=True
        )

    def begin(self, life: int, there: dict[str, list[keyed.Key]]) -> None:
        self._say(json.dumps([life, there]))

    def kill(self) -> keyed_check.Life:
        """All of them; what they had done."""
        self._say("")
        with self._journal.open() as lines:
            lines.seek(self._read_to)
            text = lines.read()
            self._read_to = lines.tell()
        return keyed_check.read_journal(text)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        print(line, file=self._process.stdin, flush=True)
        assert self._process.stdout.readline() == "done\n", "the workers' process ended"


@contextlib.contextmanager
def at_work(directory: Path, seed: int) -> Iterator[tuple[faulty_disk.FaultyServer, Workers]]:
    config = directory / "thalweg.yaml"
    config.write_text(CONFIG)
    library = faulty_disk.build(directory)
    server = faulty_disk.FaultyServer(directory / "server", library, (*FLUSS_ONLY, "--config", str(config)))
    server.start()
    try:
        asyncio.run(keyed.create(server.bootstrap))
        workers = Workers(server.bootstrap, directory, seed)
        try:
            yield server, workers
        finally:
            workers.close()
    finally:
        server.kill()


@pytest.mark.timeout(3600)
def test_rows_outlive_kills(
    pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str], seed: int, tmp_path: Path
) -> None:
    kills = pytestconfig.getoption("--kills")
    chance = random.Random(seed)
    reader = keyed_check.Reader()
    count = {"operations": 0, "acknowledged": 0, "rows seen": 0, "changes": 0}
    began = time.monotonic()
    with at_work(tmp_path, seed) as (server, workers):
        for life in range(kills):
            slow = chance.random() < SLOW_SHARE
            if slow:
                server.fail("write", "/journal/", -SLOW_MS, "always")
            before = {fold.table: dict(fold.rows) for fold in reader.folds.values()}
            workers.begin(life, {table.name: list(rows) for table, rows in before.items()})
            time.sleep(chance.uniform(*(SLOW_LIFE_S if slow else LIFE_S)))  # The random moment itself, not a wait.
            assert server.running(), f"the server ended by itself:\n{server.last_output()}"
            killed = time.monotonic()
            server.kill()
            lived = workers.kill()
            server.heal()
            server.start()
            problems = [f"a worker ended before the kill: {why}" for when, why in lived.ended if when < killed]
            problems += asyncio.run(reader.compare(server.bootstrap))
            for table, fold in reader.folds.items():
                problems += keyed_check.check_life(lived, table, before[table], fold.changes)
                count["changes"] += sum(map(len, fold.changes.values()))
            assert not problems, f"seed {seed}, life {life}, files in {tmp_path}:\n" + "\n".join(problems[:20])
            count["operations"] += sum(map(len, lived.operations.values()))
            count["acknowledged"] += len(lived.acknowledged)
            count["rows seen"] += sum(len(rows) for _, _, rows in lived.reads)
        server.stop()
    with capsys.disabled():
        print(f"{kills} kills in {time.monotonic() - began:.0f} s: " + ", ".join(f"{n:,} {what}" for what, n in count.items()))
    assert count["acknowledged"] > 20 * kills and count["rows seen"] > 20 * kills, "too little was done to say anything"

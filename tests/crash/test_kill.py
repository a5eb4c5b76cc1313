"""kill -9 at random moments under writers: what was acknowledged stays, once, in order, and nothing else appears."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crash.workload import PAYLOAD_CHARS_MAX, WRITERS, Workload, create_table, drop_table
from peers.thalweg import FLUSS_ONLY, ThalwegServer

# Of the kills, so many hit a server that is still starting, up to so long after its start.
EARLY_KILL_SHARE = 0.15
EARLY_KILL_S_MAX = 0.08
# The others come up to so long after the first acknowledgement of that life.
LIFE_S_MAX = 0.8

# A journal that writers fill many times over: of the kills, one in so many is made under it.
SMALL_RING_MB = 16
SMALL_SEGMENT_MB = 4
SMALL_RING_PAYLOAD_CHARS = 8_000
SMALL_RING_KILLS_DIVISOR = 5
SMALL_RING_KILLS_MOST = 10  # times as many, where that is what it takes

STOPS = 5
STOP_S_MAX = 2.0

UNDISTURBED_TURNS = 20


@pytest.fixture
def seed(pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]) -> int:
    """The asked seed or a new one; printed before anything else happens."""
    chosen = pytestconfig.getoption("--seed") or random.SystemRandom().randrange(1, 2**31)
    with capsys.disabled():
        print(f"\nseed {chosen} (the same again: --seed {chosen})")
    return chosen


def test_undisturbed_writers_are_clean(bootstrap: str, seed: int, tmp_path: Path) -> None:
    asyncio.run(create_table(bootstrap))
    try:
        workload = Workload(bootstrap, tmp_path, seed)
        try:
            for _ in range(UNDISTURBED_TURNS):
                workload.wait_for_acknowledgements(WRITERS)
            workload.stop()
        finally:
            workload.kill()
        problems, summary = workload.verdict()
        assert (problems, workload.refusals()) == ([], []), summary
    finally:
        asyncio.run(drop_table(bootstrap))


@pytest.mark.timeout(3600)
def test_kills_lose_and_invent_nothing(
    pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str], seed: int, tmp_path: Path
) -> None:
    kills = pytestconfig.getoption("--kills")
    chance = random.Random(seed)
    started = time.monotonic()
    with at_work(tmp_path, seed) as (server, workload):
        for _ in range(kills):
            kill_at_a_random_moment(server, workload, chance)
        summary = check(server, workload, seed, tmp_path)
    with capsys.disabled():
        print(f"{kills} kills in {time.monotonic() - started:.0f} s: {summary}")


@pytest.mark.timeout(3600)
def test_kills_while_the_journal_goes_round(
    pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str], seed: int, tmp_path: Path
) -> None:
    config = tmp_path / "thalweg.yaml"
    config.write_text(f"thalweg.journal.size: {SMALL_RING_MB}mb\nlog.segment.file-size: {SMALL_SEGMENT_MB}mb\n")
    kills = max(1, pytestconfig.getoption("--kills") // SMALL_RING_KILLS_DIVISOR)
    chance = random.Random(seed)
    with at_work(tmp_path, seed, ("--config", str(config)), SMALL_RING_PAYLOAD_CHARS) as (server, workload):
        done = 0
        journal_bytes, log_bytes = 0, 0
        # A slow machine writes less between two kills: go on until the ring has gone round.
        while done < kills or (log_bytes <= 2 * journal_bytes and done < SMALL_RING_KILLS_MOST * kills):
            kill_at_a_random_moment(server, workload, chance)
            done += 1
            journal_bytes = sum(path.stat().st_size for path in (server.data_dir / "journal").iterdir())
            log_bytes = sum(path.stat().st_size for path in (server.data_dir / "log").rglob("*.log"))
        summary = check(server, workload, seed, tmp_path)
    with capsys.disabled():
        print(f"{done} kills, journal {journal_bytes >> 20} MiB, logs {log_bytes >> 20} MiB: {summary}")
    assert log_bytes > 2 * journal_bytes, "too little was written for the ring to go round"


def test_stops_under_load_are_quick_and_lose_nothing(
    capsys: pytest.CaptureFixture[str], seed: int, tmp_path: Path
) -> None:
    took: list[float] = []
    with at_work(tmp_path, seed) as (server, workload):
        for _ in range(STOPS):
            workload.wait_for_acknowledgements(WRITERS)
            began = time.monotonic()
            server.stop()
            took.append(time.monotonic() - began)
            server.start()
        summary = check(server, workload, seed, tmp_path)
    with capsys.disabled():
        print(f"stops took {', '.join(f'{s:.2f}' for s in took)} s: {summary}")
    assert max(took) < STOP_S_MAX


@contextlib.contextmanager
def at_work(
    directory: Path, seed: int, options: tuple[str, ...] = (), payload_chars_max: int = PAYLOAD_CHARS_MAX
) -> Iterator[tuple[ThalwegServer, Workload]]:
    """A server, and a workload on it of which every writer has got through; both are gone afterwards."""
    server = ThalwegServer(directory / "server", options=FLUSS_ONLY + options).start()
    try:
        asyncio.run(create_table(server.bootstrap))
        workload = Workload(server.bootstrap, directory, seed, payload_chars_max)
        try:
            workload.wait_for_acknowledgements(WRITERS)  # The client gives up if a server dies as it asks for its writer id.
            yield server, workload
        finally:
            workload.kill()
        server.stop()
    finally:
        server.kill()


def kill_at_a_random_moment(server: ThalwegServer, workload: Workload, chance: random.Random) -> None:
    if chance.random() < EARLY_KILL_SHARE:
        server.kill()
        server.spawn()
        time.sleep(chance.uniform(0, EARLY_KILL_S_MAX))  # The random moment itself, not a wait.
    else:
        workload.wait_for_acknowledgements(1)
        time.sleep(chance.uniform(0, LIFE_S_MAX))  # As above.
    assert server.running(), f"the server ended by itself:\n{server.last_output()}"
    server.kill()
    server.start()


def check(server: ThalwegServer, workload: Workload, seed: int, directory: Path) -> str:
    """Lets the writers end and looks at everything; what was looked at."""
    workload.wait_for_acknowledgements(WRITERS)
    workload.stop()
    problems, summary = workload.verdict()
    assert not problems, f"seed {seed}, files in {directory}:\n" + "\n".join(problems)
    # The client repeats what a dead server did not answer; being refused afterwards means lost writer state.
    assert not workload.refusals(), f"seed {seed}:\n" + "\n".join(workload.refusals())
    return summary

"""kill -9 at random moments under writers: what was acknowledged stays, once, in order, and nothing else appears."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest

from crash.workload import WRITERS, Workload, create_table, drop_table
from peers.thalweg import ThalwegServer

# Of the kills, so many hit a server that is still starting, up to so long after its start.
EARLY_KILL_SHARE = 0.15
EARLY_KILL_S_MAX = 0.08
# The others come up to so long after the first acknowledgement of that life.
LIFE_S_MAX = 0.8


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
    server = ThalwegServer(tmp_path / "server").start()
    try:
        asyncio.run(create_table(server.bootstrap))
        workload = Workload(server.bootstrap, tmp_path, seed)
        try:
            workload.wait_for_acknowledgements(WRITERS)  # The client gives up if a server dies as it asks for its writer id.
            for _ in range(kills):
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
            workload.wait_for_acknowledgements(WRITERS)
            workload.stop()
        finally:
            workload.kill()
        problems, summary = workload.verdict()
        with capsys.disabled():
            print(f"{kills} kills in {time.monotonic() - started:.0f} s: {summary}")
        assert not problems, f"seed {seed}, files in {tmp_path}:\n" + "\n".join(problems)
        # The client repeats what a dead server did not answer; being refused afterwards means lost writer state.
        assert not workload.refusals(), f"seed {seed}:\n" + "\n".join(workload.refusals())
        server.stop()
    finally:
        server.kill()

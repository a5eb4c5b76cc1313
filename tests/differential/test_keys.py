"""Rows by key on the real Fluss 0.9.1 and on Thalweg, put in the same batches: the same changelogs, lookups and errors.

    pytest tests/differential/test_keys.py --seed 17 --operations 2000
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from differential import known
from differential.conftest import Addresses
from differential.key_play import KeyPlay
from differential.key_tables import ENGINES
from differential.row_encoder import RowEncoder
from differential.server import Server
from peers.places import ROOT

SHOWN = 12
REPORT = ROOT / "build/test-results/differential-keys.txt"

pytestmark = pytest.mark.java


@pytest.fixture(scope="module")
def plays(
    addresses: Addresses, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, KeyPlay]]:
    """A run for each merge engine."""
    seed = request.config.getoption("--seed") or random.SystemRandom().randrange(1, 2**31)
    count = request.config.getoption("--operations")
    encoder = RowEncoder(tmp_path_factory.mktemp("row-encoder") / "encoder.log")
    made: dict[str, KeyPlay] = {}
    shown = request.config.pluginmanager.get_plugin("capturemanager")
    with shown.global_and_fixture_disabled():
        print(f"\nrows by key: {count} operations for each merge engine, --seed {seed}", flush=True)
        for engine in ENGINES:
            reference = Server("fluss", addresses.fluss, addresses.fluss_tablet)
            ours = Server("thalweg", addresses.thalweg, addresses.thalweg)
            play = made[engine] = KeyPlay(seed, engine, reference, ours, encoder)
            began = time.monotonic()
            play.run(count)
            print(f"{engine}: {play.operations} operations on {len(play.tables)} tables in {time.monotonic() - began:.0f} s; "
                  f"known differences {dict(play.excused)}; {dict(play.by_api)}; {play.spent}", flush=True)
            reference.close()
            ours.close()
    yield made
    encoder.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_both_servers_say_the_same_of_keys(plays: dict[str, KeyPlay], engine: str) -> None:
    found = plays[engine].disagreements
    shown = "\n".join(map(str, found[:SHOWN]))
    if found:
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.write_text("\n".join(str(one) for play in plays.values() for one in play.disagreements) + "\n")
        shown += f"\nall of them: {REPORT}"
    assert not found, f"{len(found)} of {plays[engine].requests} requests:\n{shown}"


def test_every_known_difference_of_keys_still_exists(plays: dict[str, KeyPlay]) -> None:
    unmet = [one.name for one in known.KEY_DIFFERENCES if not any(play.excused[one.name] for play in plays.values())]
    assert not unmet, f"not met; delete them in known.py and docs/protocol.md: {unmet}"

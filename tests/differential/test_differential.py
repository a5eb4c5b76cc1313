"""The same requests to the real Fluss 0.9.1 and to Thalweg: the same errors, offsets, rows and lists.

    pytest tests/differential --seed 17 --requests 3000
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from differential import known
from differential.conftest import Addresses
from differential.play import WEIGHTS, Play
from differential.server import Server
from peers.places import ROOT
from peers.wire import API_KEYS

SHOWN = 20
REPORT = ROOT / "build/test-results/differential.txt"

# What both servers answer and no step asks, with the reason.
NOT_ASKED = {
    "API_VERSIONS": "the lists are meant to differ: each names what it implements",
    "AUTHENTICATE": "no listener here asks for it; the conformance tests log in at both",
    **dict.fromkeys(("PUT_KV", "LOOKUP", "PREFIX_LOOKUP"), "test_keys.py asks them"),
}


@pytest.fixture(scope="module")
def servers(addresses: Addresses) -> Iterator[tuple[Server, Server]]:
    """The reference and the one under test."""
    reference = Server("fluss", addresses.fluss, addresses.fluss_tablet)
    ours = Server("thalweg", addresses.thalweg, addresses.thalweg)
    yield reference, ours
    reference.close()
    ours.close()


@pytest.fixture(scope="module")
def play(servers: tuple[Server, Server], request: pytest.FixtureRequest) -> Play:
    """The run that the tests below look at."""
    seed = request.config.getoption("--seed") or random.SystemRandom().randrange(1, 2**31)
    count = request.config.getoption("--requests")
    with request.config.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
        print(f"\ndifferential: {count} requests, --seed {seed}", flush=True)
    made = Play(seed, *servers)
    began = time.monotonic()
    made.run(count)
    with request.config.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
        refused = sum(made.refused.values())
        print(f"differential: {made.requests} requests in {time.monotonic() - began:.0f} s, {refused} refused by Fluss; "
              f"{sum(made.excused.values())} known differences {dict(made.excused)}; {dict(made.by_api)}; {made.spent}")
    return made


def test_both_servers_say_the_same(play: Play) -> None:
    shown = "\n".join(map(str, play.disagreements[:SHOWN]))
    if len(play.disagreements) > SHOWN:
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.write_text("\n".join(map(str, play.disagreements)) + "\n")
        shown += f"\nand more: {REPORT}"
    assert not play.disagreements, f"{len(play.disagreements)} of {play.requests} requests:\n{shown}"


def test_every_known_difference_still_exists(play: Play) -> None:
    unmet = [difference.name for difference in known.DIFFERENCES if not play.excused[difference.name]]
    assert not unmet, f"not met in {play.requests} requests; delete them in known.py and docs/protocol.md: {unmet}"


def test_every_api_of_both_servers_is_asked(play: Play) -> None:
    missing = [name for name, key in API_KEYS.items() if key in play.both and not play.by_api[name] and name not in NOT_ASKED]
    assert not missing, f"draw requests of these in differential/play.py, or say in NOT_ASKED why not: {missing}"
    assert len(WEIGHTS) > 20


def test_a_run_holds_good_and_bad_requests(play: Play) -> None:
    refused = sum(play.refused.values())
    assert play.requests * 0.1 < refused < play.requests * 0.7, f"{refused} of {play.requests} were refused"

"""Rows by key on the real Fluss 0.9.1 and on Thalweg, put in the same batches: the same changelogs, lookups and errors.

    pytest tests/differential/test_keys.py --seed 17 --operations 2000 [--timeout 0]
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

import pytest

from differential import known
from differential.conftest import Addresses
from differential.key_play import KeyPlay
from differential.key_tables import ENGINES
from differential.row_encoder import RowEncoder
from differential.server import Server
from peers.places import ROOT

TURNS = 8
SHOWN = 12

pytestmark = pytest.mark.java


class Plays:
    """A run for each merge engine, made when it is asked for."""

    def __init__(self, seed: int, count: int, addresses: Addresses, encoder: RowEncoder, say: Callable[[str], None]):
        self._seed = seed
        self._count = count
        self._addresses = addresses
        self._encoder = encoder
        self._say = say
        self._made: dict[tuple[str, int], KeyPlay] = {}

    def of(self, engine: str, turn: int = 0) -> KeyPlay:
        if (engine, turn) not in self._made:
            self._say(f"\n{self._count} operations on rows by key, merge engine {engine}, --seed {self._seed}{f', turn {turn}' * bool(turn)}")
            self._made[engine, turn] = self._run(engine, turn)
        return self._made[engine, turn]

    def _run(self, engine: str, turn: int) -> KeyPlay:
        reference = Server("fluss", self._addresses.fluss, self._addresses.fluss_tablet)
        ours = Server("thalweg", self._addresses.thalweg, self._addresses.thalweg)
        play = KeyPlay(self._seed, engine, reference, ours, self._encoder, turn)
        began = time.monotonic()
        play.run(self._count)
        self._say(f"{engine}: {play.operations} operations on {len(play.tables)} tables in {time.monotonic() - began:.0f} s; "
                  f"known differences {dict(play.excused)}; {dict(play.by_api)}; {play.spent}")
        reference.close()
        ours.close()
        return play


@pytest.fixture(scope="module")
def plays(
    addresses: Addresses, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Plays]:
    capture = request.config.pluginmanager.get_plugin("capturemanager")

    def say(text: str) -> None:
        with capture.global_and_fixture_disabled():
            print(text, flush=True)

    seed = request.config.getoption("--seed") or random.SystemRandom().randrange(1, 2**31)
    encoder = RowEncoder(tmp_path_factory.mktemp("row-encoder") / "encoder.log")
    yield Plays(seed, request.config.getoption("--operations"), addresses, encoder, say)
    encoder.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_both_servers_say_the_same_of_keys(plays: Plays, engine: str) -> None:
    play = plays.of(engine)
    shown = "\n".join(map(str, play.disagreements[:SHOWN]))
    if len(play.disagreements) > SHOWN:
        report = ROOT / f"build/test-results/differential-{engine}.txt"
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text("\n".join(map(str, play.disagreements)) + "\n")
        shown += f"\nand more: {report}"
    assert not play.disagreements, f"{len(play.disagreements)} of {play.requests} requests:\n{shown}"


def test_every_known_difference_of_keys_still_exists(plays: Plays) -> None:
    unmet = {one.name for one in known.KEY_DIFFERENCES}
    # Some are so rare that a run may be without them.
    for turn in range(TURNS):
        for engine in ENGINES:
            if unmet:
                unmet -= {name for name, count in plays.of(engine, turn).excused.items() if count}
    assert not unmet, f"not met in {TURNS} turns; delete them in known.py and docs/protocol.md: {unmet}"

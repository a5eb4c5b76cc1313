"""Several writers at once on the same buckets, on the real Fluss 0.9.1 and on Thalweg: see key_crowd.py.

    pytest tests/differential/test_key_crowd.py --seed 17 --operations 2000 [--timeout 0]
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Iterator

import pytest

from differential.conftest import Addresses
from differential.key_crowd import WRITERS, KeyCrowd
from differential.key_tables import ENGINES
from differential.row_encoder import RowEncoder, bitmaps
from differential.server import Server

SHOWN = 8
# Of the operations asked for: what several write at once is looked at from several sides afterwards.
SHARE = 10
BITMAPS = 400

pytestmark = pytest.mark.java


@dataclasses.dataclass(frozen=True)
class Making:
    """What tables and rows are made from."""

    seed: int
    encoder: RowEncoder
    bitmaps: dict[str, list[str]]


@pytest.fixture(scope="module")
def making(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Making]:
    seed = request.config.getoption("--seed") or random.SystemRandom().randrange(1, 2**31)
    encoder = RowEncoder(tmp_path_factory.mktemp("crowd-encoder") / "encoder.log")
    yield Making(seed, encoder, bitmaps(seed, BITMAPS))
    encoder.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_writers_at_once_are_as_if_one_after_the_other(
    addresses: Addresses, making: Making, request: pytest.FixtureRequest, engine: str
) -> None:
    count = request.config.getoption("--operations") // SHARE
    capture = request.config.pluginmanager.get_plugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\n{count} puts of {WRITERS} writers at once, merge engine {engine}, --seed {making.seed}", flush=True)
    reference = Server("fluss", addresses.fluss, addresses.fluss_tablet)
    ours = Server("thalweg", addresses.thalweg, addresses.thalweg)
    began = time.monotonic()
    crowd = KeyCrowd(making.seed, engine, reference, ours, making.encoder, making.bitmaps)
    crowd.run(count)
    with capture.global_and_fixture_disabled():
        print(f"{engine}: {crowd.batches} batches in the changelogs, of which behind another writer's {crowd.switches}; "
              f"{time.monotonic() - began:.1f} s", flush=True)
    reference.close()
    ours.close()
    shown = "\n".join(crowd.faults[:SHOWN])
    assert not crowd.faults, f"{len(crowd.faults)} faults:\n{shown}"
    for name, switches in crowd.switches.items():
        assert switches > WRITERS * len(crowd.table.places()), f"nobody wrote at the same time as others on {name}"

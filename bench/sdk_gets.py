"""Rows by key from Python: the SDK's `get`, one key after the other and a thousand at once, beside pyfluss over the same server."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Callable

import fluss
import pyarrow as pa

import client
import keyed_frames
from contenders import Contender
from figures import OURS, Figure, Row, at_most, percentile
from peers.places import SDK_DIR
from plan import Plan

MANY = 1_000
WARM_UP = 300
PYFLUSS_LOOKUPS = 30  # each waits for its batch: 100 ms
LIMITS_MS = {"sdk-get-one": (0.2, 0.6), "sdk-get-1000": (5.0, None)}


def row(key: str, server: Contender, path: fluss.TablePath, rows: int, plan: Plan) -> Row:
    """Ours alone: the peer has no such client."""
    sys.path.insert(0, str(SDK_DIR))
    import thalweg

    count = 1 if key == "sdk-get-one" else MANY
    what = "one key after the other, each as a dict" if count == 1 else f"{MANY:,} random keys at once, as Arrow"
    of = Row(key, f"rows of 10 columns from Python: {what}, of {rows:,} rows, one connection")
    p50, p99 = LIMITS_MS[key]
    of.figures = [
        Figure("p50", "ms", False, 3, target=at_most(p50, "ms")),
        Figure("p99", "ms", False, 3, target=at_most(p99, "ms") if p99 else None),
    ]
    db = thalweg.connect(f"fluss://{server.bootstrap}", progress=False)
    table = db.table(f"{path.database_name}.{path.table_name}")
    choose = random.Random(keyed_frames.SEED)
    last = keyed_frames.FIRST_ID + rows - 1

    def one() -> float:
        sought = choose.randint(keyed_frames.FIRST_ID, last)
        began = time.perf_counter()
        found = table.get(sought)
        taken = time.perf_counter() - began
        if found is None or found["id"] != sought:
            raise RuntimeError(f"no row of the key {sought}")
        return taken

    def many() -> float:
        sought = pa.array(choose.sample(range(keyed_frames.FIRST_ID, last + 1), MANY), pa.int64())
        began = time.perf_counter()
        found = table.get(sought)
        taken = time.perf_counter() - began
        if found.num_rows != MANY:
            raise RuntimeError("not all keys were found")
        return taken

    get = one if count == 1 else many
    times = 4 * plan.samples_max if count == 1 else plan.samples_max // 4
    _milliseconds(get, WARM_UP if count == 1 else WARM_UP // 10)
    for _ in range(plan.repeats):
        taken = _milliseconds(get, times)
        of.figures[0].add(OURS, percentile(taken, 0.5))
        of.figures[1].add(OURS, percentile(taken, 0.99))
    db.close()
    if count == 1:
        theirs = asyncio.run(_pyfluss(server, path, rows))
        of.notes.append(f"pyfluss's lookup of the same rows, in this run: p50 {percentile(theirs, 0.5):.1f} ms")
    return of


def _milliseconds(get: Callable[[], float], times: int) -> list[float]:
    """What `get` says of itself in seconds: the choice of the keys is none of it."""
    return [get() * 1e3 for _ in range(times)]


async def _pyfluss(server: Contender, path: fluss.TablePath, rows: int) -> list[float]:
    async with await client.connect(server.bootstrap) as connection:
        lookuper = (await connection.get_table(path)).new_lookup().create_lookuper()
        taken = []
        for i in range(PYFLUSS_LOOKUPS):
            began = time.perf_counter()
            if await lookuper.lookup({"id": keyed_frames.FIRST_ID + i % rows}) is None:
                raise RuntimeError("pyfluss found no row")
            taken.append((time.perf_counter() - began) * 1e3)
        return taken

"""The data: rows of ten columns of all kinds, as an event stream has them, and rows of a hundred columns."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa

ROWS_PER_BATCH = 10_000
SEED = 20130101
FIRST_MICROS = 1_750_000_000_000_000
WIDE_COLUMNS = 100
ROWS_PER_WIDE_BATCH = 1_500  # 1.2 MB before compression, as the narrow ones


def narrow(batch_count: int) -> list[pa.RecordBatch]:
    """About 110 bytes a row before compression: numbers, a decimal, short and long strings, a flag, a time."""
    random = np.random.default_rng(SEED)
    return [_narrow(random, index * ROWS_PER_BATCH) for index in range(batch_count)]


def wide(batch_count: int) -> list[pa.RecordBatch]:
    """About 820 bytes a row before compression: 25 each of 64-bit and 32-bit integers, doubles and strings."""
    random = np.random.default_rng(SEED)
    return [_wide(random, ROWS_PER_WIDE_BATCH) for _ in range(batch_count)]


def cut(whole: list[pa.RecordBatch], rows: int) -> list[pa.RecordBatch]:
    """The same rows in batches of at most `rows`."""
    return [batch.slice(at, rows) for batch in whole for at in range(0, batch.num_rows, rows)]


def _narrow(random: np.random.Generator, start: int) -> pa.RecordBatch:
    count = ROWS_PER_BATCH
    ids = np.arange(start, start + count, dtype=np.int64)
    cities = np.array(["Basel", "Cologne", "Duisburg", "Koblenz", "Mainz", "Rotterdam", "Strasbourg", "Worms"])
    notes = random.integers(0, 2**63, size=(count, 2), dtype=np.int64)
    cents = random.integers(0, 1_000_000, count).tolist()
    columns = {
        "id": pa.array(ids),
        "at": pa.array(FIRST_MICROS + ids * 1000, pa.timestamp("us")),
        "gauge": pa.array(random.integers(0, 100_000, count, dtype=np.int32)),
        "sensor": pa.array([f"sensor-{number:06d}" for number in random.integers(0, 50_000, count)]),
        "level": pa.array(random.random(count) * 1000),
        "price": pa.array([Decimal(value).scaleb(-2) for value in cents], pa.decimal128(12, 2)),
        "ok": pa.array(random.random(count) < 0.5),
        "city": pa.array(cities[random.integers(0, len(cities), count)].tolist()),
        "note": pa.array([f"{high:016x}{low:016x}" for high, low in notes.tolist()]),
        "score": pa.array(random.random(count).astype(np.float32)),
    }
    return pa.record_batch(columns)


def _wide(random: np.random.Generator, count: int) -> pa.RecordBatch:
    columns = {}
    for index in range(WIDE_COLUMNS):
        kind = index % 4
        if kind == 0:
            values = pa.array(random.integers(0, 10**9, count))
        elif kind == 1:
            values = pa.array(random.random(count))
        elif kind == 2:
            values = pa.array(random.integers(0, 1000, count, dtype=np.int32))
        else:
            values = pa.array([f"v{number:07d}" for number in random.integers(0, 10**6, count)])
        columns[f"c{index:03d}"] = values
    return pa.record_batch(columns)

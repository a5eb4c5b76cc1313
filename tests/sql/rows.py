"""The rows of test_generated.py: a log table and a table with a primary key, with columns of every type and nulls in all but the key."""

from __future__ import annotations

import datetime
import decimal
import random

import pyarrow as pa

from sql.generator import DAYS

COLUMNS = """
  id BIGINT NOT NULL, tiny TINYINT, small SMALLINT, number INT, big BIGINT, amount DECIMAL(20, 2), single FLOAT, real DOUBLE,
  name STRING, flag BOOLEAN, born DATE, daily TIME(3), raw BYTES, fixed BINARY(2), at_s TIMESTAMP(0), at_ms TIMESTAMP(3),
  at_us TIMESTAMP(6), at_ns TIMESTAMP(9), seen TIMESTAMP_LTZ(3), list ARRAY<INT>, pairs MAP<STRING, BIGINT>,
  part ROW<x INT, y STRING>"""

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("tiny", pa.int8()),
        pa.field("small", pa.int16()),
        pa.field("number", pa.int32()),
        pa.field("big", pa.int64()),
        pa.field("amount", pa.decimal128(20, 2)),
        pa.field("single", pa.float32()),
        pa.field("real", pa.float64()),
        pa.field("name", pa.string()),
        pa.field("flag", pa.bool_()),
        pa.field("born", pa.date32()),
        pa.field("daily", pa.time32("ms")),
        pa.field("raw", pa.binary()),
        pa.field("fixed", pa.binary(2)),
        pa.field("at_s", pa.timestamp("s")),
        pa.field("at_ms", pa.timestamp("ms")),
        pa.field("at_us", pa.timestamp("us")),
        pa.field("at_ns", pa.timestamp("ns")),
        pa.field("seen", pa.timestamp("ms", tz="UTC")),
        pa.field("list", pa.list_(pa.int32())),
        pa.field("pairs", pa.map_(pa.string(), pa.int64())),
        pa.field("part", pa.struct([("x", pa.int32()), ("y", pa.string())])),
        pa.field("day", pa.string(), nullable=False),
    ]
)


def make(rows: int, seed: int) -> pa.Table:
    some = random.Random(seed)
    start = datetime.datetime(2010, 1, 1)

    def moment() -> datetime.datetime:
        return start + datetime.timedelta(seconds=some.randrange(600_000_000), milliseconds=some.randrange(1000))

    def row(identity: int) -> dict:
        at = moment()
        values = {
            "tiny": some.randint(-128, 127),
            "small": some.randint(-300, 300),
            "number": some.randint(-130, 130),
            "big": some.choice([some.randint(-130, 130), some.randint(-(2**62), 2**62)]),
            "amount": decimal.Decimal(some.randint(-2_000_000, 2_000_000)).scaleb(-2),
            "single": some.randint(-40, 40) / 4,
            "real": some.choice([some.randint(-40, 40) / 4, some.random() * 1e6]),
            "name": some.choice(["", "a", "Ä", "zz", f"name {some.randrange(40)}"]),
            "flag": some.random() < 0.5,
            "born": at.date(),
            "daily": at.time().replace(microsecond=at.microsecond // 1000 * 1000),
            "raw": some.randbytes(some.randrange(6)),
            "fixed": some.choice([b"ab", b"zz", some.randbytes(2)]),
            "at_s": at.replace(microsecond=0),
            "at_ms": at,
            "at_us": at + datetime.timedelta(microseconds=some.randrange(1000)),
            "at_ns": at,
            "seen": at.replace(tzinfo=datetime.UTC),
            "list": [some.randrange(10) for _ in range(some.randrange(4))],
            "pairs": [(key, some.randrange(100)) for key in some.sample("abcdef", some.randrange(3))],
            "part": {"x": some.randrange(10), "y": f"y{some.randrange(5)}"},
        }
        for name in values:
            if some.random() < 0.08:
                values[name] = None
        return {"id": identity, **values, "day": some.choice(DAYS)}

    return pa.Table.from_pylist([row(identity) for identity in range(rows)], schema=SCHEMA)

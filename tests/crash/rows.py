"""The rows that the writers write: which writer, which number, and a payload that follows from both."""

from __future__ import annotations

import hashlib

import pyarrow as pa

DATABASE = "crash"
TABLE = "rows"
BUCKETS = 4
SCHEMA = pa.schema(
    [
        pa.field("writer", pa.int32(), nullable=False),
        pa.field("number", pa.int64(), nullable=False),
        pa.field("size", pa.int32(), nullable=False),
        pa.field("payload", pa.string(), nullable=False),
    ]
)


def payload(writer: int, number: int, size: int) -> str:
    """`size` characters that no other row has (from about 16 on)."""
    digest = hashlib.blake2b(f"{writer}/{number}".encode(), digest_size=16).hexdigest()
    return (digest * (size // len(digest) + 1))[:size]


def batch(writer: int, numbers: range, size: int) -> pa.RecordBatch:
    """The rows `numbers` of `writer`, each with a payload of `size` characters."""
    columns = [
        pa.array([writer] * len(numbers), pa.int32()),
        pa.array(numbers, pa.int64()),
        pa.array([size] * len(numbers), pa.int32()),
        pa.array([payload(writer, number, size) for number in numbers], pa.string()),
    ]
    return pa.record_batch(columns, schema=SCHEMA)


def intact(row: dict[str, object]) -> bool:
    """True if the payload is the one that the row was written with."""
    return row["payload"] == payload(row["writer"], row["number"], row["size"])  # type: ignore[arg-type]

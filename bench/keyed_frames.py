"""KV record batches as clients send them, made ahead of time: rows of ten columns under a BIGINT key, COMPACTED.

Every value is drawn so that all rows have the same layout, byte for byte: they are then columns of a matrix, and a million of
them is made in about a second. What a server sees is what stock clients send: layout as in thalweg/format/kv_batch.h.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

BATCH_ROWS = 8192  # a power of two (see _batch_crcs); about 1 MB of whole rows
FIRST_ID = 1 << 28  # from here on ids take five bytes, up to 1 << 35
SEED = 20130101
FIRST_MILLIS = 1_750_000_000_000
SCHEMA_ID = 1
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("at", pa.timestamp("us")),
        ("gauge", pa.int32()),
        ("sensor", pa.string()),
        ("level", pa.float64()),
        ("price", pa.decimal128(12, 2)),
        ("ok", pa.bool_()),
        ("city", pa.string()),
        ("note", pa.string()),
        ("score", pa.float32()),
    ]
)
KEY = ["id"]

_CITIES = ["Biebrich", "Breisach", "Dormagen", "Duisburg", "Emmerich", "Konstanz", "Mannheim", "Nijmegen"]
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_HEADER = struct.Struct("<iBIhBqii")  # length, magic, crc, schema, attributes, writer, sequence, count
_CRC_FROM = 9
_POLYNOMIAL = 0x82F63B78


@dataclass(frozen=True)
class Frames:
    """Batches of one kind, in the order to send them."""

    batches: list[memoryview]

    @property
    def rows(self) -> int:
        return len(self.batches) * BATCH_ROWS


def ids(rows: int, shuffled: bool) -> np.ndarray:
    """`rows` ids, upwards or in an order that looks random and is always the same. `rows`: whole batches."""
    numbers = np.arange(FIRST_ID, FIRST_ID + rows, dtype=np.int64)
    if shuffled:
        np.random.default_rng(SEED).shuffle(numbers)
    return numbers


def keys(of: np.ndarray) -> np.ndarray:
    """One key of five bytes per id."""
    return _varints(of, 5)


def rows(of: np.ndarray, version: int) -> np.ndarray:
    """One row per id; each `version` has other values."""
    random = np.random.default_rng(SEED + 1 + version)
    count = len(of)
    nibbles = random.integers(0, 256, (count, 16), dtype=np.uint8)
    digits = random.integers(0, 10, (count, 6), dtype=np.uint8)
    cities = np.frombuffer("".join(_CITIES).encode(), np.uint8).reshape(len(_CITIES), -1)
    parts = [
        _same(b"\0\0", count),  # nothing is null
        keys(of),
        _varints(FIRST_MILLIS + of + version, 6),
        _varints(random.integers(17, 1000, count) * 1000, 3),
        _varints(random.integers(1 << 14, 100_000, count), 3),
        _same(b"\x0dsensor-", count),
        digits + ord("0"),
        _fixed(random.random(count) * 1000),
        _varints(random.integers(1 << 21, 1 << 24, count), 4),
        random.integers(0, 2, (count, 1), dtype=np.uint8),
        _same(b"\x08", count),
        cities[random.integers(0, len(cities), count)],
        _same(b"\x20", count),
        _HEX[np.concatenate([nibbles >> 4, nibbles & 15], axis=1)],
        _fixed(random.random(count).astype(np.float32)),
    ]
    return np.concatenate(parts, axis=1)


def upserts(of: np.ndarray, version: int) -> Frames:
    return _frames(keys(of), rows(of, version))


def deletes(of: np.ndarray) -> Frames:
    return _frames(keys(of), np.empty((len(of), 0), np.uint8))


def _frames(key: np.ndarray, row: np.ndarray) -> Frames:
    count = len(key)
    if count % BATCH_ROWS:
        raise ValueError(f"{count} rows are not whole batches of {BATCH_ROWS}")
    length = struct.pack("<i", 1 + key.shape[1] + row.shape[1])
    records = np.concatenate([_same(length + bytes([key.shape[1]]), count), key, row], axis=1)
    size = records.shape[1] * BATCH_ROWS
    head = _HEADER.pack(_HEADER.size - 4 + size, 0, 0, SCHEMA_ID, 0, -1, -1, BATCH_ROWS)
    crcs = _batch_crcs(head[_CRC_FROM:], records)
    batches = []
    for number, crc in enumerate(crcs):
        batch = bytearray(head)
        struct.pack_into("<I", batch, 5, int(crc))
        batch += records[number * BATCH_ROWS : (number + 1) * BATCH_ROWS].tobytes()
        batches.append(memoryview(batch))
    return Frames(batches)


def _same(piece: bytes, count: int) -> np.ndarray:
    return np.broadcast_to(np.frombuffer(piece, np.uint8), (count, len(piece)))


def _varints(values: np.ndarray, width: int) -> np.ndarray:
    """Each of `width` bytes; the values must be of that size."""
    if values.min() >> (7 * (width - 1)) == 0 or values.max() >> (7 * width) != 0:
        raise ValueError(f"numbers from {values.min()} to {values.max()} do not all take {width} bytes")
    shifts = np.arange(0, 7 * width, 7)
    out = (values[:, None] >> shifts & 0x7F).astype(np.uint8)
    out[:, :-1] |= 0x80
    return out


def _fixed(values: np.ndarray) -> np.ndarray:
    return values.view(np.uint8).reshape(len(values), -1)


def _crc_table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(_POLYNOMIAL), table >> 1)
    return table


_TABLE = _crc_table()


def _crc_steps(states: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """CRC-32C registers after one more byte for each column."""
    for column in columns.T:
        states = _TABLE[(states ^ column) & 0xFF] ^ states >> 8
    return states


def _apply(basis: np.ndarray, states: np.ndarray) -> np.ndarray:
    """The linear map that takes bit i to `basis[i]`."""
    out = np.zeros_like(states)
    for bit in range(32):
        out ^= np.where(states >> bit & 1, basis[bit], np.uint32(0))
    return out


def _batch_crcs(head: bytes, records: np.ndarray) -> np.ndarray:
    """CRC-32C of `head` and BATCH_ROWS records, for each batch. Registers of neighbours are joined pairwise: what follows moves
    the front one on by as many zero bytes, which is a linear map, and is added."""
    states = _crc_steps(np.zeros(len(records), np.uint32), records)
    zeros = np.zeros((32, records.shape[1]), np.uint8)
    skip = _crc_steps(np.uint32(1) << np.arange(32, dtype=np.uint32), zeros)
    for _ in range(BATCH_ROWS.bit_length() - 1):
        states = _apply(skip, states[0::2]) ^ states[1::2]
        skip = _apply(skip, skip)
    start = _crc_steps(np.array([0xFFFFFFFF], np.uint32), np.frombuffer(head, np.uint8)[None, :])
    return _apply(skip, start) ^ states ^ np.uint32(0xFFFFFFFF)

"""Fluss frames by hand, for clients that behave as no proper client does."""

from __future__ import annotations

import socket
import struct

PRODUCE_LOG = 1014
FETCH_LOG = 1015
BATCH_HEAD = struct.Struct("<qiBqIhBiqii")  # Magic 0; the CRC covers what follows it.
CRC_AT = 21


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


def crc32c(data: bytes) -> int:
    table = _crc_table()
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def batch(body_bytes: int) -> bytes:
    """One record batch of one record; the server does not look into its body."""
    body = bytes(body_bytes)
    length = BATCH_HEAD.size - 12 + len(body)
    head = BATCH_HEAD.pack(0, length, 0, 0, 0, 1, 1, 0, -1, -1, 1)
    crc = crc32c(head[CRC_AT + 4 :] + body)
    return BATCH_HEAD.pack(0, length, 0, 0, crc, 1, 1, 0, -1, -1, 1) + body


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _frame(key: int, request: int, body: bytes) -> bytes:
    return struct.pack(">ihhi", 8 + len(body), key, 0, request) + body


def produce(request: int, table: int, bucket: int, records: bytes, timeout_ms: int = 10_000, acks: int = -1) -> bytes:
    part = _number(2, bucket) + _bytes(3, records)
    body = _number(1, acks) + _number(2, table) + _number(3, timeout_ms) + _bytes(4, part)
    return _frame(PRODUCE_LOG, request, body)


def fetch(request: int, table: int, offsets: dict[int, int], bytes_max: int) -> bytes:
    buckets = b"".join(
        _bytes(4, _number(2, bucket) + _number(3, offset) + _number(4, bytes_max)) for bucket, offset in offsets.items()
    )
    wanted = _number(1, table) + _number(2, 0) + buckets
    return _frame(FETCH_LOG, request, _number(1, -1) + _number(2, bytes_max) + _bytes(3, wanted))


def connect(bootstrap: str) -> socket.socket:
    host, port = bootstrap.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=10)

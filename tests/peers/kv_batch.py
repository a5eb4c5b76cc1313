"""KV record batches, as PUT_KV carries them, and value record batches, as LIMIT_SCAN answers them."""

from __future__ import annotations

import dataclasses
import struct

from peers.log_batch import crc32c

HEADER = struct.Struct("<ibIhbqii")  # length, magic, crc, schema, attributes, writer, sequence, count
LENGTH_BYTES = 4
CRC_AT, CRC_FROM = 5, 9
VALUES_HEADER = struct.Struct("<ibi")  # length, magic, count


@dataclasses.dataclass(frozen=True)
class KvBatch:
    """Keys with their rows; None deletes."""

    records: tuple[tuple[bytes, bytes | None], ...]
    schema_id: int = 1
    writer_id: int = -1
    sequence: int = -1
    magic: int = 0

    def encode(self) -> bytes:
        body = b"".join(_record(key, row) for key, row in self.records)
        length = HEADER.size - LENGTH_BYTES + len(body)
        fields = (self.schema_id, 0, self.writer_id, self.sequence, len(self.records))
        plain = HEADER.pack(length, self.magic, 0, *fields) + body
        return plain[:CRC_AT] + struct.pack("<I", crc32c(plain[CRC_FROM:])) + plain[CRC_FROM:]


def values_of(batch: bytes) -> list[bytes]:
    """The values of a value record batch, each its schema's number and its row."""
    if not batch:
        return []
    length, magic, count = VALUES_HEADER.unpack_from(batch)
    assert (length, magic) == (len(batch) - LENGTH_BYTES, 0), (length, len(batch), magic)
    found, at = [], VALUES_HEADER.size
    for _ in range(count):
        (size,) = struct.unpack_from("<i", batch, at)
        at += LENGTH_BYTES
        found.append(batch[at : at + size])
        at += size
    assert at == len(batch), f"{len(batch) - at} bytes after {count} values"
    return found


def _record(key: bytes, row: bytes | None) -> bytes:
    content = _varint(len(key)) + key + (row or b"")
    return struct.pack("<i", len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)

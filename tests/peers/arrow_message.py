"""Arrow messages that Fluss's Java writer leaves and pyarrow does not read."""

from __future__ import annotations

import struct
from collections.abc import Iterator

PREFIX_BYTES = 8
"""Of a message: the continuation mark, and how long its metadata is."""

# Fields by number in the flatbuffers Message and RecordBatch (Arrow's format/Message.fbs).
MESSAGE_HEADER, BATCH_BUFFERS, BATCH_COMPRESSION = 2, 2, 3


def readable(message: bytes) -> bytes:
    """`message`, a record batch, with no bytes for a compressed buffer that holds none: Java writes a length of 0 for it and no
    frame behind that, which pyarrow refuses when the codec is LZ4."""
    changed = bytearray(message)
    body = PREFIX_BYTES + struct.unpack_from("<i", message, 4)[0]
    for place in _compressed_buffers(message):
        offset, length = struct.unpack_from("<qq", message, place)
        if length == 8 and message[body + offset : body + offset + length] == bytes(length):
            struct.pack_into("<q", changed, place + 8, 0)
    return bytes(changed)


def _compressed_buffers(message: bytes) -> Iterator[int]:
    """Where the offset and length of each buffer of a compressed record batch stand."""
    root = _at(message, PREFIX_BYTES)
    batch = _at(message, _field(message, root, MESSAGE_HEADER))
    if _field(message, batch, BATCH_COMPRESSION) == 0:
        return
    vector = _at(message, _field(message, batch, BATCH_BUFFERS))
    (count,) = struct.unpack_from("<I", message, vector)
    yield from range(vector + 4, vector + 4 + 16 * count, 16)


def _at(message: bytes, place: int) -> int:
    """Where the reference at `place` leads."""
    return place + int(struct.unpack_from("<I", message, place)[0])


def _field(message: bytes, table: int, number: int) -> int:
    """Where a field of a table stands; 0 where it is left out."""
    fields = table - int(struct.unpack_from("<i", message, table)[0])
    (field_bytes,) = struct.unpack_from("<H", message, fields)
    entry = 4 + 2 * number
    offset = int(struct.unpack_from("<H", message, fields + entry)[0]) if entry < field_bytes else 0
    return table + offset if offset else 0

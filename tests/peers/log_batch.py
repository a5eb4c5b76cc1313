"""Log record batches of magic 0, made and read without any client: layout as in thalweg/format/log_batch.h."""

from __future__ import annotations

import dataclasses
import struct

import pyarrow as pa

from peers import arrow_message

HEADER = struct.Struct("<qiBqIhBiqii")  # base, length, magic, time, crc, schema, attributes, delta, writer, sequence, count
CRC_AT = 21
CRC_FROM = 25
APPEND_ONLY = 1
LENGTH_FROM = 12


def _make_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _make_table()


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


@dataclasses.dataclass(frozen=True)
class Batch:
    """What a batch says, and the bytes behind its header."""

    body: bytes
    record_count: int
    schema_id: int = 1
    writer_id: int = -1
    sequence: int = -1
    base_offset: int = 0
    time_ms: int = 0
    magic: int = 0
    attributes: int = APPEND_ONLY

    def encode(self) -> bytes:
        delta = max(self.record_count - 1, 0)
        length = HEADER.size + len(self.body) - LENGTH_FROM
        fields = (self.schema_id, self.attributes, delta, self.writer_id, self.sequence, self.record_count)
        plain = HEADER.pack(self.base_offset, length, self.magic, self.time_ms, 0, *fields) + self.body
        return plain[:CRC_AT] + struct.pack("<I", crc32c(plain[CRC_FROM:])) + plain[CRC_FROM:]


def of_rows(rows: pa.RecordBatch, compression: str | None = None, **fields: int) -> Batch:
    """Rows as an append-only ARROW batch."""
    options = pa.ipc.IpcWriteOptions(compression=compression)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=options) as stream:
        stream.write_batch(rows)
    # The stream begins with the schema, which batches travel without, and ends with a marker of eight bytes.
    stream_bytes = sink.getvalue().to_pybytes()
    schema_bytes = len(rows.schema.serialize().to_pybytes())
    return Batch(stream_bytes[schema_bytes:-8], rows.num_rows, **fields)


def rows_of(batch: Batch, schema: pa.Schema) -> pa.RecordBatch:
    assert batch.attributes & APPEND_ONLY, "only append-only batches are read here"
    return pa.ipc.read_record_batch(pa.py_buffer(arrow_message.readable(batch.body)), schema)


def decode_all(records: bytes) -> list[Batch]:
    """The whole batches; a cut one at the end is left out."""
    batches, at = [], 0
    while at + HEADER.size <= len(records):
        base, length, magic, time_ms, _, schema, attributes, _, writer, sequence, count = HEADER.unpack_from(records, at)
        end = at + LENGTH_FROM + length
        if end > len(records):
            break
        assert magic == 0, f"magic {magic}"
        body = records[at + HEADER.size : end]
        batches.append(Batch(body, count, schema, writer, sequence, base, time_ms, magic, attributes))
        at = end
    return batches

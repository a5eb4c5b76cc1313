"""That messages are made readable, and those that are stay as they are."""

from __future__ import annotations

import struct

import pyarrow as pa
import pytest
from peers import arrow_message, log_batch

ROWS = pa.record_batch({"n": pa.array([1, 2], pa.int64()), "text": pa.array(["", ""])})
BODY_LENGTH = 3


@pytest.mark.parametrize("codec", [None, "lz4", "zstd"])
@pytest.mark.parametrize("rows", [ROWS, pa.record_batch({"text": ["a", None]}), ROWS.slice(0, 0)])
def test_sound_messages_say_what_they_said(codec: str | None, rows: pa.RecordBatch) -> None:
    readable = arrow_message.readable(log_batch.of_rows(rows, codec).body)
    assert pa.ipc.read_record_batch(pa.py_buffer(readable), rows.schema).equals(rows)


def test_a_length_of_zero_without_a_frame_is_read() -> None:
    message = bytearray(log_batch.of_rows(ROWS, "lz4").body)
    # The last buffer, of the strings' characters, as Java leaves it.
    places = list(arrow_message._compressed_buffers(bytes(message)))
    body = arrow_message.PREFIX_BYTES + struct.unpack_from("<i", message, 4)[0]
    struct.pack_into("<qq", message, places[-1], len(message) - body, 8)
    root = arrow_message._at(bytes(message), arrow_message.PREFIX_BYTES)
    struct.pack_into("<q", message, arrow_message._field(bytes(message), root, BODY_LENGTH), len(message) - body + 8)
    message += bytes(8)
    with pytest.raises(OSError, match="less than one frame"):
        pa.ipc.read_record_batch(pa.py_buffer(bytes(message)), ROWS.schema)
    assert pa.ipc.read_record_batch(pa.py_buffer(arrow_message.readable(bytes(message))), ROWS.schema).equals(ROWS)

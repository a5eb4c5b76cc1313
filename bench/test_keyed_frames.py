"""Frames made in bulk are the frames that a client would make one by one."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import keyed_frames  # noqa: E402
from peers.log_batch import crc32c  # noqa: E402


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def test_batches_say_what_is_in_them() -> None:
    ids = keyed_frames.ids(2 * keyed_frames.BATCH_ROWS, shuffled=True)
    assert sorted(ids) == list(range(keyed_frames.FIRST_ID, keyed_frames.FIRST_ID + len(ids)))
    for frames in (keyed_frames.upserts(ids, 1), keyed_frames.deletes(ids)):
        assert frames.rows == len(ids)
        for number, batch in enumerate(frames.batches):
            length, magic, crc, schema, _, writer, sequence, count = struct.unpack_from("<iBIhBqii", batch)
            assert (length, magic, schema, writer, sequence) == (len(batch) - 4, 0, 1, -1, -1)
            assert count == keyed_frames.BATCH_ROWS
            assert crc == crc32c(bytes(batch[9:]))
            first = int(ids[number * keyed_frames.BATCH_ROWS])
            (record_length,) = struct.unpack_from("<i", batch, 28)
            record = bytes(batch[32 : 32 + record_length])
            assert record.startswith(b"\x05" + varint(first))
            assert len(batch) == 28 + count * (4 + record_length)


def test_rows_begin_with_their_key_and_differ_by_version() -> None:
    ids = keyed_frames.ids(keyed_frames.BATCH_ROWS, shuffled=False)
    old, new = keyed_frames.rows(ids, 0), keyed_frames.rows(ids, 1)
    assert (old[:, 2:7] == keyed_frames.keys(ids)).all()
    assert old.shape == new.shape and (old != new).any(axis=1).all()

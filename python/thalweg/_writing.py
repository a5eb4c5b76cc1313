"""Writes: batches go out while earlier ones are on their way to the server's disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from thalweg import _messages
from thalweg._flight import WRITE_BATCH_BYTES, WRITE_BATCH_ROWS, WRITE_BATCHES_IN_FLIGHT, FlightDoor, translate
from thalweg._progress import Progress


@dataclass(frozen=True)
class Written:
    """What a write did, once all of it is on disk and visible.

    Attributes:
        rows: how many were sent.
        token: a read with `at_least=token` sees them.
    """

    rows: int
    token: str


def write(door: FlightDoor, command: Any, rows: pa.RecordBatchReader, total: int | None, progress: bool | None) -> Written:
    """Sends all of `rows`. At most WRITE_BATCHES_IN_FLIGHT batches are not acknowledged.

    Raises:
        ThalwegError: what was acknowledged before stays; of the rest nobody knows.
    """
    writer, results = door.write(command, rows.schema)
    bar = Progress("writing", total, progress)
    sent = outstanding = 0
    ends: dict[str, int] = {}
    try:
        for batch in rows:
            step = _rows_at_a_time(batch)
            for at in range(0, batch.num_rows, step):
                part = batch.slice(at, step)
                writer.write_batch(part)
                sent += part.num_rows
                outstanding += 1
                if outstanding > WRITE_BATCHES_IN_FLIGHT:
                    _note(ends, _acknowledged(results))
                    outstanding -= 1
                bar.add(part.num_rows)
        writer.done_writing()
        while outstanding:
            _note(ends, _acknowledged(results))
            outstanding -= 1
        writer.close()
    except Exception as error:
        raise _cause(writer, error) from None
    finally:
        bar.end()
    return Written(sent, ",".join(f"{bucket}:{end}" for bucket, end in ends.items()))


def _note(ends: dict[str, int], token: str) -> None:
    """Each answer names the buckets of its own batch alone, and each bucket of those further than before."""
    for part in filter(None, token.split(",")):
        bucket, _, end = part.rpartition(":")
        ends[bucket] = max(int(end), ends.get(bucket, 0))


def _rows_at_a_time(batch: pa.RecordBatch) -> int:
    if batch.nbytes <= WRITE_BATCH_BYTES:
        return WRITE_BATCH_ROWS
    fitting: int = batch.num_rows * WRITE_BATCH_BYTES // batch.nbytes
    return max(1, min(WRITE_BATCH_ROWS, fitting))


def _acknowledged(results: Any) -> str:
    answer = results.read()
    if answer is None:
        raise EOFError("The server ended the write without an answer.")
    token: str = _messages.parse("WriteResult", answer.to_pybytes()).token
    return token


def _cause(writer: Any, error: Exception) -> Exception:
    """A write that fails early shows as a broken stream; closing it tells why."""
    try:
        writer.close()
    except Exception as reason:
        return translate(reason)
    return translate(error)

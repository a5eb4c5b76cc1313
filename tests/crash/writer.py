"""One writer process: python -m crash.writer BOOTSTRAP WRITER JOURNAL SEED PAYLOAD_CHARS_MAX

Appends until SIGTERM, with idempotence and acks=all as pyfluss has them by default. Into JOURNAL goes every batch
before it is sent, and again once its acknowledgement has come or failed; `checker.read_journal` reads it.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys

import fluss

from crash import rows
from crash.checker import Fate

ROUND_BATCHES_MAX = 6
BATCH_ROWS_MAX = 20
# Now and then a batch so big that a server may write it elsewhere than its small ones.
BIG_BATCH_CHANCE = 1 / 400
BIG_BATCH_CHARS = (200_000, 900_000)
# Short, so that much is sent and acknowledged between two kills.
LINGER_MS = "2"
RECONNECT_S = 0.05

# By the first row of a batch: in how many parts it is handed to the client, and what waits for those that it took.
Pending = dict[int, tuple[int, list[fluss.WriteResultHandle]]]


class Writer:
    """Rows are numbered from 0 and never sent again by the writer itself; repeating is the client's business."""

    def __init__(self, bootstrap: str, writer: int, journal: str, seed: int, payload_chars_max: int):
        self._bootstrap = bootstrap
        self._writer = writer
        self._journal = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._payload_chars_max = payload_chars_max
        self._random = random.Random(f"{seed}/{writer}")
        self._next = 0
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._stopping.set)
        while not self._stopping.is_set():
            try:
                config = fluss.Config({"bootstrap.servers": self._bootstrap, "writer.batch-timeout-ms": LINGER_MS})
                async with await fluss.FlussConnection.create(config) as connection:
                    table = await connection.get_table(fluss.TablePath(rows.DATABASE, rows.TABLE))
                    await self._append_rounds(table.new_append().create_writer())
            except fluss.FlussError as error:
                print(f"writer {self._writer}, before row {self._next}: {error}", flush=True)
                await asyncio.sleep(RECONNECT_S)

    async def _append_rounds(self, writer: fluss.AppendWriter) -> None:
        """Rounds of a few batches sent without waiting, then all their acknowledgements."""
        while not self._stopping.is_set():
            pending: Pending = {}
            try:
                for _ in range(self._random.randint(1, ROUND_BATCHES_MAX)):
                    self._send(writer, pending)
                await writer.flush()
            finally:
                refused = await self._settle(pending)
            if refused is not None:
                raise refused

    def _send(self, writer: fluss.AppendWriter, pending: Pending) -> None:
        count = self._random.randint(1, BATCH_ROWS_MAX)
        size = self._random.randint(0, self._payload_chars_max)
        if self._random.random() < BIG_BATCH_CHANCE:
            size = self._random.randint(*BIG_BATCH_CHARS) // count
        batch = rows.batch(self._writer, range(self._next, self._next + count), size)
        first, self._next = self._next, self._next + count
        whole = self._random.random() < 0.5
        self._note(f"{Fate.SENT.value} {first} {self._next - 1} {'whole' if whole else 'rows'}")
        parts = [batch] if whole else batch.to_pylist()
        handles: list[fluss.WriteResultHandle] = []
        pending[first] = (len(parts), handles)
        for part in parts:
            handles.append(writer.write_arrow_batch(part) if whole else writer.append(part))

    async def _settle(self, pending: Pending) -> fluss.FlussError | None:
        """Waits for every acknowledgement and notes it. The last error, if there was one.

        A batch of which the client did not take all rows has fewer handles than it should have, and stays open.
        """
        last_error = None
        for first, (expected, handles) in pending.items():
            try:
                for handle in handles:
                    await handle.wait()
                if len(handles) < expected:
                    continue
                self._note(f"{Fate.ACKNOWLEDGED.value} {first}")
            except fluss.FlussError as error:
                last_error = error
                self._note(f"{Fate.REFUSED.value} {first} {' '.join(str(error).split())}")
        return last_error

    def _note(self, line: str) -> None:
        os.write(self._journal, f"{line}\n".encode())


if __name__ == "__main__":
    bootstrap, writer, journal, seed, payload_chars_max = sys.argv[1:]
    asyncio.run(Writer(bootstrap, int(writer), journal, int(seed), int(payload_chars_max)).run())
    sys.stdout.flush()
    os._exit(0)  # The client's threads may still retry, and abort the interpreter's own way out.

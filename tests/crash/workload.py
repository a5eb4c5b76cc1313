"""Writers and a reader at work on a server, as processes, and the verdict on what they leave behind."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import fluss

from crash import checker, reader, rows
from peers.child import Child
from peers.places import ROOT

WRITERS = 4
PAYLOAD_CHARS_MAX = 200
PROGRESS_S_MAX = 120.0
STOP_S_MAX = 60.0
READ_S_MAX = 120.0
WATCH_S = 0.005


async def create_table(bootstrap: str) -> None:
    """The table that the writers write, uncompressed so that its bytes are those of its rows."""
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        admin = connection.get_admin()
        await admin.create_database(rows.DATABASE, ignore_if_exists=False)
        descriptor = fluss.TableDescriptor(
            fluss.Schema(rows.SCHEMA),
            bucket_count=rows.BUCKETS,
            properties={"table.log.arrow.compression.type": "NONE"},
        )
        await admin.create_table(fluss.TablePath(rows.DATABASE, rows.TABLE), descriptor, ignore_if_exists=False)


async def drop_table(bootstrap: str) -> None:
    """Undoes `create_table`."""
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        await connection.get_admin().drop_database(rows.DATABASE, ignore_if_not_exists=False, cascade=True)


class Workload:
    """WRITERS writers, of rows up to `payload_chars_max`, and one reader. `directory` takes their journals and output."""

    def __init__(self, bootstrap: str, directory: Path, seed: int, payload_chars_max: int = PAYLOAD_CHARS_MAX):
        self._bootstrap = bootstrap
        self._journals = [directory / f"writer-{n}.journal" for n in range(WRITERS)]
        self._seen_path = directory / "reader.jsonl"
        self._acknowledged = [0] * WRITERS
        self._read_to = [0] * WRITERS
        self._children: list[Child] = []
        for journal in self._journals:
            journal.touch()
        try:
            for n, journal in enumerate(self._journals):
                arguments = (bootstrap, str(n), str(journal), str(seed), str(payload_chars_max))
                self._start(directory, f"writer-{n}", "crash.writer", *arguments)
            self._start(directory, "reader", "crash.reader", bootstrap, str(self._seen_path))
        except BaseException:
            self.kill()
            raise

    def acknowledged(self) -> list[int]:
        """How many batches of each writer have been acknowledged so far."""
        for n, journal in enumerate(self._journals):
            with journal.open("rb") as lines:
                lines.seek(self._read_to[n])
                news = lines.read()
            complete = news[: news.rfind(b"\n") + 1]
            self._read_to[n] += len(complete)
            self._acknowledged[n] += sum(line.startswith(b"A ") for line in complete.splitlines())
        return list(self._acknowledged)

    def wait_for_acknowledgements(self, writers: int) -> None:
        """Returns once `writers` of the writers have one more acknowledged batch than now."""
        before = self.acknowledged()
        deadline = time.monotonic() + PROGRESS_S_MAX
        while sum(now > then for now, then in zip(self.acknowledged(), before, strict=True)) < writers:
            for child in self._children:
                assert child.running(), f"{child.describe()} ended:\n{child.last_output()}"
            assert time.monotonic() < deadline, f"no {writers} writers went on within {PROGRESS_S_MAX:g} s; {self._last_words()}"
            time.sleep(WATCH_S)

    def stop(self) -> None:
        """Lets the writers finish what they have sent, which needs a running server."""
        while self._children:
            child = self._children[0]
            status = child.stop(STOP_S_MAX)
            self._children.pop(0)
            assert status == 0, f"{child.describe()} ended with status {status}:\n{child.last_output()}"

    def kill(self) -> None:
        while self._children:
            self._children.pop().kill()

    def verdict(self) -> tuple[list[str], str]:
        """Problems found in the table, and a line that says how much was looked at. After `stop`."""
        sent = [batch for n, journal in enumerate(self._journals) for batch in checker.read_journal(journal, n)]
        log = asyncio.run(reader.read_all(self._bootstrap, READ_S_MAX))
        seen = reader.read_followed(self._seen_path)
        count = {fate: sum(batch.fate is fate for batch in sent) for fate in checker.Fate}
        summary = (
            f"{sum(map(len, log.buckets.values()))} rows in {rows.BUCKETS} buckets, "
            f"{sum(map(len, seen.buckets.values()))} of them seen by the live reader; {len(sent)} batches: "
            f"{count[checker.Fate.ACKNOWLEDGED]} acknowledged, {count[checker.Fate.REFUSED]} refused, "
            f"{count[checker.Fate.SENT]} open"
        )
        return checker.problems(sent, log, seen), summary

    def refusals(self) -> list[str]:
        """The batches whose append the client reported as failed, with its reason."""
        return [
            f"{journal.stem}: {line}"
            for journal in self._journals
            for line in journal.read_text().splitlines()
            if line.startswith(f"{checker.Fate.REFUSED.value} ")
        ]

    def _start(self, directory: Path, name: str, module: str, *arguments: str) -> None:
        argv = [sys.executable, "-m", module, *arguments]
        self._children.append(Child(argv, directory / f"{name}.log", cwd=ROOT / "tests"))

    def _last_words(self) -> str:
        return "; ".join(f"{child.describe()}: {child.last_output(3)}" for child in self._children)

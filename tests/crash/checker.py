"""Compares what writers sent and were promised with what a log holds.

Promised is a row whose acknowledgement came. A row that was sent and not promised may be there or not, but whole with
its batch, once, and in its place.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

REPORTED_MAX = 20


class Fate(Enum):
    """What the writer knows of a batch; the values are the letters of its journal."""

    SENT = "S"
    ACKNOWLEDGED = "A"
    REFUSED = "F"


@dataclass
class Batch:
    """Rows `first` to `last` of one writer. `whole`: they went out as one batch, so they are stored as one."""

    writer: int
    first: int
    last: int
    whole: bool
    fate: Fate = Fate.SENT


@dataclass(frozen=True)
class Stored:
    """One row of a log. `intact`: its payload is what the writer gave it."""

    writer: int
    number: int
    intact: bool = True


@dataclass
class Log:
    """What a reader got of one table: bucket, then offset."""

    buckets: dict[int, dict[int, Stored]] = field(default_factory=lambda: defaultdict(dict))


def read_journal(path: Path, writer: int) -> list[Batch]:
    """The batches that a writer process wrote down: `S first last whole`, then `A first` or `F first reason`."""
    batches: dict[int, Batch] = {}
    for line in path.read_text().splitlines():
        fate, first, *rest = line.split(" ", 3)
        if fate == Fate.SENT.value:
            batches[int(first)] = Batch(writer, int(first), int(rest[0]), rest[1] == "whole")
        else:
            batches[int(first)].fate = Fate(fate)
    return list(batches.values())


def problems(sent: list[Batch], log: Log, seen: Log | None = None) -> list[str]:
    """What is wrong with `log`, a line each; empty if nothing is.

    `seen` is what a reader was given while the log was written: none of it may have changed or gone.
    """
    found = _Findings()
    places = _check_rows(sent, log, found)
    _check_batches(sent, places, found)
    if seen is not None:
        _check_seen(log, seen, found)
    return found.lines()


class _Findings:
    """Problems by kind, of which the first few are kept."""

    def __init__(self) -> None:
        self._by_kind: dict[str, list[str]] = defaultdict(list)
        self._counts: dict[str, int] = defaultdict(int)

    def add(self, kind: str, what: str) -> None:
        self._counts[kind] += 1
        if self._counts[kind] <= REPORTED_MAX:
            self._by_kind[kind].append(f"{kind}: {what}")

    def lines(self) -> list[str]:
        lines = []
        for kind, kept in self._by_kind.items():
            lines += kept
            if self._counts[kind] > len(kept):
                lines.append(f"{kind}: {self._counts[kind] - len(kept)} more")
        return lines


Place = tuple[int, int]  # bucket, offset
Places = dict[tuple[int, int], list[Place]]  # by writer, number


def _check_rows(sent: list[Batch], log: Log, found: _Findings) -> Places:
    """Offsets without gaps, rows that somebody sent, in the writer's order. Returns where each row is."""
    sent_last: dict[int, int] = defaultdict(lambda: -1)
    for batch in sent:
        sent_last[batch.writer] = max(sent_last[batch.writer], batch.last)
    places: Places = defaultdict(list)
    for bucket, by_offset in sorted(log.buckets.items()):
        latest: dict[int, int] = defaultdict(lambda: -1)
        expected = 0
        for offset, row in sorted(by_offset.items()):
            where = f"bucket {bucket} offset {offset}: writer {row.writer} row {row.number}"
            if offset != expected:
                found.add("gap", f"bucket {bucket} goes from offset {expected - 1} to {offset}")
            expected = offset + 1
            if not row.intact:
                found.add("corrupt", f"{where} has another payload than was sent")
            if not 0 <= row.number <= sent_last[row.writer]:
                found.add("phantom", f"{where}, of which 0 to {sent_last[row.writer]} were sent")
                continue
            places[row.writer, row.number].append((bucket, offset))
            if row.number < latest[row.writer]:
                found.add("reordered", f"{where} comes after row {latest[row.writer]}")
            latest[row.writer] = max(latest[row.writer], row.number)
    return places


def _check_batches(sent: list[Batch], places: Places, found: _Findings) -> None:
    """Everything acknowledged is there, everything is there at most once, and batches are whole."""
    for batch in sent:
        what = f"writer {batch.writer} rows {batch.first} to {batch.last}"
        at = [places.get((batch.writer, number), []) for number in range(batch.first, batch.last + 1)]
        for number, row_places in enumerate(at, batch.first):
            if len(row_places) > 1:
                found.add("duplicated", f"writer {batch.writer} row {number} is at {row_places}")
        missing = sum(not row_places for row_places in at)
        if missing and batch.fate is Fate.ACKNOWLEDGED:
            found.add("lost", f"{what} were acknowledged, {missing} of {len(at)} are gone")
        if batch.whole and missing not in (0, len(at)):
            found.add("torn", f"{what} were one batch, {missing} of {len(at)} are gone")
        if batch.whole and not missing:
            bucket, offset = at[0][0]
            if any((bucket, offset + i) not in row_places for i, row_places in enumerate(at)):
                found.add("torn", f"{what} were one batch and do not lie side by side")


def _check_seen(log: Log, seen: Log, found: _Findings) -> None:
    for bucket, by_offset in sorted(seen.buckets.items()):
        for offset, row in sorted(by_offset.items()):
            now = log.buckets[bucket].get(offset)
            if now != row:
                found.add("unseen", f"a reader got {row} at bucket {bucket} offset {offset}, where now is {now}")

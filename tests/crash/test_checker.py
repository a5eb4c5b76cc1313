"""The checker finds each kind of damage, and nothing in an undamaged log."""

from __future__ import annotations

from pathlib import Path

import pytest

from crash.checker import Batch, Fate, Log, Stored, problems, read_journal


def history() -> tuple[list[Batch], Log]:
    """Two writers, two buckets; writer 0's last batch is sent and unacknowledged, and did not survive."""
    sent = [
        Batch(0, 0, 2, whole=True, fate=Fate.ACKNOWLEDGED),
        Batch(0, 3, 4, whole=False, fate=Fate.ACKNOWLEDGED),
        Batch(1, 0, 3, whole=True, fate=Fate.ACKNOWLEDGED),
        Batch(0, 5, 8, whole=True),
    ]
    log = Log()
    append(log, 0, 0, [0, 1, 2])
    append(log, 1, 1, [0, 1, 2, 3])
    append(log, 0, 0, [3])
    append(log, 1, 0, [4])
    return sent, log


def append(log: Log, bucket: int, writer: int, numbers: list[int]) -> None:
    for number in numbers:
        log.buckets[bucket][len(log.buckets[bucket])] = Stored(writer, number)


def kinds(found: list[str]) -> set[str]:
    return {line.split(":")[0] for line in found}


def test_an_undamaged_log_is_clean() -> None:
    sent, log = history()
    assert problems(sent, log, log) == []


def test_an_unacknowledged_batch_may_survive_whole() -> None:
    sent, log = history()
    append(log, 1, 0, [5, 6, 7, 8])
    assert problems(sent, log) == []


def test_a_lost_row_is_reported() -> None:
    sent, log = history()
    del log.buckets[1][4]
    assert problems(sent, log) == ["lost: writer 0 rows 3 to 4 were acknowledged, 1 of 2 are gone"]


def test_a_lost_writer_is_reported() -> None:
    sent, log = history()
    del log.buckets[0]
    assert "lost" in kinds(problems(sent, log))


@pytest.mark.parametrize("bucket", [0, 1])
def test_a_duplicated_row_is_reported(bucket: int) -> None:
    sent, log = history()
    append(log, bucket, 0, [4])
    assert kinds(problems(sent, log)) == {"duplicated"}


def test_a_batch_stored_twice_is_reported() -> None:
    sent, log = history()
    append(log, 1, 0, [5, 6, 7, 8])
    append(log, 1, 0, [5, 6, 7, 8])
    assert "duplicated" in kinds(problems(sent, log))


@pytest.mark.parametrize("row", [Stored(0, 9), Stored(0, -1), Stored(7, 0)])
def test_a_phantom_row_is_reported(row: Stored) -> None:
    sent, log = history()
    log.buckets[0][len(log.buckets[0])] = row
    assert kinds(problems(sent, log)) == {"phantom"}


def test_a_reordered_row_is_reported() -> None:
    sent, log = history()
    rows = log.buckets[0]
    rows[2], rows[3] = rows[3], rows[2]
    assert "reordered" in kinds(problems(sent, log))


def test_a_torn_batch_is_reported() -> None:
    sent, log = history()
    append(log, 1, 0, [5, 6, 7])
    assert kinds(problems(sent, log)) == {"torn"}


def test_a_batch_in_two_places_is_reported() -> None:
    sent, log = history()
    append(log, 0, 0, [5, 6])
    append(log, 1, 0, [7, 8])
    assert kinds(problems(sent, log)) == {"torn"}


def test_a_changed_payload_is_reported() -> None:
    sent, log = history()
    log.buckets[0][1] = Stored(0, 1, intact=False)
    assert kinds(problems(sent, log)) == {"corrupt"}


def test_a_gap_in_the_offsets_is_reported() -> None:
    sent, log = history()
    log.buckets[0][5] = log.buckets[0].pop(3)
    assert kinds(problems(sent, log)) == {"gap"}


def test_a_first_offset_other_than_zero_is_reported() -> None:
    sent, log = history()
    log.buckets[1] = {offset + 1: row for offset, row in log.buckets[1].items()}
    assert kinds(problems(sent, log)) == {"gap"}


@pytest.mark.parametrize("row", [Stored(0, 5), Stored(1, 3)])
def test_a_row_that_a_reader_saw_and_is_gone_is_reported(row: Stored) -> None:
    sent, log = history()
    seen = Log()
    seen.buckets[1][3 if row.number == 5 else 9] = row
    assert kinds(problems(sent, log, seen)) == {"unseen"}


def test_many_problems_are_counted() -> None:
    sent = [Batch(0, number, number, whole=False, fate=Fate.ACKNOWLEDGED) for number in range(50)]
    assert problems(sent, Log())[-1] == "lost: 30 more"


def test_a_journal_is_read_back(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.write_text("S 0 2 whole\nS 3 3 rows\nA 3\nA 0\nS 4 9 whole\nF 4 no such table\nS 10 11 whole\n")
    assert read_journal(journal, 6) == [
        Batch(6, 0, 2, True, Fate.ACKNOWLEDGED),
        Batch(6, 3, 3, False, Fate.ACKNOWLEDGED),
        Batch(6, 4, 9, True, Fate.REFUSED),
        Batch(6, 10, 11, True, Fate.SENT),
    ]

"""The judge of the kill test is held to account: what is right passes, and each sort of wrong is found."""

from __future__ import annotations

import fluss
import pytest

from crash.keyed import ROWS, SUMS, Kind
from crash.keyed_check import Fold, Life, check_life, read_journal

Change = fluss.ChangeType
KEY = 4
A = [ROWS.after(None, Kind.UPSERT, number) for number in range(10)]


def life(*operations: tuple[int, Kind], acknowledged: dict[int, float], reads: list | None = None) -> Life:
    led = Life(acknowledged=acknowledged)
    led.operations["rows", KEY] = list(operations)
    led.reads = [(asked, "rows", [(KEY, row)]) for asked, row in reads or []]
    return led


UPSERTS = ((1, Kind.UPSERT), (2, Kind.UPSERT), (3, Kind.UPSERT))


def test_the_model_of_the_tables() -> None:
    assert ROWS.after(None, Kind.PART, 5) == (None, "b5")
    assert ROWS.after((1, "b1"), Kind.PART, 5) == (1, "b5")
    assert ROWS.after((1, "b1"), Kind.DELETE, 5) is None
    row = SUMS.after(None, Kind.UPSERT, 2)
    assert row == (1, "op2", 14)
    assert SUMS.after(row, Kind.PART, 3) == (2, "op2", 14)
    assert SUMS.after(row, Kind.UPSERT, 1) == (2, "op1", 14)
    assert SUMS.after(SUMS.after(None, Kind.PART, 9), Kind.UPSERT, 1) == (2, "op1", 7)


def test_the_journal_is_read() -> None:
    led = read_journal('["S", 1, "rows", 4, "part"]\n["A", 1, 2.5]\n["R", 3.0, "rows", [[4, [1, "b"]], [5, null]]]\n["E", 4.0, "why"]\n')
    assert led.operations == {("rows", 4): [(1, Kind.PART)]}
    assert led.acknowledged == {1: 2.5}
    assert led.reads == [(3.0, "rows", [(4, (1, "b")), (5, None)])]
    assert led.ended == [(4.0, "why")]


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_what_was_not_acknowledged_may_be_there_or_not(kept: int) -> None:
    led = life(*UPSERTS, acknowledged={1: 1.0}, reads=[(0.5, None), (2.0, A[1])])
    assert check_life(led, ROWS, {}, {KEY: A[1 : kept + 1]}) == []


@pytest.mark.parametrize(
    ("changes", "reads", "says"),
    [
        ([A[1]], [], "1 acknowledged changes are lost"),
        ([A[1], A[3]], [], "became"),
        ([A[1], A[2], A[2]], [], "became"),
        ([A[1], A[2]], [(2.5, A[3])], "a lookup showed"),
        ([A[1], A[2]], [(2.5, A[1])], "a lookup showed"),
        ([A[1], A[2]], [(0.5, A[7])], "a lookup showed"),
    ],
    ids=["lost", "skipped", "twice", "seen and not durable", "older than acknowledged", "never there"],
)
def test_each_sort_of_wrong_is_found(changes: list, reads: list, says: str) -> None:
    led = life(*UPSERTS, acknowledged={1: 1.0, 2: 2.0}, reads=reads)
    found = check_life(led, ROWS, {}, {KEY: changes})
    assert len(found) == 1 and says in found[0], found


def test_deletions_of_nothing_are_not_in_the_changelog() -> None:
    led = life((1, Kind.DELETE), (2, Kind.UPSERT), (3, Kind.DELETE), acknowledged={3: 1.0})
    assert check_life(led, ROWS, {}, {KEY: [A[2], None]}) == []


@pytest.mark.parametrize(
    ("records", "says"),
    [
        ([(0, Change.Insert, 1), (1, Change.UpdateBefore, 1), (2, Change.UpdateAfter, 2), (3, Change.Delete, 2)], None),
        ([(0, Change.Insert, 1), (1, Change.Insert, 2)], "where (1, 'b1') was"),
        ([(0, Change.Insert, 1), (2, Change.Delete, 1)], "offset 1 was next"),
        ([(0, Change.Insert, 1), (1, Change.Delete, 2)], "where (1, 'b1') was"),
        ([(0, Change.Insert, 1), (1, Change.UpdateAfter, 2)], "after -U of None"),
        ([(0, Change.Insert, 1), (1, Change.UpdateBefore, 2), (2, Change.UpdateAfter, 3)], "where (1, 'b1') was"),
        ([(0, Change.Delete, 1)], "where None was"),
    ],
    ids=["right", "two inserts", "gap", "wrong image", "no before", "wrong before", "nothing to delete"],
)
def test_a_changelog_must_follow_from_itself(records: list[tuple[int, Change, int]], says: str | None) -> None:
    fold = Fold(ROWS)
    fold.next_offset[1, 0] = 0
    for offset, change, number in records:
        fold.take((1, 0), offset, change, ROWS.written(KEY, Kind.UPSERT, number))
    if says is None:
        assert (fold.problems, fold.rows, fold.changes[KEY]) == ([], {}, [A[1], A[2], None])
    else:
        assert len(fold.problems) == 1 and says in fold.problems[0], fold.problems

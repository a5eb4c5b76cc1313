import asyncio

import pyarrow as pa
import pytest

import aircraft
from aircraft import State, histories, state_of
from keeper import InOrderOfTime, Keeper
from verify import Findings, check_answers, count_at

HOUR = pa.timestamp("s", "UTC")


def rows(*flights):
    """Each: hour, origin, tail, destination, delay."""
    names = ["time_hour", "origin", "tailnum", "dest", "dep_delay"]
    types = [HOUR, pa.string(), pa.string(), pa.string(), pa.int64()]
    columns = zip(*flights, strict=True)
    return pa.table({n: pa.array(c, t) for n, t, c in zip(names, types, columns, strict=True)})


def batch(*flights):
    """As the server sends it of one partition: without the origin."""
    return rows(*((hour, "", *rest) for hour, *rest in flights)).drop_columns("origin").to_batches()[0]


def test_every_state_of_an_aircraft_is_known_in_the_order_of_hours_then_airports():
    known = histories(
        rows(
            (1, "LGA", "N1", "BOS", 5), (1, "EWR", "N1", "LAX", -3), (2, "EWR", "N2", "SFO", 0),
            (3, "JFK", "N1", "MIA", None), (3, "JFK", None, "MIA", 9), (4, "JFK", "N1", "SEA", 10),
        )
    )  # fmt: skip
    assert known == {
        "N1": [State(1, -3, "LAX"), State(2, 2, "BOS"), State(3, 12, "SEA")],
        "N2": [State(1, 0, "SFO")],
    }


def test_a_row_becomes_a_state():
    assert state_of(None) is None
    assert state_of({"tail": "N1", "last_airport": "BOS", "flights": 2, "delay": -1}) == State(2, -1, "BOS")


def test_partitions_are_merged_as_far_as_their_hours_are_over():
    merged = InOrderOfTime({7: "JFK", 8: "EWR"})
    merged.add(7, batch((1, "N1", "BOS", 1), (3, "N1", "LAX", 2)))
    assert merged.complete() == [], "nothing is known of the other partition"
    merged.add(8, batch((1, "N2", "MIA", 3), (2, "N1", "SFO", 4), (2, None, "SFO", 4), (2, "N3", "SFO", None)))
    assert merged.complete() == [("N2", "MIA", 3), ("N1", "BOS", 1)]
    assert merged.complete() == [], "each comes once"
    merged.add(8, batch((5, "N4", "SEA", 5)))
    assert merged.complete() == [("N1", "SFO", 4)]
    merged.add(7, batch((5, "N5", "SEA", 6)))
    assert merged.complete(at_end=True) == [("N1", "LAX", 2), ("N4", "SEA", 5), ("N5", "SEA", 6)]
    assert merged.complete(at_end=True) == []


def test_what_the_server_had_taken_is_not_sent_again(monkeypatch):
    keeper = Keeper("nowhere", 0)
    keeper._acknowledged.update({"N1": 2})
    keeper._open = [("N1", "BOS", 1), ("N2", "LAX", 2), ("N1", "SFO", 3), ("N3", "MIA", 4)]

    async def look_up(table, tails):
        assert tails == ["N1", "N2", "N3"]
        return [State(3, 0, "BOS"), State(1, 2, "LAX"), None]

    monkeypatch.setattr(aircraft, "look_up", look_up)
    asyncio.run(keeper._leave_out_what_was_taken(None))
    assert keeper._open == [("N1", "SFO", 3), ("N3", "MIA", 4)]
    assert keeper._acknowledged == {"N1": 3, "N2": 1}


def test_counts_at_a_moment():
    moments = [(1.0, 5), (2.0, 9)]
    assert [count_at(moments, when) for when in (0.5, 1.0, 1.5, 3.0)] == [0, 5, 5, 9]
    assert [count_at(moments, when, before=True) for when in (1.0, 2.0, 2.5)] == [0, 5, 9]


class Flow:
    disturbed = (4.0, 5.0)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (("N1", 6.0, 6.1, 2, 3, "LAX"), None),
        (("N1", 6.0, 6.1, 3, 6, "SFO"), None),
        (("N1", 6.0, 6.1, 2, 4, "LAX"), "looked up as (2, 4, 'LAX')"),
        (("N1", 6.0, 6.1, 2, 3, "BOS"), "looked up as (2, 3, 'BOS')"),
        (("N1", 6.0, 6.1, 1, 1, "BOS"), "with 1 take-offs, when 2 to 3"),
        (("N1", 6.0, 6.1, None, None, None), "with 0 take-offs, when 2 to 3"),
        (("N1", 6.0, 6.1, 4, 10, "MIA"), "with 4 take-offs, when 2 to 3"),
    ],
)
def test_an_answer_is_held_against_what_was_sent_and_acknowledged(answer, problem):
    states = {"N1": [State(1, 1, "BOS"), State(2, 3, "LAX"), State(3, 6, "SFO"), State(4, 10, "MIA")]}
    kept = {"acknowledged": {"N1": [(1.0, 2), (7.0, 3)]}, "sent": {"N1": [(0.5, 2), (5.5, 3), (8.0, 4)]}}
    found = Findings()
    check_answers([("N1", 0.1, 0.2, None, None, None), answer], states, kept, Flow, found)
    if problem is None:
        assert found.problems == []
    else:
        assert problem in found.problems[0]
    assert (found.answers, found.answers_after_kill) == (2, 1)


def test_lookups_on_both_sides_of_the_kill_are_wanted():
    found = Findings()
    check_answers([], {}, {}, Flow, found)
    assert found.problems == ["of 0 lookups, 0 came after the kill"]

import io

import pytest

from aircraft import State
from picture import PLAIN, Delays, Painter, Scene, bar, is_live, lines, summary


class Terminal(io.StringIO):
    def isatty(self):
        return True


def scene(carrier_count=16, events=(), aircraft=0):
    carriers = {f"{number:02d}": Delays(10, 5, number * 5) for number in range(carrier_count)}
    known = {f"N{number}": State(1000 + number, -12345, "LAX") for number in range(aircraft)}
    return Scene(carriers, {"01": "One Airways with a name that is much too long"}, 50, 100, 7.0, "2013-06-30", "3 of 19 columns", list(events), known)


@pytest.mark.parametrize(
    ("value", "expected"), [(0, ""), (-3, ""), (10, "█" * 10), (5, "█" * 5), (0.125, "▏"), (1e-9, "▏"), (99, "█" * 10)]
)
def test_a_bar_is_drawn_to_an_eighth(value, expected):
    assert bar(value, 10, 10) == expected


def test_a_mean_leaves_out_flights_without_a_delay():
    assert Delays(flights=10, with_delay=4, minutes=20).mean() == 5
    assert Delays(flights=3).mean() == 0


def test_the_longest_delay_comes_first():
    shown = lines(scene(), 80, 50, PLAIN)
    order = [line.split()[0] for line in shown[4:20]]
    assert order == [f"{number:02d}" for number in reversed(range(16))]
    assert all(len(line) <= 80 for line in shown)


@pytest.mark.parametrize("height", [8, 12, 24, 40])
@pytest.mark.parametrize("aircraft", [0, 3])
def test_it_fits_the_screen_and_keeps_the_events(height, aircraft):
    shown = lines(scene(events=["the server is gone"], aircraft=aircraft), 80, height, PLAIN)
    assert len(shown) <= height
    assert all(len(line) <= 80 for line in shown)
    assert shown[-1] == "  ▸ the server is gone"


@pytest.mark.parametrize(
    ("environment", "live"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "CI": "true"}, False), ({"TERM": "dumb"}, False), ({}, False)],
)
def test_only_a_terminal_outside_ci_is_redrawn(environment, live):
    assert is_live(Terminal(), environment) is live
    assert is_live(io.StringIO(), environment) is False


def test_aircraft_stand_under_the_carriers_where_there_is_room():
    shown = lines(scene(aircraft=2), 80, 24, PLAIN)
    assert shown[-3:] == [
        "  N0     1,000 take-offs  -12,345 minutes late in all   last to LAX",
        "  N1     1,001 take-offs  -12,345 minutes late in all   last to LAX",
        "",
    ]
    assert not any("take-offs" in line for line in lines(scene(aircraft=2), 80, 12, PLAIN))


def test_a_log_gets_each_event_once_and_a_line_per_tenth():
    out = io.StringIO()
    painter = Painter(out)
    shown = scene(events=["killed"])
    for rows in (1, 11, 12, 19, 35, 36, 100):
        shown.rows = rows
        painter.paint(shown)
    printed = out.getvalue().splitlines()
    assert printed[0] == "  killed"
    assert [int(line.split()[2]) for line in printed[1:]] == [11, 35, 100]


def test_the_summary_names_both_ends():
    assert "longest mean delay 15 15.0 min, shortest 00 0.0 min" in summary(scene())
    assert summary(Scene()) == "tail: 0 flights"
    assert "by key: N0 1000 take-offs, last to LAX" in summary(scene(aircraft=2))

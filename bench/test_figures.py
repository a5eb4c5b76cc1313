import pytest

from figures import OURS, PEER, Figure, Row, Spread, at_most, percentile, rate_at_least_peer, ratio_at_most
from report import as_json, line, table, tally


def figure(target, ours, peer, device=None, higher_is_better=True):
    values = {OURS: ours, PEER: peer}
    return Figure("rate", "M rows/s", higher_is_better, values=values, device=device, target=target)


def test_a_spread_is_minimum_median_and_maximum():
    assert Spread.of([3, 1, 2]) == Spread(1, 2, 3)
    assert Spread.of([1, 2, 3, 10]).median == 2.5
    with pytest.raises(ValueError):
        Spread.of([])


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)])
def test_a_percentile_is_the_nearest_rank(share, expected):
    assert percentile([float(value) for value in range(100, 0, -1)], share) == expected


def test_the_ratio_is_of_the_medians():
    assert figure(None, [1, 2, 9], [4, 4, 4]).ratio() == 0.5
    assert figure(None, [1], []).ratio() is None
    assert figure(None, [1], [0.0]).ratio() is None


@pytest.mark.parametrize(("ours", "verdict"), [([5.9], "met"), ([6.0], "met"), ([6.1], "NOT met")])
def test_a_ratio_target(ours, verdict):
    assert figure(ratio_at_most(0.6), ours, [10.0]).verdict() == verdict


@pytest.mark.parametrize(
    ("ours", "device", "verdict"),
    [
        ([10, 11, 12], None, "met"),
        ([8, 9, 12], None, "met within the spread"),  # slower in the middle, but their slowest was slower still
        ([8, 9, 9.5], None, "NOT met"),  # none of ours reaches their median
        ([7, 7, 12], None, "NOT met"),  # our median is below their slowest
        ([5, 7, 8], 10.0, "met"),  # seven tenths of the device
        ([5, 6.9, 8], 10.0, "NOT met"),
    ],
)
def test_a_rate_is_held_to_the_peer_or_the_device(ours, device, verdict):
    assert figure(rate_at_least_peer(0.7), ours, [8, 10, 12], device).verdict() == verdict


def test_without_a_share_the_device_is_no_excuse():
    assert figure(rate_at_least_peer(), [5], [10], device=1.0).verdict() == "NOT met"


@pytest.mark.parametrize(
    ("ours", "device", "verdict"),
    [([1.2], None, "met"), ([1.3], 0.1, "NOT met"), ([4.0], 3.7, "NOT met (nor by the device)"), ([1.0], 3.7, "met")],
)
def test_an_absolute_target_names_a_slow_device(ours, device, verdict):
    assert figure(at_most(1.2, "ms"), ours, [1], device).verdict() == verdict


def test_nothing_measured_is_not_a_verdict():
    assert figure(ratio_at_most(1), [], [1]).verdict() == ""
    assert figure(ratio_at_most(1), [1], []).verdict() == ""


def test_the_table_has_a_line_per_figure_in_columns():
    row = Row("scan-10", "scan of ten columns", [figure(rate_at_least_peer(), [2], [1]), figure(None, [3], [])], ["a note"])
    printed = table([row]).splitlines()
    assert printed[1:3] == ["", "scan of ten columns"]
    assert "2.00 / 2.00 / 2.00" in printed[3] and "2.00 ×" in printed[3] and printed[3].endswith("met")
    assert "3.00 / 3.00 / 3.00" in printed[4] and "–" in printed[4]
    assert printed[5] == "    a note"
    assert printed[3].index("1.00 / 1.00 / 1.00") + len("1.00 / 1.00 / 1.00") == printed[4].index("–") + 1
    assert line(row).startswith("scan-10     rate 2.00 : 1.00 M rows/s,")


def test_the_tally_counts_only_what_could_be_held_to_a_target():
    row = Row("x", "x", [
        figure(ratio_at_most(1), [1], [1]), figure(ratio_at_most(1), [2], [1]), figure(None, [1], [1]),
        figure(ratio_at_most(1), [1], []), figure(rate_at_least_peer(), [9, 9, 12], [8, 10, 12]),
    ])
    assert tally([row]) == (2, 3)


def test_json_holds_every_value():
    (row,) = as_json([Row("x", "title", [figure(ratio_at_most(1), [1, 2], [4])])])
    assert row["figures"][0]["values"] == {OURS: [1, 2], PEER: [4]}
    assert row["figures"][0]["ratio"] == 0.375
    assert row["figures"][0]["verdict"] == "met"

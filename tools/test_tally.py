"""The closing count: what ctest and pytest write, and what a runner that broke counts as."""

import pytest

from tools.tally import Tally, read_junit

CTEST = """<testsuite name="x">
  <testcase name="Log.Appends" classname="Log.Appends" status="run"/>
  <testcase name="Log.Rolls" classname="Log.Rolls" status="fail"><failure message="Failed"/></testcase>
  <testcase name="Log.Skips" classname="Log.Skips" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/></testcase>
  <testcase name="log_test_NOT_BUILT" classname="x" status="notrun"><skipped message="Unable to find executable: x"/></testcase>
  <testcase name="Log.Disabled" classname="Log.Disabled" status="disabled"/>
</testsuite>"""
PYTEST = """<testsuites><testsuite name="pytest">
  <testcase classname="test_a" name="test_good"/>
  <testcase classname="test_a" name="test_bad"><failure message="x"/></testcase>
  <testcase classname="test_a" name="test_broken"><error message="x"/></testcase>
  <testcase classname="test_a" name="test_skipped"><skipped message="why"/></testcase>
</testsuite></testsuites>"""


@pytest.fixture
def report(tmp_path):
    return tmp_path / "report.xml"


def counts(tally):
    return (tally.passed, tally.failed, tally.skipped)


def test_ctest_cases_are_counted_one_by_one(report):
    report.write_text(CTEST)
    tally = read_junit("release", report, False)
    assert counts(tally) == (1, 2, 2)
    assert tally.remarks == ("release: failed: Log.Rolls", "release: failed: x::log_test_NOT_BUILT")


def test_pytest_failures_and_errors_both_fail(report):
    report.write_text(PYTEST)
    assert counts(read_junit("crash", report, False)) == (1, 2, 1)


@pytest.mark.parametrize(
    ("text", "exited_well"),
    [(None, True), ("<torn", True), ("<testsuites/>", True), ('<a><testcase name="x"/></a>', False)],
    ids=["no report", "torn report", "no test", "bad exit without a failed case"],
)
def test_a_runner_that_broke_is_one_failure(report, text, exited_well):
    if text is not None:
        report.write_text(text)
    tally = read_junit("asan", report, exited_well)
    assert tally.failed == 1 and len(tally.remarks) == 1


def test_tallies_add_up():
    assert counts(Tally(1, 2, 3) + Tally.broken("x")) == (1, 3, 3)
    assert str(Tally(1, 2)) == "1 passed, 2 failed" and str(Tally(1, 0, 3)) == "1 passed, 0 failed, 3 skipped"

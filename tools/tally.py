"""Counts of test results, read from the JUnit files that ctest and pytest write."""

from __future__ import annotations

import dataclasses
import pathlib
import xml.etree.ElementTree as ElementTree


@dataclasses.dataclass(frozen=True)
class Tally:
    """How many test cases passed, failed and were skipped. `remarks` name what failed."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    remarks: tuple[str, ...] = ()

    @classmethod
    def broken(cls, remark: str) -> Tally:
        """A suite that could not run counts as one failure."""
        return cls(failed=1, remarks=(remark,))

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped, self.remarks + other.remarks
        )

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


def read_junit(suite: str, report: pathlib.Path, exited_well: bool) -> Tally:
    """The tally of one runner. A runner that failed without a failed case, or left no report, counts as one failure."""
    try:
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        return Tally.broken(f"{suite}: the runner left no report ({error})")
    verdicts = [(case, verdict(case)) for case in cases]
    failures = [f"{suite}: failed: {label(case)}" for case, found in verdicts if found == "failed"]
    if not exited_well and not failures:
        failures = [f"{suite}: the runner failed though no case did; see its output"]
    elif not cases:
        failures = [f"{suite}: no test ran"]
    return Tally(
        passed=sum(found == "passed" for _, found in verdicts),
        failed=len(failures),
        skipped=sum(found == "skipped" for _, found in verdicts),
        remarks=tuple(failures),
    )


def verdict(case: ElementTree.Element) -> str:
    """ctest puts it in the status attribute (run, fail, notrun, disabled), pytest in a child element."""
    status = case.get("status", "run")
    if case.find("failure") is not None or case.find("error") is not None or status == "fail":
        return "failed"
    if case.find("skipped") is not None or status in ("notrun", "disabled"):
        return "skipped" if status != "notrun" or was_skipped(case) else "failed"
    return "passed"


def was_skipped(case: ElementTree.Element) -> bool:
    """ctest reports both a test that skipped itself and one whose program is missing as notrun; only the first is fine."""
    skipped = case.find("skipped")
    return skipped is not None and "SKIP_" in skipped.get("message", "")


def label(case: ElementTree.Element) -> str:
    owner = case.get("classname", "")
    name = case.get("name", "?")
    return name if not owner or owner == name else f"{owner}::{name}"

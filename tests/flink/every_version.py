"""Tests that run once on each version of Flink."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flink.flink_sql import VERSIONS, FlinkSql

Scenario = Callable[[FlinkSql], None]


def on_every_flink(scenario: Scenario) -> Callable[[dict[str, FlinkSql]], None]:
    """Makes a scenario a test, which runs it on all versions at once, in a database for each.

    At once, because most of a scenario's time is spent waiting: a client of Fluss takes two seconds to close.
    """
    return _made_test(scenario, VERSIONS)


def on_flink(*versions: str) -> Callable[[Scenario], Callable[[dict[str, FlinkSql]], None]]:
    """The same with some versions only."""
    return lambda scenario: _made_test(scenario, versions)


def _made_test(scenario: Scenario, versions: tuple[str, ...]) -> Callable[[dict[str, FlinkSql]], None]:
    name = scenario.__name__

    def run(flink: FlinkSql) -> None:
        with flink.database(f"{name}_{flink.version.replace('.', '_')}"):
            scenario(flink)

    def test(flinks: dict[str, FlinkSql]) -> None:
        asked = [flink for version, flink in flinks.items() if version in versions]
        with ThreadPoolExecutor(max_workers=len(VERSIONS)) as pool:
            futures = {flink.version: pool.submit(run, flink) for flink in asked}
        failures = []
        for version, future in futures.items():
            if (failure := future.exception()) is not None:
                failure.add_note(f"on Flink {version}")
                failures.append(failure)
        if failures:
            raise BaseExceptionGroup(f"{name} fails on {len(failures)} of {len(asked)} versions of Flink", failures)

    test.__name__ = name
    test.__qualname__ = name
    test.__module__ = scenario.__module__
    test.__doc__ = scenario.__doc__
    return test

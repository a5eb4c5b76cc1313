"""How much is done: repeats, sizes, limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from contenders import Contender


@dataclass(frozen=True)
class Plan:
    directory: Path
    repeats: int
    scale: float
    cpu_s_min: float  # server CPU seconds per repeat of a throughput row
    wall_s_max: float  # after which such a repeat ends even so
    latency_s: float  # per repeat of a latency row
    samples_min: int  # latencies per repeat, however long they take
    samples_max: int
    settle_s: float  # before memory counts as idle
    device_s: float  # per measurement of the bare disk
    cold_bytes: float  # of the log that is read from the device
    keyed_rows: float  # of a table with a primary key

    @staticmethod
    def full(directory: Path, repeats: int | None, scale: float) -> "Plan":
        return Plan(directory, repeats or 5, scale, 1.0, 30.0, 10.0, 30, 1000, 10.0, 3.0, 4e9 * scale, 1e6 * scale)

    @staticmethod
    def quick(directory: Path, repeats: int | None, scale: float) -> "Plan":
        """For a first look: the server's clock gets less than it should."""
        return Plan(directory, repeats or 2, scale, 0.3, 4.0, 3.0, 10, 300, 3.0, 1.0, 0.4e9 * scale, 1e5 * scale)

    def order(self, servers: list[Contender]) -> Iterator[Contender]:
        """Every server once per repeat, the first one changing, so that no one always runs on the other's leavings."""
        for repeat in range(self.repeats):
            yield from servers if repeat % 2 == 0 else reversed(servers)

    def count(self, full: int) -> int:
        """`full`, scaled, and at least one."""
        return max(1, round(full * self.scale))

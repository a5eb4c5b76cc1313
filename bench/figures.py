"""What a row of the benchmark is made of: measured values, their spread, and the target they are held against."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

OURS = "thalweg"
PEER = "java"


@dataclass(frozen=True)
class Spread:
    """Minimum, median and maximum over repeats."""

    low: float
    median: float
    high: float

    @staticmethod
    def of(values: list[float]) -> "Spread":
        if not values:
            raise ValueError("no values: a figure needs at least one repeat")
        return Spread(min(values), statistics.median(values), max(values))


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least `share` (0..1) of all values do not exceed (nearest rank)."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass
class Figure:
    """One measured quantity, for both servers.

    `values` holds one number per repeat and server. `device` is what the bare disk does, in the same unit, where
    that bounds the quantity.
    """

    name: str
    unit: str
    higher_is_better: bool
    digits: int = 2
    values: dict[str, list[float]] = field(default_factory=dict)
    device: float | None = None
    target: "Target | None" = None

    def add(self, server: str, value: float) -> None:
        self.values.setdefault(server, []).append(value)

    def spread(self, server: str) -> Spread | None:
        return Spread.of(self.values[server]) if self.values.get(server) else None

    def ratio(self) -> float | None:
        """Ours over the peer's, of the medians."""
        ours, peer = self.spread(OURS), self.spread(PEER)
        if ours is None or peer is None or peer.median == 0:
            return None
        return ours.median / peer.median

    def verdict(self) -> str:
        """`met`, `met within the spread`, `NOT met`, or empty where there is no target or nothing to hold to it."""
        if self.target is None or self.spread(OURS) is None:
            return ""
        return self.target.verdict(self)


@dataclass(frozen=True)
class Target:
    """`words` say what is asked; `verdict` decides."""

    words: str
    verdict: Callable[[Figure], str]


def at_most(limit: float, unit: str) -> Target:
    """Our median, whatever the peer does. Says so where the bare device already takes longer."""

    def verdict(figure: Figure) -> str:
        if _ours(figure).median <= limit:
            return "met"
        return "NOT met (nor by the device)" if figure.device is not None and figure.device > limit else "NOT met"

    return Target(f"≤ {limit:g} {unit}", verdict)


def at_least(limit: float, unit: str) -> Target:
    """Our median, whatever the peer does."""
    return Target(f"≥ {limit:g} {unit}", lambda figure: _met(_ours(figure).median >= limit))


def ratio_at_most(limit: float) -> Target:
    """Our median is at most `limit` times the peer's."""

    def verdict(figure: Figure) -> str:
        ratio = figure.ratio()
        return "" if ratio is None else _met(ratio <= limit)

    return Target(f"≤ {limit:g} ×", verdict)


def ratio_at_least(limit: float) -> Target:
    """Our median is at least `limit` times the peer's."""

    def verdict(figure: Figure) -> str:
        ratio = figure.ratio()
        return "" if ratio is None else _met(ratio >= limit)

    return Target(f"≥ {limit:g} ×", verdict)


def rate_at_least_peer(device_share: float | None = None) -> Target:
    """Our median rate is the peer's or more, or (where given) `device_share` of what the disk syncs. A median between
    the peer's slowest and its middle repeat is within the spread, which counts as met where the client is the limit."""

    def verdict(figure: Figure) -> str:
        ratio = figure.ratio()
        ours, peer = figure.spread(OURS), figure.spread(PEER)
        if device_share is not None and figure.device is not None and ours is not None:
            if ours.median >= device_share * figure.device:
                return "met"
        if ratio is None or ours is None or peer is None:
            return ""
        if ratio >= 1:
            return "met"
        return "met within the spread" if ours.median >= peer.low and ours.high >= peer.median else "NOT met"

    words = "≥ 1 ×" if device_share is None else f"≥ 1 × or {device_share:g} of device"
    return Target(words, verdict)


def _ours(figure: Figure) -> Spread:
    spread = figure.spread(OURS)
    assert spread is not None, "verdict() asks only where we have values"
    return spread


def _met(holds: bool) -> str:
    return "met" if holds else "NOT met"


@dataclass
class Row:
    """A workload and its figures."""

    key: str  # what --only calls it
    title: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def figure(self, name: str) -> Figure:
        return next(figure for figure in self.figures if figure.name == name)

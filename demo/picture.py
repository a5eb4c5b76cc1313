"""The picture that the tail paints: departure delay per carrier as bars, and some aircraft by key. Pure text; who prints it decides where."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import IO

from aircraft import State

EIGHTHS = " ▏▎▍▌▋▊▉█"
EVENT_COUNT_MAX = 5
NAME_WIDTH = 26
HEIGHT_WITH_AIRCRAFT = 18


@dataclass
class Delays:
    """A running sum per carrier."""

    flights: int = 0
    with_delay: int = 0
    minutes: int = 0

    def mean(self) -> float:
        return self.minutes / self.with_delay if self.with_delay else 0.0


@dataclass
class Scene:
    """All that is shown at one moment."""

    carriers: dict[str, Delays] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    rows_expected: int = 0
    rows_per_s: float = 0.0
    day: str = ""
    columns: str = ""
    events: list[str] = field(default_factory=list)
    aircraft: dict[str, State] = field(default_factory=dict)


@dataclass(frozen=True)
class Ink:
    """Escape sequences, or nothing."""

    strong: str = ""
    faint: str = ""
    bar: str = ""
    alarm: str = ""
    off: str = ""


PLAIN = Ink()
COLOUR = Ink(strong="\033[1m", faint="\033[2m", bar="\033[38;5;67m", alarm="\033[38;5;173m", off="\033[0m")


def is_live(stream: IO[str], environment: dict[str, str] | None = None) -> bool:
    """Whether a picture may be redrawn in place there, rather than lines printed one after the other."""
    known = os.environ if environment is None else environment
    return stream.isatty() and not known.get("CI") and known.get("TERM", "dumb") != "dumb"


def ink_for(stream: IO[str]) -> Ink:
    return COLOUR if is_live(stream) and "NO_COLOR" not in os.environ else PLAIN


def bar(value: float, value_max: float, width: int) -> str:
    """`value` drawn to an eighth of a character; nothing for what is not above zero."""
    if value <= 0 or value_max <= 0:
        return ""
    eighths = min(width * 8, max(1, round(value / value_max * width * 8)))
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (EIGHTHS[rest] if rest else "")


def lines(scene: Scene, width: int, height: int, ink: Ink) -> list[str]:
    """The picture, one string per line, none wider than `width` on the screen, at most `height` of them: where all
    carriers do not fit, those with the shortest delays are left out."""
    share = min(1.0, scene.rows / scene.rows_expected) if scene.rows_expected else 0.0
    done = bar(share, 1.0, 24).ljust(24, "·")
    ranked = sorted(scene.carriers.items(), key=lambda item: (-item[1].mean(), item[0]))
    largest = max((delays.mean() for _, delays in ranked), default=0.0)
    room = max(4, width - NAME_WIDTH - 26)
    shown = [
        "",
        f"  {ink.strong}Departure delay by carrier{ink.off}{ink.faint}, mean minutes · live tail of {scene.columns}{ink.off}",
        f"  {ink.bar}{done}{ink.off}  {scene.day:<11} {scene.rows:>9,} flights {scene.rows_per_s:>10,.0f} rows/s",
        "",
    ]
    events = scene.events[-EVENT_COUNT_MAX:]
    known = known_lines(scene, width, ink) if height >= HEIGHT_WITH_AIRCRAFT else []
    for code, delays in ranked[: max(1, height - len(shown) - len(known) - len(events) - 1)]:
        name = scene.names.get(code, "")[:NAME_WIDTH].ljust(NAME_WIDTH)
        mean = delays.mean()
        drawn = bar(mean, largest, room)
        shown.append(
            f"  {ink.strong}{code}{ink.off} {name} {mean:>6.1f} {ink.bar}{drawn}{ink.off}"
            f"{ink.faint} {delays.flights:,}{ink.off}"
        )
    shown += known
    shown.append("")
    for event in events:
        shown.append(f"  {ink.alarm}▸{ink.off} {event[: width - 5]}")
    return shown[:height]


def known_lines(scene: Scene, width: int, ink: Ink) -> list[str]:
    """The aircraft, as they were just looked up."""
    if not scene.aircraft:
        return []
    head = f"  {ink.strong}Aircraft by key{ink.off}{ink.faint}, as last looked up in demo.aircraft{ink.off}"
    rows = [f"  {ink.strong}{tail:<7}{ink.off}{of_aircraft(state)}"[: width + 8] for tail, state in sorted(scene.aircraft.items())]
    return ["", head, *rows]


def of_aircraft(state: State) -> str:
    return f"{state.flights:>5,} take-offs {state.delay:>8,} minutes late in all   last to {state.last_airport}"


def summary(scene: Scene) -> str:
    """The same in one line, for a log."""
    ranked = sorted(scene.carriers.items(), key=lambda item: item[1].mean())
    if not ranked:
        return f"tail: {scene.rows:,} flights"
    best, worst = ranked[0], ranked[-1]
    first = next(iter(sorted(scene.aircraft.items())), None)
    return (
        f"tail: {scene.day:<11} {scene.rows:>9,} flights   "
        f"longest mean delay {worst[0]} {worst[1].mean():.1f} min, shortest {best[0]} {best[1].mean():.1f} min"
        + (f"   by key: {first[0]} {first[1].flights} take-offs, last to {first[1].last_airport}" if first else "")
    )


class Painter:
    """Draws scenes over one another on a terminal, or prints a line now and then elsewhere."""

    def __init__(self, stream: IO[str]):
        self._stream = stream
        self.live = is_live(stream)
        self._ink = ink_for(stream)
        self._height = 0
        self._next_share = 0.1
        self._events_printed = 0

    def paint(self, scene: Scene) -> None:
        if self.live:
            width, height = _size(self._stream)
            shown = lines(scene, width, height - 1, self._ink)
            self._stream.write(f"\033[{self._height}F" if self._height else "")
            self._stream.write("".join(f"\033[2K{line}\n" for line in shown) + "\033[0J")
            self._height = len(shown)
            self._stream.flush()
            return
        for event in scene.events[self._events_printed :]:
            print(f"  {event}", file=self._stream, flush=True)
        self._events_printed = len(scene.events)
        if scene.rows_expected and scene.rows >= self._next_share * scene.rows_expected:
            print(f"  {summary(scene)}", file=self._stream, flush=True)
            while scene.rows >= self._next_share * scene.rows_expected:
                self._next_share += 0.1


def _size(stream: IO[str]) -> tuple[int, int]:
    try:
        columns, rows = os.get_terminal_size(stream.fileno())
    except OSError:
        columns, rows = 0, 0
    return max(60, min(columns or 80, 110)), max(10, rows or 24)

"""A bar for transfers that take long: in a terminal or a notebook, nowhere else."""

from __future__ import annotations

import sys
import time
from typing import Any

SHOWN_AFTER_S = 1.0
REDRAWN_AFTER_S = 0.2
WIDTH = 30


class Progress:
    """Counts rows; what takes less than a second is never shown.

    Args:
        doing: "reading", "writing".
        total: rows, where they are known.
        wanted: False: nothing is shown; None: where somebody looks at a terminal or a notebook.
    """

    def __init__(self, doing: str, total: int | None = None, wanted: bool | None = None):
        self._doing = doing
        self._total = total
        self._began = time.monotonic()
        self._drawn = 0.0
        self._rows = 0
        self._screen: _Terminal | _Notebook | None = None if wanted is False else _screen(wanted)

    def add(self, rows: int) -> None:
        self._rows += rows
        now = time.monotonic()
        if self._screen and now - self._began >= SHOWN_AFTER_S and now - self._drawn >= REDRAWN_AFTER_S:
            self._screen.draw(self.text(now), self._rows / self._total if self._total else None)
            self._drawn = now

    def text(self, now: float) -> str:
        rate = self._rows / max(now - self._began, 1e-9)
        of = f" of {self._total:,}" if self._total else ""
        return f"{self._doing} {self._rows:,}{of} rows, {rate:,.0f}/s"

    def end(self) -> None:
        if self._screen and self._drawn:
            self._screen.draw(self.text(time.monotonic()), 1.0 if self._total else None)
            self._screen.end()
        self._screen = None


class _Terminal:
    def draw(self, text: str, share: float | None) -> None:
        bar = ""
        if share is not None:
            full = round(min(share, 1.0) * WIDTH)
            bar = f"[{'#' * full}{'.' * (WIDTH - full)}] "
        sys.stderr.write(f"\r\x1b[K{bar}{text}")
        sys.stderr.flush()

    def end(self) -> None:
        sys.stderr.write("\n")
        sys.stderr.flush()


class _Notebook:
    def __init__(self, display: Any):
        self._display = display
        self._shown: Any = None

    def draw(self, text: str, share: float | None) -> None:
        value = "" if share is None else f' value="{min(share, 1.0):.3f}"'
        content = {"text/plain": text, "text/html": f"<progress{value}></progress> {text}"}
        if self._shown is None:
            self._shown = self._display(content, raw=True, display_id=True)
        else:
            self._shown.update(content, raw=True)

    def end(self) -> None:
        self._shown = None


def _screen(wanted: bool | None) -> _Terminal | _Notebook | None:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None and type(shell).__name__ == "ZMQInteractiveShell":
        from IPython.display import display

        return _Notebook(display)
    return _Terminal() if wanted or sys.stderr.isatty() else None

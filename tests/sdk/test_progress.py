"""Bars: after a second, where somebody looks, nowhere else."""

from __future__ import annotations

import io
import sys
import types

import pytest

from thalweg import _progress
from thalweg._progress import Progress


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    return now


def test_a_terminal_gets_a_bar(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    bar = Progress("reading", 1000)
    bar.add(100)
    assert screen.getvalue() == ""
    clock[0] += 2
    bar.add(400)
    assert "[###############...............] reading 500 of 1,000 rows, 250/s" in screen.getvalue()
    bar.add(500)  # too soon to be drawn
    assert "1,000 of" not in screen.getvalue()
    bar.end()
    assert "[##############################] reading 1,000 of 1,000 rows" in screen.getvalue()
    assert screen.getvalue().endswith("\n")


def test_short_transfers_and_other_streams_get_none(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    short = Progress("reading")
    short.add(5)
    short.end()
    unwanted = Progress("reading", wanted=False)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    unseen = Progress("reading")
    clock[0] += 5
    unwanted.add(5)
    unseen.add(5)
    assert screen.getvalue() == ""
    assert sys.stderr.getvalue() == ""


def test_a_notebook_gets_an_element(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, str]] = []
    handle = types.SimpleNamespace(update=lambda content, raw: shown.append(content))

    def display(content: dict[str, str], raw: bool, display_id: bool) -> types.SimpleNamespace:
        shown.append(content)
        return handle

    shell = type("ZMQInteractiveShell", (), {})()
    python = types.ModuleType("IPython")
    python.get_ipython = lambda: shell  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", python)
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))
    bar = Progress("writing", 10)
    clock[0] += 2
    bar.add(5)
    clock[0] += 1
    bar.add(5)
    bar.end()
    assert [content["text/html"].split(">")[0] for content in shown] == [
        '<progress value="0.500"', '<progress value="1.000"', '<progress value="1.000"',
    ]  # fmt: skip

"""A child's output can be waited for, and its end is told with its last words."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from peers.child import Child, ChildFailed


def python(tmp_path: Path, program: str) -> Child:
    return Child([sys.executable, "-u", "-c", program], tmp_path / "log")


def test_a_line_is_found_once_printed(tmp_path: Path) -> None:
    child = python(tmp_path, "print('one'); print('on port 17'); input_never = __import__('signal').pause()")
    assert child.wait_for_line(r"port (\d+)", 30).group(1) == "17"
    assert child.wait_for_line("one", 30)
    assert child.running()
    child.kill()
    assert not child.running()
    assert (tmp_path / "log").read_text() == "one\non port 17\n"


def test_an_early_end_is_told_with_the_last_words(tmp_path: Path) -> None:
    child = python(tmp_path, "print('no room left'); raise SystemExit(3)")
    with pytest.raises(ChildFailed, match="no room left"):
        child.wait_for_line("listening", 30)
    assert child.wait(30) == 3


def test_silence_is_told(tmp_path: Path) -> None:
    child = python(tmp_path, "__import__('signal').pause()")
    with pytest.raises(ChildFailed, match="did not print it within 0.05 s"):
        child.wait_for_line("listening", 0.05)
    child.kill()


def test_one_that_ignores_sigterm_is_killed_and_reported(tmp_path: Path) -> None:
    program = "import signal; signal.signal(15, signal.SIG_IGN); print('up')\nwhile True: signal.pause()"
    child = python(tmp_path, program)
    child.wait_for_line("up", 30)
    with pytest.raises(ChildFailed, match="after SIGTERM"):
        child.stop(0.2)
    assert not child.running()

"""`thalweg sql` in a terminal: lines with history and completion, statements over several lines, Ctrl-C, and its own commands."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.thalweg import ThalwegServer
from sql import shell

PATIENCE_S = 60.0
UP, TAB, CTRL_C = "\x1b[A", "\t", "\x03"
CONTROLS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r|\x07|\x1b[=>]")


class Terminal:
    """One shell, and what it has shown since it was last looked at."""

    def __init__(self, place: Path | str, home: Path, *arguments: str):
        command = shell.command(place, *arguments)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(command[0], command, shell.environment(HOME=str(home), TERM="xterm", COLUMNS="120"))
        self.shown = ""
        self.ended = False

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def wait(self, pattern: str, patience_s: float = PATIENCE_S) -> str:
        """What came up to the end of the pattern."""
        deadline = time.monotonic() + patience_s
        while not (found := re.search(pattern, self.shown)):
            if time.monotonic() > deadline:
                raise TimeoutError(self.shown)
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    data = os.read(self.fd, 65536)
                except OSError:
                    data = b""
                assert data, f"the shell has ended: {self.shown}"
                self.shown += CONTROLS.sub("", data.decode(errors="replace"))
        before, self.shown = self.shown[: found.end()], self.shown[found.end() :]
        return before

    def press_until(self, key: str, pattern: str) -> None:
        """Once more each second: the first may come before there is something to end."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self.type(key)
            try:
                self.wait(pattern, patience_s=1)
                return
            except TimeoutError:
                assert time.monotonic() < deadline, self.shown

    def quit(self) -> None:
        self.wait("fluss> ")
        # Ctrl-D is lost, or a part of the line, where it comes before the shell has the terminal.
        self.type(".quit\n")
        assert self.reap() == 0

    def reap(self) -> int:
        """Its exit status; what it still shows is taken, so that it can end."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if select.select([self.fd], [], [], 0.1)[0]:
                    os.read(self.fd, 65536)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.ended = True
                return os.waitstatus_to_exitcode(status)
        raise AssertionError("the shell does not end")

    def close(self) -> None:
        if not self.ended:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    server = ThalwegServer(tmp_path).start()
    server.stop()
    shell.answers(server.data_dir, ["CREATE TABLE stockpile (item INT, pieces INT)", "INSERT INTO stockpile VALUES (1, 4711)"])
    return server.data_dir


@pytest.fixture
def terminal(data: Path, tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(data, tmp_path)
    yield opened
    opened.close()


def test_statements_end_with_a_semicolon_and_commands_with_the_line(terminal: Terminal) -> None:
    terminal.wait("fluss> ")
    terminal.type("SELECT ';' AS mark, -- not here;\n")
    terminal.type("  pieces FROM stockpile;\n")
    assert "4711" in terminal.wait("4711\n")
    terminal.type(".tables\n")
    terminal.wait("stockpile\n")
    terminal.type(".format json\n")
    terminal.type("SELECT 6 * 7 AS answer;\n")
    terminal.wait(r'\{"answer":42\}')
    terminal.type(".timer on\nSELECT 1;\n")
    terminal.wait(r"\d ms\n")
    terminal.type(".hlep\n")
    terminal.wait(r"\.help lists")
    terminal.quit()


def test_a_mistake_does_not_end_the_shell(terminal: Terminal) -> None:
    terminal.wait("fluss> ")
    terminal.type("SELECT piecs FROM stockpile;\n")
    terminal.wait('"pieces"|pieces')
    terminal.type("SELECT pieces + 1 AS more FROM stockpile;\n")
    terminal.wait("4712")
    terminal.quit()


def test_tab_completes_words_and_names(terminal: Terminal) -> None:
    terminal.wait("fluss> ")
    terminal.type(f"SELECT pieces + 2 AS more FROM stockp{TAB}")
    terminal.wait("stockpile")
    terminal.type(";\n")
    terminal.wait("4713")
    terminal.type(f"SELE{TAB}")
    terminal.wait("SELECT")
    terminal.type(" 40 + 4;\n")
    terminal.wait("44\n")
    terminal.quit()


def test_the_next_shell_remembers(data: Path, tmp_path: Path, terminal: Terminal) -> None:
    terminal.wait("fluss> ")
    terminal.type("SELECT pieces + 3 AS more FROM stockpile;\n")
    terminal.wait("4714")
    terminal.type(UP + "\n")
    terminal.wait("4714")
    terminal.quit()
    assert (tmp_path / ".thalweg_sql_history").exists()
    later = Terminal(data, tmp_path)
    try:
        later.wait("fluss> ")
        later.type(UP + UP)  # the last one was .quit
        later.wait(r"SELECT pieces \+ 3 AS more FROM stockpile;")
        later.type("\n")
        later.wait("4714")
        later.quit()
    finally:
        later.close()


def test_ctrl_c_ends_a_statement_and_not_the_shell(terminal: Terminal) -> None:
    terminal.wait("fluss> ")
    terminal.type("SELECT count(*) FROM range(1000000000000) WHERE hash(range) = 7;\n")
    # A key that came before the shell has read the line would take the line away.
    with pytest.raises(TimeoutError):
        terminal.wait("fluss> ", patience_s=2)
    terminal.press_until(CTRL_C, "was cancelled")
    terminal.wait("fluss> ")
    terminal.press_until(CTRL_C, "fluss> ")  # with nothing to end
    terminal.type("SELECT pieces + 4 AS more FROM stockpile;\n")
    terminal.wait("4715")
    terminal.quit()

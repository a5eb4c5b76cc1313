"""A program that believes it talks to a person: its terminal, from the other side."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import time

# Colours, cursor movements and what else a line editor writes.
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")


class Terminal:
    """Runs `argv` in a terminal of its own. Ends with `close`."""

    def __init__(self, argv: list[str], environment: dict[str, str]):
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.execve(argv[0], argv, environment | {"TERM": "dumb"})
        self._seen = ""
        self.all = ""

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def wait_for(self, text: str, seconds: float = 30.0) -> str:
        """What came up to and with `text`, since the last call."""
        ends = time.monotonic() + seconds
        while text not in self._seen:
            left = ends - time.monotonic()
            ready = select.select([self._fd], [], [], max(0.0, left))[0]
            assert ready and left > 0, f"{text!r} did not come:\n{self.all}"
            try:
                piece = os.read(self._fd, 65536).decode(errors="replace")
            except OSError:  # the program has ended
                raise AssertionError(f"it ended without {text!r}:\n{self.all}") from None
            self._seen += _CONTROL.sub("", piece)
            self.all += piece
        found, self._seen = self._seen.split(text, 1)
        return found + text

    def interrupt(self) -> None:
        """What Ctrl-C does."""
        os.kill(self.pid, signal.SIGINT)

    def close(self) -> int:
        """Ctrl-D; the exit status."""
        self.type("\x04")
        status = os.waitpid(self.pid, 0)[1]
        os.close(self._fd)
        return os.waitstatus_to_exitcode(status)

"""One child process whose output goes to a file and can be waited on, line by line."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
from pathlib import Path


class ChildFailed(RuntimeError):
    """The child ended, or said nothing of what was waited for in time. The message ends with its last output."""


class Child:
    """A started process.

    Its standard output and error are appended to `log_path` by a thread. It is sent SIGKILL by the kernel when
    the thread that made it ends, so an interrupted test run leaves nothing behind: make it from the main thread.
    """

    def __init__(self, argv: list[str], log_path: Path, cwd: Path | None = None, env: dict[str, str] | None = None):
        self.argv = argv
        self.log_path = log_path
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._drained = False
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=env,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._drain, name=f"output of {self.pid}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def running(self) -> bool:
        return self._process.poll() is None

    def wait_for_line(self, pattern: str, timeout_s: float) -> re.Match[str]:
        """The first match of `pattern` in a line of output, past or to come."""
        expression = re.compile(pattern)
        seen = 0
        found: re.Match[str] | None = None

        def matched() -> bool:
            nonlocal seen, found
            while found is None and seen < len(self._lines):
                found = expression.search(self._lines[seen])
                seen += 1
            return found is not None or self._drained

        with self._changed:
            self._changed.wait_for(matched, timeout_s)
        if found is None:
            why = "ended" if self._drained else f"did not print it within {timeout_s:g} s"
            raise ChildFailed(f"waited for {pattern!r}, but {self.describe()} {why}:\n{self.last_output()}")
        return found

    def wait(self, timeout_s: float) -> int:
        """The exit status, once the process has ended by itself."""
        return self._process.wait(timeout_s)

    def kill(self) -> None:
        """SIGKILL, and wait until the process and its output are gone. Harmless on one that has ended."""
        if self.running():
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._reader.join()

    def stop(self, timeout_s: float) -> int:
        """SIGTERM, then the exit status. A process that outlives `timeout_s` is killed and reported."""
        if self.running():
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ChildFailed(
                f"{self.describe()} was still there {timeout_s:g} s after SIGTERM:\n{self.last_output()}"
            ) from None
        self._reader.join()
        return self._process.returncode

    def describe(self) -> str:
        return f"{Path(self.argv[0]).name} (pid {self.pid}, log {self.log_path})"

    def last_output(self, line_count: int = 30) -> str:
        with self._changed:
            return "\n".join(self._lines[-line_count:])

    def _drain(self) -> None:
        assert self._process.stdout is not None
        with self.log_path.open("a", encoding="utf-8") as log:
            for line in self._process.stdout:
                log.write(line)
                log.flush()
                with self._changed:
                    self._lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._drained = True
            self._changed.notify_all()

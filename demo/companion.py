"""A process beside the demo's own, which ends when it has seen every flight and leaves a report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import IO

import flights

FINISH_S_MAX = 30
HERE = Path(__file__).resolve().parent


class CompanionFailed(RuntimeError):
    """It ended early, or did not end. The message says which one it was."""


class Companion:
    def __init__(self, program: str, bootstrap: str, directory: Path, errors: IO[str] | None = None):
        self._name = program.removesuffix(".py")
        self._report = directory / f"{self._name}.json"
        argv = [sys.executable, str(HERE / program), bootstrap]
        argv += ["--rows", str(flights.ROW_COUNT), "--report", str(self._report)]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=errors, text=True)

    def tell(self, event: str) -> None:
        assert self._process.stdin is not None
        try:
            print(event, file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise CompanionFailed(f"the {self._name} ended early, with status {self._process.wait()}") from None

    def finish(self) -> dict:
        """Its report, once it has seen every row."""
        try:
            status = self._process.wait(FINISH_S_MAX)
        except subprocess.TimeoutExpired:
            self.close()
            raise CompanionFailed(
                f"the {self._name} was not through with every flight {FINISH_S_MAX} s after the last was sent"
            ) from None
        if status != 0:
            raise CompanionFailed(f"the {self._name} ended with status {status}")
        return json.loads(self._report.read_text())

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()

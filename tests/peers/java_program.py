"""A Java program of the tests as an object: each call is one line of JSON to it, and one line back."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

from filelock import FileLock

from peers.places import cache_dir

LOG_TAIL_BYTES = 4000


class JavaError(RuntimeError):
    """What the program raised: `kind` is the class of the exception, without its package."""

    def __init__(self, kind: str, message: str):
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class JavaProgram:
    """A JVM with a main class that answers lines of JSON; it says "ready" first. `log_path` takes its standard error.

    One that does not answer within `answer_s_max` is killed, and the call raises. It is also killed when the thread
    that made it ends: make it from the main thread.
    """

    def __init__(self, argv: list[str], log_path: Path, answer_s_max: float):
        self._answer_s_max = answer_s_max
        self._log = log_path.open("w")
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "java", *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
        )

    def wait_until_ready(self) -> None:
        """Call this once, before `do`."""
        assert self._answer() == "ready"

    def close(self) -> None:
        """Ends the program and the JVM."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise RuntimeError(f"the Java program did not close; see {self._log.name}") from None
        finally:
            self._log.close()

    def kill(self) -> None:
        """Ends the JVM of a program that would not close."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def do(self, command: str, **arguments: Any) -> Any:
        """Runs one command of the program; arguments that are None are left out."""
        request = {"do": command, **{k: v for k, v in arguments.items() if v is not None}}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        limit = threading.Timer(self._answer_s_max, self._process.kill)
        limit.start()
        try:
            line = self._process.stdout.readline()
        finally:
            limit.cancel()
        if not line:
            raise RuntimeError(
                f"the Java program ended, or was killed after {self._answer_s_max:g} s without an answer:\n{self._last_output()}"
            )
        answer = json.loads(line)
        if "error" in answer:
            raise JavaError(answer["error"], answer["message"])
        return answer["ok"]

    def _last_output(self) -> str:
        """The end of the log, which a client that goes on trying makes very long."""
        with Path(self._log.name).open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace")


def compiled(sources: Path, jars: str, name: str) -> Path:
    """A folder with the classes of all `sources`; compiles on first use and after each change. `name` is what the cache calls it."""
    files = sorted(sources.rglob("*.java"))
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    classes = cache_dir() / "java-classes" / f"{name}-{digest}"
    classes.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(cache_dir() / "java-classes" / f"{name}.lock"):
        if not classes.exists():
            partial = Path(tempfile.mkdtemp(dir=classes.parent))
            finished = subprocess.run(
                ["javac", "--release", "17", "-Xlint:all,-classfile,-processing", "-cp", jars, "-d", str(partial), *map(str, files)],
                capture_output=True,
                text=True,
            )
            if finished.returncode != 0:
                shutil.rmtree(partial, ignore_errors=True)
                raise RuntimeError(f"javac failed:\n{finished.stderr}")
            partial.rename(classes)
    return classes

"""The stock Java client as an object: each call is one line to the program in `java/`, and one line back."""

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

from peers import maven
from peers.places import cache_dir

ANSWER_S_MAX = 120.0  # The slowest command gives up by itself after 30 s; the client may add as much of its own.
LOG_TAIL_BYTES = 4000

SOURCES = Path(__file__).parent / "java"


class JavaClientError(RuntimeError):
    """What the client raised: `kind` is the class of the exception, without its package."""

    def __init__(self, kind: str, message: str):
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class JavaClient:
    """One connection of the Java client, with `settings` of its own configuration besides the address.

    `log_path` takes what the JVM says on standard error.
    """

    def __init__(self, bootstrap: str, log_path: Path, settings: dict[str, str] | None = None):
        self._log = log_path.open("w")
        options = {"bootstrap.servers": bootstrap, **(settings or {})}
        self._process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL", "java", "-Xmx512m", "-XX:TieredStopAtLevel=1"),
                "--add-opens=java.base/java.nio=ALL-UNNAMED",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                *("-cp", classpath(), "thalweg.conformance.JavaClient"),
                *(f"{key}={value}" for key, value in options.items()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
        )
        assert self._answer() == "ready"

    def close(self) -> None:
        """Ends the connection and the JVM."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise RuntimeError(f"the Java client did not close; see {self._log.name}") from None
        finally:
            self._log.close()

    def kill(self) -> None:
        """Ends the JVM of a client that would not close."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def do(self, command: str, **arguments: Any) -> Any:
        """Runs one command of the program; arguments that are None are left out.

        The client can wait for ever. One that does not answer within `ANSWER_S_MAX` is killed, and this raises.
        """
        request = {"do": command, **{k: v for k, v in arguments.items() if v is not None}}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        limit = threading.Timer(ANSWER_S_MAX, self._process.kill)
        limit.start()
        try:
            line = self._process.stdout.readline()
        finally:
            limit.cancel()
        if not line:
            raise RuntimeError(
                f"the Java client ended, or was killed after {ANSWER_S_MAX:g} s without an answer:\n{self._last_output()}"
            )
        answer = json.loads(line)
        if "error" in answer:
            raise JavaClientError(answer["error"], answer["message"])
        return answer["ok"]

    def _last_output(self) -> str:
        """The end of the log, which a client that goes on trying makes very long."""
        with Path(self._log.name).open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace")


def classpath() -> str:
    """Jars and compiled classes; fetches and compiles on first use and after each change of a source."""
    jars = maven.classpath(maven.dependencies(SOURCES / "pom.xml", "java-client"))
    sources = sorted(SOURCES.rglob("*.java"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    classes = cache_dir() / "java-classes" / f"java-client-{digest}"
    classes.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(cache_dir() / "java-classes" / "java-client.lock"):
        if not classes.exists():
            partial = Path(tempfile.mkdtemp(dir=classes.parent))
            compiled = subprocess.run(
                ["javac", "--release", "17", "-Xlint:all,-classfile,-processing", "-cp", jars, "-d", str(partial), *map(str, sources)],
                capture_output=True,
                text=True,
            )
            if compiled.returncode != 0:
                shutil.rmtree(partial, ignore_errors=True)
                raise RuntimeError(f"javac failed:\n{compiled.stderr}")
            partial.rename(classes)
    return f"{classes}:{jars}"

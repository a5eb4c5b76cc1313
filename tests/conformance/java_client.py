"""The stock Java client as an object: each call is one line to the program in `java/`, and one line back."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from filelock import FileLock

from peers import maven
from peers.places import cache_dir

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
                *("-cp", _classpath(), "thalweg.conformance.JavaClient"),
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

    def do(self, command: str, **arguments: Any) -> Any:
        """Runs one command of the program; arguments that are None are left out."""
        request = {"do": command, **{k: v for k, v in arguments.items() if v is not None}}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the Java client ended:\n{Path(self._log.name).read_text()[-4000:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise JavaClientError(answer["error"], answer["message"])
        return answer["ok"]


def _classpath() -> str:
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

"""The stock Java client that reads by key, driven line by line. It is a process of its own."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from contenders import Contender
from peers import maven
from peers.places import ROOT

SOURCE = Path(__file__).with_name("java") / "KeyedReader.java"
POM = ROOT / "tests" / "conformance" / "java" / "pom.xml"
LINGER = "100micros"  # of a lookup that waits for company; the client's own default is 100 ms


class JavaReader:
    def __init__(self, bootstrap: str, log: Path):
        jars = maven.classpath(maven.dependencies(POM, "java-client"))
        settings = [f"bootstrap.servers={bootstrap}", f"client.lookup.batch-timeout={LINGER}"]
        self._log = log
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL", "java", "-Xmx512m"),
                    "--add-opens=java.base/java.nio=ALL-UNNAMED",
                    "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                    *("-cp", jars, str(SOURCE), *settings),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        if self._line() != "ready":
            raise RuntimeError(f"the Java client did not start; see {log}")

    def ask(self, *words: object) -> str:
        """One command of KeyedReader.java."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self._process.stdin.flush()
        return self._line()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the Java client ended:\n{self._log.read_text()[-2000:]}")
        return line.strip()


@contextlib.contextmanager
def reading(servers: list[Contender]) -> Iterator[dict[str, JavaReader]]:
    """A client of each server, by the server's name."""
    with contextlib.ExitStack() as stack:
        readers = {}
        for server in servers:
            reader = JavaReader(server.bootstrap, server.directory / "reader.log")
            stack.callback(reader.close)
            readers[server.name] = reader
        yield readers

"""Rows and keys as the released Java classes encode them, by a program that talks to no server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from conformance.java_client import classpath
from peers import maven
from peers.java_fluss import POM

BITMAPS = Path(__file__).with_name("java") / "BitmapVectors.java"
BITMAP_BYTES_MAX = 200
JVM = ("setpriv", "--pdeathsig", "KILL", "java", "-Xmx256m", "-XX:TieredStopAtLevel=1")


class RowEncoder:
    """`log_path` takes what the JVM says on standard error."""

    def __init__(self, log_path: Path):
        self._log = log_path.open("w")
        self._process = subprocess.Popen(
            [*JVM, "-cp", classpath(), "thalweg.conformance.RowEncoder"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, encoding="utf-8",
        )
        assert self._answer() == "ready"

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._log.close()

    def schema(
        self, columns: list[tuple[str, str]], primary_key: list[str], aggregations: dict[str, Any], auto_increment: str | None
    ) -> str:
        """The document of a schema whose columns have these names and SQL types."""
        return self._do("schema", columns=columns, primary_key=primary_key, aggregations=aggregations, auto_increment=auto_increment)

    def rows(self, schema: str, kv_format: str, rows: list[list[Any]]) -> list[bytes]:
        return [bytes.fromhex(row) for row in self._do("rows", schema=schema, format=kv_format, rows=rows)]

    def keys(self, schema: str, key: list[str], rows: list[list[Any]]) -> list[bytes]:
        return [bytes.fromhex(one) for one in self._do("keys", schema=schema, key=key, rows=rows)]

    def _do(self, command: str, **arguments: Any) -> Any:
        request = {"do": command, **{name: value for name, value in arguments.items() if value is not None}}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the encoder ended; see {self._log.name}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{answer['error']}: {answer['message']}; see {self._log.name}")
        return answer["ok"]


def bitmaps(seed: int, pairs: int) -> dict[str, list[str]]:
    """Random bitmaps, hexadecimal, for "rbm32" and "rbm64"."""
    jars = maven.classpath(maven.dependencies(POM, "java-fluss"))
    command = [*JVM, "-cp", jars, str(BITMAPS), str(pairs), str(BITMAP_BYTES_MAX), str(seed)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found: dict[str, list[str]] = {"rbm32": [], "rbm64": []}
    for line in lines:
        bits, left, right, _ = line.split(" ")
        found[f"rbm{bits}"] += [left, right]
    return found

"""The stock Java client as an object: each call is one line to the program in `java/`, and one line back."""

from __future__ import annotations

from pathlib import Path

from peers import maven
from peers.java_program import JavaError, JavaProgram, compiled

ANSWER_S_MAX = 120.0  # The slowest command gives up by itself after 30 s; the client may add as much of its own.

SOURCES = Path(__file__).parent / "java"

# What the client raised.
JavaClientError = JavaError


class JavaClient(JavaProgram):
    """One connection of the Java client, with `settings` of its own configuration besides the address.

    `log_path` takes what the JVM says on standard error.
    """

    def __init__(self, bootstrap: str, log_path: Path, settings: dict[str, str] | None = None):
        options = {"bootstrap.servers": bootstrap, **(settings or {})}
        super().__init__(
            [
                *("-Xmx512m", "-XX:TieredStopAtLevel=1", "--add-opens=java.base/java.nio=ALL-UNNAMED"),
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                *("-cp", classpath(), "thalweg.conformance.JavaClient"),
                *(f"{key}={value}" for key, value in options.items()),
            ],
            log_path,
            ANSWER_S_MAX,
        )
        self.wait_until_ready()


def classpath() -> str:
    """Jars and compiled classes; fetches and compiles on first use and after each change of a source."""
    jars = maven.classpath(maven.dependencies(SOURCES / "pom.xml", "java-client"))
    return f"{compiled(SOURCES, jars, 'java-client')}:{jars}"

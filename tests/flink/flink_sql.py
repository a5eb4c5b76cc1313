"""Flink's SQL engine with the published Fluss connector as an object, on a cluster inside one JVM."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from peers import maven
from peers.java_program import JavaError, JavaProgram, compiled

VERSIONS = ("1.20", "2.2")
ANSWER_S_MAX = 90.0  # A job that is waited for is given up after 60 s.
WAIT_S_MAX = 30.0

SOURCES = Path(__file__).parent / "java"
# What Flink's own start scripts open for Java 17; java.nio is also Arrow's.
OPENED_PACKAGES = (
    *("lang", "lang.invoke", "lang.reflect", "net", "io", "nio", "security", "text", "time"),
    *("util", "util.concurrent", "util.concurrent.atomic", "util.concurrent.locks"),
)


class FlinkSql:
    """One JVM with one Flink of `version`. `directory` takes all it writes; its log is `flink.log` there.

    A row is as Flink prints it, with its kind of change before it: "+I[1, one]". It is started by the constructor; call
    `connect` before anything else. One thread at a time.
    """

    def __init__(self, version: str, directory: Path):
        self.version = version
        self._directory = directory
        self.bootstrap = ""
        self._database = ""
        (directory / "tmp").mkdir(parents=True)
        jars = maven.classpath(maven.dependencies(SOURCES / "pom.xml", f"flink-{version}", f"flink-{version}"))
        classes = compiled(SOURCES, jars, f"flink-{version}")
        opened = [f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in OPENED_PACKAGES]
        self._program = JavaProgram(
            [
                *("-Xmx640m", "-XX:MaxDirectMemorySize=256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", *opened),
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                f"-Djava.io.tmpdir={directory / 'tmp'}",
                *("-cp", f"{classes}:{jars}", "thalweg.flink.FlinkSql", str(directory)),
            ],
            directory / "flink.log",
            ANSWER_S_MAX,
        )

    def connect(self, bootstrap: str) -> None:
        """Makes the server at `bootstrap` the current catalog, named `fluss`."""
        self._program.wait_until_ready()
        self.bootstrap = bootstrap
        for mode in ("streaming", "batch"):
            for statement in self._catalog():
                self.sql(statement, mode)

    def close(self) -> None:
        self._program.close()

    @contextlib.contextmanager
    def database(self, name: str) -> Iterator[None]:
        """A new database that is current until the end of the block, and is then dropped with its tables."""
        self._database = name
        self.sql(f"CREATE DATABASE {name}")
        for mode in ("streaming", "batch"):
            self.sql(f"USE {name}", mode)
        try:
            yield
        except BaseException:
            # Whatever else has failed is not the next one's.
            with contextlib.suppress(JavaError):
                self.settle()
            raise
        self.settle()
        for mode in ("streaming", "batch"):
            self.sql("USE fluss", mode)
        self.sql(f"DROP DATABASE {name} CASCADE")

    def sql(self, statement: str, mode: str = "streaming") -> list[str]:
        """Runs a statement to its end: the rows that it gives."""
        return self._program.do("sql", statement=statement, mode=mode)

    def batch(self, statement: str) -> list[str]:
        """The same in batch mode."""
        return self.sql(statement, "batch")

    def begin(self, insertion: str) -> None:
        """Begins an insertion that ends by itself. Its rows can be read soon; `settle` waits for its end."""
        self._program.do("insert", statement=insertion)

    def settle(self) -> None:
        """Waits for the end of all that `begin` began; raises where one has failed."""
        self._program.do("settle")

    def explain(self, statement: str) -> str:
        return self._program.do("explain", statement=statement)

    @contextlib.contextmanager
    def setting(self, key: str, value: str) -> Iterator[None]:
        """A setting of the streaming session, until the end of the block."""
        self._program.do("set", key=key, value=value)
        try:
            yield
        finally:
            self._program.do("set", key=key)

    @contextlib.contextmanager
    def query(self, statement: str) -> Iterator[Query]:
        """A streaming query that runs until the end of the block."""
        self._program.do("open", name=statement, statement=statement)
        try:
            yield Query(self._program, statement)
        finally:
            self._program.do("close", name=statement)

    def wait_for_snapshot(self, table: str, rows: int) -> None:
        """Waits until the latest snapshots of a table of the database cover `rows` rows of its changelog."""
        where = {"bootstrap": self.bootstrap, "database": self._database, "table": table}
        covered = self._program.do("snapshots", **where, rows=rows, wait_ms=round(WAIT_S_MAX * 1000))
        assert covered >= rows, f"after {WAIT_S_MAX:g} s the snapshots of {table} cover {covered} of {rows} changes"

    def start(self, name: str, insertion: str, savepoint: str | None = None) -> None:
        """Starts a streaming insertion that goes on, from the state of a savepoint where one is named."""
        preparations = [*self._catalog(), f"USE {self._database}"]
        self._program.do("start", name=name, statement=insertion, savepoint=savepoint, preparations=preparations)

    def savepoint(self, name: str, stop: bool) -> str:
        """The place of a savepoint of what `start` started, with which it ends or goes on."""
        return self._program.do("savepoint", name=name, directory=(self._directory / "savepoints").as_uri(), stop=stop)

    def cancel(self, name: str) -> None:
        """Ends what `start` started, without a savepoint."""
        self._program.do("cancel", name=name)

    def _catalog(self) -> list[str]:
        return [
            f"CREATE CATALOG fluss WITH ('type' = 'fluss', 'bootstrap.servers' = '{self.bootstrap}')",
            "USE CATALOG fluss",
        ]


class Query:
    """The rows of a streaming query that goes on."""

    def __init__(self, program: JavaProgram, name: str):
        self._program = program
        self._name = name

    def take(self, count: int) -> list[str]:
        """The next `count` rows, in the order in which they come."""
        taken = self._program.do("take", name=self._name, count=count, wait_ms=round(WAIT_S_MAX * 1000))
        assert len(taken) == count, f"{len(taken)} of {count} rows within {WAIT_S_MAX:g} s: {taken}"
        return taken

    def take_until(self, state: set[str]) -> None:
        """Takes changes until the rows that they leave are `state`, each without its kind: "[1, one]".

        How many that are depends on whether the reader began at a snapshot or at the start of the changelog.
        """
        found: set[str] = set()
        while found != state:
            try:
                (change,) = self.take(1)
            except AssertionError as error:
                raise AssertionError(f"the changes lead to {sorted(found)}, not to {sorted(state)}") from error
            kind, row = re.fullmatch(r"(\+I|-U|\+U|-D)(.*)", change, re.DOTALL).groups()  # type: ignore[union-attr]
            if kind in ("+I", "+U"):
                found.add(row)
            else:
                found.remove(row)

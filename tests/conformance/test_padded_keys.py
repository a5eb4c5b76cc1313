"""Keys of BINARY(n) and CHAR(n) whose values end in zeros or are shorter than n, put by the stock Java client: the same rows before and
after a kill.

What Fluss 0.9.1 does with the same: COMPACTED rows keep every byte, and a BINARY(n) shorter than n is refused where the changelog is
ARROW. With INDEXED rows, which drop zeros at the end, it fails to write a BINARY(n) with such zeros into an ARROW changelog and
anything into an INDEXED one; here these are written.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance import values
from conformance.java_client import JavaClient, JavaClientError
from peers.thalweg import ThalwegServer

pytestmark = pytest.mark.java

DATABASE = "fluss"
COLUMNS = [["k", "BINARY(2) NOT NULL"], ["c", "CHAR(2) NOT NULL"], ["n", "INT"]]
FULL = [["ab00", "xy", 1], ["0000", "x\0", 2], ["abcd", "xy", 3], ["00cd", "\0\0", 4]]
SHORT = ["ef", "x", 5]


class Keyed:
    """A server of the test's own with one table, and a Java client."""

    def __init__(self, directory: Path, kv_format: str, log_format: str):
        self._directory = directory
        self.server = ThalwegServer(directory)
        self.connect()
        properties = {"table.kv.format": kv_format, "table.log.format": log_format}
        self.do("create_table", columns=COLUMNS, primary_key=["k", "c"], buckets=1, properties=properties)

    def connect(self) -> None:
        self.server.start()
        self.java = JavaClient(self.server.bootstrap, self._directory / "java.log")

    def restart_killed(self) -> None:
        self.java.close()
        self.server.kill()
        self.connect()

    def close(self) -> None:
        self.java.close()
        self.server.stop()

    def do(self, command: str, **arguments: Any) -> Any:
        return self.java.do(command, database=DATABASE, table="t", **arguments)

    def put(self, *rows: values.Row) -> None:
        self.do("change", changes=[["+", row] for row in rows])

    def delete(self, *rows: values.Row) -> None:
        self.do("change", changes=[["-", row] for row in rows])

    def numbers(self, *rows: values.Row) -> list[int | None]:
        """What is found under the keys of these rows."""
        found = self.do("lookup", keys=[row[:2] for row in rows])
        return [one[0][2] if one else None for one in found]

    def logged(self, count: int) -> list[tuple[str, int]]:
        return [(change["change"], change["row"][2]) for change in self.do("scan", count=count)]


@pytest.fixture
def keyed(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Keyed]:
    made = Keyed(tmp_path, *request.param)
    yield made
    made.close()


@pytest.mark.parametrize(
    "keyed", [("COMPACTED", "ARROW"), ("COMPACTED", "COMPACTED"), ("INDEXED", "ARROW"), ("INDEXED", "INDEXED")], indirect=True
)
def test_keys_that_end_in_zeros_stay_where_they_are(keyed: Keyed) -> None:
    keyed.put(*FULL)
    assert keyed.numbers(*FULL) == [1, 2, 3, 4]
    assert keyed.logged(4) == [("+I", 1), ("+I", 2), ("+I", 3), ("+I", 4)]
    keyed.restart_killed()
    assert keyed.numbers(*FULL) == [1, 2, 3, 4]
    keyed.put(["ab00", "xy", 10])
    keyed.delete(FULL[1])
    keyed.restart_killed()
    assert keyed.numbers(*FULL) == [10, None, 3, 4]
    assert keyed.logged(7) == [("+I", 1), ("+I", 2), ("+I", 3), ("+I", 4), ("-U", 1), ("+U", 10), ("-D", 2)]


@pytest.mark.parametrize("keyed", [("COMPACTED", "COMPACTED"), ("INDEXED", "ARROW"), ("INDEXED", "INDEXED")], indirect=True)
def test_keys_shorter_than_their_type_stay_where_they_are(keyed: Keyed) -> None:
    keyed.put(SHORT)
    assert keyed.numbers(SHORT) == [5]
    keyed.restart_killed()
    assert keyed.numbers(SHORT) == [5]
    keyed.delete(SHORT)
    assert keyed.numbers(SHORT) == [None]


@pytest.mark.parametrize("keyed", [("COMPACTED", "ARROW")], indirect=True)
def test_an_arrow_changelog_takes_no_short_binary(keyed: Keyed) -> None:
    with pytest.raises(JavaClientError, match="does not fit the type BINARY"):
        keyed.put(SHORT)
    assert keyed.numbers(SHORT) == [None]

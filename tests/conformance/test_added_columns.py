"""Batches that were written before an ADD COLUMN, read by both clients through the schema of after."""

from __future__ import annotations

from typing import Any

import fluss
import pytest

from conformance import values
from conformance.java_client import JavaClient
from conformance.test_interop import COMPRESSIONS, read_all

pytestmark = pytest.mark.java

OLD, NEW = 40, 3


@pytest.fixture(scope="module", autouse=True)
def served_by_thalweg(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--server") == "java":
        pytest.skip("Fluss 0.9.1 refuses a column that a batch lacks; what it can do, test_java_client.py has")


@pytest.fixture(params=COMPRESSIONS)
def where(java: JavaClient, database: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """A table with OLD rows of (id, name), then NEW ones of (id, name, score, tags)."""
    place = {"database": database, "table": "t"}
    options = {"table.log.arrow.compression.type": request.param}
    java.do("create_table", **place, columns=[["id", "BIGINT"], ["name", "STRING"]], buckets=1, properties=options)
    for start in range(0, OLD, 10):
        java.do("append", **place, rows=[[n, f"row {n}"] for n in range(start, start + 10)])
    java.do("add_column", **place, name="score", type="DOUBLE")
    java.do("add_column", **place, name="tags", type="ARRAY<STRING>")
    java.do("append", **place, rows=[[n, f"row {n}", n / 2, ["new"]] for n in range(OLD, OLD + NEW)])
    return place


def expected(*columns: str) -> list[list[Any]]:
    rows = []
    for n in range(OLD + NEW):
        is_new = n >= OLD
        row = {"id": n, "name": f"row {n}", "score": n / 2 if is_new else None, "tags": ["new"] if is_new else None}
        rows.append([row[column] for column in columns])
    return rows


def test_java_reads_them(java: JavaClient, where: dict[str, str]) -> None:
    found = java.do("scan", **where, count=OLD + NEW)
    assert [record["row"] for record in found] == expected("id", "name", "score", "tags")


@pytest.mark.parametrize("columns", [["name"], ["score"], ["tags", "id"], ["tags", "score", "name", "id"]], ids="-".join)
def test_java_projects_them(java: JavaClient, where: dict[str, str], columns: list[str]) -> None:
    found = java.do("scan", **where, count=OLD + NEW, columns=columns)
    assert [record["row"] for record in found] == expected(*columns)


@pytest.mark.parametrize("columns", [["name"], ["score"], ["tags", "id"], ["tags", "score", "name", "id"]], ids="-".join)
async def test_pyfluss_projects_them(bootstrap: str, where: dict[str, str], columns: list[str]) -> None:
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        table = await connection.get_table(fluss.TablePath(where["database"], "t"))
        found = await read_all(table, OLD + NEW, columns)
    assert found.column_names == columns
    assert values.from_arrow(found) == expected(*columns)


def test_java_limits_them(java: JavaClient, where: dict[str, str]) -> None:
    found = java.do("limit_scan", **where, limit=NEW + 5, bucket=0)
    assert sorted(row[0] for row in found) == list(range(OLD - 5, OLD + NEW))

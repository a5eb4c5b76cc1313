"""A server that nobody asks in SQL does not pay for it."""

from __future__ import annotations

from pathlib import Path

from adbc_driver_flightsql import dbapi

from flight.conftest import FlightServer


def threads_of_sql(pid: int) -> set[str]:
    names = {(task / "comm").read_text().strip() for task in Path(f"/proc/{pid}/task").iterdir()}
    return {name for name in names if name.startswith("sql-")}


def test_duckdb_is_opened_on_the_first_query(tmp_path: Path) -> None:
    server = FlightServer(tmp_path)
    server.start()
    with dbapi.connect(server.address, autocommit=True) as connection:
        connection.adbc_get_table_types()  # metadata need no DuckDB
        assert threads_of_sql(server.pid) == set()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 6 * 7 AS answer")
            assert cursor.fetchall() == [(42,)]
        assert threads_of_sql(server.pid)
    server.stop()

"""SQL: aggregates over a log table and over rows by key, beside DuckDB on the same rows in a Parquet file; rows by key found by SQL.

Through `thalweg sql` on a data directory, so that neither a network nor another program's client is measured. Both sides have the same
number of threads and are asked several times; what is compared is the statement itself, without the start of the program.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import time
from pathlib import Path

from figures import OURS, Figure, Row, at_least, at_most
from peers.places import thalweg_binary
from peers.thalweg import ThalwegServer
from plan import Plan

LOG_ROWS = 10_000_000
STATE_ROWS = 5_000_000
LOOKUPS = 500
LOG_COLUMNS = "id, id % 1000 AS k, id * 0.25 AS v, 'name ' || (id % 5000) AS name"
LOG_QUERY = "SELECT k % 10 AS g, count(*) AS n, sum(v) AS s, max(id) AS m FROM {} GROUP BY g ORDER BY g"
STATE_COLUMNS = "id, id % 100 AS k, id * 0.5 AS v, " + ", ".join(f"'text {i} of ' || id AS c{i}" for i in range(9))
STATE_QUERY = "SELECT k, sum(v) AS s FROM {} GROUP BY k ORDER BY k"
STATEMENT_S_MAX = 1800


def rows(keys: list[str], plan: Plan) -> list[Row]:
    directory = plan.directory / "sql"
    shutil.rmtree(directory, ignore_errors=True)
    server = ThalwegServer(directory).start()  # makes the data directory
    server.stop()
    made = []
    if "sql-log" in keys:
        made.append(_aggregate("sql-log", "a log table", server.data_dir, plan, plan.count(LOG_ROWS), LOG_COLUMNS, "", LOG_QUERY))
    if "sql-state" in keys or "sql-key" in keys:
        key = "(PRIMARY KEY (id) NOT ENFORCED)"
        count = plan.count(STATE_ROWS)
        row = _aggregate("sql-state", "rows by key, 2 of 12 columns", server.data_dir, plan, count, STATE_COLUMNS, key, STATE_QUERY)
        if "sql-state" in keys:
            # What an image of the state in columns would give: the same rows as a log table keeps them.
            image = _aggregate("sql-image", "", server.data_dir, plan, count, STATE_COLUMNS, "", STATE_QUERY)
            row.figures.append(Figure("rate of the same rows in a log table", "M rows/s", True, 2, values=image.figures[0].values))
            made.append(row)
        if "sql-key" in keys:
            made.append(_lookups(server.data_dir, count))
    return made


def _aggregate(key: str, what: str, data: Path, plan: Plan, count: int, columns: str, primary_key: str, query: str) -> Row:
    import duckdb

    table = key.replace("-", "_")
    options = f"WITH ('bucket.num' = '{os.cpu_count()}')"
    source = f"SELECT {columns} FROM (SELECT range AS id FROM range({count}))"
    _ask(data, [f"CREATE TABLE {table} {primary_key} {options} AS {source}"])
    parquet = data.parent / f"{table}.parquet"
    with duckdb.connect(config={"threads": os.cpu_count()}) as judge:
        judge.execute(f"COPY ({source}) TO '{parquet}' (FORMAT parquet)")
        expected = judge.execute(query.format(f"'{parquet}'")).fetchall()
        theirs = []
        for _ in range(plan.repeats):
            began = time.monotonic()
            judge.execute(query.format(f"'{parquet}'")).fetchall()
            theirs.append(time.monotonic() - began)
    ours, text = _ask(data, [query.format(table)] * (plan.repeats + 1))
    if len(text.splitlines()) // (plan.repeats + 1) != len(expected):
        raise RuntimeError(f"{key}: {len(expected)} groups were expected: {text[:300]}")
    row = Row(key, f"SQL aggregate over {count:,} rows of {what}, and DuckDB on Parquet", _figures(key))
    for mine, other in zip(ours[1:], theirs, strict=True):
        row.figures[0].add(OURS, count / mine / 1e6)
        row.figures[1].add(OURS, other * 1e3)
        row.figures[2].add(OURS, mine / statistics.median(theirs))
    return row


def _figures(key: str) -> list[Figure]:
    """A log table is held against DuckDB, rows by key against a rate: they are decoded row by row."""
    log = key == "sql-log"
    return [
        Figure("rate", "M rows/s", True, 2, target=None if log else at_least(3, "M rows/s")),
        Figure("DuckDB on Parquet", "ms", False, 1),
        Figure("time : DuckDB's", "×", False, 2, target=at_most(1.5, "×") if log else None),
    ]


def _lookups(data: Path, count: int) -> Row:
    step = max(1, count // LOOKUPS)
    seconds, _ = _ask(data, [f"SELECT * FROM sql_state WHERE id = {identity}" for identity in range(0, count, step)])
    row = Row("sql-key", f"SQL, one row by its key of {count:,}", [Figure("p50", "ms", False, 3, target=at_most(3, "ms")), Figure("p99", "ms", False, 3)])
    times = sorted(seconds[LOOKUPS // 10 :])
    row.figures[0].add(OURS, times[len(times) // 2] * 1e3)
    row.figures[1].add(OURS, times[len(times) * 99 // 100] * 1e3)
    return row


def _ask(data: Path, statements: list[str]) -> tuple[list[float], str]:
    """How long each took, in seconds, and what all printed."""
    done = subprocess.run(
        [str(thalweg_binary()), "sql", "--data", str(data), "--format", "json", "--timer"],
        input=";\n".join(statements),
        capture_output=True,
        text=True,
        timeout=STATEMENT_S_MAX,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return [float(found) / 1e3 for found in re.findall(r"^([\d.]+) ms$", done.stderr, re.MULTILINE)], done.stdout

"""Generated queries: what Thalweg answers is what DuckDB answers over the same rows as Parquet. Both give every value as DuckDB's text."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fluss
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from peers.thalweg import ThalwegServer
from sql import rows, shell
from sql.generator import DAYS, Generator

duckdb = pytest.importorskip("duckdb", reason="run ./dev setup")

QUERIES = 300
EVENTS, ACCOUNTS = 3_000, 3_500
BATCH_ROWS = 250
KINDS = {"at_s": "TIMESTAMP_S", "at_ms": "TIMESTAMP_MS", "at_ns": "TIMESTAMP_NS"}


async def write_log(bootstrap: str, name: str, table: pa.Table) -> None:
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        writer = (await connection.get_table(fluss.TablePath("fluss", name))).new_append().create_writer()
        # A batch goes to the partition of its first row; several for each, so that some can be left out by what is in them.
        for day in DAYS:
            for batch in table.filter(pc.field("day") == day).to_batches(max_chunksize=BATCH_ROWS):
                writer.write_arrow_batch(batch)
        await writer.flush()


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any]]:
    """A data directory with both tables, and a DuckDB with the same rows, by way of Parquet."""
    folder = tmp_path_factory.mktemp("generated")
    events, accounts = rows.make(EVENTS, 1), rows.make(ACCOUNTS, 2)
    server = ThalwegServer(folder).start()
    server.stop()
    shell.answers(
        server.data_dir,
        [
            f"CREATE TABLE events ({rows.COLUMNS}, day STRING NOT NULL) PARTITIONED BY (day) WITH ('bucket.num' = '2')",
            f"CREATE TABLE accounts ({rows.COLUMNS}, day STRING NOT NULL, PRIMARY KEY (id) NOT ENFORCED) WITH ('bucket.num' = '3')",
            f"CREATE TABLE staging ({rows.COLUMNS}, day STRING NOT NULL)",
            *[f"ALTER TABLE events ADD PARTITION (day = '{day}')" for day in DAYS],
        ],
    )
    server.start()
    asyncio.run(write_log(server.bootstrap, "staging", accounts))
    asyncio.run(write_log(server.bootstrap, "events", events))
    server.stop()
    # Twice, so that rows are replaced; then some are deleted and changed through SQL, and here in the same way.
    shell.answers(
        server.data_dir,
        [
            "INSERT INTO accounts SELECT * REPLACE (0 AS tiny) FROM staging",
            "INSERT INTO accounts SELECT * FROM staging",
            "DELETE FROM accounts WHERE id % 50 = 7",
            "UPDATE accounts SET name = 'changed', small = small + 1 WHERE id % 40 = 3",
        ],
    )
    judge = duckdb.connect(config={"threads": 1})
    judge.execute("SET TimeZone = 'UTC'")
    for name, table in (("events", events), ("accounts", accounts)):
        pq.write_table(table, folder / f"{name}.parquet")
        replaced = ", ".join(f"CAST({column} AS {kind}) AS {column}" for column, kind in KINDS.items())
        judge.execute(f"CREATE TABLE {name} AS SELECT * REPLACE ({replaced}) FROM '{folder / name}.parquet'")
    judge.execute("DELETE FROM accounts WHERE id % 50 = 7")
    judge.execute("UPDATE accounts SET name = 'changed', small = small + 1 WHERE id % 40 = 3")
    yield server.data_dir, judge


def as_text(query: str) -> str:
    return f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({query}) q"


def test_answers_are_those_of_duckdb(places: tuple[Path, Any], request: pytest.FixtureRequest) -> None:
    data, judge = places
    seed = request.config.getoption("--seed") or random.randrange(1, 2**31)
    print(f"seed {seed}")
    generator = Generator(random.Random(seed))
    queries = [generator.query() for _ in range(QUERIES)]
    given = shell.answers(data, [as_text(query) for query in queries])
    wrong, empty = [], 0
    for query, answer in zip(queries, given, strict=True):
        expected = judge.execute(as_text(query)).fetchall()
        ours = sorted((tuple(row.values()) for row in answer), key=repr)
        if ours != sorted(expected, key=repr):
            wrong.append(f"{query}\n  ours   ({len(ours)}): {ours[:3]}\n  DuckDB ({len(expected)}): {sorted(expected, key=repr)[:3]}")
        empty += not expected
    assert not wrong, f"{len(wrong)} of {QUERIES} with --seed {seed}\n" + "\n".join(wrong[:5])
    assert empty < QUERIES / 3, "queries without rows prove little"

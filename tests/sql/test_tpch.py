"""TPC-H at scale 0.1, loaded through pyfluss: each of the 22 queries gives what DuckDB gives on the generator's own Parquet files."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fluss
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from peers.thalweg import ThalwegServer
from sql import shell, tpch

duckdb = pytest.importorskip("duckdb", reason="run ./dev setup")
GENERATOR = shutil.which("tpchgen-cli", path=str(Path(sys.executable).parent)) or shutil.which("tpchgen-cli")

SCALE = "0.1"
LOAD_S_MAX = 280
BATCH_ROWS = 20_000


async def load(bootstrap: str, folder: Path) -> None:
    """Tables with a primary key by way of a log table: pyfluss upserts row by row, SQL does it in bulk."""
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        for name in tpch.TABLES:
            target = f"staged_{name}" if name in tpch.KEYS else name
            table = await connection.get_table(fluss.TablePath("fluss", target))
            writer = table.new_append().create_writer()
            rows = pq.read_table(folder / f"{name}.parquet")
            plain = pa.schema(
                [pa.field(f.name, pa.string() if pa.types.is_string_view(f.type) else f.type, nullable=False) for f in rows.schema]
            )
            for batch in rows.cast(plain).to_batches(max_chunksize=BATCH_ROWS):
                writer.write_arrow_batch(batch)
            await writer.flush()


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any]]:
    if GENERATOR is None:
        pytest.skip("tpchgen-cli is missing: run ./dev setup")
    folder = tmp_path_factory.mktemp("tpch")
    subprocess.run([GENERATOR, "parquet", "-s", SCALE, "--output-dir", str(folder)], check=True, capture_output=True)
    server = ThalwegServer(folder).start()
    server.stop()
    statements = []
    for name, columns in tpch.TABLES.items():
        if name in tpch.KEYS:
            statements.append(f"CREATE TABLE staged_{name} ({columns})")
            columns += f", PRIMARY KEY ({tpch.KEYS[name]}) NOT ENFORCED"
        statements.append(f"CREATE TABLE {name} ({columns}) WITH ('bucket.num' = '2')")
    shell.answers(server.data_dir, statements)
    server.start()
    asyncio.run(asyncio.wait_for(load(server.bootstrap, folder), LOAD_S_MAX))
    server.stop()
    shell.answers(server.data_dir, [f"INSERT INTO {name} SELECT * FROM staged_{name}" for name in tpch.KEYS])
    judge = duckdb.connect()
    for name in tpch.TABLES:
        judge.execute(f"CREATE VIEW {name} AS SELECT * FROM '{folder / name}.parquet'")
    yield server.data_dir, judge


def as_text(query: str) -> str:
    return f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({query}) q"


@pytest.mark.timeout(900)
def test_all_22_queries_are_equal(places: tuple[Path, Any]) -> None:
    data, judge = places
    given = shell.answers(data, [as_text(query) for query in tpch.QUERIES.values()])
    wrong = []
    for (number, query), answer in zip(tpch.QUERIES.items(), given, strict=True):
        expected = judge.execute(as_text(query)).fetchall()
        ours = sorted((tuple(row.values()) for row in answer), key=repr)
        expected.sort(key=repr)
        assert expected, f"query {number} gives nothing, so it proves nothing"
        if not same(ours, expected):
            wrong.append(f"{number}:\n  ours   ({len(ours)}): {ours[:3]}\n  DuckDB ({len(expected)}): {expected[:3]}")
    assert not wrong, "\n".join(wrong)


def same(ours: list[tuple], expected: list[tuple]) -> bool:
    """Averages and quotients of DOUBLE depend, in their last digits, on the order of the rows."""
    if len(ours) != len(expected):
        return False
    return all(
        len(a) == len(b) and all(x == y or (close(x, y)) for x, y in zip(a, b, strict=True))
        for a, b in zip(ours, expected, strict=True)
    )


def close(a: str | None, b: str | None) -> bool:
    try:
        return a is not None and b is not None and "." in a and abs(float(a) - float(b)) <= 1e-9 * abs(float(b))
    except ValueError:
        return False

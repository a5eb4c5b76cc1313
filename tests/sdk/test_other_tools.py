"""DuckDB, Polars, pyarrow and Ray over a table: they get what they ask for, and no more than that crosses the network."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import thalweg
from sdk.test_start import wait_until_gone
from thalweg._dataset import TableDataset
from thalweg._flight import FlightDoor

ROWS = 10_000
RAY_STORE_BYTES = 100 << 20
RAY_S_MAX = 200


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every ReadTable message that this process sends to the server."""
    messages: list[Any] = []
    send = FlightDoor.read

    def read(door: FlightDoor, of: Any) -> Any:
        messages.append(of)
        return send(door, of)

    monkeypatch.setattr(FlightDoor, "read", read)
    return messages


@pytest.fixture
def table(db: thalweg.Database, database: str) -> thalweg.Table:
    table = db.create_table(f"{database}.t", "id BIGINT, name STRING, price DOUBLE, day DATE", buckets=3, bucket_by="id")
    ids = range(ROWS)
    day = dt.date(1970, 1, 1)
    table.append(pa.table(
        {"id": ids, "name": [f"n{i % 10}" for i in ids], "price": [i / 2 for i in ids], "day": [day + dt.timedelta(i // 100) for i in ids]},
        table.schema,
    ))  # fmt: skip
    return table


@pytest.fixture
def t(table: thalweg.Table) -> TableDataset:
    """Called as in the queries: DuckDB finds it by its name."""
    return table.dataset()


def test_duckdb_reads_only_what_it_needs(asked: list[Any], t: TableDataset) -> None:
    assert duckdb.sql("select sum(price), count(*) from t where id between 100 and 199 and name = 'n3'").fetchall() == [(740.0, 10)]
    assert set(asked[-1].columns.names) <= {"price", "id", "name"}
    assert t.rows_received == 10
    assert duckdb.sql("select count(*) from t").fetchall() == [(10_000,)]
    assert len(asked[-1].columns.names) == 1
    assert duckdb.sql("select name from t where day = date '1970-01-03' and name in ('n1', 'n2') order by all limit 1").fetchall() == [("n1",)]
    assert t.rows_received <= 100


def test_duckdb_joins_a_table_with_its_own(t: TableDataset) -> None:
    duckdb.sql("create or replace temp table names as select 'n' || i as name, i from range(3) r(i)")
    found = duckdb.sql("select i, count(*) from t join names using (name) group by i order by i").fetchall()
    assert found == [(0, 1000), (1, 1000), (2, 1000)]


def test_polars_reads_only_what_it_needs(asked: list[Any], table: thalweg.Table) -> None:
    lazy = table.to_polars_lazy().filter((pl.col("id") >= 100) & (pl.col("id") < 200)).select("price")
    found = lazy.collect()
    assert sorted(found["price"].to_list()) == [i / 2 for i in range(100, 200)]
    assert asked[-1].HasField("filter")
    assert "day" not in asked[-1].columns.names
    assert table.to_polars_lazy().select(pl.len()).collect().item() == 10_000


def test_pyarrow_reads_only_what_it_needs(asked: list[Any], t: TableDataset) -> None:
    where = pc.field("id") < 3
    assert sorted(t.to_table(columns=["name"], filter=where).column("name").to_pylist()) == ["n0", "n1", "n2"]
    assert t.rows_received == 3
    assert t.filter(where).filter(pc.field("id") > 0).to_table().num_rows == 2
    assert t.to_table(columns={"twice": pc.field("price") * 2}).sort_by("twice").column("twice").to_pylist() == [float(i) for i in range(10_000)]
    assert (t.count_rows(), t.count_rows(where), t.head(2, ["id"]).num_rows) == (10_000, 3, 2)
    assert sum(batch.num_rows for batch in t.to_batches()) == 10_000


def test_a_dataset_is_no_files(t: TableDataset) -> None:
    import pickle

    with pytest.raises(NotImplementedError, match="no files"):
        list(t.get_fragments())
    with pytest.raises(TypeError, match="cannot be sent"):
        pickle.dumps(t)


@contextlib.contextmanager
def ray_session() -> Iterator[Any]:
    """Ray in a small frame, with none of its processes left at the end."""
    import ray

    ray.init(
        num_cpus=1, include_dashboard=False, log_to_driver=False, configure_logging=False, object_store_memory=RAY_STORE_BYTES
    )
    folder = str(ray._private.worker._global_node.get_session_dir_path())
    started = [int(process.name) for process in Path("/proc").iterdir() if process.name.isdigit() and folder in words(process)]
    try:
        yield ray
    finally:
        ray.shutdown()
    assert started
    for pid in started:
        wait_until_gone(pid)


def words(process: Path) -> str:
    with contextlib.suppress(OSError):
        return (process / "cmdline").read_text(errors="replace")
    return ""


@pytest.mark.timeout(RAY_S_MAX, method="signal")  # so that what it started ends even so
def test_ray_reads_in_tasks_of_its_own(table: thalweg.Table, asked: list[Any]) -> None:
    with ray_session() as ray:
        rows = table.to_ray(columns=["id", "price"], where=pc.field("id") < 1000)
        assert rows.schema().names == ["id", "price"]
        asked.clear()
        blocks = ray.get(rows.to_arrow_refs())
        assert all(0 < block.num_rows < 1000 for block in blocks)
        assert len(blocks) == table.bucket_count
        found = pa.concat_tables(blocks).sort_by("id")
        assert found.to_pydict() == {"id": list(range(1000)), "price": [i / 2 for i in range(1000)]}
    assert asked == []
    with pytest.raises(thalweg.ColumnNotFound):
        table.to_ray(columns=["nmae"])

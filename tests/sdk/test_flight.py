"""The Flight door of a real server: what is written is read, found by key, told as changes, and asked for in SQL."""

from __future__ import annotations

import datetime as dt
import io
import threading
from decimal import Decimal

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import thalweg

f = pc.field
STOCK = "item STRING, pieces INT, shelf STRING, price DECIMAL(10, 2), PRIMARY KEY (item)"
EVENTS = "id BIGINT, name STRING, price DOUBLE, day DATE, at TIMESTAMP(6), ok BOOLEAN, amount DECIMAL(12, 2), part INT"


@pytest.fixture
def stock(db: thalweg.Database, database: str) -> thalweg.Table:
    return db.create_table(f"{database}.stock", STOCK, buckets=3)


def events(count: int) -> pa.Table:
    start = dt.datetime(2026, 1, 1)
    return pa.Table.from_pylist(
        [
            {
                "id": i, "name": None if i % 11 == 0 else f"n{i % 10}", "price": i / 4, "day": (start + dt.timedelta(days=i % 30)).date(),
                "at": start + dt.timedelta(microseconds=i * 1_000_003), "ok": i % 3 == 0, "amount": Decimal(i) / 100, "part": i % 4,
            }
            for i in range(count)
        ],
        pa.schema([
            ("id", pa.int64()), ("name", pa.string()), ("price", pa.float64()), ("day", pa.date32()), ("at", pa.timestamp("us")),
            ("ok", pa.bool_()), ("amount", pa.decimal128(12, 2)), ("part", pa.int32()),
        ]),
    )  # fmt: skip


@pytest.fixture
def log(db: thalweg.Database, database: str) -> thalweg.Table:
    """20,000 rows in three buckets."""
    table = db.create_table(f"{database}.events", EVENTS, buckets=3, bucket_by="id")
    assert table.append(events(20_000)).rows == 20_000
    return table


def token_of(table: thalweg.Table) -> str:
    """What a scan of the whole table reflects."""
    scan = table.scan()
    scan.to_arrow()
    assert scan.token
    return scan.token


def by_id(rows: pa.Table) -> list[dict[str, object]]:
    found: list[dict[str, object]] = rows.sort_by("id").to_pylist()
    return found


def test_what_is_put_is_found_changed_and_deleted(stock: thalweg.Table) -> None:
    stock.upsert([{"item": "nail", "pieces": 100, "shelf": "A"}, {"item": "oar", "pieces": 2, "price": Decimal("12.50")}])
    assert stock.get("nail") == {"item": "nail", "pieces": 100, "shelf": "A", "price": None}
    stock.upsert({"item": "nail", "pieces": 90})
    assert stock.get("nail") == {"item": "nail", "pieces": 90, "shelf": "A", "price": None}
    written = stock.delete(["oar", "none"])
    assert written.rows == 2
    assert stock.get("oar") is None
    assert stock.scan(at_least=written.token).to_pylist() == [{"item": "nail", "pieces": 90, "shelf": "A", "price": None}]


def test_changes_and_where_they_begin(stock: thalweg.Table) -> None:
    first = stock.upsert({"item": "nail", "pieces": 1})
    stock.upsert({"item": "nail", "pieces": 2})
    stock.delete("nail")
    told = [(row["_change_type"], row["pieces"]) for row in stock.changes().to_pylist()]
    assert told == [("insert", 1), ("update_before", 1), ("update_after", 2), ("delete", 2)]
    assert [row["_change_type"] for row in stock.changes(["_change_type"], since=first.token).to_pylist()] == ["update_before", "update_after", "delete"]
    assert stock.changes(until=first.token).to_arrow().num_rows == 1
    scan = stock.changes()
    scan.to_arrow()
    assert scan.token is not None
    assert stock.changes(since=scan.token).to_arrow().num_rows == 0


def test_following_sees_what_comes(db: thalweg.Database, database: str) -> None:
    stock = db.create_table(f"{database}.stock", STOCK, buckets=1)
    stock.upsert({"item": "before", "pieces": 0})
    with stock.follow(["_change_type", "item"], since="now") as changes:
        writing = threading.Thread(target=lambda: stock.upsert({"item": "after", "pieces": 1}))
        writing.start()
        assert next(changes).to_pylist() == [{"_change_type": "insert", "item": "after"}]
        writing.join()
        token = changes.token
    assert token is not None
    stock.upsert({"item": "later", "pieces": 1})
    with stock.follow(["item"], since=token) as changes:
        assert next(changes).to_pylist() == [{"item": "later"}]


def test_a_scan_has_every_row(log: thalweg.Table) -> None:
    scan = log.scan()
    assert by_id(scan.to_arrow()) == events(20_000).to_pylist()
    assert scan.token is not None
    assert log.scan(["part", "id"]).to_arrow().schema.names == ["part", "id"]
    assert log.scan(limit=7).to_arrow().num_rows == 7
    buckets = [log.scan(["id"], buckets=[("", bucket)]).to_arrow().num_rows for bucket in range(3)]
    assert sum(buckets) == 20_000
    assert min(buckets) > 0


@pytest.mark.parametrize(
    "where",
    [
        f("id") == 77, f("id") != 77, f("id") < 10, f("id") >= 19_990, f("price") > 4_999.5, f("price") <= 0.25, f("name") == "n3",
        f("name") >= "n8", f("name").is_null(), f("name").is_valid(), f("day") == dt.date(2026, 1, 5), f("day") < dt.date(2026, 1, 2),
        f("at") >= dt.datetime(2026, 1, 1, 5), f("ok"), ~f("ok"), f("amount") == Decimal("1.50"), f("amount") > Decimal("199.90"),
        f("part").isin([1, 3]), f("name").isin(["n1", "zz"]), (f("id") > 100) & (f("id") < 120) & f("ok"),
        (f("id") == 1) | (f("id") == 20_000) | (f("name") == "n2"), (f("id") > 19_000) & pc.starts_with(f("name"), "n1"),
        (f("part") * 2 == 4) & (f("id") < 100),
    ],
)  # fmt: skip
def test_conditions_are_those_of_pyarrow(log: thalweg.Table, where: pc.Expression) -> None:
    expected = events(20_000).filter(where)
    assert by_id(log.scan(where=where).to_arrow()) == by_id(expected)
    assert sorted(log.scan(["id"], where=where).to_arrow().column("id").to_pylist()) == sorted(expected.column("id").to_pylist())


def test_a_scan_in_every_form(log: thalweg.Table) -> None:
    scan = log.scan(["id", "name"], where=f("id") < 500)
    expected = events(500).select(["id", "name"])
    assert scan.schema == expected.schema
    frames = [scan.to_arrow(), pa.table(scan), scan.to_reader().read_all(), pa.Table.from_pandas(scan.to_pandas(), expected.schema),
              scan.to_polars().to_arrow().cast(expected.schema), pl.DataFrame(scan).to_arrow().cast(expected.schema),
              pa.Table.from_batches(list(scan)), pa.Table.from_pylist(scan.to_pylist(), expected.schema)]  # fmt: skip
    for rows in frames:
        assert rows.sort_by("id").combine_chunks() == expected
    reader = scan.to_reader()
    assert duckdb.sql("select count(*), max(id) from reader").fetchall() == [(500, 499)]


FORMS = ("table", "batch", "reader", "pandas", "polars", "lazy", "dicts")


def in_form(form: str, rows: pa.Table) -> object:
    frames = {
        "table": lambda: rows, "batch": lambda: rows.to_batches()[0], "reader": rows.to_reader, "pandas": rows.to_pandas,
        "polars": lambda: pl.DataFrame(rows), "lazy": lambda: pl.DataFrame(rows).lazy(), "dicts": rows.to_pylist,
    }  # fmt: skip
    return frames[form]()


@pytest.mark.parametrize("form", FORMS)
def test_writes_in_every_form(db: thalweg.Database, database: str, stock: thalweg.Table, form: str) -> None:
    rows = pa.table({"item": ["a", "ü"], "shelf": ["A", None]})
    full = [{"item": "a", "pieces": None, "shelf": "A", "price": None}, {"item": "ü", "pieces": None, "shelf": None, "price": None}]
    assert stock.upsert(in_form(form, rows)).rows == 2  # type: ignore[arg-type]
    assert stock.get(["a", "ü"]).to_pylist() == full
    log = db.create_table(f"{database}.log", "item STRING, shelf STRING")
    assert log.append(in_form(form, rows)).rows == 2  # type: ignore[arg-type]
    assert log.scan().to_pylist() == rows.to_pylist()
    assert stock.delete(in_form(form, rows.select(["item"])) if form not in ("reader", "lazy") else ["a", "ü"]).rows == 2
    assert stock.get(["a", "ü"]).num_rows == 0


def test_a_single_row_is_a_dict(db: thalweg.Database, database: str) -> None:
    log = db.create_table(f"{database}.log", "id INT, name STRING")
    assert log.append({"name": "x", "id": 1}).rows == 1
    assert log.scan().to_pylist() == [{"id": 1, "name": "x"}]


def test_names_that_are_not_there(db: thalweg.Database, stock: thalweg.Table) -> None:
    for call in (
        lambda: stock.upsert({"item": "a", "peices": 1}), lambda: stock.scan(["peices"]), lambda: stock.scan(where=f("peices") > 1),
        lambda: stock.get("a", columns=["peices"]), lambda: stock.follow(["peices"]), lambda: stock.changes(["peices"]),
    ):  # fmt: skip
        with pytest.raises(thalweg.ColumnNotFound, match="Did you mean 'pieces'"):
            call()
    with pytest.raises(thalweg.TableNotFound, match="Did you mean"):
        db.table(f"{stock.name}s")


def test_partitions(db: thalweg.Database, database: str) -> None:
    table = db.create_table(f"{database}.parts", "region STRING, id INT, PRIMARY KEY (region, id)", partitioned_by="region", buckets=2)
    table.upsert([{"region": region, "id": i} for region in ("eu", "us") for i in range(50)])
    assert table.scan(partitions=["eu"]).to_arrow().num_rows == 50
    assert set(table._buckets()) == {(region, bucket) for region in ("eu", "us") for bucket in range(2)}
    assert table.get(region="us", id=7) == {"region": "us", "id": 7}


@pytest.mark.parametrize(
    "rows, error, message",
    [
        ([{"item": None, "pieces": 1}], thalweg.ThalwegError, "item"),
        ([{"pieces": 1}], thalweg.ThalwegError, "item"),
        (pa.table({"item": ["a"], "pieces": ["x"]}), thalweg.ThalwegError, "pieces"),
        (pa.table({"item": ["a"], "pieces": [1 << 40]}), thalweg.ThalwegError, "pieces"),
    ],
)
def test_rows_that_do_not_fit_are_refused_with_the_column(stock: thalweg.Table, rows, error, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=message):
        stock.upsert(rows)
    assert stock.scan().to_arrow().num_rows == 0


def test_sql(db: thalweg.Database, log: thalweg.Table) -> None:
    found = db.sql(f"select part, count(*) as n, max(price) as top from {log.name} where id < 1000 group by part order by part")
    expected = [{"part": part, "n": 250, "top": (996 + part) / 4} for part in range(4)]
    assert found.schema.names == ["part", "n", "top"]
    assert found.to_pylist() == found.to_arrow().to_pylist() == found.to_polars().to_dicts() == expected
    pd.testing.assert_frame_equal(found.to_pandas(), pd.DataFrame(expected), check_dtype=False)
    assert sum(batch.num_rows for batch in db.sql(f"select id from {log.name}")) == 20_000
    for query, message in (("select * from nowhere", "nowhere"), ("selekt 1", "selekt"), (f"select prise from {log.name}", "price")):
        with pytest.raises(thalweg.ThalwegError, match=message):
            db.sql(query).to_arrow()


def test_sql_tells_what_it_reflects_and_waits_for_what_it_must_see(db: thalweg.Database, stock: thalweg.Table, log: thalweg.Table) -> None:
    written = stock.upsert([{"item": f"i{i}", "pieces": i} for i in range(10)])
    found = db.sql(f"select count(*) as n from {stock.name} join {log.name} on pieces = id", at_least=written.token)
    assert found.token is None, "nothing was read yet"
    assert found.to_pylist() == [{"n": 10}]
    assert found.token is not None
    assert set(found.token.split(",")) == set(f"{token_of(stock)},{token_of(log)}".split(","))
    changed = db.sql(f"update {stock.name} set shelf = 'A' where item = 'i3'")
    assert changed.to_pylist() == [{"Count": 1}]
    assert changed.token
    assert list(stock.changes(["item"], since=written.token, until=changed.token).to_pylist()) == [{"item": "i3"}] * 2
    again = db.sql(f"select shelf from {stock.name} where item = 'i3'", at_least=changed.token)
    assert again.to_pylist() == again.to_pylist() == [{"shelf": "A"}]
    bucket, _, end = changed.token.split(",")[0].rpartition(":")
    for token, error, message in (
        ("nonsense", thalweg.ThalwegError, "is no token"),
        (f"{bucket.split('/')[0]}/9:1", thalweg.TableNotFound, "(?i)bucket"),
        ("4711/0:1", thalweg.TableNotFound, "4711"),
    ):
        with pytest.raises(error, match=message):
            db.sql("select 1", at_least=token)
    writer = threading.Timer(0.3, lambda: stock.upsert([{"item": f"j{i}"} for i in range(30)]))
    writer.start()
    assert db.sql(f"select count(*) > 10 as more from {stock.name}", at_least=f"{bucket}:{int(end) + 1}").to_pylist() == [{"more": True}]
    writer.join()


def test_duckdb_and_polars_over_a_table(log: thalweg.Table) -> None:
    t = log.dataset()
    assert duckdb.sql("select count(*), sum(price) from t where id between 100 and 199 and day >= date '2026-01-10'").fetchall() == [
        (sum((i % 30) >= 9 for i in range(100, 200)), sum(i / 4 for i in range(100, 200) if (i % 30) >= 9))
    ]
    assert t.rows_received <= 100
    lazy = log.to_polars_lazy().filter(pl.col("id") < 50).select("id")
    assert sorted(lazy.collect()["id"].to_list()) == list(range(50))


def test_a_statement_is_run_once_however_often_its_result_is_read(db: thalweg.Database, database: str) -> None:
    db.sql(f"create table {database}.t (id int)")
    inserted = db.sql(f"insert into {database}.t values (1), (2)")
    counted = db.sql(f"select count(*) as n from {database}.t")
    for _ in range(2):
        assert inserted.to_pylist() == [{"Count": 2}]
        assert counted.to_pylist() == [{"n": 2}]
    db.sql(f"insert into {database}.t values (3)")
    assert counted.to_pylist() == [{"n": 3}], "a query is asked anew"


def test_results_that_nobody_reads_hold_nothing(db: thalweg.Database) -> None:
    kept = [db.sql(f"select {i} as i from range(1000000000)") for i in range(40)]
    assert next(iter(kept[-1]))["i"][0].as_py() == 39


def test_the_token_of_a_long_write_names_all_of_its_buckets(db: thalweg.Database, database: str) -> None:
    """Each of its batches goes to buckets of its own."""
    t = db.create_table(f"{database}.t", "part STRING, n INT", partitioned_by="part", buckets=1)
    rows = pa.table({"part": [f"p{i // 1000}" for i in range(5000)], "n": range(5000)})
    written = t.append(rows.to_reader(max_chunksize=1000))
    assert len(written.token.split(",")) == 5
    assert t.changes(since=written.token).to_arrow().num_rows == 0
    assert t.append({"part": "p3", "n": -1}).rows == 1
    assert t.changes(["n"], since=written.token).to_pylist() == [{"n": -1}]


def test_long_transfers_show_how_far_they_are(db: thalweg.Database, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from thalweg import _progress

    screen = io.StringIO()
    screen.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(_progress.sys, "stderr", screen)
    monkeypatch.setattr(_progress, "SHOWN_AFTER_S", 0.0)

    def shown() -> str:
        text = screen.getvalue()
        screen.truncate(screen.seek(0))
        return text

    t = db.create_table(f"{database}.t", "id INT, a STRING, PRIMARY KEY (id)")
    t.upsert(pa.table({"id": pa.array(range(1000), pa.int32())}))
    assert "writing 1,000 of 1,000 rows" in shown()
    t.scan().to_arrow()
    assert "reading 1,000 rows" in shown()
    db.sql(f"select * from {t.name}").to_pandas()
    assert "reading 1,000 rows" in shown()
    t.delete(list(range(1000)))
    assert "writing 1,000 of 1,000 rows" in shown()


async def test_the_asynchronous_face(server: thalweg.Server, database: str) -> None:
    async with await thalweg.aio.connect(server.address) as connection:
        await connection.create_database(database, exist_ok=True)
        table = await connection.create_table(f"{database}.aio", "id INT, a STRING, PRIMARY KEY (id)")
        assert (await table.upsert([{"id": 1, "a": "x"}])).rows == 1
        assert await (await table.scan()).to_pylist() == [{"id": 1, "a": "x"}]
        async with await table.follow(["id", "_change_type"], since="beginning") as changes:
            async for batch in changes:
                assert batch.to_pylist() == [{"id": 1, "_change_type": "insert"}]
                break
        assert await table.get(1) == {"id": 1, "a": "x"}
        assert [row["_change_type"] for row in await (await table.changes()).to_pylist()] == ["insert"]
        found = await connection.sql(f"select a from {table.name}", at_least=(await table.upsert([{"id": 1, "a": "x"}])).token)
        assert await found.to_pylist() == [{"a": "x"}]
        assert found.token
        assert (await table.delete(1)).rows == 1
        assert [batch async for batch in await table.scan()] == []

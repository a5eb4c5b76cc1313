"""`thalweg lookup`: keys as people write them, rows as `consume` prints them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from peers.places import thalweg_binary
from peers.thalweg import ThalwegServer

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThalwegServer]:
    started = ThalwegServer(tmp_path_factory.mktemp("lookup")).start()
    thalweg(started, "table", "create", "stock", "id BIGINT, name STRING, PRIMARY KEY (id)", "--buckets", "5")
    rows = "".join(f'{{"id": {i}, "name": "n{i}"}}\n' for i in range(300))
    thalweg(started, "produce", "stock", "--format", "json", given=rows)
    thalweg(
        started, "table", "create", "orders", "id INT, region STRING, day DATE, price DOUBLE, PRIMARY KEY (region, day, id)",
        "--bucket-key", "region", "--buckets", "3",
    )  # fmt: skip
    rows = "".join(
        f'{{"id": {i}, "region": "{region}", "day": "2026-03-01", "price": {i / 2}}}\n' for i in range(20) for region in ("eu", "u,s")
    )
    thalweg(started, "produce", "orders", "--format", "json", given=rows)
    yield started
    started.stop()


def run(server: ThalwegServer, *words: str, given: str | None = None) -> Done:
    return subprocess.run(
        [str(thalweg_binary()), *words, "--server", server.bootstrap], input=given, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


def thalweg(server: ThalwegServer, *words: str, given: str | None = None) -> Done:
    done = run(server, *words, given=given)
    assert done.returncode == 0, done.stderr
    return done


def rows(done: Done) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_keys_of_one_column(server: ThalwegServer) -> None:
    done = thalweg(server, "lookup", "stock", "7", "299", "5", "--columns", "name,id")
    assert rows(done) == [{"name": f"n{i}", "id": i} for i in (7, 299, 5)]
    assert done.stderr == ""


def test_keys_without_a_row_are_counted(server: ThalwegServer) -> None:
    done = thalweg(server, "lookup", "stock", "7", "1000", "1001")
    assert rows(done) == [{"id": 7, "name": "n7"}]
    assert done.stderr == "2 of 3 keys have no row in fluss.stock\n"
    assert thalweg(server, "lookup", "stock", "1000", "--quiet").stderr == ""


def test_a_row_of_nulls_for_each_key_without_one(server: ThalwegServer, tmp_path: Path) -> None:
    done = thalweg(server, "lookup", "stock", "1000", "7", "--missing", "null")
    assert rows(done) == [{"id": None, "name": None}, {"id": 7, "name": "n7"}]
    file = tmp_path / "found.parquet"
    thalweg(server, "lookup", "stock", "1000", "7", "--missing", "null", "--columns", "id", "--output", str(file))
    assert pq.read_table(file).to_pylist() == [{"id": None}, {"id": 7}]
    assert "write drop or null" in run(server, "lookup", "stock", "7", "--missing", "none").stderr
    assert "is for whole keys" in run(server, "lookup", "orders", "eu", "--prefix", "--missing", "null").stderr


def test_keys_of_several_columns(server: ThalwegServer) -> None:
    expected = {"id": 3, "region": "eu", "day": "2026-03-01", "price": 1.5}
    assert rows(thalweg(server, "lookup", "orders", "eu,2026-03-01,3")) == [expected]
    key = json.dumps({"id": 3, "region": "u,s", "day": "2026-03-01"})
    assert rows(thalweg(server, "lookup", "orders", key)) == [{**expected, "region": "u,s"}]


def test_prefixes(server: ThalwegServer) -> None:
    found = rows(thalweg(server, "lookup", "orders", "--prefix", "eu", "--columns", "id"))
    assert sorted(row["id"] for row in found) == list(range(20))  # type: ignore[type-var]


def test_keys_of_a_file(server: ThalwegServer, tmp_path: Path) -> None:
    wanted = tmp_path / "wanted.csv"
    wanted.write_text("other,id\nx,5\ny,6\n")
    thalweg(server, "lookup", "stock", "4", "--keys", str(wanted), "--output", str(tmp_path / "rows.parquet"))
    assert pq.read_table(tmp_path / "rows.parquet").column("name").to_pylist() == ["n4", "n5", "n6"]
    assert rows(thalweg(server, "lookup", "stock", "--keys", "-", "--keys-format", "json", given='{"id": 9}\n')) == [
        {"id": 9, "name": "n9"}
    ]


@pytest.mark.parametrize(
    "words, message",
    [
        (["stock"], "Name the keys"),
        (["stock", "x"], "column id"),
        (["orders", "eu,2026-03-01"], "too few values between commas (a key is region,day,id)"),
        (["orders", '{"id": 3}'], "no JSON object with the key columns"),
        (["stock", "7", "--columns", "nmae"], "has no column 'nmae'; it has id, name"),
        (["stock", "--prefix", "7"], "cannot be looked up by prefix"),
        (["none", "7"], "none"),
    ],
)
def test_what_is_wrong_is_said(server: ThalwegServer, words: list[str], message: str) -> None:
    done = run(server, "lookup", *words)
    assert done.returncode == 1
    assert message in done.stderr, done.stderr
    assert done.stdout == ""


def test_rows_deleted_by_key(server: ThalwegServer) -> None:
    columns = "region STRING, id INT, name STRING NOT NULL, PRIMARY KEY (region, id)"
    thalweg(server, "table", "create", "parts", columns, "--partition-by", "region", "--buckets", "3")
    given = "".join(f'{{"region": "eu", "id": {i}, "name": "n"}}\n' for i in range(10))
    thalweg(server, "produce", "parts", "--format", "json", given=given)
    done = thalweg(server, "produce", "parts", "--format", "csv", "--delete", given="id,region\n3,eu\n4,eu\n99,eu\n3,us\n")
    assert re.fullmatch(r"3 rows in .* deleted from fluss\.parts\n", done.stderr)
    assert [row["id"] for row in rows(thalweg(server, "lookup", "parts", "eu,2", "eu,3", "eu,4", "eu,5"))] == [2, 5]
    assert run(server, "consume", "parts", "--partition", "us").returncode != 0  # nothing made it for the sake of a delete
    assert "column id: there is no value" in run(server, "produce", "parts", "--format", "csv", "--delete", given="region\neu\n").stderr
    thalweg(server, "table", "create", "lines", "a INT")
    refused = run(server, "produce", "lines", "--format", "json", "--delete", given='{"a": 1}\n')
    assert refused.returncode != 0 and "has no primary key" in refused.stderr

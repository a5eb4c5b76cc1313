"""`thalweg table`, `produce` and `consume` against a running server; pyfluss reads what they wrote."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import fluss
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from peers.child import Child
from peers.places import thalweg_binary
from peers.thalweg import ThalwegServer

COLUMNS = "id BIGINT NOT NULL, name STRING, price DECIMAL(10, 2), at TIMESTAMP_LTZ(3), tags ARRAY<STRING>"


class CommandLine:
    """Runs `thalweg` against one server."""

    def __init__(self, server: ThalwegServer, place: Path):
        self.server = server
        self.place = place
        self.environment = {**os.environ, "THALWEG_SERVER": server.bootstrap}

    def run(self, *arguments: str, stdin: str = "", status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(thalweg_binary()), *arguments], cwd=self.place, env=self.environment, input=stdin,
            capture_output=True, text=True, timeout=60, check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def rows(self, *arguments: str) -> list[dict]:
        return [json.loads(line) for line in self.run("consume", *arguments).stdout.splitlines()]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThalwegServer]:
    server = ThalwegServer(tmp_path_factory.mktemp("rows")).start()
    yield server
    server.stop()


@pytest.fixture
def cli(server: ThalwegServer, tmp_path: Path) -> CommandLine:
    return CommandLine(server, tmp_path)


@pytest.fixture
def table(cli: CommandLine, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a table that is dropped afterwards, if the test made it."""
    name = re.sub(r"\W", "_", request.node.name)
    yield name
    cli.run("table", "drop", name, "--if-exists")


def test_a_table_from_its_creation_to_its_end(cli: CommandLine, table: str) -> None:
    created = cli.run(
        "table", "create", table, COLUMNS, "--buckets", "3", "--bucket-key", "id", "--option", "table.log.ttl=30d",
        "--option", "owner=me", "--comment", "for the test",
    )
    assert created.stdout == f"created fluss.{table}\n"
    assert re.search(rf"fluss\.{table} +log +5 +- +3\n", cli.run("table", "list").stdout)
    assert table in {entry["table"] for entry in json.loads(cli.run("table", "list", "fluss", "--json").stdout)}

    text = cli.run("table", "describe", table).stdout
    for line in (r"price +DECIMAL\(10, 2\)", r"id +BIGINT NOT NULL", r"table\.log\.ttl = 30d", r"owner = me", "for the test"):
        assert re.search(line, text), text

    cli.run("table", "alter", table, "--set", "table.log.ttl=1d", "--unset", "owner")
    cli.run("table", "alter", table, "--add-column", "note STRING COMMENT 'late'")
    described = json.loads(cli.run("table", "describe", table, "--json").stdout)
    assert described["schema_version"] == 2
    assert described["descriptor"]["properties"]["table.log.ttl"] == "1d"
    assert described["descriptor"]["custom_properties"] == {}
    assert [column["name"] for column in described["descriptor"]["schema"]["columns"]][-1] == "note"

    cli.run("table", "create", table, COLUMNS, "--if-not-exists")
    cli.run("table", "create", "made_here.t", "id INT", "--create-database")
    cli.run("table", "drop", "made_here.t")
    refused = cli.run("table", "create", table, COLUMNS, status=1)
    assert "exists" in refused.stderr
    assert cli.run("table", "drop", table).stdout == f"dropped fluss.{table}\n"
    cli.run("table", "drop", table, status=1)
    cli.run("table", "drop", table, "--if-exists")


def test_rows_survive_the_way_through_every_format(cli: CommandLine, table: str) -> None:
    cli.run("table", "create", table, COLUMNS)
    rows = [
        {"id": 1, "name": 'a, "b"', "price": "1.50", "at": "2026-11-22 09:30:00.250Z", "tags": ["x", None]},
        {"id": 2, "name": "", "price": None, "at": None, "tags": []},
        {"id": 3, "name": None, "price": "-0.01", "at": "1969-12-31 23:59:59Z", "tags": None},
    ]
    done = cli.run("produce", table, stdin="".join(json.dumps(row) + "\n" for row in rows))
    assert re.match(rf"3 rows in \d+\.\d s \([\d,]+ rows/s\) to fluss\.{table}\n", done.stderr)
    assert done.stdout == ""
    assert cli.rows(table) == rows

    cli.run("consume", table, "--output", "out.csv")
    cli.run("produce", table, "out.csv", "--quiet")
    cli.run("consume", table, "--from", "3", "--output", "out.parquet")
    assert pq.read_table(cli.place / "out.parquet")["at"].type == pa.timestamp("ms", "UTC")
    cli.run("produce", table, "out.parquet")
    assert cli.rows(table) == rows * 3
    assert cli.rows(table, "--from", "4", "--limit", "3", "--columns", "name,id") == [
        {"name": row["name"], "id": row["id"]} for row in (rows * 3)[4:7]
    ]
    shown = cli.run("consume", table, "--format", "table", "--limit", "1").stdout
    assert re.search(r"^ *id  name", shown) and "1.50" in shown


def test_keys_and_partitions_choose_as_other_clients_do(cli: CommandLine, table: str) -> None:
    cli.run("table", "create", table, "day STRING, id INT, v STRING", "--partition-by", "day", "--bucket-key", "id", "--buckets", "3")
    lines = "".join(json.dumps({"day": f"d{i % 2}", "id": i % 6, "v": str(i)}) + "\n" for i in range(60))
    cli.run("produce", table, stdin=lines)
    rows = cli.rows(table, "--with-position")
    assert len(rows) == 60
    # Fluss's own hash of the keys 0 to 5 over three buckets.
    assert {(row["id"], row["_bucket"]) for row in rows} == set(enumerate([2, 0, 0, 1, 1, 0]))
    assert all(row["_partition"] == row["day"] for row in rows)
    for key in range(6):
        of_key = [int(row["v"]) for row in rows if row["id"] == key]
        assert of_key == sorted(of_key), "the order of one key is kept"
    assert {row["day"] for row in cli.rows(table, "--partition", "d1")} == {"d1"}
    assert "no partition d9" in cli.run("consume", table, "--partition", "d9", status=1).stderr


@pytest.mark.parametrize("log_format", ["ARROW", "INDEXED", "COMPACTED"])
def test_every_log_format_is_written_and_read(cli: CommandLine, table: str, log_format: str) -> None:
    cli.run("table", "create", table, "id BIGINT, name STRING, price DECIMAL(10, 2)", "--option", f"table.log.format={log_format}")
    cli.run("produce", table, stdin="".join(json.dumps({"id": i, "name": f"n{i}", "price": f"{i}.25"}) + "\n" for i in range(5000)))
    assert [row["id"] for row in cli.rows(table)] == list(range(5000))
    assert cli.rows(table, "--columns", "price", "--from", "4999") == [{"price": "4999.25"}]


def test_pyfluss_reads_what_was_produced(cli: CommandLine, server: ThalwegServer, table: str) -> None:
    cli.run("table", "create", table, "id BIGINT, name STRING")
    cli.run("produce", table, stdin="".join(json.dumps({"id": i, "name": f"n{i}"}) + "\n" for i in range(5000)))

    async def read() -> pa.Table:
        async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": server.bootstrap})) as connection:
            handle = await connection.get_table(fluss.TablePath("fluss", table))
            scanner = await handle.new_scan().create_record_batch_log_scanner()
            scanner.subscribe(0, fluss.EARLIEST_OFFSET)
            return await scanner.to_arrow()

    seen = asyncio.run(read())
    assert seen["id"].to_pylist() == list(range(5000))
    assert seen["name"].to_pylist() == [f"n{i}" for i in range(5000)]


@pytest.mark.parametrize("kv_format", ["COMPACTED", "INDEXED"])
def test_rows_are_put_by_key_and_changes_read(cli: CommandLine, server: ThalwegServer, table: str, kv_format: str) -> None:
    columns = "id BIGINT NOT NULL, day STRING NOT NULL, name STRING, tags ARRAY<STRING>, PRIMARY KEY (id, day)"
    cli.run("table", "create", table, columns, "--partition-by", "day", "--buckets", "3", "--option", f"table.kv.format={kv_format}")
    first = [{"id": i, "day": f"d{i % 2}", "name": f"n{i}", "tags": ["a", None]} for i in range(100)]
    done = cli.run("produce", table, stdin="".join(json.dumps(row) + "\n" for row in first))
    assert "100 rows" in done.stderr
    assert sorted(cli.rows(table), key=lambda row: row["id"]) == [{"_change": "+I", **row} for row in first]

    changed = {**first[7], "name": None}
    cli.run("produce", table, stdin=json.dumps(changed) + "\n")
    changes = [row for row in cli.rows(table, "--columns", "name,id", "--with-position") if row["id"] == 7]
    assert [(row["_change"], row["_partition"], row["name"]) for row in changes] == [
        ("+I", "d1", "n7"), ("-U", "d1", "n7"), ("+U", "d1", None)]
    assert len(cli.rows(table)) == 102
    if kv_format == "INDEXED":
        return  # pyfluss cannot look such rows up

    async def read() -> list[dict | None]:
        async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": server.bootstrap})) as connection:
            lookuper = (await connection.get_table(fluss.TablePath("fluss", table))).new_lookup().create_lookuper()
            return [await lookuper.lookup({"id": i, "day": f"d{i % 2}"}) for i in range(100)]

    assert asyncio.run(read()) == [changed if row["id"] == 7 else row for row in first], "pyfluss finds them in the same buckets"


def test_some_columns_change_and_the_others_stay(cli: CommandLine, table: str) -> None:
    cli.run("table", "create", table, "id BIGINT NOT NULL, name STRING, pieces INT, shelf STRING, PRIMARY KEY (id)", "--buckets", "2")
    cli.run("produce", table, stdin="".join(f'{{"id":{i},"name":"n{i}","pieces":{i},"shelf":"a"}}\n' for i in range(4)))
    done = cli.run("produce", table, "--columns", "pieces,shelf", stdin='{"id":1,"pieces":10,"name":"lost"}\n{"id":9,"shelf":"z"}\n')
    assert "2 rows" in done.stderr
    found = [json.loads(line) for line in cli.run("lookup", table, "1", "2", "9").stdout.splitlines()]
    assert found == [
        {"id": 1, "name": "n1", "pieces": 10, "shelf": None},
        {"id": 2, "name": "n2", "pieces": 2, "shelf": "a"},
        {"id": 9, "name": None, "pieces": None, "shelf": "z"},
    ]
    (cli.place / "shelves.csv").write_text("shelf,id\nb,2\nc,3\n")
    cli.run("produce", table, "shelves.csv", "-c", "shelf", "--quiet")
    rows = {row["id"]: row for row in cli.rows(table) if row["_change"] == "+U"}
    assert (rows[2]["shelf"], rows[2]["name"], rows[3]["shelf"]) == ("b", "n2", "c")


def test_some_columns_are_of_rows_under_a_key(cli: CommandLine, table: str) -> None:
    cli.run("table", "create", table, "id BIGINT NOT NULL, name STRING")
    wrong = cli.run("produce", table, "--columns", "name", stdin='{"id":1}\n', status=1)
    assert f"fluss.{table} has no primary key" in wrong.stderr
    cli.run("table", "drop", table)
    cli.run("table", "create", table, "id BIGINT NOT NULL, name STRING, PRIMARY KEY (id)")
    assert "no column 'nam'" in cli.run("produce", table, "--columns", "nam", stdin="", status=1).stderr
    assert "leave --columns out" in cli.run("produce", table, "--columns", "name", "--delete", stdin="", status=1).stderr


def test_following_shows_rows_as_they_come(cli: CommandLine, table: str) -> None:
    cli.run("table", "create", table, "id INT")
    cli.run("produce", table, stdin='{"id":1}\n')
    child = Child(
        [str(thalweg_binary()), "consume", table, "--follow", "--from", "latest", "--limit", "2"],
        cli.place / "log", cwd=cli.place, env=cli.environment,
    )
    try:
        # It may not have asked for the end of the log yet: rows go on coming until it shows one.
        for number in range(2, 200):
            cli.run("produce", table, "--quiet", stdin=f'{{"id":{number}}}\n')
            if not child.running():
                break
        child.wait_for_line(r'^\{"id":\d+\}$', 20)
        assert child.wait(20) == 0
        assert '{"id":1}' not in child.last_output().splitlines()
    finally:
        child.kill()


def test_reading_ends_where_it_is_told_to(cli: CommandLine, table: str) -> None:
    cli.run("table", "create", table, "id INT")
    for number in range(3):
        cli.run("produce", table, stdin=f'{{"id":{number}}}\n')
    last = cli.rows(table, "--with-position")[2]
    assert cli.rows(table, "--until", "2") == [{"id": 0}, {"id": 1}]
    assert cli.rows(table, "--from", "1", "--until", "2") == [{"id": 1}]
    assert [row["id"] for row in cli.rows(table, "--until", last["_time"])] == [0, 1]
    assert cli.rows(table, "--until", "earliest") == cli.rows(table, "--from", "2", "--until", "1") == []
    assert "leave --until out" in cli.run("consume", table, "--follow", "--until", "2", status=1).stderr
    assert "--until soon: write" in cli.run("consume", table, "--until", "soon", status=1).stderr


def test_times_choose_where_to_begin(cli: CommandLine, table: str) -> None:
    cli.run("table", "create", table, "id INT")
    cli.run("produce", table, stdin='{"id":1}\n')
    first = cli.rows(table, "--with-position")[0]
    assert cli.rows(table, "--from", first["_time"]) == [{"id": 1}]
    assert cli.rows(table, "--from", "2020-01-01T00:00:00Z") == [{"id": 1}]
    assert cli.rows(table, "--from", "latest") == []
    assert "in the future" in cli.run("consume", table, "--from", "2999-01-01", status=1).stderr


def test_what_cannot_be_done_is_said(cli: CommandLine, table: str) -> None:
    cli.run("table", "create", table, COLUMNS)
    for arguments, stdin, says in [
        (["produce", table], '{"id":1}\n{"id":"x"}\n', r"standard input: row 2: column id: 'x' is not a BIGINT"),
        (["produce", table], '{"id":1,"nme":"x"}\n', r"row 1: the table has no column 'nme'"),
        (["produce", table], '{"name":"x"}\n', r"row 1: column id: there is no value, but the column is NOT NULL"),
        (["produce", table, "x.txt"], "", r"What is x\.txt\? Say --format"),
        (["produce", table, "missing.csv"], "", r"missing\.csv"),
        (["produce", "no_such"], "", r"no_such"),
        (["consume", table, "--columns", "prize"], "", r"has no column 'prize'; it has id, name, price, at, tags"),
        (["consume", table, "--from", "yesterday"], "", r"--from yesterday: write earliest, latest"),
        (["consume", table, "--format", "xml"], "", r"'xml' is no format"),
        (["consume", "a.b.c"], "", r"'a\.b\.c' is not a table"),
        (["table", "create", "x", "id BIGIT"], "", r"Expected a type.* at 'BIGIT'"),
        (["table", "create", "nowhere.x", "id INT"], "", r"Database nowhere .*--create-database"),
        (["table", "create", "x", "id INT,"], "", r"Expected a name at the end \(position 8"),
        (["produce", table, "--format", "csv"], "id,id\n1,2\n", r"standard input: the first line names the column 'id' twice"),
        (["table", "alter", table], "", r"Nothing to change"),
        (["table", "list", "--server", "127.0.0.1:1"], "", r"No connection to 127\.0\.0\.1:1: .*Is the server running\?"),
    ]:
        done = cli.run(*arguments, stdin=stdin, status=1)
        assert re.search(says, done.stderr), (arguments, done.stderr)
        assert done.stderr.startswith("thalweg: ")
        assert done.stdout == ""
    assert cli.rows(table) == [], "a batch with a wrong row is not sent"


def test_a_file_keeps_what_it_holds_until_all_else_is_right(cli: CommandLine, table: str) -> None:
    cli.run("table", "create", table, COLUMNS)
    kept = cli.place / "kept.csv"
    kept.write_text("mine")
    for arguments in (["--partition", "no-such"], ["--format", "xml"], ["--columns", "prize"]):
        cli.run("consume", table, "--output", "kept.csv", *arguments, status=1)
        assert kept.read_text() == "mine"
    cli.run("consume", table, "--output", "new.xyz", status=1)
    assert not (cli.place / "new.xyz").exists()


def test_a_reader_that_goes_away_ends_the_consumption(cli: CommandLine, table: str) -> None:
    cli.run("table", "create", table, "id INT")
    cli.run("produce", table, stdin="".join(f'{{"id":{i}}}\n' for i in range(100_000)))
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {thalweg_binary()} consume {table} | head -n 1"],
        cwd=cli.place, env=cli.environment, capture_output=True, text=True, timeout=60, check=False,
    )
    assert done.stdout == '{"id":0}\n'
    assert done.returncode == 0 and done.stderr == ""

"""`thalweg sql` as people use it, and the examples of docs/sql.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from peers.places import ROOT, thalweg_binary
from peers.thalweg import ThalwegServer
from sql import shell

PAGE = ROOT / "docs" / "sql.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory that a server has made and left."""
    server = ThalwegServer(tmp_path).start()
    server.stop()
    return server.data_dir


def examples(language: str) -> list[tuple[str, str]]:
    """Blocks of a language, and what they print: the block without a language right behind."""
    text = PAGE.read_text()
    found = list(BLOCK.finditer(text))
    pairs = []
    for block, after in zip(found, [*found[1:], None], strict=True):
        assert block[1] in ("sql", "sh", ""), f"nothing runs a block of {block[1]}"
        if block[1] == language:
            shown = after is not None and not after[1] and not text[block.end() : after.start()].strip()
            pairs.append((block[2], after[2] if shown else ""))
    return pairs


def lines(text: str) -> list[str]:
    """Without the blanks that fill the last column of a table."""
    return [line.rstrip() for line in text.rstrip().splitlines()]


def test_the_examples_of_the_page_print_what_it_says(data: Path) -> None:
    """The statements in one process, since USE counts for what follows; the commands on what they have left."""
    pairs = examples("sql")
    assert len(pairs) >= 5
    mark = "SELECT 'example of the page' AS mark;\n"
    done = shell.run(data, script="".join(mark + sql for sql, _ in pairs))
    assert done.returncode == 0, done.stderr
    printed = re.split(r"^mark *\n(?:─+\n)?example of the page *\n", done.stdout, flags=re.MULTILINE | re.IGNORECASE)
    assert len(printed) == len(pairs) + 1, done.stdout
    for (sql, expected), given in zip(pairs, printed[1:], strict=True):
        assert lines(given) == lines(expected), sql
    commands = examples("sh")
    assert len(commands) == 1
    place = data.parent
    (place / "thalweg-data").symlink_to(data)
    path = f"{thalweg_binary().parent}:{os.environ['PATH']}"
    for command, expected in commands:
        done = subprocess.run(
            ["bash", "-ec", command], cwd=place, env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        assert lines(done.stdout) == lines(expected), command
    assert (place / "report.csv").read_text().startswith("day,seconds\n")


def test_formats(data: Path, tmp_path: Path) -> None:
    query = "SELECT 1 AS a, 'x,\"y' AS b, NULL AS c, 1.50::DECIMAL(4, 2) AS d, [1, 2] AS e, INTERVAL 1 DAY AS f"
    lines = shell.run(data, "-c", query, "--format", "csv").stdout.splitlines()
    assert lines[0] == "a,b,c,d,e,f"
    assert lines[1].startswith('1,"x,""y",,1.50,"[1,2]",')
    row = json.loads(shell.run(data, "-c", query, "--format", "json").stdout)
    assert (row["a"], row["b"], row["c"], row["d"], row["e"]) == (1, 'x,"y', None, "1.50", [1, 2])
    file = tmp_path / "out.parquet"
    done = shell.run(data, "-c", "SELECT i AS n FROM range(100000) t(i)", "-o", str(file))
    assert done.returncode == 0, done.stderr
    assert sorted(pq.read_table(file).column("n").to_pylist()) == list(range(100_000))


def test_what_goes_wrong_is_said_and_ends_the_script(data: Path) -> None:
    done = shell.run(data, "-c", "SELECT 1 AS one; SELECT nothing FROM nowhere; SELECT 2 AS two")
    assert done.returncode == 1
    assert "one" in done.stdout and "two" not in done.stdout
    assert "nowhere does not exist" in done.stderr


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("CREATE TABLE t (id INT) WITH ('bucket.number' = '1')", "did you mean 'bucket.num'?"),
        ("UPDATE plain SET a = 1", "has no primary key"),
        ("DELETE FROM plain", "has no primary key"),
        ("UPDATE keyed SET id = 2", "never changes"),
        ("INSERT INTO keyed VALUES (NULL, 1)", "id"),
        ("COPY keyed TO '/tmp/never.csv'", "queries reach no files"),
        ("SELECT * FROM read_text('/etc/hostname')", "disabled by configuration"),
        ("SELECT * FROM '/etc/hostname'", "does not exist"),
        ("ATTACH '/tmp/never.db'", "no files"),
        ("INSTALL httpfs", "built in"),
        ("SET memory_limit = '1TB'", "only TimeZone"),
        ("BEGIN", "one of its own"),
        ("SELECT * FROM keyed FOR SYSTEM_TIME AS OF now()", "history is not kept"),
        ("SELECT 1 +", "syntax error"),
    ],
)
def test_refusals_say_what_to_do(data: Path, statement: str, says: str) -> None:
    made = "CREATE TABLE plain (a INT); CREATE TABLE keyed (id INT PRIMARY KEY, v INT)"
    assert shell.run(data, "-c", made).returncode == 0
    done = shell.run(data, "-c", statement)
    assert done.returncode == 1
    assert says in done.stderr


def test_a_directory_that_a_server_holds_is_left_alone(tmp_path: Path) -> None:
    server = ThalwegServer(tmp_path).start()
    try:
        done = shell.run(server.data_dir, "-c", "SELECT 1")
        assert done.returncode == 1
        assert str(server.pid) in done.stderr
        assert server.running()
    finally:
        server.stop()
    assert "no data directory" in shell.run(tmp_path / "nothing", "-c", "SELECT 1").stderr
    assert not (tmp_path / "nothing").exists()

"""docs/flink.md, run as a user would type it."""

from __future__ import annotations

import re

from flink.every_version import on_every_flink
from flink.flink_sql import FlinkSql
from peers.places import ROOT

DOCUMENT = ROOT / "docs" / "flink.md"
ADDRESS = "127.0.0.1:9123"


def steps(document: str) -> list[tuple[str, list[str] | None]]:
    """The statements in their order, the last of each block with the rows that stand below it, if any do."""
    found: list[tuple[str, list[str] | None]] = []
    for language, text in re.findall(r"^```(\w*)\n(.*?)^```$", document, re.DOTALL | re.MULTILINE):
        if language == "sql":
            found += [(statement.strip(), None) for statement in text.split(";\n") if statement.strip()]
        else:
            last = max(n for n, (statement, _) in enumerate(found) if is_answered(statement))
            assert found[last][1] is None, f"two answers to {found[last][0]}"
            found[last] = (found[last][0], text.splitlines())
    return found


def is_answered(statement: str) -> bool:
    return statement.startswith(("SELECT", "SHOW"))


@on_every_flink
def test_documented_statements_give_the_documented_rows(flink: FlinkSql) -> None:
    shop = f"shop_{flink.version.replace('.', '_')}"
    mode = "streaming"
    for statement, rows in steps(DOCUMENT.read_text()):
        text = statement.replace(ADDRESS, flink.bootstrap).replace("shop", shop)
        if mode == "batch" or is_answered(statement):
            # A query that begins before an insertion has made its partition finds that a minute later.
            flink.settle()
        if chosen := re.fullmatch(r"SET 'execution.runtime-mode' = '(\w+)'", statement):
            mode = chosen.group(1)
        elif statement.startswith(("CREATE CATALOG", "USE")):
            for session in ("streaming", "batch"):
                flink.sql(text, session)
        elif rows is None:
            assert not is_answered(statement), f"docs/flink.md does not say what {statement} answers"
            if statement.startswith("INSERT"):
                flink.settle()
                flink.begin(text)
            else:
                flink.sql(text, mode)
        elif statement.startswith("SELECT") and mode == "streaming":
            with flink.query(text) as query:
                assert sorted(query.take(len(rows))) == sorted(rows), statement
        else:
            assert sorted(flink.sql(text, mode)) == sorted(rows), statement
    for session in ("streaming", "batch"):
        flink.sql("USE CATALOG fluss", session)
    flink.sql(f"DROP DATABASE {shop} CASCADE")

"""Tables that merge what is put under one key by themselves."""

from __future__ import annotations

from flink.every_version import on_every_flink
from flink.flink_sql import FlinkSql


@on_every_flink
def test_aggregation(flink: FlinkSql) -> None:
    functions = {
        "total": ("BIGINT", "sum"),
        "factor": ("INT", "product"),
        "largest": ("INT", "max"),
        "least": ("DOUBLE", "min"),
        "newest": ("STRING", "last_value"),
        "known": ("STRING", "last_value_ignore_nulls"),
        "oldest": ("STRING", "first_value"),
        "first_known": ("STRING", "first_value_ignore_nulls"),
        "names": ("STRING", "listagg"),
        "all_of": ("BOOLEAN", "bool_and"),
        "any_of": ("BOOLEAN", "bool_or"),
    }
    columns = ", ".join(f"{name} {type_name}" for name, (type_name, _) in functions.items())
    options = ", ".join(f"'fields.{name}.agg' = '{function}'" for name, (_, function) in functions.items())
    flink.sql(
        f"CREATE TABLE totals (k INT NOT NULL, {columns}, PRIMARY KEY (k) NOT ENFORCED)"
        f" WITH ('bucket.num' = '1', 'table.merge-engine' = 'aggregation', {options}, 'fields.names.listagg.delimiter' = '|')"
    )
    # One by one: Flink makes a source of its own for each kind of row in VALUES, and these run side by side.
    none = "CAST(NULL AS STRING)"
    steps = {
        f"(1, 10, 2, 5, 0.5e0, 'a', 'a', 'a', {none}, 'a', true, false)": ["+I[insert, 1, 10, a]"],
        "(2, 7, 7, 7, 7e0, 'z', 'z', 'z', 'z', 'z', false, false)": ["+I[insert, 2, 7, z]"],
        f"(1, 30, 3, 4, 0.25e0, {none}, {none}, 'b', 'b', 'b', false, true)": [
            "+I[update_before, 1, 10, a]",
            "+I[update_after, 1, 40, a|b]",
        ],
        f"(1, 2, 4, 9, 2e0, {none}, 'c', 'c', 'c', {none}, true, true)": [
            "+I[update_before, 1, 40, a|b]",
            "+I[update_after, 1, 42, a|b]",
        ],
    }
    with flink.query("SELECT * FROM totals") as state, flink.query("SELECT _change_type, k, total, names FROM totals$changelog") as changes:
        for row, expected in steps.items():
            flink.begin(f"INSERT INTO totals VALUES {row}")
            assert changes.take(len(expected)) == expected
        state.take_until({
            "[1, 42, 24, 9, 0.25, null, c, a, b, a|b, false, true]",
            "[2, 7, 7, 7, 7.0, z, z, z, z, z, false, false]",
        })
    flink.settle()
    assert flink.batch("SELECT total, names FROM totals WHERE k = 1") == ["+I[42, a|b]"]


@on_every_flink
def test_the_first_row_or_the_newest_version_stays(flink: FlinkSql) -> None:
    key = "k INT NOT NULL, v STRING, version BIGINT, PRIMARY KEY (k) NOT ENFORCED"
    flink.sql(f"CREATE TABLE firsts ({key}) WITH ('bucket.num' = '1', 'table.merge-engine' = 'first_row')")
    flink.sql(
        f"CREATE TABLE newest ({key}) WITH ('bucket.num' = '1', 'table.merge-engine' = 'versioned',"
        " 'table.merge-engine.versioned.ver-column' = 'version')"
    )
    for table in ("firsts", "newest"):
        flink.begin(f"INSERT INTO {table} VALUES (1, 'a', 5), (1, 'b', 4), (1, 'c', 6), (2, 'd', 1)")
    with flink.query("SELECT * FROM firsts") as rows, flink.query("SELECT _change_type, k, v FROM newest$changelog") as changes:
        assert sorted(rows.take(2)) == ["+I[1, a, 5]", "+I[2, d, 1]"]
        assert changes.take(4) == ["+I[insert, 1, a]", "+I[update_before, 1, a]", "+I[update_after, 1, c]", "+I[insert, 2, d]"]


@on_every_flink
def test_changelog_without_the_rows_before(flink: FlinkSql) -> None:
    flink.sql(
        "CREATE TABLE accounts (id INT NOT NULL, v STRING, PRIMARY KEY (id) NOT ENFORCED)"
        " WITH ('bucket.num' = '1', 'table.changelog.image' = 'wal')"
    )
    flink.begin("INSERT INTO accounts VALUES (1, 'a'), (2, 'b'), (1, 'c')")
    with flink.query("SELECT _change_type, id, v FROM accounts$changelog") as changes:
        assert changes.take(3) == ["+I[update_after, 1, a]", "+I[update_after, 2, b]", "+I[update_after, 1, c]"]

"""Fluss as a catalog: databases and tables made, altered, described and dropped in SQL."""

from __future__ import annotations

import pytest

from flink.every_version import on_every_flink
from flink.flink_sql import FlinkSql
from peers.java_program import JavaError


@on_every_flink
def test_databases(flink: FlinkSql) -> None:
    name = f"extra_{flink.version.replace('.', '_')}"
    flink.sql(f"CREATE DATABASE {name} COMMENT 'made by hand'")
    flink.sql(f"CREATE DATABASE IF NOT EXISTS {name}")
    assert f"+I[{name}]" in flink.sql("SHOW DATABASES")
    with pytest.raises(JavaError, match="already exists"):
        flink.sql(f"CREATE DATABASE {name}")
    flink.sql(f"CREATE TABLE {name}.t (id INT)")
    with pytest.raises(JavaError, match="not empty"):
        flink.sql(f"DROP DATABASE {name} RESTRICT")
    flink.sql(f"DROP DATABASE {name} CASCADE")
    assert f"+I[{name}]" not in flink.sql("SHOW DATABASES")
    flink.sql(f"DROP DATABASE IF EXISTS {name}")


@on_every_flink
def test_tables(flink: FlinkSql) -> None:
    assert flink.sql("SHOW TABLES") == []
    flink.sql(
        """CREATE TABLE people (
             id BIGINT NOT NULL, name STRING COMMENT 'as in the passport', dt STRING NOT NULL,
             PRIMARY KEY (id, dt) NOT ENFORCED
           ) COMMENT 'who was here' PARTITIONED BY (dt)
           WITH ('bucket.num' = '3', 'table.log.format' = 'arrow', 'note' = 'mine')"""
    )
    assert flink.sql("SHOW TABLES") == ["+I[people]"]
    assert flink.sql("DESCRIBE people") == [
        "+I[id, BIGINT, false, PRI(id, dt), null, null, null]",
        "+I[name, STRING, true, null, null, null, as in the passport]",
        "+I[dt, STRING, false, PRI(id, dt), null, null, null]",
    ]
    (created,) = flink.sql("SHOW CREATE TABLE people")
    for part in (
        "COMMENT 'who was here'",
        "PARTITIONED BY (`dt`)",
        "PRIMARY KEY (`id`, `dt`) NOT ENFORCED",
        "'bucket.key' = 'id'",
        "'bucket.num' = '3'",
        "'note' = 'mine'",
        "'table.log.format' = 'arrow'",
        "'table.replication.factor' = '1'",
    ):
        assert part in created
    with pytest.raises(JavaError, match="already exists"):
        flink.sql("CREATE TABLE people (id INT)")
    flink.sql("CREATE TABLE IF NOT EXISTS people (id INT)")

    flink.sql("ALTER TABLE people SET ('note' = 'yours')")
    assert "'note' = 'yours'" in flink.sql("SHOW CREATE TABLE people")[0]
    flink.sql("ALTER TABLE people RESET ('note')")
    assert "'note'" not in flink.sql("SHOW CREATE TABLE people")[0]
    flink.sql("ALTER TABLE people ADD age INT COMMENT 'in years'")
    assert "`age` INT COMMENT 'in years'" in flink.sql("SHOW CREATE TABLE people")[0]

    flink.sql("DROP TABLE people")
    assert flink.sql("SHOW TABLES") == []
    flink.sql("DROP TABLE IF EXISTS people")
    with pytest.raises(JavaError, match="people"):
        flink.sql("DROP TABLE people")


@on_every_flink
def test_a_table_that_cannot_be_is_refused(flink: FlinkSql) -> None:
    with pytest.raises(JavaError, match="(?i)bucket"):
        flink.sql("CREATE TABLE t (id INT) WITH ('bucket.num' = '0')")
    with pytest.raises(JavaError, match="best_row"):
        flink.sql("CREATE TABLE t (id INT NOT NULL PRIMARY KEY NOT ENFORCED) WITH ('table.merge-engine' = 'best_row')")
    with pytest.raises(JavaError, match="nowhere"):
        flink.sql("SELECT * FROM nowhere")
    assert flink.sql("SHOW TABLES") == []

"""Partitioned tables, of both kinds: partitions by hand and by the rows, found while a reader runs, pruned by a filter."""

from __future__ import annotations

import pytest

from flink.every_version import on_every_flink
from flink.flink_sql import FlinkSql
from peers.java_program import JavaError

EAGER = "/*+ OPTIONS('scan.partition.discovery.interval' = '100ms') */"


@on_every_flink
def test_partitions_of_events(flink: FlinkSql) -> None:
    flink.sql("CREATE TABLE events (id INT, dt STRING, region STRING) PARTITIONED BY (dt, region) WITH ('bucket.num' = '1')")
    flink.sql("ALTER TABLE events ADD PARTITION (dt = '1', region = 'eu')")
    flink.sql("ALTER TABLE events ADD IF NOT EXISTS PARTITION (dt = '1', region = 'eu')")
    with pytest.raises(JavaError, match="(?i)already exists"):
        flink.sql("ALTER TABLE events ADD PARTITION (dt = '1', region = 'eu')")
    flink.begin("INSERT INTO events VALUES (1, '1', 'eu'), (2, '1', 'us'), (3, '2', 'eu')")
    with (
        flink.query(f"SELECT * FROM events {EAGER}") as rows,
        flink.query(f"SELECT id FROM events {EAGER} WHERE dt = '2'") as second,
    ):
        assert sorted(rows.take(3)) == ["+I[1, 1, eu]", "+I[2, 1, us]", "+I[3, 2, eu]"]
        assert second.take(1) == ["+I[3]"]
        flink.begin("INSERT INTO events VALUES (4, '2', 'us')")
        assert rows.take(1) == ["+I[4, 2, us]"]
        assert second.take(1) == ["+I[4]"]
    parts = ["+I[dt=1/region=eu]", "+I[dt=1/region=us]", "+I[dt=2/region=eu]", "+I[dt=2/region=us]"]
    assert sorted(flink.sql("SHOW PARTITIONS events")) == parts
    assert sorted(flink.sql("SHOW PARTITIONS events PARTITION (dt = '2')")) == parts[2:]
    flink.sql("ALTER TABLE events DROP PARTITION (dt = '1', region = 'us')")
    assert sorted(flink.sql("SHOW PARTITIONS events")) == [parts[0], *parts[2:]]
    with flink.query("SELECT id FROM events") as rows:
        assert sorted(rows.take(3)) == ["+I[1]", "+I[3]", "+I[4]"]


@on_every_flink
def test_partitions_of_accounts(flink: FlinkSql) -> None:
    flink.sql(
        "CREATE TABLE accounts (id INT NOT NULL, dt STRING NOT NULL, amount INT, PRIMARY KEY (id, dt) NOT ENFORCED)"
        " PARTITIONED BY (dt) WITH ('bucket.num' = '2')"
    )
    flink.begin("INSERT INTO accounts VALUES (1, 'a', 1), (1, 'b', 2), (2, 'a', 3), (1, 'a', 4)")
    with flink.query(f"SELECT * FROM accounts {EAGER}") as state:
        state.take_until({"[1, a, 4]", "[1, b, 2]", "[2, a, 3]"})
        with flink.query("SELECT _change_type, id, amount FROM accounts$changelog WHERE dt = 'a' AND id = 1") as changes:
            assert changes.take(3) == ["+I[insert, 1, 1]", "+I[update_before, 1, 1]", "+I[update_after, 1, 4]"]
        flink.begin("INSERT INTO accounts VALUES (3, 'c', 5)")
        assert state.take(1) == ["+I[3, c, 5]"]
        flink.batch("DELETE FROM accounts WHERE id = 1 AND dt = 'b'")
        assert state.take(1) == ["-D[1, b, 2]"]
    assert flink.batch("SELECT amount FROM accounts WHERE id = 1 AND dt = 'a'") == ["+I[4]"]
    assert flink.batch("SELECT amount FROM accounts WHERE id = 1 AND dt = 'b'") == []

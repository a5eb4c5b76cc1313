"""Tables without a primary key: what is inserted is read, in the stream and in batches."""

from __future__ import annotations

from flink.every_version import on_every_flink
from flink.flink_sql import FlinkSql


@on_every_flink
def test_rows_are_read_as_inserted(flink: FlinkSql) -> None:
    flink.sql("CREATE TABLE events (id INT, name STRING, at_ms BIGINT) WITH ('bucket.num' = '1')")
    flink.begin("INSERT INTO events VALUES (1, 'one', 10), (2, 'two', 20), (3, 'three', 30)")
    with flink.query("SELECT * FROM events") as rows, flink.query("SELECT at_ms, id FROM events WHERE id > 1") as part:
        assert rows.take(3) == ["+I[1, one, 10]", "+I[2, two, 20]", "+I[3, three, 30]"]
        assert part.take(2) == ["+I[20, 2]", "+I[30, 3]"]
        with flink.query("SELECT id FROM events /*+ OPTIONS('scan.startup.mode' = 'latest') */") as later:
            # A reader has begun at the end once it has read something that was added after it was there.
            flink.begin("INSERT INTO events VALUES (4, 'four', 40)")
            assert rows.take(1) == ["+I[4, four, 40]"]
            assert part.take(1) == ["+I[40, 4]"]
            flink.begin("INSERT INTO events VALUES (5, 'five', 50)")
            assert later.take(1)[0] in ("+I[4]", "+I[5]")
    with flink.query("SELECT _change_type, _log_offset, id FROM events$changelog") as changes:
        assert changes.take(5) == [f"+I[insert, {n}, {n + 1}]" for n in range(5)]
    flink.settle()
    assert flink.batch("SELECT COUNT(*) FROM events") == ["+I[5]"]
    assert flink.batch("SELECT id, name FROM events LIMIT 2") == ["+I[4, four]", "+I[5, five]"]


@on_every_flink
def test_buckets_are_read_side_by_side(flink: FlinkSql) -> None:
    """Two writers and two readers over three buckets, chosen by a key."""
    flink.sql("CREATE TABLE events (id INT, part INT) WITH ('bucket.num' = '3', 'bucket.key' = 'part')")
    values = ", ".join(f"({n}, {n % 7})" for n in range(300))
    with flink.setting("table.exec.resource.default-parallelism", "2"):
        flink.begin(f"INSERT INTO events VALUES {values}")
        with flink.query("SELECT id, part FROM events") as rows:
            assert sorted(rows.take(300)) == sorted(f"+I[{n}, {n % 7}]" for n in range(300))
        with flink.query("SELECT part, COUNT(*), SUM(id) FROM events GROUP BY part") as sums:
            sums.take_until({f"[{k}, {len(range(k, 300, 7))}, {sum(range(k, 300, 7))}]" for k in range(7)})

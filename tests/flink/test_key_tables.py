"""Tables with a primary key: inserted, updated, deleted, and read as state and as changes."""

from __future__ import annotations

import pytest

from flink.every_version import on_every_flink
from flink.flink_sql import FlinkSql
from peers.java_program import JavaError

ACCOUNTS = "CREATE TABLE accounts (id INT NOT NULL, name STRING, amount BIGINT, PRIMARY KEY (id) NOT ENFORCED) WITH ('bucket.num' = '1')"


@on_every_flink
def test_every_change_is_told(flink: FlinkSql) -> None:
    flink.sql(ACCOUNTS)
    flink.begin("INSERT INTO accounts VALUES (1, 'ann', 10), (2, 'bob', 20), (3, 'cid', 30)")
    with (
        flink.query("SELECT _change_type, _log_offset, id, name, amount FROM accounts$changelog") as changes,
        flink.query("SELECT _change_type, _log_offset, `before`, `after` FROM accounts$binlog") as binlog,
        flink.query("SELECT * FROM accounts") as state,
        flink.query("SELECT COUNT(*), SUM(amount) FROM accounts") as total,
    ):
        assert changes.take(3) == ["+I[insert, 0, 1, ann, 10]", "+I[insert, 1, 2, bob, 20]", "+I[insert, 2, 3, cid, 30]"]
        state.take_until({"[1, ann, 10]", "[2, bob, 20]", "[3, cid, 30]"})
        flink.begin("INSERT INTO accounts VALUES (2, 'ben', 21)")
        assert changes.take(2) == ["+I[update_before, 3, 2, bob, 20]", "+I[update_after, 4, 2, ben, 21]"]
        assert state.take(2) == ["-U[2, bob, 20]", "+U[2, ben, 21]"]
        # Some columns: the others stay.
        flink.begin("INSERT INTO accounts (id, amount) VALUES (1, 11)")
        assert changes.take(2) == ["+I[update_before, 5, 1, ann, 10]", "+I[update_after, 6, 1, ann, 11]"]
        flink.batch("UPDATE accounts SET amount = 31 WHERE id = 3")
        assert changes.take(2) == ["+I[update_before, 7, 3, cid, 30]", "+I[update_after, 8, 3, cid, 31]"]
        flink.batch("DELETE FROM accounts WHERE id = 2")
        assert changes.take(1) == ["+I[delete, 9, 2, ben, 21]"]
        assert state.take(5) == ["-U[1, ann, 10]", "+U[1, ann, 11]", "-U[3, cid, 30]", "+U[3, cid, 31]", "-D[2, ben, 21]"]
        assert binlog.take(7)[3:] == [
            "+I[update, 3, +I[2, bob, 20], +I[2, ben, 21]]",
            "+I[update, 5, +I[1, ann, 10], +I[1, ann, 11]]",
            "+I[update, 7, +I[3, cid, 30], +I[3, cid, 31]]",
            "+I[delete, 9, +I[2, ben, 21], null]",
        ]
        total.take_until({"[2, 42]"})
    assert flink.batch("SELECT * FROM accounts WHERE id = 1") == ["+I[1, ann, 11]"]
    assert flink.batch("SELECT amount FROM accounts WHERE id = 2") == []
    assert flink.batch("SELECT COUNT(*) FROM accounts") == ["+I[2]"]
    assert sorted(flink.batch("SELECT * FROM accounts LIMIT 5")) == ["+I[1, ann, 11]", "+I[3, cid, 31]"]
    with pytest.raises(JavaError, match="point queries on primary key"):
        flink.batch("SELECT * FROM accounts")


@on_every_flink
def test_a_reader_begins_at_a_snapshot(flink: FlinkSql) -> None:
    """The first rows come from the files of a snapshot, what was changed before it stays untold, what came after is told."""
    flink.sql(ACCOUNTS)
    flink.sql(ACCOUNTS.replace("accounts", "copies"))
    copy = "INSERT INTO copies SELECT * FROM accounts"
    flink.begin("INSERT INTO accounts VALUES (1, 'ann', 10), (2, 'bob', 20), (3, 'cid', 30), (1, 'amy', 12)")
    flink.wait_for_snapshot("accounts", rows=5)
    flink.start("copy", copy)
    with (
        flink.query("SELECT * FROM accounts") as state,
        flink.query("SELECT name FROM accounts WHERE id = 2") as name,
        flink.query("SELECT _change_type, id, name, amount FROM copies$changelog") as copies,
    ):
        assert sorted(state.take(3)) == ["+I[1, amy, 12]", "+I[2, bob, 20]", "+I[3, cid, 30]"]
        assert name.take(1) == ["+I[bob]"]
        assert sorted(copies.take(3)) == ["+I[insert, 1, amy, 12]", "+I[insert, 2, bob, 20]", "+I[insert, 3, cid, 30]"]
        savepoint = flink.savepoint("copy", stop=True)
        flink.begin("INSERT INTO accounts VALUES (2, 'ben', 20), (4, 'dan', 40)")
        assert state.take(3) == ["-U[2, bob, 20]", "+U[2, ben, 20]", "+I[4, dan, 40]"]
        assert name.take(2) == ["-U[bob]", "+U[ben]"]
        # What has been copied before the savepoint is not read again.
        flink.start("copy", copy, savepoint)
        assert copies.take(3) == ["+I[update_before, 2, bob, 20]", "+I[update_after, 2, ben, 20]", "+I[insert, 4, dan, 40]"]
    flink.cancel("copy")
    with flink.query("SELECT * FROM accounts /*+ OPTIONS('scan.startup.mode' = 'earliest') */") as changes:
        assert changes.take(5) == ["+I[1, ann, 10]", "+I[2, bob, 20]", "+I[3, cid, 30]", "-U[1, ann, 10]", "+U[1, amy, 12]"]


@on_every_flink
def test_deletions_can_be_ignored_or_refused(flink: FlinkSql) -> None:
    for behaviour in ("ignore", "disable"):
        flink.sql(
            f"CREATE TABLE `{behaviour}` (id INT NOT NULL, v INT, PRIMARY KEY (id) NOT ENFORCED)"
            f" WITH ('bucket.num' = '1', 'table.delete.behavior' = '{behaviour}')"
        )
        flink.begin(f"INSERT INTO `{behaviour}` VALUES (1, 1)")
    flink.settle()
    with pytest.raises(JavaError, match="delete behavior set to 'disable'"):
        flink.batch("DELETE FROM disable WHERE id = 1")
    flink.batch("DELETE FROM `ignore` WHERE id = 1")
    for behaviour in ("ignore", "disable"):
        assert flink.batch(f"SELECT * FROM `{behaviour}` WHERE id = 1") == ["+I[1, 1]"]

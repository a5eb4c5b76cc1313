"""Jobs that go on from a savepoint, with results that show whether anything was lost or came twice."""

from __future__ import annotations

from flink.every_version import on_every_flink
from flink.flink_sql import FlinkSql


@on_every_flink
def test_a_stopped_job_goes_on_where_it_was(flink: FlinkSql) -> None:
    """Sums over a log table and over the changes of a primary-key table, in two jobs that stop and go on."""
    flink.sql("CREATE TABLE events (k INT, v BIGINT) WITH ('bucket.num' = '2')")
    flink.sql("CREATE TABLE accounts (id INT NOT NULL, v BIGINT, PRIMARY KEY (id) NOT ENFORCED) WITH ('bucket.num' = '2')")
    sums = "n BIGINT NOT NULL, total BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('bucket.num' = '1')"
    flink.sql(f"CREATE TABLE event_sums (k INT NOT NULL, {sums}")
    flink.sql(f"CREATE TABLE account_sums (k INT NOT NULL, {sums}")
    jobs = {
        "events": "INSERT INTO event_sums SELECT k, COUNT(*), SUM(v) FROM events GROUP BY k",
        "accounts": "INSERT INTO account_sums SELECT id / 10, COUNT(*), SUM(v) FROM accounts GROUP BY id / 10",
    }
    for name, insertion in jobs.items():
        flink.start(name, insertion)
    flink.begin("INSERT INTO events VALUES (1, 1), (2, 10), (1, 2)")
    flink.begin("INSERT INTO accounts VALUES (11, 1), (12, 2), (21, 10), (11, 5)")
    with flink.query("SELECT * FROM event_sums") as of_events, flink.query("SELECT * FROM account_sums") as of_accounts:
        of_events.take_until({"[1, 2, 3]", "[2, 1, 10]"})
        of_accounts.take_until({"[1, 2, 7]", "[2, 1, 10]"})
    savepoints = {name: flink.savepoint(name, stop=True) for name in jobs}
    flink.begin("INSERT INTO events VALUES (1, 4), (2, 20), (3, 100)")
    flink.begin("INSERT INTO accounts VALUES (12, 3), (21, 20), (31, 100)")
    for name, insertion in jobs.items():
        flink.start(name, insertion, savepoints[name])
    with flink.query("SELECT * FROM event_sums") as of_events, flink.query("SELECT * FROM account_sums") as of_accounts:
        of_events.take_until({"[1, 3, 7]", "[2, 2, 30]", "[3, 1, 100]"})
        of_accounts.take_until({"[1, 2, 8]", "[2, 1, 20]", "[3, 1, 100]"})
    for name in jobs:
        flink.cancel(name)


@on_every_flink
def test_sums_of_a_job_that_was_set_back_are_undone(flink: FlinkSql) -> None:
    """A job adds up in a table of the aggregation engine, goes on after its savepoint, and is set back to it.

    The connector then takes back from the table what was added since, so that adding it again counts it once.
    """
    flink.sql("CREATE TABLE events (k INT, v BIGINT) WITH ('bucket.num' = '1')")
    flink.sql(
        "CREATE TABLE sums (k INT NOT NULL, total BIGINT, PRIMARY KEY (k) NOT ENFORCED)"
        " WITH ('bucket.num' = '1', 'table.merge-engine' = 'aggregation', 'fields.total.agg' = 'sum')"
    )
    insertion = "INSERT INTO sums SELECT k, v FROM events"
    flink.start("sums", insertion)
    flink.begin("INSERT INTO events VALUES (1, 1), (2, 10), (1, 2)")
    with flink.query("SELECT _change_type, k, total FROM sums$changelog") as changes:
        assert changes.take(4)[3:] == ["+I[update_after, 1, 3]"]
        savepoint = flink.savepoint("sums", stop=False)
        flink.begin("INSERT INTO events VALUES (1, 4), (3, 100)")
        assert changes.take(3) == ["+I[update_before, 1, 3]", "+I[update_after, 1, 7]", "+I[insert, 3, 100]"]
        flink.cancel("sums")
        flink.start("sums", insertion, savepoint)
        undone = changes.take(3)
        assert undone[:2] == ["+I[update_before, 1, 7]", "+I[update_after, 1, 3]"]
        assert undone[2] == "+I[delete, 3, 100]"
        assert changes.take(3) == ["+I[update_before, 1, 3]", "+I[update_after, 1, 7]", "+I[insert, 3, 100]"]
    flink.cancel("sums")

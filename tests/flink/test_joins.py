"""Lookup joins by the whole key and by a prefix of it, and delta joins."""

from __future__ import annotations

from flink.every_version import on_every_flink, on_flink
from flink.flink_sql import FlinkSql

ORDERS = "CREATE TABLE orders (o INT, id INT, region STRING, proc AS PROCTIME()) WITH ('bucket.num' = '1')"
CITIES = (
    "CREATE TABLE cities (id INT NOT NULL, region STRING NOT NULL, city STRING, PRIMARY KEY (id, region) NOT ENFORCED)"
    " WITH ('bucket.num' = '3', 'bucket.key' = 'id')"
)


def lookup(columns: str, on: str, hint: str = "") -> str:
    return f"SELECT {columns} FROM orders AS o LEFT JOIN cities {hint} FOR SYSTEM_TIME AS OF o.proc AS c ON {on}"


@on_every_flink
def test_lookup_join(flink: FlinkSql) -> None:
    flink.sql(ORDERS)
    flink.sql(CITIES)
    flink.begin("INSERT INTO cities VALUES (1, 'eu', 'Bonn'), (1, 'us', 'Boise'), (2, 'eu', 'Lyon')")
    with flink.query("SELECT COUNT(*) FROM cities") as count:
        count.take_until({"[3]"})
    flink.begin("INSERT INTO orders VALUES (100, 1, 'eu'), (101, 2, 'us'), (102, 2, 'eu')")
    on = "o.id = c.id AND o.region = c.region"
    with (
        flink.query(lookup("o.o, c.city", on)) as joined,
        flink.query(lookup("c.city, o.o", on, "/*+ OPTIONS('lookup.async' = 'false') */")) as one_by_one,
        flink.query(lookup("o.o", f"{on} AND c.city = 'Lyon'").replace("LEFT", "INNER")) as filtered,
    ):
        assert sorted(joined.take(3)) == ["+I[100, Bonn]", "+I[101, null]", "+I[102, Lyon]"]
        assert one_by_one.take(3) == ["+I[Bonn, 100]", "+I[null, 101]", "+I[Lyon, 102]"]
        assert filtered.take(1) == ["+I[102]"]
        # A lookup sees what is there when an order comes.
        flink.begin("INSERT INTO cities VALUES (1, 'eu', 'Berlin')")
        with flink.query("SELECT city FROM cities WHERE id = 1 AND region = 'eu'") as city:
            city.take_until({"[Berlin]"})
        flink.begin("INSERT INTO orders VALUES (103, 1, 'eu')")
        assert joined.take(1) == ["+I[103, Berlin]"]
        assert one_by_one.take(1) == ["+I[Berlin, 103]"]


@on_every_flink
def test_prefix_lookup_join(flink: FlinkSql) -> None:
    flink.sql(ORDERS)
    flink.sql(CITIES)
    flink.begin("INSERT INTO cities VALUES (1, 'eu', 'Bonn'), (1, 'us', 'Boise'), (2, 'eu', 'Lyon')")
    with flink.query("SELECT COUNT(*) FROM cities") as count:
        count.take_until({"[3]"})
    flink.begin("INSERT INTO orders VALUES (100, 1, 'eu'), (101, 2, 'us'), (102, 3, 'eu')")
    with (
        flink.query(lookup("o.o, c.region, c.city", "o.id = c.id")) as joined,
        flink.query(lookup("c.city, o.o", "o.id = c.id", "/*+ OPTIONS('lookup.async' = 'false') */")) as one_by_one,
    ):
        assert sorted(joined.take(4)) == ["+I[100, eu, Bonn]", "+I[100, us, Boise]", "+I[101, eu, Lyon]", "+I[102, null, null]"]
        assert sorted(one_by_one.take(4)) == ["+I[Boise, 100]", "+I[Bonn, 100]", "+I[Lyon, 101]", "+I[null, 102]"]


@on_every_flink
def test_lookup_join_in_partitions(flink: FlinkSql) -> None:
    flink.sql(ORDERS)
    flink.sql(
        "CREATE TABLE cities (id INT NOT NULL, district STRING NOT NULL, region STRING NOT NULL, city STRING,"
        " PRIMARY KEY (id, district, region) NOT ENFORCED) PARTITIONED BY (region) WITH ('bucket.num' = '1', 'bucket.key' = 'id')"
    )
    flink.begin("INSERT INTO cities VALUES (1, 'n', 'eu', 'Bonn'), (1, 's', 'eu', 'Bern'), (1, 'n', 'us', 'Boise')")
    # Not by a query: one that begins before a partition is there finds that a minute later.
    flink.settle()
    flink.begin("INSERT INTO orders VALUES (100, 1, 'eu'), (101, 1, 'us'), (102, 1, 'nowhere')")
    with (
        flink.query(lookup("o.o, c.city", "o.id = c.id AND o.region = c.region AND c.district = 'n'")) as whole,
        flink.query(lookup("c.city, o.o", "o.id = c.id AND o.region = c.region")) as prefix,
    ):
        assert sorted(whole.take(3)) == ["+I[100, Bonn]", "+I[101, Boise]", "+I[102, null]"]
        assert sorted(prefix.take(4)) == ["+I[Bern, 100]", "+I[Boise, 101]", "+I[Bonn, 100]", "+I[null, 102]"]


@on_flink("2.2")
def test_delta_join(flink: FlinkSql) -> None:
    """Both sides are looked up in the tables instead of being kept in Flink's state."""
    side = "k INT NOT NULL, {0}_id INT NOT NULL, {0}_name STRING"
    for name in ("left", "right"):
        flink.sql(
            f"CREATE TABLE {name}s ({side.format(name)}, PRIMARY KEY (k, {name}_id) NOT ENFORCED)"
            " WITH ('bucket.num' = '2', 'bucket.key' = 'k', 'table.delete.behavior' = 'ignore')"
        )
    flink.sql(
        f"CREATE TABLE joined ({side.format('left')}, {side.format('right').replace('k ', 'right_k ')},"
        " PRIMARY KEY (k, left_id, right_k, right_id) NOT ENFORCED) WITH ('bucket.num' = '1')"
    )
    insertion = "INSERT INTO joined SELECT * FROM lefts AS l INNER JOIN rights AS r ON l.k = r.k"
    with flink.setting("table.optimizer.delta-join.strategy", "FORCE"), flink.setting("table.exec.delta-join.cache-enabled", "false"):
        assert "DeltaJoin(joinType=[InnerJoin], where=[(k = k0)]" in flink.explain(insertion)
        flink.begin("INSERT INTO lefts VALUES (1, 1, 'a'), (1, 2, 'b'), (2, 3, 'c')")
        flink.begin("INSERT INTO rights VALUES (1, 7, 'x'), (2, 8, 'y'), (3, 9, 'z')")
        flink.start("delta", insertion)
    with flink.query("SELECT left_id, right_id, left_name, right_name FROM joined") as rows:
        rows.take_until({"[1, 7, a, x]", "[2, 7, b, x]", "[3, 8, c, y]"})
    flink.begin("INSERT INTO rights VALUES (1, 7, 'w'), (1, 9, 'v')")
    with flink.query("SELECT left_id, right_id, left_name, right_name FROM joined") as rows:
        rows.take_until({"[1, 7, a, w]", "[2, 7, b, w]", "[1, 9, a, v]", "[2, 9, b, v]", "[3, 8, c, y]"})
    flink.cancel("delta")

"""The stock Java client 0.9.1 on tables with a primary key: what it puts it finds again, and every change in the changelog."""

from __future__ import annotations

import json
import random
import struct
from typing import Any

import pytest

from conformance import values
from conformance.java_client import JavaClient
from conformance.test_java_client import error_of

pytestmark = pytest.mark.java

FORMATS = {
    "compacted": {"table.kv.format": "COMPACTED"},
    "compacted-log": {"table.kv.format": "COMPACTED", "table.log.format": "COMPACTED"},
    "indexed": {"table.kv.format": "INDEXED"},
    "indexed-log": {"table.kv.format": "INDEXED", "table.log.format": "INDEXED"},
    "version-1": {"table.kv.format-version": "1", "table.log.arrow.compression.type": "NONE"},
}
ID = ["id", "INT NOT NULL"]
SMALL = [ID, ["name", "STRING"], ["score", "BIGINT"]]
# Where the client, who asks for a row by its key, gets none.
NONE: list[values.Row] = []


def put(*rows: values.Row) -> list[list[Any]]:
    return [["+", row] for row in rows]


def delete(*rows: values.Row) -> list[list[Any]]:
    return [["-", row] for row in rows]


class KeyTable:
    """One table of the test's own, through the client."""

    def __init__(self, java: JavaClient, database: str, columns: list[Any], key: list[str], **described: Any):
        self._java = java
        self.where = {"database": database, "table": "t"}
        self.key = [[column[0] for column in columns].index(name) for name in key]
        described.setdefault("buckets", 1)
        self._do("create_table", columns=columns, primary_key=key, **described)

    def _do(self, command: str, **arguments: Any) -> Any:
        return self._java.do(command, **self.where, **arguments)

    def change(self, changes: list[list[Any]], **how: Any) -> None:
        assert self._do("change", changes=changes, **how) == len(changes)

    def refused(self, changes: list[list[Any]], **how: Any) -> str:
        return error_of(self._java, "change", **self.where, changes=changes, **how)

    def get(self, *keys: list[Any], **how: Any) -> list[list[values.Row]]:
        return self._do("lookup", keys=list(keys), **how)

    def changelog(self, count: int) -> list[tuple[str, values.Row]]:
        """The first `count` changes, or more if there are; their offsets are dense in every bucket."""
        found = self._do("scan", count=count)
        for place in {(record["partition"], record["bucket"]) for record in found}:
            offsets = [record["offset"] for record in found if (record["partition"], record["bucket"]) == place]
            assert offsets == sorted(set(offsets)), place
        return [(record["change"], record["row"]) for record in found]

    def fold(self, changes: list[tuple[str, values.Row]]) -> dict[str, values.Row]:
        """What the changelog says there is, by key; each change must fit what was there before."""
        state: dict[str, values.Row] = {}
        for change, row in changes:
            key = json.dumps([row[place] for place in self.key])
            if change in ("-U", "-D"):
                assert values.text([state[key]]) == values.text([row]), f"{change} of a row that is not there"
                if change == "-D":
                    del state[key]
            else:
                assert (key in state) == (change == "+U"), f"{change} of {row}, after {state.get(key)}"
                state[key] = row
        return state

    def check_fold(self, count: int) -> dict[str, values.Row]:
        """The changelog says what lookups do."""
        changes = self.changelog(count)
        assert len(changes) == count
        state = self.fold(changes)
        seen = {json.dumps([row[place] for place in self.key]) for _, row in changes}
        for key in seen:
            expected = [state[key]] if key in state else NONE
            assert values.text(self.get(json.loads(key))[0]) == values.text(expected)
        return state


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("kind", ["scalars", "nested"])
def test_every_type_is_found_again(
    java: JavaClient, database: str, format_name: str, kind: str, request: pytest.FixtureRequest
) -> None:
    if format_name == "indexed-log" and request.config.getoption("--server") == "java":
        pytest.skip("Fluss 0.9.1 lets one create such a table, and refuses every row")
    columns = values.SCALARS if kind == "scalars" else values.NESTED
    described = [ID, *([column.name, column.fluss_type] for column in columns)]
    table = KeyTable(java, database, described, ["id"], properties=FORMATS[format_name])
    rows = [[n, *row] for n, row in enumerate(values.rows(columns))]
    table.change(put(*rows))
    found = table.get([0], [1], [2], [3])
    assert [values.text(one) for one in found] == [values.text([row]) for row in rows] + [[]]
    assert values.text(java.do("limit_scan", **table.where, bucket=0, limit=10)) == values.text(rows)
    moved = [[n, *values.rows(columns)[(n + 1) % 3]] for n in range(3)]
    table.change(put(*moved))
    expected = [("+I", row) for row in rows]
    expected += [change for old, new in zip(rows, moved, strict=True) for change in (("-U", old), ("+U", new))]
    found_changes = table.changelog(9)
    assert [change for change, _ in found_changes] == [change for change, _ in expected]
    assert values.text([row for _, row in found_changes]) == values.text([row for _, row in expected])
    table.change(delete(*moved))
    assert table.get([0], [1], [2]) == [NONE, NONE, NONE]
    assert table.check_fold(12) == {}


@pytest.mark.parametrize("name", [column.name for column in values.SCALARS])
def test_every_type_is_a_key(java: JavaClient, database: str, name: str) -> None:
    (column,) = (column for column in values.SCALARS if column.name == name)
    described = [["k", f"{column.fluss_type} NOT NULL"], ["n", "INT"]]
    table = KeyTable(java, database, described, ["k"], buckets=3)
    keys = [value for value in column.values if value is not None]
    table.change(put(*([key, n] for n, key in enumerate(keys))))
    found = table.get(*([key] for key in keys))
    assert [values.text(one) for one in found] == [values.text([[key, n]]) for n, key in enumerate(keys)]
    table.change(delete([keys[0], None]))
    assert table.get([keys[0]], [keys[1]])[0] == NONE
    table.change(put([keys[1], None]))
    assert sorted(change for change, _ in table.changelog(5)) == ["+I", "+I", "+U", "-D", "-U"]


def test_a_put_row_is_logged_even_if_it_is_the_same(java: JavaClient, database: str) -> None:
    table = KeyTable(java, database, SMALL, ["id"])
    table.change(put([1, "a", 1], [1, "a", 1]))
    table.change(delete([2, None, None]))  # of no row: an offset without a change
    table.change(put([2, None, None]))
    assert table.changelog(4) == [("+I", [1, "a", 1]), ("-U", [1, "a", 1]), ("+U", [1, "a", 1]), ("+I", [2, None, None])]
    assert java.do("list_offsets", **table.where, buckets=[0], at="latest") == {"0": 5}
    assert java.do("table_stats", **table.where) == 2


def test_the_changelog_without_what_was_before(java: JavaClient, database: str) -> None:
    table = KeyTable(java, database, SMALL, ["id"], properties={"table.changelog.image": "wal"})
    table.change(put([1, "a", 1], [1, "b", 2], [2, "c", 3]))
    table.change(delete([1, None, None], [3, None, None]))
    table.change(put([2, "d", None]), columns=["id", "name"])
    expected = [("+U", [1, "a", 1]), ("+U", [1, "b", 2]), ("+U", [2, "c", 3]), ("-D", [1, "b", 2]), ("+U", [2, "d", 3])]
    assert table.changelog(5) == expected
    assert table.get([1], [2]) == [NONE, [[2, "d", 3]]]
    assert error_of(java, "table_stats", **table.where) == "InvalidTableException"


@pytest.mark.parametrize("behavior", ["allow", "ignore", "disable"])
def test_deletions_do_as_the_table_says(java: JavaClient, database: str, behavior: str) -> None:
    table = KeyTable(java, database, SMALL, ["id"], properties={"table.delete.behavior": behavior})
    table.change(put([1, "a", 1]))
    if behavior == "disable":
        assert table.refused(delete([1, None, None])) == "DeletionDisabledException"
    else:
        table.change(delete([1, None, None]))
    assert table.get([1]) == ([NONE] if behavior == "allow" else [[[1, "a", 1]]])
    table.change(put([2, "b", 2]))
    expected = [("+I", [1, "a", 1])] + ([("-D", [1, "a", 1])] if behavior == "allow" else []) + [("+I", [2, "b", 2])]
    assert table.changelog(len(expected)) == expected


@pytest.mark.parametrize("format_name", ["compacted", "indexed"])
def test_some_columns_are_put_and_deleted(java: JavaClient, database: str, format_name: str) -> None:
    table = KeyTable(java, database, SMALL, ["id"], properties=FORMATS[format_name])
    table.change(put([1, "a", None], [2, "b", None]), columns=["id", "name"])
    table.change(put([1, None, 10], [3, None, 30]), columns=["id", "score"])
    assert table.get([1], [2], [3]) == [[[1, "a", 10]], [[2, "b", None]], [[3, None, 30]]]
    table.change(put([1, None, None]), columns=["id"])  # changes nothing, but takes an offset
    table.change(delete([1, None, None], [2, None, None]), columns=["id", "name"])
    assert table.get([1], [2]) == [[[1, None, 10]], NONE]
    table.change(put([3, "c", 31]))
    assert [change for change, _ in table.changelog(10)] == ["+I", "+I", "-U", "+U", "+I", "-U", "+U", "-D", "-U", "+U"]
    table.check_fold(10)


def test_the_first_row_stays(java: JavaClient, database: str) -> None:
    table = KeyTable(java, database, SMALL, ["id"], properties={"table.merge-engine": "first_row"})
    table.change(put([1, "a", 1], [1, "b", 2]))
    table.change(put([1, "c", 3], [2, "d", 4]))
    table.change(delete([1, None, None]))  # ignored
    table.change(put([2, "e", 5]))
    assert table.changelog(2) == [("+I", [1, "a", 1]), ("+I", [2, "d", 4])]
    assert table.get([1], [2]) == [[[1, "a", 1]], [[2, "d", 4]]]


@pytest.mark.parametrize("column", ["INT", "BIGINT", "TIMESTAMP(6)", "TIMESTAMP_LTZ(3)"])
def test_the_highest_version_stays(java: JavaClient, database: str, column: str) -> None:
    properties = {"table.merge-engine": "versioned", "table.merge-engine.versioned.ver-column": "v"}
    table = KeyTable(java, database, [ID, ["name", "STRING"], ["v", column]], ["id"], properties=properties)

    def version(n: int) -> Any:
        return [n, 0] if column.startswith("TIMESTAMP") else n

    table.change(put([1, "none", None], [1, "two", version(2)], [1, "one", version(1)], [1, "again two", version(2)]))
    table.change(put([1, "none", None]))
    table.change(delete([1, None, None]))  # ignored
    table.change(put([1, "three", version(3)]))
    assert [(change, row[1]) for change, row in table.changelog(7)] == [
        ("+I", "none"), ("-U", "none"), ("+U", "two"), ("-U", "two"), ("+U", "again two"), ("-U", "again two"), ("+U", "three"),
    ]
    assert table.get([1]) == [[[1, "three", version(3)]]]
    table.check_fold(7)


def bitmap(*numbers: int) -> str:
    """A bitmap of numbers below 65,536, as its portable form has it."""
    head = struct.pack("<IIHHI", 12_346, 1, 0, len(numbers) - 1, 16)
    return (head + b"".join(struct.pack("<H", number) for number in sorted(numbers))).hex()


# A column's type and function, what two rows have there, and what comes of it.
AGGREGATIONS: dict[str, tuple[str, list[Any], Any, Any, Any]] = {
    "sum": ("BIGINT", ["sum", {}], 4, 5, 9),
    "sum_decimal": ("DECIMAL(10, 2)", ["sum", {}], "1.50", "2.25", "3.75"),
    "sum_double": ("DOUBLE", ["sum", {}], 0.5, 0.25, 0.75),
    "product": ("INT", ["product", {}], 4, 5, 20),
    "max": ("STRING", ["max", {}], "b", "a", "b"),
    "min": ("TIMESTAMP(6)", ["min", {}], [5, 2_000], [5, 1_000], [5, 1_000]),
    "last": ("STRING", ["last_value", {}], "old", None, None),
    "last_known": ("STRING", ["last_value_ignore_nulls", {}], "old", None, "old"),
    "by_default": ("STRING", ["", {}], "old", None, "old"),
    "first": ("ARRAY<INT>", ["first_value", {}], None, [1], [1]),  # Fluss does not keep a null as the first one either
    "first_known": ("STRING", ["first_value_ignore_nulls", {}], "old", "new", "old"),
    "list": ("STRING", ["listagg", {}], "a", "b", "a,b"),
    "list_with": ("STRING", ["string_agg", {"delimiter": "|"}], "a", "b", "a|b"),
    "all": ("BOOLEAN", ["bool_and", {}], True, False, False),
    "any": ("BOOLEAN", ["bool_or", {}], True, False, True),
    "numbers": ("BYTES", ["rbm32", {}], bitmap(1, 5), bitmap(5, 900), bitmap(1, 5, 900)),
    "numbers64": (
        "BYTES", ["rbm64", {}],
        "00",
        "01010000000000000004000000000011000000000000000000000001000000fe01000000010201000000000001000000000000000000000000000000",
        "01010000000000000004000000000011000000000000000000000001000000fe01000000010201000000000001000000000000000000000000000000",
    ),
}


@pytest.mark.parametrize("format_name", ["compacted", "indexed"])
def test_columns_are_aggregated(java: JavaClient, database: str, format_name: str) -> None:
    described = [ID, *([name, one[0]] for name, one in AGGREGATIONS.items())]
    functions = {name: one[1] for name, one in AGGREGATIONS.items() if one[1][0]}
    properties = {"table.merge-engine": "aggregation", "table.delete.behavior": "allow", **FORMATS[format_name]}
    table = KeyTable(java, database, described, ["id"], aggregations=functions, properties=properties)
    first, second, both = ([1, *(one[place] for one in AGGREGATIONS.values())] for place in (2, 3, 4))
    table.change(put(first))
    table.change(put(second))
    assert table.get([1]) == [[both]]
    assert table.changelog(3) == [("+I", first), ("-U", first), ("+U", both)]
    table.change(put([1, *first[1:]]), overwrite=True)
    assert table.get([1]) == [[first]]
    table.change(put([1, 7, *([None] * (len(first) - 2))]), columns=["id", "sum"])
    assert table.get([1]) == [[[1, 11, *first[2:]]]]
    table.change(delete(first))
    assert table.get([1]) == [NONE]
    table.check_fold(8)


@pytest.mark.parametrize("partitioned", [False, True])
def test_prefixes_find_every_row_that_begins_so(java: JavaClient, database: str, partitioned: bool) -> None:
    columns = [["shop", "STRING"], ["day", "STRING"], ["item", "INT"], ["price", "DOUBLE"]]
    where = {"partitioned_by": ["day"]} if partitioned else {}
    key = ["shop", "day", "item"] if partitioned else ["shop", "item"]
    table = KeyTable(java, database, columns, key, bucket_keys=["shop"], buckets=3, **where)
    rows = [[shop, "mon", item, item / 4] for shop in ("a", "aa", "b") for item in range(1, 4)]
    table.change(put(*rows))
    keys = [[shop, "mon"] if partitioned else [shop] for shop in ("a", "aa", "b", "c")]
    by = ["shop", "day"] if partitioned else ["shop"]
    found = table.get(*keys, by=by)
    assert found == [rows[0:3], rows[3:6], rows[6:9], NONE]
    table.change(delete(rows[1]))
    assert table.get(keys[0], by=by) == [[rows[0], rows[2]]]


@pytest.mark.parametrize("limit", [1, 7, 50, 200])
def test_limit_scan_gives_rows_as_they_are(java: JavaClient, database: str, limit: int) -> None:
    table = KeyTable(java, database, SMALL, ["id"])
    table.change(put(*([n, f"row {n}", n] for n in range(60))))
    table.change(delete(*([n, None, None] for n in range(10))))
    table.change(put(*([n, "again", n] for n in range(20, 30))))
    rows = [[n, "again" if 20 <= n < 30 else f"row {n}", n] for n in range(10, 60)]
    found = java.do("limit_scan", **table.where, bucket=0, limit=limit)
    assert found == rows[:limit]  # as long as keys take one byte, they are in their order
    projected = java.do("limit_scan", **table.where, bucket=0, limit=limit, columns=["name"])
    assert projected == [row[1:2] for row in rows[:limit]]


def test_missing_keys_are_put_and_numbered(java: JavaClient, database: str) -> None:
    columns = [["name", "STRING NOT NULL"], ["number", "BIGINT"]]
    table = KeyTable(java, database, columns, ["name"], auto_increment="number")
    assert table.get(["a"]) == [NONE]
    assert table.get(["a"], insert=True) == [[["a", 1]]]
    assert table.get(["b"], insert=True) == [[["b", 2]]]
    assert table.get(["b"], ["a"], insert=True) == [[["b", 2]], [["a", 1]]]
    table.change(put(["c", None]), columns=["name"])
    assert table.get(["c"]) == [[["c", 3]]]
    assert table.changelog(3) == [("+I", ["a", 1]), ("+I", ["b", 2]), ("+I", ["c", 3])]


@pytest.mark.parametrize("format_name", ["compacted", "indexed"])
def test_old_rows_have_no_value_in_an_added_column(java: JavaClient, database: str, format_name: str) -> None:
    table = KeyTable(java, database, SMALL, ["id"], properties=FORMATS[format_name])
    table.change(put([1, "a", 1], [2, "b", 2], [3, "c", 3]))
    java.do("add_column", **table.where, name="more", type="DOUBLE", comment="added")
    assert table.get([1]) == [[[1, "a", 1, None]]]
    table.change(put([1, None, None, 0.5]), columns=["id", "more"])
    table.change(put([2, "bb", 22, 1.5]))
    table.change(delete([3, None, None, None]))
    assert table.get([1], [2], [3]) == [[[1, "a", 1, 0.5]], [[2, "bb", 22, 1.5]], NONE]
    assert java.do("limit_scan", **table.where, bucket=0, limit=9) == [[1, "a", 1, 0.5], [2, "bb", 22, 1.5]]
    table.check_fold(8)


def test_partitions_come_with_the_rows(java: JavaClient, database: str) -> None:
    columns = [["day", "STRING"], ["id", "INT"], ["n", "INT"]]
    table = KeyTable(java, database, columns, ["day", "id"], partitioned_by=["day"], buckets=2)
    rows = [[day, n, n] for day in ("mon", "tue") for n in range(10)]
    table.change(put(*rows))
    assert sorted(java.do("list_partitions", **table.where)) == ["mon", "tue"]
    table.change(put(["mon", 3, 33]) + delete(["tue", 3, None]))
    assert table.get(["mon", 3], ["tue", 3], ["tue", 4]) == [[["mon", 3, 33]], NONE, [["tue", 4, 4]]]
    assert len(table.check_fold(23)) == 19


@pytest.mark.parametrize("image", ["full", "wal"])
def test_the_changelog_folds_to_the_rows(java: JavaClient, database: str, image: str) -> None:
    """Many changes of few keys over several buckets, a batch of them at a time."""
    chance = random.Random(5)
    table = KeyTable(java, database, SMALL, ["id"], buckets=3, properties={"table.changelog.image": image})
    expected: dict[int, values.Row] = {}
    changes = 0
    for _ in range(20):
        batch: list[list[Any]] = []
        for _ in range(30):
            key = chance.randrange(40)
            if chance.random() < 0.25:
                batch += delete([key, None, None])
                changes += key in expected
                expected.pop(key, None)
            else:
                row = [key, chance.choice(["a", None, "ü" * chance.randrange(9)]), chance.randrange(1000)]
                changes += 2 if key in expected and image == "full" else 1
                batch += put(row)
                expected[key] = row
        table.change(batch)
    found = table.changelog(changes)
    assert len(found) == changes
    if image == "full":
        assert table.fold(found) == {json.dumps([key]): row for key, row in expected.items()}
        assert java.do("table_stats", **table.where) == len(expected)
    assert table.get(*([key] for key in range(40))) == [[expected[key]] if key in expected else NONE for key in range(40)]
    scanned = [java.do("limit_scan", **table.where, bucket=bucket, limit=1000) for bucket in range(3)]
    assert sorted(row for rows in scanned for row in rows) == [expected[key] for key in sorted(expected)]

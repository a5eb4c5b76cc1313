"""Queries made from a seed, over the tables of test_generated.py; what they mean does not depend on the order in which rows are read."""

from __future__ import annotations

import random
from dataclasses import dataclass

NUMBERS = ("tiny", "small", "number", "big", "amount")
FLOATS = ("single", "real")
TEXTS = ("name", "day")
MOMENTS = ("at_s", "at_ms", "at_us", "at_ns", "seen")
OTHERS = ("flag", "born", "daily", "raw", "fixed")
SCALARS = (*NUMBERS, *FLOATS, *TEXTS, *MOMENTS, *OTHERS)
NESTED = ("list", "pairs", "part")
DAYS = ("2026-01-01", "2026-01-02", "2026-01-03")


@dataclass
class Generator:
    """Every call of `query` gives another query."""

    random: random.Random
    table: str = ""

    def pick(self, of):
        return self.random.choice(of)

    def literal(self, column: str) -> str:
        some = self.random
        if column in ("tiny", "small", "number", "big"):
            return str(some.randint(-130 if column != "tiny" else -128, 127))
        if column == "amount":
            return f"{some.randint(-20000, 20000) / 100:.2f}"
        if column == "single":
            return f"CAST({some.randint(-40, 40) / 4} AS FLOAT)"
        if column == "real":
            return f"CAST({some.randint(-40, 40) / 4} AS DOUBLE)"
        if column == "name":
            return "'" + some.choice(["", "a", "b", "name 3", "name 17", "Ä", "zz"]) + "'"
        if column == "day":
            return f"'{some.choice(DAYS)}'"
        if column == "flag":
            return some.choice(["true", "false"])
        if column == "born":
            return f"DATE '20{some.randint(10, 30)}-0{some.randint(1, 9)}-11'"
        if column == "daily":
            return f"TIME '{some.randint(10, 23)}:15:00'"
        if column in ("raw", "fixed"):
            return f"'{some.choice(['ab', 'zz', 'a0'])}'::BLOB"
        moment = f"'20{some.randint(10, 30)}-0{some.randint(1, 9)}-11 10:11:12.{some.randint(0, 999):03}'"
        kind = {"at_s": "TIMESTAMP_S", "at_ms": "TIMESTAMP_MS", "at_us": "TIMESTAMP", "at_ns": "TIMESTAMP_NS", "seen": "TIMESTAMPTZ"}
        return f"CAST({moment} AS {kind[column]})"

    def condition(self, depth: int = 0) -> str:
        some = self.random
        kind = some.randrange(10 if depth < 2 else 7)
        column = self.pick(SCALARS)
        if kind <= 2:
            return f"{column} {self.pick(['=', '<>', '<', '<=', '>', '>='])} {self.literal(column)}"
        if kind == 3:
            return f"{column} IS {self.pick(['NULL', 'NOT NULL'])}"
        if kind == 4:
            values = ", ".join(self.literal(column) for _ in range(some.randint(1, 4)))
            return f"{column} {self.pick(['IN', 'NOT IN'])} ({values})"
        if kind == 5:
            return f"{column} BETWEEN {self.literal(column)} AND {self.literal(column)}"
        if kind == 6:
            if self.random.random() < 0.5:
                return f"name LIKE '{self.pick(['name 1%', '%3', '%me%', 'a', 'n_me 2%'])}'"
            return f"id {self.pick(['=', '<', '>='])} {some.randint(0, 3000)}"
        if kind == 7:
            return f"NOT ({self.condition(depth + 1)})"
        return f"({self.condition(depth + 1)} {self.pick(['AND', 'OR'])} {self.condition(depth + 1)})"

    def where(self) -> str:
        count = self.random.choice([0, 1, 1, 2, 3])
        return " WHERE " + " AND ".join(self.condition() for _ in range(count)) if count else ""

    def aggregate(self) -> str:
        column = self.pick(NUMBERS)
        return self.pick(
            [
                "count(*)",
                f"count({self.pick(SCALARS + NESTED)})",
                f"count(DISTINCT {self.pick(SCALARS)})",
                f"sum({column})",
                f"min({self.pick(SCALARS)})",
                f"max({self.pick(SCALARS)})",
                f"round(avg({column}), 6)",
                f"bool_or({column} > {self.literal(column)})",
                "sum(len(list))",
            ]
        )

    def query(self) -> str:
        self.table = self.pick(["events", "accounts"])
        return self.pick([self.plain, self.grouped, self.total, self.joined, self.nested, self.windowed, self.by_key])()

    def plain(self) -> str:
        columns = ["id", *self.random.sample(SCALARS + NESTED, self.random.randint(1, 5))]
        text = f"SELECT {', '.join(columns)} FROM {self.table}{self.where()}"
        if self.random.random() < 0.3:
            text += f" ORDER BY id LIMIT {self.random.randint(0, 50)} OFFSET {self.random.randint(0, 20)}"
        return text

    def total(self) -> str:
        aggregates = ", ".join(f"{self.aggregate()} AS a{i}" for i in range(self.random.randint(1, 4)))
        return f"SELECT {aggregates} FROM {self.table}{self.where()}"

    def grouped(self) -> str:
        keys = self.random.sample(["tiny", "flag", "day", "name", "extract(year FROM born)", "small % 7"], self.random.randint(1, 2))
        names = ", ".join(f"{key} AS k{i}" for i, key in enumerate(keys))
        having = f" HAVING count(*) > {self.random.randint(0, 5)}" if self.random.random() < 0.4 else ""
        return (
            f"SELECT {names}, {self.aggregate()} AS a0, {self.aggregate()} AS a1 FROM {self.table}{self.where()}"
            f" GROUP BY {', '.join(keys)}{having}"
        )

    def joined(self) -> str:
        kind = self.pick(["JOIN", "LEFT JOIN", "SEMI JOIN", "ANTI JOIN"])
        other = "" if kind in ("SEMI JOIN", "ANTI JOIN") else ", a.name AS other, a.amount AS much"
        where = self.condition()
        return (
            f"SELECT e.id, e.big{other} FROM (SELECT * FROM events WHERE {where}) e {kind} accounts a ON e.id = a.id"
            f" AND a.small > {self.random.randint(-130, 100)}"
        )

    def nested(self) -> str:
        return self.pick(
            [
                f"SELECT id, list[1] AS first, part.x AS x, part.y AS y FROM {self.table}{self.where()}",
                f"SELECT id, unnest(list) AS one FROM {self.table}{self.where()}",
                f"SELECT id, map_keys(pairs) AS k FROM {self.table}{self.where()}",
                f"SELECT count(*) AS n FROM {self.table} WHERE list_contains(list, {self.random.randint(0, 9)})",
            ]
        )

    def windowed(self) -> str:
        return (
            f"SELECT id, row_number() OVER (PARTITION BY tiny ORDER BY id) AS n, sum(small) OVER (PARTITION BY flag ORDER BY id) AS s"
            f" FROM {self.table}{self.where()}"
        )

    def by_key(self) -> str:
        ids = ", ".join(str(self.random.randint(0, 4000)) for _ in range(self.random.randint(1, 5)))
        return self.pick(
            [
                f"SELECT * FROM accounts WHERE id = {self.random.randint(0, 3500)}",
                f"SELECT id, name FROM accounts WHERE id IN ({ids}) AND {self.condition()}",
                f"SELECT id, name FROM events WHERE day = '{self.pick(DAYS)}' AND id = {self.random.randint(0, 3000)}",
                f"SELECT (SELECT max(amount) FROM accounts WHERE id < {self.random.randint(0, 100)}) AS m",
            ]
        )

"""Two tables with a primary key, what is done to them, and what that must make of their rows: the model of the kill test.

Each key belongs to one writer, so what was done to it has an order. What an operation writes follows from its number.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from enum import Enum

import fluss
import pyarrow as pa

from peers.places import thalweg_binary

DATABASE = "killed"
WRITERS = 3
KEYS_OF_A_WRITER = 20  # in each table
KEYS = range(WRITERS * KEYS_OF_A_WRITER)
DAYS = ("d0", "d1")
BUCKETS = 2  # of each partition of `rows`, and of `sums`

Key = int
Row = tuple  # of what stands beside the key


class Kind(Enum):
    UPSERT = "upsert"
    PART = "part"  # some of the columns
    DELETE = "delete"


@dataclass(frozen=True)
class Table:
    """`columns` stand beside the key; a partial write names the key and `part`."""

    name: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    part: str

    @property
    def path(self) -> fluss.TablePath:
        return fluss.TablePath(DATABASE, self.name)

    def key_of(self, key: Key) -> dict[str, object]:
        named: dict[str, object] = {"id": key}
        return named | {"day": DAYS[key % len(DAYS)]} if "day" in self.keys else named

    def written(self, key: Key, kind: Kind, number: int) -> dict[str, object]:
        """The row that operation `number` hands to the client."""
        row = self.key_of(key)
        if kind is not Kind.DELETE:
            values = self.values(number)
            row |= {name: values[name] for name in self.columns} if kind is Kind.UPSERT else {self.part: values[self.part]}
        return row

    def values(self, number: int) -> dict[str, object]:
        return {"a": number, "b": f"b{number}"} if self is ROWS else {"n": 1, "last": f"op{number}", "top": number * 7 % 101}

    def row_of(self, found: dict[str, object]) -> Row:
        return tuple(found[name] for name in self.columns)

    def after(self, row: Row | None, kind: Kind, number: int) -> Row | None:
        """What operation `number` makes of a row."""
        if kind is Kind.DELETE:
            return None
        values = self.values(number)
        if self is ROWS:
            return (values["a"], values["b"]) if kind is Kind.UPSERT else (row[0] if row else None, values["b"])
        if kind is Kind.PART:
            return (row[0] + 1, *row[1:]) if row else (1, None, None)
        if row is None:
            return (1, values["last"], values["top"])
        return (row[0] + 1, values["last"], max(row[2], values["top"]) if row[2] is not None else values["top"])


ROWS = Table("rows", ("day", "id"), ("a", "b"), "b")
SUMS = Table("sums", ("id",), ("n", "last", "top"), "n")
TABLES = {table.name: table for table in (ROWS, SUMS)}


async def create(bootstrap: str) -> None:
    """`rows` without a merge engine and with partitions; `sums` with the aggregation engine, which may delete."""
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        admin = connection.get_admin()
        await admin.create_database(DATABASE, ignore_if_exists=False)
        columns = pa.schema([("day", pa.string()), ("id", pa.int32()), ("a", pa.int64()), ("b", pa.string())])
        schema = fluss.Schema(columns, primary_keys=list(ROWS.keys))
        descriptor = fluss.TableDescriptor(schema, partition_keys=["day"], bucket_keys=["id"], bucket_count=BUCKETS)
        await admin.create_table(ROWS.path, descriptor, ignore_if_exists=False)
        for day in DAYS:
            await admin.create_partition(ROWS.path, {"day": day}, ignore_if_exists=False)
    text = "id INT NOT NULL, n BIGINT, last STRING, top INT, PRIMARY KEY (id)"
    argv = [str(thalweg_binary()), "table", "create", f"{DATABASE}.{SUMS.name}", text, "--server", bootstrap]
    argv += ["--buckets", str(BUCKETS), "--option", "table.delete.behavior=allow"]
    for function in ("n=sum", "last=last_value_ignore_nulls", "top=max"):
        argv += ["--aggregate", function]
    subprocess.run(argv, check=True, capture_output=True)

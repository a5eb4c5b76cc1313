"""What the requests sent so far have made, in names and numbers that mean the same on every server."""

from __future__ import annotations

import dataclasses

import pyarrow as pa

# (partition's value or None, bucket)
Place = tuple[str | None, int]


@dataclasses.dataclass
class Table:
    database: str
    name: str
    columns: list[tuple[str, pa.DataType]]
    buckets: int
    partition_keys: list[str]
    log: bool
    """What the table says of its batches; whoever projects them believes it."""
    compression: str | None = None
    schema_id: int = 1
    partitions: list[str] = dataclasses.field(default_factory=list)
    """Columns of each schema version."""
    versions: dict[int, list[tuple[str, pa.DataType]]] = dataclasses.field(default_factory=dict)
    """First offsets of the batches of each bucket, and where it ends."""
    batches: dict[Place, list[int]] = dataclasses.field(default_factory=dict)
    ends: dict[Place, int] = dataclasses.field(default_factory=dict)
    """What each writer may send next, per bucket."""
    sequences: dict[tuple[int, Place], int] = dataclasses.field(default_factory=dict)

    @property
    def number(self) -> int:
        """In the order in which they were made."""
        return int(self.name.lstrip("t"))

    @property
    def path(self) -> dict[str, str]:
        return {"database_name": self.database, "table_name": self.name}

    @property
    def key(self) -> tuple[str, str]:
        return self.database, self.name

    def schema(self, version: int | None = None) -> pa.Schema:
        columns = self.versions.get(version or self.schema_id, self.columns)
        return pa.schema([pa.field(name, kind) for name, kind in columns])

    def places(self) -> list[Place]:
        """Every bucket there is."""
        parts: list[str | None] = list(self.partitions) if self.partition_keys else [None]
        return [(part, bucket) for part in parts for bucket in range(self.buckets)]


@dataclasses.dataclass
class World:
    databases: dict[str, dict[str, Table]] = dataclasses.field(default_factory=dict)
    """How many writers were given out; the n-th is the same client on both servers."""
    writers: int = 0
    made: int = 0

    def tables(self) -> list[Table]:
        return [table for database in self.databases.values() for table in database.values()]

    def fresh(self, prefix: str) -> str:
        self.made += 1
        return f"{prefix}{self.made}"

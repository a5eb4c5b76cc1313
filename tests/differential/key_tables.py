"""Tables with a primary key: every merge engine, format and option, and the keys and rows to put into them."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
from typing import Any

from differential import key_types
from differential.descriptors import COMPRESSIONS
from differential.key_types import Kind
from differential.row_encoder import RowEncoder
from differential.world import Place, Table

ENGINES = ["default", "first_row", "versioned", "aggregation"]
PARTITION_KEY = "part"
PARTITIONS = ["p1", "p2"]
POOL = 10
NUMBER = "number"  # the auto-increment column


@dataclasses.dataclass
class KeyTable(Table):
    engine: str = "default"
    kv_format: str = "COMPACTED"
    log_format: str = "ARROW"
    key_columns: list[str] = dataclasses.field(default_factory=list)
    """Types of the columns of the latest version, and which of them may be null."""
    kinds: dict[str, Kind] = dataclasses.field(default_factory=dict)
    not_null: set[str] = dataclasses.field(default_factory=set)
    """Function and parameters by column."""
    functions: dict[str, list[Any]] = dataclasses.field(default_factory=dict)
    numbered: bool = False
    """The schema's document by its number."""
    documents: dict[int, str] = dataclasses.field(default_factory=dict)
    descriptor: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Values of the key columns, how they are encoded, and how their first column is."""
    pool: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    keys: list[bytes] = dataclasses.field(default_factory=list)
    prefixes: list[bytes] = dataclasses.field(default_factory=list)
    bitmaps: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    """The servers do not agree on what is in it, which is reported once."""
    lost: bool = False

    def names(self, version: int) -> list[str]:
        return [name for name, _ in self.versions[version]]

    def row(self, chance: random.Random, version: int, number: int, place: Place, only: set[str] | None = None) -> list[Any]:
        """A row of the pool's `number`-th key; beside `only` its columns are null, where they may be."""
        return [self._value(chance, name, number, place, only is None or name in only) for name in self.names(version)]

    def _value(self, chance: random.Random, name: str, number: int, place: Place, wanted: bool) -> Any:
        if name == PARTITION_KEY:
            return place[0]
        if name in self.key_columns:
            return self.pool[number][name]
        if name == NUMBER and self.numbered:
            return None
        if name not in self.not_null and (not wanted or chance.random() < 0.15):
            return None
        function = self.functions.get(name, [""])[0]
        if function in self.bitmaps:
            return chance.choice(self.bitmaps[function])
        kind = self.kinds[name]
        return key_types.value(chance, kind.arrow, key_types.char_length(kind))


class KeyTables:
    """Draws tables. `bitmaps` as row_encoder.bitmaps gives them."""

    def __init__(self, chance: random.Random, encoder: RowEncoder, bitmaps: dict[str, list[str]]):
        self._chance = chance
        self._encoder = encoder
        self._bitmaps = bitmaps
        self._functions = itertools.cycle(key_types.FUNCTIONS)
        self._kinds = itertools.cycle(chance.sample(key_types.SCALARS + key_types.NESTED, len(key_types.SCALARS + key_types.NESTED)))

    def sound(self, database: str, name: str, engine: str) -> KeyTable:
        chance = self._chance
        numbered = engine == "default" and chance.random() < 0.25
        partitioned = not numbered and chance.random() < 0.25
        key_columns = [f"k{n}" for n in range(chance.choice([1, 1, 2, 2, 3]))]
        kinds = {column: chance.choice(key_types.KEYS) for column in key_columns}
        functions: dict[str, list[Any]] = {}
        not_null = {*key_columns}
        for n in range(chance.choice([0, 1, 3, 4, 5, 6])):
            self._add_value(engine, f"c{n}", kinds, functions, not_null)
        version_column = None
        if engine == "versioned":
            version_column = "v"
            kinds["v"] = chance.choice(key_types.VERSIONS)
        if numbered:
            kinds[NUMBER] = chance.choice([kind for kind in key_types.SCALARS if kind.sql in ("INT", "BIGINT")])
        if partitioned:
            kinds[PARTITION_KEY] = Kind("STRING", key_types.pa.string())
            not_null.add(PARTITION_KEY)
        kv_format = chance.choice(["COMPACTED", "COMPACTED", "INDEXED"])
        properties, log_format = self._properties(engine, kv_format, version_column)
        if numbered and properties.get("table.delete.behavior") == "disable":
            del properties["table.delete.behavior"]  # A batch that is refused half-way may have used up numbers.
        names = chance.sample(list(kinds), len(kinds))
        primary_key = key_columns + ([PARTITION_KEY] if partitioned else [])
        table = KeyTable(
            # Numbers are given out bucket by bucket: with several, which one comes first is a matter of luck.
            database, name, [], 1 if numbered else chance.choice([1, 1, 2, 3]), [PARTITION_KEY] if partitioned else [],
            log=False, compression=COMPRESSIONS[properties.get("table.log.arrow.compression.type", "ZSTD")],
            engine=engine, kv_format=kv_format, log_format=log_format, key_columns=key_columns, kinds=kinds, not_null=not_null,
            functions=functions, numbered=numbered, bitmaps=self._bitmaps,
        )
        self._set_version(table, 1, names, primary_key)
        table.columns = table.versions[1]
        self._fill_pool(table)
        table.descriptor = {
            "version": 1, "schema": json.loads(table.documents[1]), "partition_key": table.partition_keys,
            "bucket_count": table.buckets, "bucket_key": key_columns[:1] if chance.random() < 0.7 else [],
            "properties": properties, "custom_properties": {},
        }
        return table

    def _add_value(
        self, engine: str, name: str, kinds: dict[str, Kind], functions: dict[str, list[Any]], not_null: set[str]
    ) -> None:
        chance = self._chance
        kinds[name] = next(self._kinds)
        if engine == "aggregation" and chance.random() < 0.9:
            function = next(self._functions)
            kinds[name] = chance.choice(key_types.kinds_for(function))
            parameters = {"delimiter": chance.choice(["|", ", "])} if function.endswith("agg") and chance.random() < 0.5 else {}
            functions[name] = [function, parameters]
        if chance.random() < 0.08:
            not_null.add(name)

    def _properties(self, engine: str, kv_format: str, version_column: str | None) -> tuple[dict[str, str], str]:
        chance = self._chance
        chosen: dict[str, str] = {}
        if kv_format != "COMPACTED" or chance.random() < 0.2:
            chosen["table.kv.format"] = kv_format
        if chance.random() < 0.6:
            chosen["table.kv.format-version"] = chance.choice(["1", "2"])
        # Not INDEXED: Fluss cannot write such a log of changes.
        log_format = chance.choice(["ARROW"] * 6 + ["COMPACTED" if kv_format == "COMPACTED" else "ARROW"])
        if log_format != "ARROW":
            chosen["table.log.format"] = log_format
        if chance.random() < 0.5:
            chosen["table.log.arrow.compression.type"] = chance.choice(list(COMPRESSIONS))
        if engine != "aggregation" and chance.random() < 0.35:
            chosen["table.changelog.image"] = chance.choice(["wal", "wal", "full"])
        if engine != "default":
            chosen["table.merge-engine"] = engine
        if version_column is not None:
            chosen["table.merge-engine.versioned.ver-column"] = version_column
        if engine in ("default", "aggregation"):
            behavior = chance.choice([None, "allow", "allow", "allow", "ignore", "disable"])
        else:
            behavior = chance.choice([None, "ignore", "disable"])
        if behavior is not None:
            chosen["table.delete.behavior"] = behavior
        if chance.random() < 0.3:
            chosen["table.auto-increment.cache-size"] = chance.choice(["1", "7", "100"])
        return chosen, log_format

    def _set_version(self, table: KeyTable, version: int, names: list[str], primary_key: list[str]) -> None:
        described = [(n, table.kinds[n].sql + (" NOT NULL" if n in table.not_null else "")) for n in names]
        table.documents[version] = self._encoder.schema(
            described, primary_key, {n: f for n, f in table.functions.items() if n in names}, NUMBER if table.numbered else None
        )
        table.versions[version] = [(n, table.kinds[n].arrow) for n in names]

    def _fill_pool(self, table: KeyTable) -> None:
        """Different keys, of which some begin alike."""
        chance = self._chance
        parts = {
            name: [key_types.value(chance, table.kinds[name].arrow, key_types.char_length(table.kinds[name])) for _ in range(size)]
            for name, size in zip(table.key_columns, (POOL if len(table.key_columns) == 1 else 4, 4, 3), strict=False)
        }
        drawn = [{name: chance.choice(values) for name, values in parts.items()} for _ in range(3 * POOL)]
        table.pool = list({json.dumps(one): one for one in drawn}.values())[:POOL]
        rows = [
            [one.get(name, PARTITIONS[0] if name == PARTITION_KEY else None) for name in table.names(1)] for one in table.pool
        ]
        table.keys = self._encoder.keys(table.documents[1], table.key_columns, rows)
        table.prefixes = self._encoder.keys(table.documents[1], table.key_columns[:1], rows)

    def next_version(self, table: KeyTable) -> tuple[str, dict[str, Any]]:
        """A column that ALTER_TABLE is to add, and its type as a schema's document has it. It is there once
        `table.schema_id` counts it."""
        name = f"a{len(table.columns)}"
        table.kinds[name] = self._chance.choice(key_types.SCALARS)
        version = table.schema_id + 1
        names = [*table.names(table.schema_id), name]
        self._set_version(table, version, names, table.key_columns + table.partition_keys)
        return name, json.loads(table.documents[version])["columns"][-1]["data_type"]

    def encode(self, table: KeyTable, version: int, rows: list[list[Any]]) -> list[bytes]:
        return self._encoder.rows(table.documents[version], table.kv_format, rows) if rows else []

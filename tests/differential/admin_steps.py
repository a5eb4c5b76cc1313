"""Databases, tables and partitions: made, looked at, altered and dropped, and every wrong way of it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from differential import descriptors, normal
from differential.server import Server
from differential.step import Step
from differential.world import Table, World

BAD_NAMES = ["", ".", "..", "a b", "ä", "__x", "n" * 201, "a/b", "$x", "a.b"]
DATABASES_MAX, TABLES_MAX, PARTITIONS_MAX = 3, 7, 4
ROLES = ["coordinator", "tablet"]
COLUMN_LAST, COLUMN_FIRST = 0, 1
SET, DELETE, APPEND = 0, 1, 2


class AdminSteps:
    """Draws steps; `servers` are told of what was made and dropped."""

    def __init__(self, chance: random.Random, world: World, servers: list[Server]):
        self._chance = chance
        self._world = world
        self._servers = servers

    # ---- Names

    def database(self) -> str:
        """Mostly one that exists."""
        known = list(self._world.databases)
        if known and self._chance.random() < 0.85:
            return self._chance.choice(known)
        return self._chance.choice(["nowhere", *BAD_NAMES])

    def table(self) -> Table | None:
        tables = self._world.tables()
        return self._chance.choice(tables) if tables else None

    def path(self) -> dict[str, str]:
        table = self.table()
        if table and self._chance.random() < 0.85:
            return table.path
        return {"database_name": self.database(), "table_name": self._chance.choice(["nowhere", *BAD_NAMES])}

    def _role(self) -> str:
        return self._chance.choice(ROLES)

    # ---- Databases

    def create_database(self) -> Step:
        chance = self._chance
        known = list(self._world.databases)
        if chance.random() < 0.35 and len(known) < DATABASES_MAX:
            name, what = self._world.fresh("d"), "a new one"
        elif known and chance.random() < 0.5:
            name, what = chance.choice(known), "one that exists"
        else:
            name, what = chance.choice(BAD_NAMES), "a bad name"
        document: bytes | None = None
        if chance.random() < 0.5:
            document = chance.choice([
                b'{"version":1,"comment":"c","custom_properties":{"k":"v"}}',
                b'{"version":1,"custom_properties":{}}',
                b'{"version":1}',
                b"{}",
                b"no json",
                b"",
            ])

        def done() -> None:
            self._world.databases.setdefault(name, {})

        values = {"database_name": name, "ignore_if_exists": chance.random() < 0.3, "database_json": document}
        undo = None if what == "one that exists" else lambda: self._drop_everywhere(name)
        return Step("CREATE_DATABASE", what, values, done=done, undo=undo)

    def drop_database(self) -> Step:
        name = self.database()
        if name in self._world.databases and len(self._world.databases) == 1 and not self._world.tables():
            name = "nowhere"  # There is always one, so that there is always something to talk about.
        cascade = self._chance.random() < 0.3 and len(self._world.databases) > 1
        tables = self._world.databases.get(name, {})

        def done() -> None:
            for server in self._servers:
                for table in tables.values():
                    server.forget(table)
            self._world.databases.pop(name, None)

        values = {"database_name": name, "ignore_if_not_exists": self._chance.random() < 0.3, "cascade": cascade}
        return Step("DROP_DATABASE", f"with {len(tables)} tables", values, done=done)

    def _drop_everywhere(self, name: str) -> None:
        for server in self._servers:
            server.call("DROP_DATABASE", {"database_name": name, "ignore_if_not_exists": True, "cascade": True})
        self._world.databases.pop(name, None)

    def list_databases(self) -> Step:
        return Step("LIST_DATABASES", "all", form=normal.sorted_names("database_name"), role=self._role())

    def database_exists(self) -> Step:
        return Step("DATABASE_EXISTS", "one", {"database_name": self.database()}, form=normal.whole, role=self._role())

    def get_database_info(self) -> Step:
        values = {"database_name": self.database()}
        return Step("GET_DATABASE_INFO", "one", values, form=normal.database_info, role=self._role())

    # ---- Tables

    def create_table(self) -> Step:
        chance = self._chance
        if chance.random() < 0.5 and self._world.databases and len(self._world.tables()) < TABLES_MAX:
            return self.create_sound_table(partitioned=chance.random() < 0.35, primary_key=chance.random() < 0.15)
        table = self.table()
        if table and chance.random() < 0.15:
            document, _ = descriptors.sound(chance, partitioned=False, primary_key=False)
            return self._create(table.path, json.dumps(document).encode(), "one that exists", lambda: None)
        if chance.random() < 0.15:
            document, columns = descriptors.sound(chance, partitioned=False, primary_key=False)
            where = {"database_name": self.database(), "table_name": chance.choice(BAD_NAMES)}
            return self._create(where, json.dumps(document).encode(), "a bad name", lambda: None)
        return self.create_broken_table(chance.choice([*descriptors.BREAKINGS, *descriptors.NO_DESCRIPTORS]))

    def create_broken_table(self, how: str) -> Step:
        name = self._world.fresh("b")
        where = {"database_name": next(iter(self._world.databases), "nowhere"), "table_name": name}

        def drop() -> None:
            for server in self._servers:
                server.drop(where)

        # Where it was not broken after all, it is gone again before anybody looks.
        step = self._create(where, descriptors.broken(self._chance, how), how, drop)
        step.undo = drop
        return step

    def create_sound_table(self, partitioned: bool, primary_key: bool) -> Step:
        document, columns = descriptors.sound(self._chance, partitioned, primary_key)
        name = self._world.fresh("t")
        database = self._chance.choice(list(self._world.databases))
        table = descriptors.table_of(database, name, document, columns)

        def done() -> None:
            self._world.databases[database][name] = table
            for server in self._servers:
                server.learn(table)

        return self._create(table.path, json.dumps(document).encode(), "a sound one", done)

    def _create(self, path: dict[str, str], document: bytes, what: str, done: Callable[[], None]) -> Step:
        ignore = what == "one that exists" and self._chance.random() < 0.5
        values = {"table_path": path, "table_json": document, "ignore_if_exists": ignore}

        def undo() -> None:
            for server in self._servers:
                server.drop(path)

        return Step("CREATE_TABLE", what, values, done=done, undo=None if what == "one that exists" else undo)

    def drop_table(self) -> Step:
        table = self.table()
        if table and self._chance.random() < 0.3 and len(self._world.tables()) > 3:
            path: dict[str, str] = table.path
        else:
            table, path = None, {"database_name": self.database(), "table_name": "nowhere"}

        def done() -> None:
            if table is not None:
                for server in self._servers:
                    server.forget(table)
                del self._world.databases[table.database][table.name]

        values = {"table_path": path, "ignore_if_not_exists": self._chance.random() < 0.3}
        return Step("DROP_TABLE", "one that exists" if table else "none", values, done=done)

    def get_table_info(self) -> Step:
        return Step("GET_TABLE_INFO", "one", {"table_path": self.path()}, form=normal.table_info, role=self._role())

    def table_exists(self) -> Step:
        return Step("TABLE_EXISTS", "one", {"table_path": self.path()}, form=normal.whole, role=self._role())

    def list_tables(self) -> Step:
        values = {"database_name": self.database()}
        return Step("LIST_TABLES", "of one", values, form=normal.sorted_names("table_name"), role=self._role())

    def get_table_schema(self) -> Step:
        version = self._chance.choice([None, None, 1, 1, 2, 0, -1, 99])
        values = {"table_path": self.path(), "schema_id": version}
        return Step("GET_TABLE_SCHEMA", f"version {version}", values, form=normal.table_schema, role=self._role())

    def alter_table(self) -> Step:
        table = self.table()
        if table is None or self._chance.random() < 0.1:
            path = {"database_name": self.database(), "table_name": "nowhere"}
            return self.alter_no_table(path, self._chance.random() < 0.5)
        return self._add_column(table) if self._chance.random() < 0.5 else self._change_options(table)

    def alter_no_table(self, path: dict[str, str], ignore: bool) -> Step:
        changes = [{"config_key": "owner", "config_value": "x", "op_type": SET}]
        return Step("ALTER_TABLE", "none", {"table_path": path, "ignore_if_not_exists": ignore, "config_changes": changes})

    def _add_column(self, table: Table) -> Step:
        chance = self._chance
        kind, arrow = chance.choice(descriptors.TYPES)
        name, what, position = self._world.fresh("n"), "a column at the end", COLUMN_LAST
        draw = chance.random()
        if draw < 0.15:
            name, what = table.columns[0][0], "a column that exists"
        elif draw < 0.3:
            position, what = COLUMN_FIRST, "a column in front"
        elif draw < 0.45:
            kind, what = {**kind, "nullable": False}, "a column without nulls"
        elif draw < 0.55:
            kind, what = {"type": "NONE"}, "a column of no type"
        elif draw < 0.6:
            return self.add_column_named(table, "__offset", "a column of a system name")
        if len(table.columns) > 9 and what == "a column at the end":
            name, what = table.columns[0][0], "a column that exists"
        return self._add(table, name, what, kind, arrow, position)

    def add_column_named(self, table: Table, name: str, what: str) -> Step:
        kind, arrow = descriptors.TYPES[0]
        return self._add(table, name, what, kind, arrow, COLUMN_LAST)

    def _add(
        self, table: Table, name: str, what: str, kind: descriptors.Descriptor, arrow: pa.DataType, position: int,
    ) -> Step:
        values = {
            "table_path": table.path,
            "ignore_if_not_exists": False,
            "add_columns": [
                {"column_name": name, "data_type_json": json.dumps(kind).encode(), "column_position_type": position}
            ],
        }

        def done() -> None:
            table.columns = [*table.columns, (name, arrow)]
            table.schema_id += 1
            table.versions[table.schema_id] = table.columns
            for server in self._servers:
                server.learn(table)

        return Step("ALTER_TABLE", what, values, done=done, undo=lambda: self._abandon(table))

    def _change_options(self, table: Table) -> Step:
        key, value, operation = self._chance.choice([
            ("owner", "somebody", SET),
            ("owner", None, DELETE),
            ("nobody", None, DELETE),
            ("table.log.ttl", "3 d", SET),
            ("table.log.ttl", "soon", SET),
            ("table.replication.factor", "1", SET),
            ("table.log.format", "indexed", SET),
            ("table.log.tiered.local-segments", "3", SET),
            ("table.log.arrow.compression.type", "NONE", SET),
            ("table.no.such.option", "1", SET),
            ("table.no.such.option", None, DELETE),
            ("bucket.num", "4", SET),
            ("owner", "more", APPEND),
            ("owner", "more", 9),
        ])
        return self.change_option(table, key, value, operation)

    def change_option(self, table: Table, key: str, value: str | None, operation: int = SET) -> Step:
        values = {
            "table_path": table.path,
            "ignore_if_not_exists": False,
            "config_changes": [{"config_key": key, "config_value": value, "op_type": operation}],
        }
        return Step("ALTER_TABLE", f"{key} to {value}, operation {operation}", values, undo=lambda: self._abandon(table))

    def _abandon(self, table: Table) -> None:
        """The servers disagree about it for good."""
        for server in self._servers:
            server.call("DROP_TABLE", {"table_path": table.path, "ignore_if_not_exists": True})
            server.forget(table)
        self._world.databases.get(table.database, {}).pop(table.name, None)

    # ---- Partitions

    def create_partition(self) -> Step:
        chance = self._chance
        table = self._partitioned()
        if table is None or chance.random() < 0.15:
            spec = {"partition_key_values": [{"key": descriptors.PARTITION_KEY, "value": "x"}]}
            return Step("CREATE_PARTITION", "of any path", self._partition_values(self.path(), spec), done=None)
        draw = chance.random()
        pairs = [(descriptors.PARTITION_KEY, self._world.fresh("p"))]
        what = "a new one"
        if draw < 0.2 and table.partitions:
            pairs, what = [(descriptors.PARTITION_KEY, chance.choice(table.partitions))], "one that exists"
        elif draw < 0.35:
            pairs, what = [(descriptors.PARTITION_KEY, chance.choice(BAD_NAMES))], "a bad name"
        elif draw < 0.45:
            pairs, what = [("nowhere", "x")], "an unknown key"
        elif draw < 0.5:
            pairs, what = [], "no key"
        elif draw < 0.55:
            pairs, what = [*pairs, ("more", "x")], "a key too many"
        if what == "a new one" and len(table.partitions) >= PARTITIONS_MAX:
            pairs, what = [("nowhere", "x")], "an unknown key"

        def done() -> None:
            if what == "a new one":
                table.partitions.append(pairs[0][1])
                for server in self._servers:
                    server.learn_partition(table, pairs[0][1])

        spec = {"partition_key_values": [{"key": key, "value": value} for key, value in pairs]}
        return Step("CREATE_PARTITION", what, self._partition_values(table.path, spec), done=done)

    def drop_partition(self) -> Step:
        table = self._partitioned()
        if table is not None and len(table.partitions) > 1 and self._chance.random() < 0.3:
            path, value = table.path, self._chance.choice(table.partitions)
        else:
            table, path, value = None, self.path(), "nowhere"

        def done() -> None:
            if table is not None:
                for server in self._servers:
                    server.forget(table, value)
                table.partitions.remove(value)
                for state in (table.batches, table.ends):
                    for place in [place for place in state if place[0] == value]:
                        del state[place]

        spec = {"partition_key_values": [{"key": descriptors.PARTITION_KEY, "value": value}]}
        return Step("DROP_PARTITION", value, self._partition_values(path, spec), done=done)

    def list_partition_infos(self) -> Step:
        table = self._partitioned()
        path = table.path if table and self._chance.random() < 0.7 else self.path()
        spec: dict[str, str] = {}
        if self._chance.random() < 0.4:
            key = self._chance.choice([descriptors.PARTITION_KEY, descriptors.PARTITION_KEY, "nowhere"])
            value = self._chance.choice([*(table.partitions if table else []), "nowhere"])
            spec = {key: value}
        return self.list_partition_infos_by(path, spec)

    def list_partition_infos_by(self, path: dict[str, str], keys: dict[str, str]) -> Step:
        spec = {"partition_key_values": [{"key": key, "value": value} for key, value in keys.items()]} if keys else None
        values = {"table_path": path, "partial_partition_spec": spec}
        return Step("LIST_PARTITION_INFOS", "with a part of a key" if keys else "all", values,
                    form=normal.partition_infos, role=self._role())

    def _partitioned(self) -> Table | None:
        tables = [table for table in self._world.tables() if table.partition_keys]
        return self._chance.choice(tables) if tables else None

    def _partition_values(self, path: dict[str, str], spec: dict[str, Any]) -> dict[str, Any]:
        return {"table_path": path, "partition_spec": spec, "ignore_if_not_exists": self._chance.random() < 0.25}

    # ---- Metadata

    def get_metadata(self) -> Step:
        chance = self._chance
        values: dict[str, Any] = {}
        table = self._partitioned() if chance.random() < 0.4 else self.table()
        fill = None
        if chance.random() < 0.9:
            values["table_path"] = [self.path()] if table is None or chance.random() < 0.3 else [table.path]
        if table is not None and table.partitions and chance.random() < 0.6:
            partition = chance.choice([*table.partitions, "nowhere"]) if chance.random() < 0.3 else chance.choice(table.partitions)
            if chance.random() < 0.5:
                values["partitions_path"] = [{**table.path, "partition_name": partition}]
            else:
                fill = lambda server: {"partitions_id": [server.partition_id(table.key, partition)]}  # noqa: E731
        return Step("GET_METADATA", ", ".join(values) or "of nothing", values, fill, form=normal.metadata)

    def get_filesystem_security_token(self) -> Step:
        form = lambda server, body: sorted(body)  # noqa: E731
        return Step("GET_FILESYSTEM_SECURITY_TOKEN", "any", form=form)

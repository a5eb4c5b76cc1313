"""Rows put under keys and looked up again, and every wrong way of it."""

from __future__ import annotations

import dataclasses
import json
import random
from typing import Any

from differential import key_normal, known, normal
from differential.key_tables import NUMBER, PARTITION_KEY, PARTITIONS, KeyTable, KeyTables
from differential.server import FETCH_EARLIEST, NOWHERE, Server
from differential.step import Step
from differential.world import Place, Table
from peers.kv_batch import KvBatch
from peers.wire import Answer

BYTES_MAX = 1 << 24
ROWS_MAX = 8
TIMEOUT_MS = 10_000
ADD_LAST = 0
INSERT = "and put what is missing"
# By the names of known.TAKEN.
TAKEN: dict[str, str | None] = dict(zip(known.TAKEN, ("crc", "magic", None), strict=True))
UNKNOWN_MODE = 7
# A key that no table has.
NO_KEY = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01zzz"


@dataclasses.dataclass
class Sent:
    """What goes to one bucket. `writer` counts INIT_WRITERs."""

    records: tuple[tuple[bytes, bytes | None], ...]
    version: int
    writer: int = -1
    sequence: int = -1
    spoil: str | None = None

    def encode(self, server: Server) -> bytes:
        version = 99 if self.spoil == "schema" else self.version
        batch = KvBatch(self.records, version, server.writer_id(self.writer), self.sequence, 7 if self.spoil == "magic" else 0)
        encoded = batch.encode()
        if self.spoil == "cut":
            return encoded[: len(encoded) // 2]
        if self.spoil == "crc":
            return encoded[:5] + bytes([encoded[5] ^ 1]) + encoded[6:]
        return b"" if self.spoil == "empty" else encoded


class KeySteps:
    def __init__(self, chance: random.Random, servers: list[Server], tables: KeyTables, writers: int):
        self._chance = chance
        self._servers = servers
        self._tables = tables
        self._writers = writers

    # ---- Tables

    def create_table(self, table: KeyTable) -> Step:
        def done() -> None:
            for server in self._servers:
                server.learn(table)

        values = {"table_path": table.path, "table_json": json.dumps(table.descriptor).encode(), "ignore_if_exists": False}
        return Step("CREATE_TABLE", f"{table.engine} {table.descriptor['properties']}", values, done=done)

    def create_partition(self, table: KeyTable, value: str) -> Step:
        def done() -> None:
            table.partitions.append(value)
            for server in self._servers:
                server.learn_partition(table, value)

        spec = {"partition_key_values": [{"key": PARTITION_KEY, "value": value}]}
        values = {"table_path": table.path, "partition_spec": spec, "ignore_if_not_exists": False}
        return Step("CREATE_PARTITION", value, values, done=done)

    def add_column(self, table: KeyTable) -> Step:
        name, kind = self._tables.next_version(table)

        def done() -> None:
            table.schema_id += 1
            table.columns = table.versions[table.schema_id]
            for server in self._servers:
                server.learn(table)

        column = {"column_name": name, "data_type_json": json.dumps(kind).encode(), "column_position_type": ADD_LAST}
        values = {"table_path": table.path, "ignore_if_not_exists": False, "add_columns": [column]}
        return Step("ALTER_TABLE", "a column more", values, done=done)

    # ---- Writes

    def put(self, table: KeyTable, busy: set[tuple[Place, int]]) -> Step:
        """`busy` are the places at which a writer has a batch under way: what it may send next is not known before."""
        chance = self._chance
        version = chance.choice([table.schema_id, table.schema_id, chance.randint(1, table.schema_id)])
        targets = self._targets(table) if chance.random() < 0.25 or table.numbered and chance.random() < 0.8 else None
        if targets is not None and max(targets) >= len(table.versions[version]):
            version = table.schema_id
        places = chance.sample(table.places(), min(len(table.places()), chance.choice([1, 1, 1, 2, 3])))
        parts = [(place, self._sent(table, place, version, targets, busy)) for place in places]
        mode = chance.choice([None, None, None, 0, 1, 1] if table.engine == "aggregation" else [None] * 9 + [1])
        values = {"acks": chance.choice([-1, -1, -1, 1, 0]), "target_columns": targets or [], "agg_mode": mode}
        what = "rows" if targets is None else "some columns"
        if chance.random() < 0.01:
            values["acks"], what = 2, "unknown acks"
        spoils = {sent.spoil for _, sent in parts if sent.spoil}
        return self.put_parts(table, parts, values, ", ".join([what, *sorted(spoils)]))

    def put_parts(self, table: KeyTable, parts: list[tuple[Place, Sent]], values: dict[str, Any], what: str) -> Step:
        def fill(server: Server) -> dict[str, Any]:
            buckets = [
                {
                    "partition_id": server.partition_id(table.key, place[0]), "bucket_id": place[1],
                    "records": sent.encode(server),
                }
                for place, sent in parts
            ]
            return {"table_id": server.table_id(table.key), "buckets_req": buckets}

        ends: list[dict[Place, int]] = []

        def look(server: Server, answer: Answer) -> None:
            ends.append({
                (server.partition_name(table.key, one.get("partition_id")), one["bucket_id"]): one["log_end_offset"]
                for one in answer.body.get("buckets_resp", []) if not one.get("error_code")
            })

        def done() -> None:
            for place, sent in parts:
                if place in ends[0] and sent.writer >= 0:
                    next_one = table.sequences.get((sent.writer, place), 0)
                    table.sequences[sent.writer, place] = max(next_one, sent.sequence + 1)
                if values["acks"] == 0 and place in ends[0] and ends[0][place] == ends[1].get(place):
                    for server in self._servers:
                        server.await_end(table, place, ends[0][place])

        form = normal.by_bucket(table.key, "log_end_offset")
        sequences = [(place, sent.writer, sent.sequence) for place, sent in parts]
        unexpected = {
            (str(place[0]), place[1]) for place, sent in parts
            if sent.writer >= 0 and sent.sequence != table.sequences.get((sent.writer, place), 0)
        }
        return Step(
            "PUT_KV", f"{what}; {table.engine} {table.name} {sequences}", {"timeout_ms": TIMEOUT_MS, **values}, fill, form=form,
            look=look, done=done, unexpected=frozenset(unexpected),
        )

    def put_nowhere(self, table: KeyTable) -> Step:
        """To a table, a partition or a bucket that there is not."""
        chance = self._chance
        place = chance.choice(table.places())
        sent = self._sent(table, place, table.schema_id, None, set())
        how = chance.choice(["table", "partition", "bucket"])

        def fill(server: Server) -> dict[str, Any]:
            part = {"partition_id": server.partition_id(table.key, place[0]), "bucket_id": place[1], "records": sent.encode(server)}
            if how == "table":
                part["partition_id"] = None  # which Fluss would know by itself
            elif how == "partition":
                part["partition_id"] = NOWHERE
            elif how == "bucket":
                part["bucket_id"] = 77
            return {"table_id": NOWHERE if how == "table" else server.table_id(table.key), "buckets_req": [part]}

        values = {"acks": -1, "timeout_ms": TIMEOUT_MS}
        form = lambda server, body: [(how, 0, one.get("error_code", 0)) for one in body["buckets_resp"]]  # noqa: E731
        return Step("PUT_KV", f"to no {how}", values, fill, form=form)

    def put_spoiled(self, table: KeyTable, spoil: str) -> Step:
        place = self._chance.choice(table.places())
        sent = dataclasses.replace(self._sent(table, place, table.schema_id, None, set()), writer=-1, sequence=-1, spoil=spoil)
        return self.put_parts(table, [(place, sent)], {"acks": -1}, f"rows, {spoil}")

    def put_unknown_column(self, table: KeyTable) -> Step:
        """Of the latest version, in a batch of the first."""
        names = [name for name, _ in table.columns]
        targets = [place for place, name in enumerate(names) if name in table.key_columns] + [len(names) - 1]
        row = table.row(self._chance, 1, 0, table.places()[0])
        sent = Sent(((table.keys[0], self._tables.encode(table, 1, [row])[0]),), 1)
        values = {"acks": -1, "target_columns": targets}
        return self.put_parts(table, [(table.places()[0], sent)], values, "columns that the batch does not have")

    def ask_log_table(self, log: Table, table: KeyTable) -> list[Step]:
        """For rows by key, which it does not have."""
        place: Place = (None, 0)
        sent = self._sent(table, table.places()[0], 1, None, set())
        sound = dataclasses.replace(sent, writer=-1, sequence=-1, spoil=None)
        put = {"acks": -1, "timeout_ms": TIMEOUT_MS}
        part = {"bucket_id": place[1], "records": sound.encode(self._servers[0])}

        def fill(server: Server) -> dict[str, Any]:
            return {"table_id": server.table_id(log.key), "buckets_req": [part]}

        return [
            Step("PUT_KV", "to a table without a key", put, fill, form=normal.by_bucket(log.key, "log_end_offset")),
            self.lookup_keys(log, [(place, table.keys[:2])], "keys of a table without a key", {}),
            self.lookup_keys(log, [(place, table.prefixes[:2])], "prefixes of a table without a key", {}, "PREFIX_LOOKUP"),
        ]

    def put_taken_by_fluss(self, table: KeyTable, what: str | None = None) -> Step:
        """And refused by Thalweg, which gets the same as it should be afterwards."""
        place = self._chance.choice(table.places())
        what = what or self._chance.choice(list(TAKEN))
        sent = dataclasses.replace(self._sent(table, place, table.schema_id, None, set()), writer=-1, sequence=-1)
        sound = self.put_parts(table, [(place, dataclasses.replace(sent, spoil=None))], {"acks": -1}, "")
        mode = UNKNOWN_MODE if TAKEN[what] is None else None
        step = self.put_parts(table, [(place, dataclasses.replace(sent, spoil=TAKEN[what]))], {"acks": -1, "agg_mode": mode}, what)

        def done() -> None:
            sound.send(self._servers[1])

        step.done = done
        return step

    def _targets(self, table: KeyTable) -> list[int]:
        chance = self._chance
        names = [name for name, _ in table.columns]
        wanted = [name for name in names if name in table.key_columns or name == PARTITION_KEY or chance.random() < 0.5]
        if table.numbered and chance.random() < 0.9:
            wanted = [name for name in wanted if name != NUMBER]
        targets = [names.index(name) for name in wanted]
        if chance.random() < 0.06:
            targets = chance.choice([targets[1:] or [len(names) - 1], [names.index(name) for name in table.key_columns]])
        return chance.sample(targets, len(targets)) if chance.random() < 0.1 else targets

    def _sent(self, table: KeyTable, place: Place, version: int, targets: list[int] | None, busy: set[tuple[Place, int]]) -> Sent:
        chance = self._chance
        only = None if targets is None else {table.columns[target][0] for target in targets}
        numbers = [chance.randrange(len(table.keys)) for _ in range(chance.randint(1, ROWS_MAX))]
        deleted = [chance.random() < (0.25 if targets is None else 0.15) for _ in numbers]
        if chance.random() < 0.4 or table.descriptor["properties"].get("table.delete.behavior") == "disable" and chance.random() < 0.8:
            deleted = [False] * len(numbers)
        rows = [table.row(chance, version, n, place, only) for n, gone in zip(numbers, deleted, strict=True) if not gone]
        encoded = iter(self._tables.encode(table, version, rows))
        records = tuple((table.keys[n], None if gone else next(encoded)) for n, gone in zip(numbers, deleted, strict=True))
        if chance.random() < 0.03:
            records = ()
        writer, sequence = -1, -1
        # What a batch that is refused or known has used up of the numbers is a server's own matter.
        if chance.random() < 0.45 and not table.numbered:
            writer = chance.randrange(self._writers)
            if (place, writer) in busy:
                writer = -1
            else:
                busy.add((place, writer))
                sequence = self._sequence(table.sequences.get((writer, place), 0))
        spoil = "schema" if chance.random() < 0.015 and not table.numbered else None
        return Sent(records, version, writer, sequence, spoil)

    def _sequence(self, expected: int) -> int:
        if expected == 0:
            return self._chance.choice([0] * 9 + [3])
        return self._chance.choice([expected] * 7 + [max(expected - 1, 0), max(expected - 2, 0), max(expected - 6, 0), expected + 2])

    # ---- Reads, and the one that writes

    def lookup(self, table: KeyTable, insert: bool = False) -> Step:
        chance = self._chance
        places = chance.sample(table.places(), min(len(table.places()), chance.choice([1, 1, 2])))
        count = chance.choice([1, 2, 5]) if not insert else chance.choice([1, 2])
        asked = [(place, chance.sample(table.keys, min(count, len(table.keys)))) for place in places]
        what = INSERT if insert else "keys"
        if insert and chance.random() < 0.08:
            what += ", of a key that is none"
            asked[0][1][0] = chance.choice([NO_KEY, b"", table.keys[0][:1], table.keys[0][:-1]])
        if not insert and chance.random() < 0.1:
            asked[0][1].append(chance.choice([NO_KEY, b"", table.keys[0][:1]]))
        values: dict[str, Any] = {}
        if insert:
            values = {"insert_if_not_exists": True, "acks": chance.choice([-1, 1, 0]), "timeout_ms": TIMEOUT_MS}
        return self.lookup_keys(table, asked, what, values)

    def lookup_keys(
        self, table: Table, asked: list[tuple[Place, list[bytes]]], what: str, values: dict[str, Any], api: str = "LOOKUP"
    ) -> Step:
        def fill(server: Server) -> dict[str, Any]:
            buckets = [
                {"partition_id": server.partition_id(table.key, place[0]), "bucket_id": place[1], "keys": keys}
                for place, keys in asked
            ]
            return {"table_id": server.table_id(table.key), "buckets_req": buckets}

        form = key_normal.looked_up(table.key, "values" if api == "LOOKUP" else "value_lists")
        shown = [(place, [key.hex() for key in keys]) for place, keys in asked]
        return Step(api, f"{what}; {table.name} {shown}", values, fill, form=form)

    def lookup_insert(self, table: KeyTable) -> Step:
        return self.lookup(table, insert=True)

    def lookup_insert_longer_key(self, table: KeyTable) -> Step:
        """Of which its columns leave a byte over."""
        return self._lookup_insert_key(table, table.keys[0] + b"a", f"{INSERT}, of a key that is too long")

    def lookup_insert_first_key(self, table: KeyTable) -> Step:
        return self._lookup_insert_key(table, table.keys[0], INSERT)

    def _lookup_insert_key(self, table: KeyTable, key: bytes, what: str) -> Step:
        values = {"insert_if_not_exists": True, "acks": -1, "timeout_ms": TIMEOUT_MS}
        return self.lookup_keys(table, [(table.places()[0], [key])], what, values)

    def prefix_lookup(self, table: KeyTable) -> Step:
        chance = self._chance
        place = chance.choice(table.places())
        prefixes = [chance.choice(table.prefixes) for _ in range(chance.choice([1, 2]))]
        if chance.random() < 0.15:
            prefixes.append(chance.choice([b"", NO_KEY, table.keys[0][:1]]))
        return self.lookup_keys(table, [(place, prefixes)], "prefixes", {}, "PREFIX_LOOKUP")

    def limit_scan(self, table: KeyTable, limit: int | None = None, place: Place | None = None) -> Step:
        chance = self._chance
        where = place or chance.choice(table.places())
        if limit is None:
            limit = chance.choice([1, 2, 5, 100, 100_000, 0])

        def fill(server: Server) -> dict[str, Any]:
            return {"table_id": server.table_id(table.key), "partition_id": server.partition_id(table.key, where[0])}

        values = {"bucket_id": where[1], "limit": limit}
        return Step("LIMIT_SCAN", f"{limit} of {table.name} {where}", values, fill, form=key_normal.first_rows)

    def get_table_stats(self, table: KeyTable) -> Step:
        def fill(server: Server) -> dict[str, Any]:
            buckets = [
                {"partition_id": server.partition_id(table.key, place[0]), "bucket_id": place[1]} for place in table.places()
            ]
            return {"table_id": server.table_id(table.key), "buckets_req": buckets}

        return Step("GET_TABLE_STATS", f"of {table.name}", fill=fill, form=normal.table_stats(table.key))

    def fetch_log(self, table: KeyTable) -> Step:
        """The changelog from its start, or some of its columns."""
        chance = self._chance
        place = chance.choice(table.places())
        columns = None
        if table.log_format == "ARROW" and chance.random() < 0.6:
            columns = sorted(chance.sample(range(len(table.columns)), chance.randint(1, len(table.columns))))
        return self.fetch(table, place, FETCH_EARLIEST, columns)

    def fetch(self, table: KeyTable, place: Place, offset: int, columns: list[int] | None) -> Step:
        def fill(server: Server) -> dict[str, Any]:
            bucket = {
                "partition_id": server.partition_id(table.key, place[0]), "bucket_id": place[1], "fetch_offset": offset,
                "max_fetch_bytes": BYTES_MAX,
            }
            wanted = {
                "table_id": server.table_id(table.key), "projection_pushdown_enabled": columns is not None,
                "projected_fields": columns or [], "buckets_req": [bucket],
            }
            return {"tables_req": [wanted]}

        values = {"follower_server_id": -1, "max_bytes": BYTES_MAX}
        return Step(
            "FETCH_LOG", f"of {table.engine} {table.name} {place}, columns {columns}", values, fill,
            form=key_normal.fetched(table, columns), projected=columns is not None,
        )


def partitions_of(table: KeyTable) -> list[str]:
    return PARTITIONS if table.partition_keys else []


def is_open(table: KeyTable) -> bool:
    """Whether a row of nothing but a key is one of it, and Fluss notices what a row does not have."""
    plain = not table.partition_keys and not table.numbered
    return plain and table.kv_format == "COMPACTED" and table.not_null == set(table.key_columns)

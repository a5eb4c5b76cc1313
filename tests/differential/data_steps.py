"""Appends, fetches, offsets and scans of log tables, and every wrong way of them."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

from differential import descriptors, normal
from differential.server import FETCH_EARLIEST, LATEST, Server
from differential.step import Step
from differential.world import Place, Table, World
from peers import log_batch
from peers.wire import Answer

EARLIEST, BY_TIME = 0, 2
BYTES_MAX = 1 << 20
FAR_FUTURE_MS = 4_000_000_000_000
ROWS_MAX = 12


@dataclasses.dataclass(frozen=True)
class Sent:
    """One batch of an append: what it holds but for the writer's id, which each server gives for itself."""

    body: bytes
    count: int
    schema_id: int
    writer: int = -1
    sequence: int = -1
    spoil: str = ""

    def encode(self, server: Server) -> bytes:
        batch = log_batch.Batch(self.body, self.count, self.schema_id, server.writer_id(self.writer), self.sequence)
        if self.spoil == "magic":
            return dataclasses.replace(batch, magic=5).encode()
        data = bytearray(batch.encode())
        if self.spoil == "crc":
            data[log_batch.CRC_AT] ^= 1
        elif self.spoil == "body":
            data[-1] ^= 0x10
        elif self.spoil == "length":
            data[8:12] = (20).to_bytes(4, "little")
        elif self.spoil == "cut":
            return bytes(data[: len(data) - 7])
        return bytes(data)


class DataSteps:
    def __init__(self, chance: random.Random, world: World, servers: list[Server]):
        self._chance = chance
        self._world = world
        self._servers = servers

    def _log_table(self) -> Table | None:
        tables = [table for table in self._world.tables() if table.log and table.places()]
        return self._chance.choice(tables) if tables else None

    def _place(self, table: Table) -> Place:
        """Mostly a bucket that there is."""
        draw = self._chance.random()
        if draw < 0.05:
            return self._chance.choice(table.places())[0], self._chance.choice([table.buckets, -1, 1000])
        if draw < 0.08 and table.partition_keys:
            return "nowhere", 0
        return self._chance.choice(table.places())

    # ---- INIT_WRITER, PRODUCE_LOG

    def init_writer(self) -> Step:
        table = self._log_table()
        paths = [table.path] if table else []
        if self._chance.random() < 0.2:
            paths = [*paths, {"database_name": "nowhere", "table_name": "nowhere"}][: self._chance.randint(0, 2)]
        return self.init_writer_for(paths)

    def init_writer_for(self, paths: list[dict[str, str]]) -> Step:
        world = self._world

        def look(server: Server, answer: Answer) -> None:
            if answer.error == 0:
                server.take_writer(answer.body["writer_id"])

        def done() -> None:
            world.writers += 1

        return Step("INIT_WRITER", f"{len(paths)} tables", {"table_path": paths}, look=look, done=done)

    def produce_log(self) -> Step:
        table = self._log_table()
        if table is None or self._chance.random() < 0.03:
            return self.produce(None, [((None, 0), [Sent(b"", 0, 1)])], -1, "an unknown table")
        acks = self._chance.choice([-1, -1, -1, 1, 0]) if self._chance.random() < 0.95 else self._chance.choice([2, -2])
        places = {self._place(table) for _ in range(self._chance.choice([1, 1, 1, 2, 3]))}
        parts = [(place, self._batches(table, place)) for place in sorted(places, key=normal.place_key)]
        kinds = sorted({sent.spoil or "sound" for _, batches in parts for sent in batches})
        return self.produce(table, parts, acks, f"acks {acks}, {', '.join(kinds)}")

    def _batches(self, table: Table, place: Place) -> list[Sent]:
        chance = self._chance
        made: list[Sent] = []
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            writer, sequence = -1, -1
            # One batch of a writer at a time, so that what it may send next is known.
            if self._world.writers and chance.random() < 0.4 and all(sent.writer < 0 for sent in made):
                writer = chance.randrange(self._world.writers)
                expected = table.sequences.get((writer, place), 0)
                if expected > 0:
                    sequence = chance.choice([expected, expected, max(expected - 1, 0), max(expected - 6, 0), expected + 2])
                else:
                    sequence = chance.choice([0] * 9 + [3])
            version = chance.choice([table.schema_id, table.schema_id, 1])
            count = chance.randint(1, ROWS_MAX)
            made.append(self.batch(table, version, count, writer, sequence))
        if chance.random() < 0.12:
            made[-1] = dataclasses.replace(made[-1], spoil=chance.choice(["crc", "body", "magic", "length", "cut"]))
        return made

    def batch(self, table: Table, version: int, count: int, writer: int = -1, sequence: int = -1) -> Sent:
        rows = descriptors.rows(self._chance, table, version, count)
        return Sent(log_batch.of_rows(rows, table.compression).body, count, version, writer, sequence)

    def produce(self, table: Table | None, parts: list[tuple[Place, list[Sent]]], acks: int, what: str) -> Step:
        key = table.key if table else ("?", "?")

        def fill(server: Server) -> dict[str, Any]:
            return {
                "table_id": server.table_id(key),
                "buckets_req": [
                    {
                        "partition_id": server.partition_id(key, place[0]), "bucket_id": place[1],
                        "records": b"".join(sent.encode(server) for sent in batches),
                    }
                    for place, batches in parts
                ],
            }

        answers: list[Answer] = []

        def done() -> None:
            if table is not None:
                self._note_appended(table, dict(parts), answers)
                if acks == 0:
                    self._await_appended(table, [place for place, _ in parts], answers)

        form = normal.by_bucket(key, "base_offset")
        values = {"acks": acks, "timeout_ms": 10_000}
        mixed = frozenset((str(place[0]), place[1]) for place, batches in parts if table and self._is_mixed(table, place, batches))
        return Step(
            "PRODUCE_LOG", what, values, fill, form=form, done=done, look=lambda _, answer: answers.append(answer), mixed=mixed,
        )

    @staticmethod
    def _is_mixed(table: Table, place: Place, batches: list[Sent]) -> bool:
        """Whether a batch that its bucket knows comes with others."""
        known = [sent for sent in batches if 0 <= sent.sequence < table.sequences.get((sent.writer, place), 0)]
        return 0 < len(known) < len(batches)

    def _note_appended(self, table: Table, parts: dict[Place, list[Sent]], answers: list[Answer]) -> None:
        for place, at in self._appended_at(self._servers[0], table, answers[0]).items():
            whole = [sent for sent in parts.get(place, []) if sent.spoil != "cut"]
            if at < table.ends.get(place, 0):
                continue  # Nothing was appended: there was no whole batch, or it is known.
            for sent in whole:
                if sent.writer >= 0:
                    table.sequences[sent.writer, place] = sent.sequence + 1
                table.batches.setdefault(place, []).append(at)
                at += sent.count
            table.ends[place] = at

    def _await_appended(self, table: Table, places: list[Place], answers: list[Answer]) -> None:
        """Until what both have answered without waiting for it can be fetched as well."""
        found = [self._appended_at(server, table, answer) for server, answer in zip(self._servers, answers, strict=True)]
        for place in places:
            if place in found[0] and found[0][place] == found[1].get(place):
                for server in self._servers:
                    server.await_end(table, place, table.ends.get(place, 0))

    @staticmethod
    def _appended_at(server: Server, table: Table, answer: Answer) -> dict[Place, int]:
        """Offsets by place, of those that took their part."""
        found = {}
        for one in answer.body.get("buckets_resp", []):
            if not one.get("error_code"):
                found[server.partition_name(table.key, one.get("partition_id")), one["bucket_id"]] = one["base_offset"]
        return found

    def abandon(self, table: Table) -> None:
        for server in self._servers:
            server.call("DROP_TABLE", {"table_path": table.path, "ignore_if_not_exists": True})
            server.forget(table)
        self._world.databases.get(table.database, {}).pop(table.name, None)

    # ---- FETCH_LOG

    def fetch_log(self) -> Step:
        table = self._log_table()
        if table is None or self._chance.random() < 0.03:
            return self.fetch([(None, [((None, 0), 0, BYTES_MAX)], None)], BYTES_MAX, "an unknown table")
        wanted = [self._fetch_part(table)]
        if self._chance.random() < 0.1:
            other = self._log_table()
            if other is not None and other is not table:
                wanted.append(self._fetch_part(other))
        bytes_max = self._chance.choice([BYTES_MAX] * 6 + [100, 0]) if len(wanted) == 1 else BYTES_MAX
        shown = "; ".join(f"{parts}, columns {columns}" for _, parts, columns in wanted)
        return self.fetch(wanted, bytes_max, f"{shown}, {bytes_max} bytes")

    def _fetch_part(self, table: Table) -> tuple[Table, list[tuple[Place, int, int]], list[int] | None]:
        chance = self._chance
        parts = []
        for place in {self._place(table) for _ in range(chance.choice([1, 1, 1, 2, 3]))}:
            end = table.ends.get(place, 0)
            offset = chance.choice([0, FETCH_EARLIEST, end, chance.randint(0, max(end, 1)), chance.randint(0, max(end, 1))])
            if chance.random() < 0.06:
                offset = chance.choice([end + 1, end + 1000, -1, -5])
            parts.append((place, offset, chance.choice([BYTES_MAX] * 7 + [1, 500])))
        if len(parts) > 1:
            parts = [(place, offset, BYTES_MAX) for place, offset, _ in parts]
        columns = None
        if chance.random() < 0.4:
            count = len(table.columns)
            columns = sorted(chance.sample(range(count), chance.randint(1, count)))
            if chance.random() < 0.1:
                columns = chance.choice([[], [count], [-1], [0, 0], [1, 0]])
        return table, parts, columns

    def fetch(
        self, wanted: list[tuple[Table | None, list[tuple[Place, int, int]], list[int] | None]], bytes_max: int, what: str
    ) -> Step:
        tables = {table.key: table for table, _, _ in wanted if table is not None}
        projections = {table.key: columns for table, _, columns in wanted if table is not None and columns is not None}

        def fill(server: Server) -> dict[str, Any]:
            requests = []
            for table, parts, columns in wanted:
                key = table.key if table else ("?", "?")
                buckets = [
                    {
                        "partition_id": server.partition_id(key, place[0]), "bucket_id": place[1],
                        "fetch_offset": offset, "max_fetch_bytes": part_bytes,
                    }
                    for place, offset, part_bytes in parts
                ]
                requests.append({
                    "table_id": server.table_id(key), "projection_pushdown_enabled": columns is not None,
                    "projected_fields": columns or [], "buckets_req": buckets,
                })
            return {"tables_req": requests}

        waits = self._chance.choice([{}, {"max_wait_ms": 1, "min_bytes": 0}, {"max_wait_ms": 20, "min_bytes": 1}])
        values = {"follower_server_id": -1, "max_bytes": bytes_max, **waits}
        return Step(
            "FETCH_LOG", what, values, fill, form=normal.fetched(tables, projections), projected=bool(projections),
        )

    def whole_bucket(self, server: Server, table: Table, place: Place) -> list[str]:
        """All batches of a bucket, in as many fetches as that takes."""
        form = normal.fetched({table.key: table}, {})
        found: list[str] = []
        at = 0
        while True:
            values = {
                "follower_server_id": -1, "max_bytes": BYTES_MAX,
                "tables_req": [{
                    "table_id": server.table_id(table.key), "projection_pushdown_enabled": False,
                    "buckets_req": [{
                        "partition_id": server.partition_id(table.key, place[0]), "bucket_id": place[1],
                        "fetch_offset": at, "max_fetch_bytes": BYTES_MAX,
                    }],
                }],
            }
            answer = server.call("FETCH_LOG", values)
            outcome = normal.outcome(server, answer, form)
            if not isinstance(outcome, list) or outcome[0][4] != 0:
                return [*found, str(outcome)]
            batches = outcome[0][7]
            if not batches:
                return [*found, f"ends at {at} of {outcome[0][5]}"]
            found += map(str, batches)
            at = batches[-1][0] + max(batches[-1][1], 1)

    # ---- LIST_OFFSETS, LIMIT_SCAN, GET_TABLE_STATS

    def list_offsets(self) -> Step:
        chance = self._chance
        table = self._log_table()
        key = table.key if table and chance.random() < 0.95 else ("?", "?")
        place: Place = self._place(table) if table else (None, 0)
        buckets = [place[1]] if chance.random() < 0.6 or table is None else list(range(table.buckets))
        kind = chance.choice([EARLIEST, LATEST, LATEST, BY_TIME, BY_TIME])
        if chance.random() < 0.04:
            kind = chance.choice([7, -1])
        time_ms = chance.choice([0, 1, -1, None, FAR_FUTURE_MS]) if kind == BY_TIME else None

        def fill(server: Server) -> dict[str, Any]:
            return {"table_id": server.table_id(key), "partition_id": server.partition_id(key, place[0])}

        values = {"follower_server_id": -1, "offset_type": kind, "bucket_id": buckets, "startTimestamp": time_ms}
        return Step("LIST_OFFSETS", f"of {key} {place}", values, fill, form=normal.offsets_by_time)

    def list_offsets_of_a_batch(self) -> Step | None:
        """By the time of a batch that no other batch of its bucket shares, on either server."""
        table = self._log_table()
        if table is None:
            return None
        place = self._chance.choice(table.places())
        candidates = [at for at in table.batches.get(place, []) if all(self._time(s, table, place, at) for s in self._servers)]
        candidates = [at for at in candidates if all(self._alone(s, table, place, at) for s in self._servers)]
        if not candidates:
            return None
        at = self._chance.choice(candidates)

        def fill(server: Server) -> dict[str, Any]:
            return {
                "table_id": server.table_id(table.key), "partition_id": server.partition_id(table.key, place[0]),
                "startTimestamp": self._time(server, table, place, at),
            }

        values = {"follower_server_id": -1, "offset_type": BY_TIME, "bucket_id": [place[1]]}
        return Step("LIST_OFFSETS", f"by the time of offset {at} of {table.key} {place}", values, fill, form=normal.offsets_by_time)

    @staticmethod
    def _time(server: Server, table: Table, place: Place, at: int) -> int | None:
        return server.times.get((*table.key, place, at))

    def _alone(self, server: Server, table: Table, place: Place, at: int) -> bool:
        times = [self._time(server, table, place, other) for other in table.batches[place]]
        return None not in times and times.count(self._time(server, table, place, at)) == 1

    def limit_scan(self) -> Step:
        chance = self._chance
        table = self._log_table()
        key = table.key if table and chance.random() < 0.95 else ("?", "?")
        place: Place = self._place(table) if table else (None, 0)
        limit = chance.choice([1, 3, 10, 100, 100_000, 0])
        if chance.random() < 0.05:
            limit = -1
        return self.limit_scan_of(key, place, limit, table)

    def limit_scan_of(self, key: tuple[str, str], place: Place, limit: int, table: Table | None) -> Step:
        def fill(server: Server) -> dict[str, Any]:
            return {"table_id": server.table_id(key), "partition_id": server.partition_id(key, place[0])}

        values = {"bucket_id": place[1], "limit": limit}
        form = normal.last_rows(table, limit)
        return Step("LIMIT_SCAN", f"of {key} {place}", values, fill, form=form)

    def get_table_stats(self) -> Step:
        table = self._log_table()
        key = table.key if table and self._chance.random() < 0.9 else ("?", "?")
        places = [self._place(table) for _ in range(self._chance.randint(1, 3))] if table else [(None, 0)]

        def fill(server: Server) -> dict[str, Any]:
            return {
                "table_id": server.table_id(key),
                "buckets_req": [
                    {"partition_id": server.partition_id(key, place[0]), "bucket_id": place[1]} for place in places
                ],
            }

        return Step("GET_TABLE_STATS", f"of {key} {places}", fill=fill, form=normal.table_stats(key))



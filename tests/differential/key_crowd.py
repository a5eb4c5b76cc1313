"""Several writers at once, each on a connection of its own, put batches into the same buckets of a table with a primary key.

What they say to each other's rows is a matter of luck. What must hold on either server:
* the changelog has every batch once, those of a writer in its order, at offsets without gaps;
* it adds up to the rows that lookups and scans find, each change to what was there before it;
* a writer finds what it has written in the rows that only it writes, the same on both servers;
* the other server, given the same batches one after the other in the order of the changelog, makes the same changelog.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import struct
import threading
from typing import Any

import pyarrow as pa

from conformance import values as json_values
from differential import key_normal
from differential.data_steps import DataSteps
from differential.key_steps import KeySteps, Sent, partitions_of
from differential.key_tables import KeyTable, KeyTables
from differential.row_encoder import RowEncoder
from differential.server import Server
from differential.step import Step, encoded
from differential.world import Place, World
from peers import kv_batch, log_batch

WRITERS = 4
ROWS_MAX = 8
PIPELINED_MAX = 8
SERIAL_AT_ONCE = 40
SHOWN_CHARACTERS = 600
# Of the pool's keys; the last are everybody's, the others each of one writer.
KEYS_MIN, KEYS_SHARED = 7, 2
VERSION = 1


@dataclasses.dataclass(frozen=True)
class Part:
    """What goes to one bucket, and under which of the pool's keys its rows are."""

    place: Place
    sent: Sent
    numbers: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Put:
    parts: tuple[Part, ...]
    targets: tuple[int, ...]
    mode: int | None
    acks: int


# By place, writer and its number: a batch, and the put that it came with.
Sendings = dict[tuple[Place, int, int], tuple[Put, Part]]


class KeyCrowd:
    """One table of `engine` on both servers, and another one for what is put in turn."""

    def __init__(
        self, seed: int, engine: str, reference: Server, ours: Server, encoder: RowEncoder, bitmaps: dict[str, list[str]]
    ):
        """`bitmaps` as row_encoder.bitmaps gives them."""
        self._chance = random.Random(f"{seed} crowd {engine}")
        self._servers = [reference, ours]
        self._encoder = encoder
        self._maker = KeyTables(self._chance, encoder, bitmaps)
        self._steps = KeySteps(self._chance, self._servers, self._maker, WRITERS)
        self._database = f"crowd_{engine}"
        while not _is_fit(table := self._maker.sound(self._database, "t0", engine)):
            pass
        self.table = table
        self._serial = dataclasses.replace(table, name="t1", partitions=[])
        self._sendings: Sendings = {}
        self.faults: list[str] = []
        self.batches = 0
        """How often the changelogs of a server go from one writer's batch to another's."""
        self.switches = {server.name: 0 for server in self._servers}

    def run(self, count: int) -> None:
        """`count` puts of all writers together."""
        self._open()
        plans = [self._plan(writer, count // WRITERS) for writer in range(WRITERS)]
        found = [self._write(server, plans) for server in self._servers]
        for writer, (theirs, mine) in enumerate(zip(*found, strict=True)):
            for number, both in enumerate(zip(theirs, mine, strict=True)):
                self._agree(f"writer {writer}'s own rows, as it finds them behind its {number + 1}. puts", *both)
        for place in self.table.places():
            logs = [self._changelog(server, self.table, place) for server in self._servers]
            for server, other, log in zip(self._servers, reversed(self._servers), logs, strict=True):
                self._check_order(server, place, log)
                self._check_rows(server, place, log)
                self._put_in_turn(server, other, place, log)

    # ---- Tables, and what goes into them

    def _open(self) -> None:
        self._must(Step("CREATE_DATABASE", "", {"database_name": self._database, "ignore_if_exists": False}))
        for table in (self.table, self._serial):
            self._must(self._steps.create_table(table))
            for value in partitions_of(table):
                self._must(self._steps.create_partition(table, value))
        data = DataSteps(self._chance, World(), self._servers)
        for _ in range(WRITERS):
            self._must(data.init_writer_for([self.table.path]))

    def _must(self, step: Step) -> None:
        for server in self._servers:
            answer = step.send(server)
            assert answer is not None and answer.error == 0, f"{server.name}: {step}: {answer}"
            if step.look is not None:
                step.look(server, answer)
        if step.done is not None:
            step.done()

    def _own(self, writer: int) -> list[int]:
        return list(range(writer, len(self.table.keys) - KEYS_SHARED, WRITERS))

    def _plan(self, writer: int, count: int) -> list[list[Put]]:
        """Puts that are sent together."""
        sequences = {place: itertools.count() for place in self.table.places()}
        plan: list[list[Put]] = []
        while count > 0:
            together: list[Put] = []
            for _ in range(min(count, self._chance.randint(1, PIPELINED_MAX))):
                if together and self._chance.random() < 0.05:
                    together.append(together[-1])  # Sent twice, it must change nothing twice.
                else:
                    together.append(self._put(writer, sequences))
            count -= len(together)
            plan.append(together)
        return plan

    def _put(self, writer: int, sequences: dict[Place, itertools.count[int]]) -> Put:
        chance, table = self._chance, self.table
        targets: tuple[int, ...] = ()
        required = {*table.key_columns, *table.partition_keys}
        if table.engine in ("default", "aggregation") and table.not_null == required and chance.random() < 0.3:
            targets = tuple(n for n, (name, _) in enumerate(table.columns) if name in required or chance.random() < 0.5)
        mode = 1 if table.engine == "aggregation" and chance.random() < 0.2 else None
        places = chance.sample(table.places(), min(len(table.places()), chance.choice([1, 1, 2])))
        parts = tuple(self._part(writer, place, next(sequences[place]), targets) for place in places)
        put = Put(parts, targets, mode, chance.choice([-1, -1, 1]))
        for part in parts:
            self._sendings[part.place, writer, part.sent.sequence] = put, part
        return put

    def _part(self, writer: int, place: Place, sequence: int, targets: tuple[int, ...]) -> Part:
        chance, table = self._chance, self.table
        shared = range(len(table.keys) - KEYS_SHARED, len(table.keys))
        numbers = tuple(chance.choice(shared if chance.random() < 0.4 else self._own(writer)) for _ in range(chance.randint(1, ROWS_MAX)))
        deletes = 0.0 if targets or table.descriptor["properties"].get("table.delete.behavior") == "disable" else 0.2
        gone = [chance.random() < deletes for _ in numbers]
        only = {table.columns[target][0] for target in targets} if targets else None
        rows = [table.row(chance, VERSION, n, place, only) for n, is_gone in zip(numbers, gone, strict=True) if not is_gone]
        made = iter(self._maker.encode(table, VERSION, rows))
        records = tuple((table.keys[n], None if is_gone else next(made)) for n, is_gone in zip(numbers, gone, strict=True))
        return Part(place, Sent(records, VERSION, writer, sequence), numbers)

    def _body(self, server: Server, table: KeyTable, put: Put, parts: tuple[Part, ...]) -> bytes:
        values = {"acks": put.acks, "target_columns": list(put.targets), "agg_mode": put.mode}
        return encoded(self._steps.put_parts(table, [(part.place, part.sent) for part in parts], values, ""), server)

    # ---- At once

    def _write(self, server: Server, plans: list[list[list[Put]]]) -> list[list[Any]]:
        """For each writer what it has found of its own rows each time that its puts were answered."""
        bodies = [[[self._body(server, self.table, put, put.parts) for put in puts] for puts in plan] for plan in plans]
        found: list[list[Any]] = [[] for _ in plans]
        failed: list[BaseException] = []
        start = threading.Barrier(len(plans))

        def write(writer: int) -> None:
            connection = server.connect()
            try:
                asked = [(place, [self.table.keys[n] for n in self._own(writer)]) for place in self.table.places()]
                look = self._steps.lookup_keys(self.table, asked, "own keys", {})
                body = encoded(look, server)
                start.wait()
                for together in bodies[writer]:
                    answers = connection.receive_all(connection.send_all([("PUT_KV", one) for one in together]))
                    for answer in answers:
                        wrong = [one for one in answer.body.get("buckets_resp", []) if one.get("error_code")]
                        assert answer.error == 0 and not wrong, f"{answer} {self.table.descriptor}"
                    found[writer].append(look.form(server, connection.call_raw("LOOKUP", body).body))
            except BaseException as error:
                failed.append(error)
                start.abort()
            finally:
                connection.close()

        writers = [threading.Thread(target=write, args=(writer,)) for writer in range(len(plans))]
        for thread in writers:
            thread.start()
        for thread in writers:
            thread.join()
        if failed:
            raise AssertionError(f"{server.name}, a writer of {self.table.engine}: {failed[0]}") from failed[0]
        return found

    # ---- Afterwards

    def _changelog(self, server: Server, table: KeyTable, place: Place) -> list[log_batch.Batch]:
        found: list[log_batch.Batch] = []
        while True:
            at = _end(found)
            answer = self._steps.fetch(table, place, at, None).send(server)
            assert answer is not None and answer.error == 0, answer
            (part,) = answer.body["tables_resp"][0]["buckets_resp"]
            batches = log_batch.decode_all(part.get("records", b""))
            if not batches:
                assert part["high_watermark"] == at, f"{server.name} gives nothing from {at} on: {part}"
                return found
            found += batches

    def _check_order(self, server: Server, place: Place, log: list[log_batch.Batch]) -> None:
        where = f"{server.name}, {self.table.engine}, {place}"
        for before, batch in itertools.pairwise([None, *log]):
            expected = 0 if before is None else _end([before])
            if batch.base_offset != expected:
                self.faults.append(f"{where}: a batch at {batch.base_offset}, not {expected}")
            self.switches[server.name] += before is not None and before.writer_id != batch.writer_id
        self.batches += len(log)
        for writer in range(WRITERS):
            numbers = [batch.sequence for batch in log if server.writer_of(batch.writer_id) == writer]
            sent = sorted(sequence for at, by, sequence in self._sendings if (at, by) == (place, writer))
            if numbers != sent:
                self.faults.append(f"{where}: of the batches 0 to {len(sent) - 1} of writer {writer} the changelog has {numbers}")

    def _check_rows(self, server: Server, place: Place, log: list[log_batch.Batch]) -> None:
        where = f"{server.name}, {self.table.engine}, {place}"
        rows: dict[int, str] = {}
        left: dict[int, list[Any]] = {}
        for batch in log:
            changed = []
            for change, key, row in self._changes(batch):
                text = json_values.text([row])[0]
                if change in ("-U", "-D") and rows.get(key) != text or change == "+I" and key in rows:
                    self.faults.append(f"{where}: {change} {text} in the batch at {batch.base_offset}, where {rows.get(key)} was")
                if change == "-D":
                    del rows[key], left[key]
                elif change != "-U":
                    rows[key], left[key] = text, row
                if change != "-U":
                    changed.append(key)
            sending = self._sendings.get((place, server.writer_of(batch.writer_id), batch.sequence))
            if sending is None or not _is_part(changed, sending[1].numbers):
                self.faults.append(f"{where}: the batch at {batch.base_offset} changes the keys {changed} of {sending}")
        made = self._maker.encode(self.table, VERSION, list(left.values()))
        folded = {self.table.keys[key]: struct.pack("<h", VERSION) + row for key, row in zip(left, made, strict=True)}
        self._agree(f"{where}: the changelog's rows, and those of lookups", folded, self._looked_up(server, place))
        step = self._steps.limit_scan(self.table, 100_000, place)
        answer = step.send(server)
        assert answer is not None and answer.error == 0, answer
        scanned = kv_batch.values_of(answer.body.get("records", b""))
        self._agree(f"{where}: the changelog's rows, and those of a scan", [folded[key] for key in sorted(folded)], scanned)

    def _changes(self, batch: log_batch.Batch) -> list[tuple[str, int, list[Any]]]:
        """Kind, number of the key, and row."""
        if batch.record_count == 0:
            return []
        rows = json_values.from_arrow(key_normal.table_of(batch, self.table))
        keys = self._encoder.keys(self.table.documents[VERSION], self.table.key_columns, rows)
        kinds = [key_normal.CHANGES[change] for change in batch.body[: batch.record_count]]
        return [(kind, self.table.keys.index(key), row) for kind, key, row in zip(kinds, keys, rows, strict=True)]

    def _looked_up(self, server: Server, place: Place) -> dict[bytes, bytes]:
        answer = self._steps.lookup_keys(self.table, [(place, self.table.keys)], "all keys", {}).send(server)
        assert answer is not None and answer.error == 0, answer
        found = [one.get("values") for one in answer.body["buckets_resp"][0]["values"]]
        return {key: value for key, value in zip(self.table.keys, found, strict=True) if value is not None}

    def _put_in_turn(self, server: Server, other: Server, place: Place, log: list[log_batch.Batch]) -> None:
        """The batches of `server`, one after the other in its order, to `other`."""
        known = [self._sendings.get((place, server.writer_of(batch.writer_id), batch.sequence)) for batch in log]
        bodies = [self._body(other, self._serial, put, (part,)) for put, part in filter(None, known)]
        connection = other.connect()
        for first in range(0, len(bodies), SERIAL_AT_ONCE):
            sent = connection.send_all([("PUT_KV", body) for body in bodies[first : first + SERIAL_AT_ONCE]])
            for answer in connection.receive_all(sent):
                assert answer.error == 0 and "error_code" not in answer.body["buckets_resp"][0], answer
        connection.close()
        serial = self._changelog(other, self._serial, place)
        concurrent = [key_normal.described(server, batch, self.table, None) for batch in log]
        in_turn = [key_normal.described(other, batch, self._serial, None) for batch in serial]
        differing = [both for both in itertools.zip_longest(concurrent, in_turn) if both[0] != both[1]]
        if differing:
            what = f"{place}: the changelog of {server.name}, and what {other.name} makes of the same batches in turn"
            self._agree(what, *differing[0])

    def _agree(self, what: str, a: Any, b: Any) -> None:
        if a != b:
            if isinstance(a, dict):
                a, b = ([(key, one.get(key)) for key in a | b if a.get(key) != b.get(key)] for one in (a, b))
            shown = "\n    ".join(repr(one)[:SHOWN_CHARACTERS] for one in (a, b))
            self.faults.append(f"{self.table.engine}, {what}:\n    {shown}\n    {self.table.descriptor['properties']}")


def _is_fit(table: KeyTable) -> bool:
    """Whether what it becomes depends on nothing but the order of batches, and can be read here."""
    # Rows with nested values, encoded again from a changelog of either server, may be of other bytes than those it keeps.
    nested = any(pa.types.is_nested(kind.arrow) for kind in table.kinds.values())
    # Sums and products that outgrow a DECIMAL are refused, which depends on the order, too; those of infinities are NaNs, of
    # which there are several, and a changelog's are encoded again as one.
    summed = {table.kinds[name].root for name, (function, _) in table.functions.items() if function in ("sum", "product")}
    unsure = summed & {"DECIMAL", "FLOAT", "DOUBLE"}
    # INDEXED rows and changelogs pad them, so that the key of a row read back is not the one that was put.
    padded = any(table.kinds[name].root in ("CHAR", "BINARY") for name in table.key_columns)
    sure = not table.numbered and not nested and not unsure and not padded
    return sure and table.log_format == "ARROW" and len(table.keys) >= KEYS_MIN


def _end(log: list[log_batch.Batch]) -> int:
    return log[-1].base_offset + max(log[-1].record_count, 1) if log else 0


def _is_part(some: list[int], whole: tuple[int, ...]) -> bool:
    """Whether `some` stand in `whole` in that order."""
    rest = iter(whole)
    return all(one in rest for one in some)

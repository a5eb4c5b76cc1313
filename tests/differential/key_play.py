"""Plays puts, lookups and scans of tables with a primary key on both servers, several requests at a time."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

from differential import descriptors, known
from differential.comparison import Comparison, Disagreement
from differential.data_steps import DataSteps
from differential.key_steps import KeySteps, is_open, partitions_of
from differential.key_tables import KeyTable, KeyTables
from differential.row_encoder import RowEncoder, bitmaps
from differential.server import Server
from differential.step import Step, encoded
from differential.world import Place, World
from peers.wire import NoAnswer

OPERATIONS_PER_TABLE = 140
TABLES_AT_ONCE = 3
WRITERS = 3
WRITES, READS = 10, 8
# Of the reads and of the rest.
READ_WEIGHTS = {"lookup": 50, "prefix_lookup": 20, "limit_scan": 12, "get_table_stats": 6, "fetch_log": 12}


class KeyPlay(Comparison):
    def __init__(self, seed: int, engine: str, reference: Server, ours: Server, encoder: RowEncoder, turn: int = 0):
        """`turn` tells plays of one engine on the same servers apart."""
        super().__init__(reference, ours, known.KEY_DIFFERENCES + known.SHARED)
        suffix = f"_{turn}" if turn else ""
        self.chance = random.Random(f"{seed} {engine}{suffix}")
        self.engine = engine
        self.tables: list[KeyTable] = []
        self._world = World()
        self._data = DataSteps(self.chance, self._world, self.servers)
        self._maker = KeyTables(self.chance, encoder, bitmaps(seed, 400))
        self._steps = KeySteps(self.chance, self.servers, self._maker, WRITERS)
        self.operations = 0
        self.database = f"keys_{engine}{suffix}"

    def run(self, count: int) -> None:
        self._open(max(6, count // OPERATIONS_PER_TABLE))
        while self.operations < count:
            kept = [table for table in self.tables if not table.lost]
            if not kept:
                return
            active = self.chance.sample(kept, min(TABLES_AT_ONCE, len(kept)))
            busy: dict[str, set[tuple[Place, int]]] = {table.name: set() for table in active}
            self._play_together([self._write(table, busy[table.name]) for table in self.chance.choices(active, k=WRITES)])
            self._play_together([self._read(table) for table in self.chance.choices(active, k=READS)])
            self._play_alone(active[0])
        self._differ()
        for table in self.tables:
            if not table.lost:
                self._read_all(table)

    def _differ(self) -> None:
        """Where the servers are known to differ, so that every run meets it."""
        for what in known.TAKEN:
            for table in [table for table in self.tables if not table.lost][:2]:
                self._play_together([self._marked(self._steps.put_taken_by_fluss(table, what), table)])
        for spoil in known.SPOILS:
            table = self.chance.choice(self.tables)
            self._play_together([self._marked(self._steps.put_spoiled(table, spoil), table)])
        if self.engine == "default":
            self._differ_once(self._steps.put_unknown_column, altered=True)
            self._differ_once(self._steps.lookup_insert_longer_key, altered=False)
        elif self.engine == "aggregation":
            self._differ_once(self._steps.lookup_insert_first_key, altered=True)

    def _differ_once(self, make: Callable[[KeyTable], Step], altered: bool) -> None:
        """On a table of its own, which ends with it."""
        table = self._create(f"t{len(self.tables) + 1}", is_open)
        self.tables.append(table)
        if altered:
            self._must(self._steps.add_column(table))
        self._play_together([self._marked(make(table), table)])

    def _create(self, name: str, is_fit: Callable[[KeyTable], bool]) -> KeyTable:
        while not is_fit(table := self._maker.sound(self.database, name, self.engine)):
            pass
        self._must(self._steps.create_table(table))
        for value in partitions_of(table):
            self._must(self._steps.create_partition(table, value))
        return table

    def _open(self, count: int) -> None:
        self._must(Step("CREATE_DATABASE", "the only one", {"database_name": self.database, "ignore_if_exists": False}))
        for number in range(count):
            self.tables.append(self._create(f"t{number}", lambda _: True))
        document, columns = descriptors.sound(self.chance, partitioned=False, primary_key=False)
        log = descriptors.table_of(self.database, f"t{count}", document, columns)
        self._must(Step("CREATE_TABLE", "a log", {
            "table_path": log.path, "table_json": json.dumps(document).encode(), "ignore_if_exists": False,
        }))
        for server in self.servers:
            server.learn(log)
        self._play_together(self._steps.ask_log_table(log, self.tables[0]))
        # A server may number a table's writers for itself, and they write to all.
        for _ in range(WRITERS):
            self._must(self._data.init_writer_for([self.tables[0].path]))

    def _must(self, step: Step) -> None:
        """What the rest rests on: done by both."""
        answers = [step.send(server) for server in self.servers]
        assert all(answer is not None and answer.error == 0 for answer in answers), f"{step}: {answers}"
        self.compare(step, answers)

    def _write(self, table: KeyTable, busy: set[tuple[Place, int]]) -> Step:
        if self.chance.random() < 0.02:
            return self._steps.put_nowhere(table)
        return self._marked(self._steps.put(table, busy), table)

    def _read(self, table: KeyTable) -> Step:
        name = self.chance.choices(list(READ_WEIGHTS), list(READ_WEIGHTS.values()))[0]
        make: Callable[[KeyTable], Step] = getattr(self._steps, name)
        return self._marked(make(table), table)

    @staticmethod
    def _marked(step: Step, table: KeyTable) -> Step:
        step.table = table
        return step

    def _play_alone(self, table: KeyTable) -> None:
        """What others must not overtake, nor it them."""
        draw = self.chance.random()
        if table.lost:
            return
        if draw < 0.05 and table.schema_id < 4:
            self._must(self._steps.add_column(table))
        elif draw < 0.1:
            self._play_together([self._marked(self._steps.put_taken_by_fluss(table), table)])
        elif draw < 0.6 and (table.schema_id == 1 or self.engine != "aggregation"):
            # Several at once, of which the first alone has anything to put.
            step = self._marked(self._steps.lookup_insert(table), table)
            self._play_together([step] * self.chance.choice([1, 1, 2, 4]))

    def _play_together(self, steps: list[Step]) -> None:
        """To both servers at once, without waiting between them."""
        sent = []
        for server in self.servers:
            sent.append(server.send_all([(step.api, encoded(step, server)) for step in steps]))
        answers = []
        for server, requests in zip(self.servers, sent, strict=True):
            began = time.monotonic()
            try:
                answers.append(server.receive_all(requests))
            except NoAnswer as error:
                raise AssertionError(f"{server.name} did not answer all of {[str(step) for step in steps]}: {error}") from error
            self.spent[server.name] += time.monotonic() - began
        for step, *both in zip(steps, *answers, strict=True):
            table = step.table
            if table is not None and table.lost:
                continue  # They are known to differ.
            self.operations += 1
            if not self.compare(step, both) and table is not None:
                table.lost = True

    def _read_all(self, table: KeyTable) -> None:
        """Every change, every key and every row of a table."""
        self._play_together([self._marked(self._steps.get_table_stats(table), table)])
        for place in table.places():
            self._play_together([
                self._marked(self._steps.lookup_keys(table, [(place, table.keys)], "all keys", {}), table),
                self._marked(self._steps.limit_scan(table, 100_000, place), table),
            ])
            contents = [self._changelog(server, table, place) for server in self.servers]
            self.requests += 1
            if contents[0] != contents[1] and not table.lost:
                at = next((i for i, both in enumerate(zip(*contents, strict=False)) if both[0] != both[1]), -1)
                what = f"the changelog of {table.name} {place}, {table.descriptor['properties']}, from batch {at}"
                self.disagreements.append(Disagreement(self.requests, what, *(found[at : at + 2] for found in contents)))

    def _changelog(self, server: Server, table: KeyTable, place: Place) -> list[object]:
        found: list[object] = []
        at = 0
        while True:
            step = self._steps.fetch(table, place, at, None)
            answer = step.send(server)
            assert answer is not None and answer.error == 0, answer
            (part,) = step.form(server, answer.body)
            if part[4] != 0 or not part[7]:
                return [*found, part[4:7]]
            found += part[7]
            at = part[7][-1][0] + max(part[7][-1][1], 1)

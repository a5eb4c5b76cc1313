"""Plays steps on both servers and compares what they say."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from differential import certain_steps, cluster_steps, descriptors, snapshot_steps
from differential.admin_steps import AdminSteps
from differential.comparison import Comparison, Disagreement
from differential.data_steps import DataSteps
from differential.server import Server
from differential.step import Step, encoded
from differential.world import World
from peers.wire import API_KEYS, NoAnswer

# How often each is drawn, beside the others.
WEIGHTS: dict[str, int] = {
    "create_database": 3, "drop_database": 2, "list_databases": 2, "database_exists": 3, "get_database_info": 3,
    "create_table": 10, "drop_table": 2, "get_table_info": 5, "table_exists": 3, "list_tables": 3, "get_table_schema": 5,
    "alter_table": 7, "create_partition": 6, "drop_partition": 3, "list_partition_infos": 6, "get_metadata": 10,
    "get_filesystem_security_token": 1, "init_writer": 2, "produce_log": 40, "fetch_log": 50, "list_offsets": 16,
    "list_offsets_of_a_batch": 8, "limit_scan": 10, "get_table_stats": 4, "malformed": 1,
}


class Play(Comparison):
    """`reference` decides what the world is like."""

    def __init__(self, seed: int, reference: Server, ours: Server):
        super().__init__(reference, ours)
        self.chance = random.Random(seed)
        self.world = World()
        self.admin = AdminSteps(self.chance, self.world, self.servers)
        self.data = DataSteps(self.chance, self.world, self.servers)
        self.both = reference.apis() & ours.apis()

    def run(self, count: int) -> None:
        self._open()
        self._excused()
        names, weights = zip(*WEIGHTS.items(), strict=True)
        while self.requests < count:
            self._play_if(self.draw(self.chance.choices(names, weights)[0]))
        self._read_all()

    def _read_all(self) -> None:
        """Every bucket from its start to its end, whatever a single fetch brings."""
        for table in self.world.tables():
            for place in table.places() if table.log else []:
                contents = [self.data.whole_bucket(server, table, place) for server in self.servers]
                self.requests += 1
                if contents[0] != contents[1]:
                    self.disagreements.append(
                        Disagreement(self.requests, f"the whole of {table.key} {place}", contents[0], contents[1])
                    )

    def draw(self, name: str) -> Step | None:
        maker: Callable[[], Step | None] | None
        maker = getattr(self.admin, name, None) or getattr(self.data, name, None) or getattr(self, name)
        return maker()

    def _open(self) -> None:
        """Something to talk about."""
        name = self.world.fresh("d")
        values = {"database_name": name, "ignore_if_exists": False}

        def done() -> None:
            self.world.databases[name] = {}

        self.play(Step("CREATE_DATABASE", "the first", values, done=done))
        for partitioned, key in ((False, False), (False, False), (True, False), (False, True)):
            self.play(self.admin.create_sound_table(partitioned, key))

    def _excused(self) -> None:
        """What every run must ask, so that each known difference is met, and every way of breaking a descriptor is tried."""
        for step in certain_steps.steps(self.admin, self.data, self.world):
            self.play(step)
        for _ in range(3):
            self._play_if(self.malformed())
        for how in (*descriptors.BREAKINGS, *descriptors.NO_DESCRIPTORS):
            self.play(self.admin.create_broken_table(how))
        for step in (*cluster_steps.steps(self.world), *snapshot_steps.steps(self.world)):
            if API_KEYS[step.api] in self.both:
                self.play(step)

    def _play_if(self, step: Step | None) -> None:
        if step is not None:
            self.play(step)

    def malformed(self) -> Step | None:
        """The body of another step, cut short; or noise."""
        names = [name for name in WEIGHTS if name not in ("malformed", "list_databases", "get_filesystem_security_token")]
        step = self.draw(self.chance.choice(names))
        if step is None or step.api == "GET_METADATA":
            return None
        body = encoded(step, self.servers[0])
        if not body:
            return None
        if self.chance.random() < 0.7:
            body = body[: self.chance.randrange(min(len(body), 12))]
        else:
            body = self.chance.randbytes(self.chance.randint(1, 30))
        return Step(step.api, "a malformed body", raw=body, role=step.role)

    def play(self, step: Step) -> None:
        answers = []
        for server in self.servers:
            began = time.monotonic()
            try:
                answers.append(step.send(server))
            except NoAnswer as error:
                raise AssertionError(f"{server.name} did not answer request {self.requests}, {step}: {error}") from error
            self.spent[server.name] += time.monotonic() - began
        self.compare(step, answers)

"""The writing side of the demo: a year of flights, day by day, through a server that dies in the middle."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import fluss
import numpy as np
import pyarrow as pa

import flights
from peers.thalweg import ThalwegServer

DATABASE = "demo"
IN_FLIGHT_DAYS = 7  # handed to the writer at once, just before the server is killed
IN_FLIGHT_S = 0.001  # for some of it to get onto the wire
RECOVERY_TRIES_MAX = 100
RETRY_S = 0.1
WAIT_S_MAX = 30


@dataclass(frozen=True)
class Burst:
    rows: int
    seconds: float


class Stream:
    """Sends every flight once, in order per partition.

    One writer, one bucket per partition: the offset at which a partition ends is the number of its flights that the
    server has. After an error that pyfluss hands out, sending goes on from there.
    """

    def __init__(self, bootstrap: str, data: flights.Flights):
        self.bootstrap = bootstrap
        self.path = fluss.TablePath(DATABASE, "flights")
        self.schema = data.schema()
        self.parts = data.by_origin()
        self.days = _days(data.table)
        self.ends = {origin: np.searchsorted(_days_of(part), self.days, "right") for origin, part in self.parts.items()}
        self.sent: list[tuple[str, int, float]] = []  # partition, end offset, when (monotonic clock)
        self.partition_ids: dict[int, str] = {}
        self.disturbed = (0.0, 0.0)
        self.killed_in_flight = 0
        self.restart_ms = 0.0
        self.recoveries = 0
        self._position = dict.fromkeys(self.parts, 0)

    async def create(self) -> None:
        async with await _connect(self.bootstrap) as connection:
            admin = connection.get_admin()
            await admin.create_database(DATABASE, None, True)
            await create_table(admin, self.path, self.schema, list(self.parts))
            for partition in await admin.list_partition_infos(self.path):
                self.partition_ids[partition.partition_id] = partition.partition_name

    async def run(self, seconds: float, server: ThalwegServer, tell: Callable[[str], None]) -> None:
        """The whole year in about `seconds`; `tell` gets a line per event."""
        connection, writer = await self._open()
        began = time.monotonic()
        half = len(self.days) // 2
        for day in range(len(self.days)):
            rushed = half - IN_FLIGHT_DAYS < day <= half
            if not rushed:
                await asyncio.sleep(max(0.0, began + seconds * day / len(self.days) - time.monotonic()))
            try:
                self._send(writer, day)
                if rushed and day < half:
                    continue
                acknowledging = asyncio.create_task(acknowledged(writer))
                if day == half:
                    await asyncio.sleep(IN_FLIGHT_S)
                    # Here, not in a thread: until the server is back this process does nothing else. pyfluss goes on
                    # in threads of its own, and meets a dead server.
                    self._kill_and_restart(server, tell)
                await acknowledging
            except fluss.FlussError as problem:
                tell(f"writer: {str(problem)[:70]}; going on from the last flight stored")
                connection, writer = await self._recover(connection, day)
            if day == half:
                self.disturbed = (self.disturbed[0], time.monotonic())
                tell("the writer goes on: everything sent is acknowledged")
        await connection.close()

    def _kill_and_restart(self, server: ThalwegServer, tell: Callable[[str], None]) -> None:
        last = len(self.days) // 2
        self.disturbed = (time.monotonic() - 0.5, 0.0)
        pid = server.pid
        server.kill()
        self.killed_in_flight = sum(int(ends[last] - ends[last - IN_FLIGHT_DAYS]) for ends in self.ends.values())
        tell(f"kill -9 {pid}: {self.killed_in_flight:,} flights were on their way, not acknowledged")
        started = time.monotonic()
        server.start()
        self.restart_ms = (time.monotonic() - started) * 1e3
        tell(f"server started again: pid {server.pid}, listening after {self.restart_ms:.0f} ms")

    def _send(self, writer: fluss.AppendWriter, day: int) -> None:
        for origin, part in self.parts.items():
            begin, end = self._position[origin], int(self.ends[origin][day])
            if end > begin:
                self.sent.append((origin, end, time.monotonic()))
                for batch in part.slice(begin, end - begin).to_batches():
                    writer.write_arrow_batch(batch)
                self._position[origin] = end

    async def _open(self) -> tuple[fluss.FlussConnection, fluss.AppendWriter]:
        connection = await _connect(self.bootstrap)
        table = await connection.get_table(self.path)
        return connection, table.new_append().create_writer()

    async def _recover(
        self, old: fluss.FlussConnection, day: int
    ) -> tuple[fluss.FlussConnection, fluss.AppendWriter]:
        """A new connection, and everything up to `day` acknowledged on it. What is stored decides what is sent."""
        self.recoveries += 1
        # First, or the old writer could still send what the new one is about to send.
        await within(old.close(), "the old connection did not close")
        for remaining in reversed(range(RECOVERY_TRIES_MAX)):
            try:
                connection, writer = await self._open()
                admin = connection.get_admin()
                for origin in self.parts:
                    ends = await admin.list_partition_offsets(self.path, origin, [0], fluss.OffsetSpec.latest())
                    self._position[origin] = ends[0]
                self._send(writer, day)
                await acknowledged(writer)
                return connection, writer
            except fluss.FlussError:
                if remaining == 0:
                    raise
                await asyncio.sleep(RETRY_S)
        raise AssertionError("unreachable: the last try returns or raises")


async def acknowledged(writer: fluss.AppendWriter) -> None:
    """Returns once the server has everything. pyfluss tries again for ever; here there is an end to it."""
    await within(writer.flush(), "not everything was acknowledged")


async def within(waiting: Awaitable[None], otherwise: str) -> None:
    try:
        await asyncio.wait_for(waiting, WAIT_S_MAX)
    except TimeoutError:
        raise RuntimeError(f"{otherwise} within {WAIT_S_MAX} s") from None


async def burst(bootstrap: str, data: flights.Flights) -> Burst:
    """The same flights into a second table, as fast as one pyfluss writer sends them."""
    path = fluss.TablePath(DATABASE, "flights_at_full_speed")
    parts = data.by_origin()
    async with await _connect(bootstrap) as connection:
        await create_table(connection.get_admin(), path, data.schema(), list(parts))
        writer = (await connection.get_table(path)).new_append().create_writer()
        batches = [batch for part in parts.values() for batch in part.to_batches(max_chunksize=10_000)]
        began = time.monotonic()
        for batch in batches:
            writer.write_arrow_batch(batch)
        await acknowledged(writer)
        return Burst(data.table.num_rows, time.monotonic() - began)


async def create_table(admin: fluss.FlussAdmin, path: fluss.TablePath, schema: pa.Schema, origins: list[str]) -> None:
    """A log table partitioned by airport, and its partitions."""
    descriptor = fluss.TableDescriptor(
        fluss.Schema(schema), partition_keys=[flights.PARTITION_COLUMN], bucket_count=1
    )
    await admin.create_table(path, descriptor, False)
    for origin in origins:
        await admin.create_partition(path, {flights.PARTITION_COLUMN: origin})


async def _connect(bootstrap: str) -> fluss.FlussConnection:
    return await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap}))


def _days_of(table: pa.Table) -> np.ndarray:
    return table["month"].to_numpy() * 100 + table["day"].to_numpy()


def _days(table: pa.Table) -> np.ndarray:
    return np.unique(_days_of(table))

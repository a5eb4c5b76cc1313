"""The state that the demo keeps by key: of each aircraft its take-offs, how late they were in all, and where it went last.

The table does the arithmetic, with the aggregation engine: each take-off is one upsert of what it adds.
"""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import dataclass

import fluss
import pyarrow as pa
import pyarrow.compute as pc

from peers.places import thalweg_binary

PATH = fluss.TablePath("demo", "aircraft")
COLUMNS = "tail STRING NOT NULL, last_airport STRING, flights BIGINT, delay BIGINT, PRIMARY KEY (tail)"
AGGREGATION = ("last_airport=last_value", "flights=sum", "delay=sum")
# Of each take-off; its partition tells the airport.
READ = ["tailnum", "dest", "dep_delay", "time_hour"]
# In the picture: three that are there the whole year, and often.
WATCHED = ("N228JB", "N328AA", "N353JB")


@dataclass(frozen=True)
class State:
    """The row of one aircraft."""

    flights: int
    delay: int
    last_airport: str


def create(bootstrap: str) -> None:
    """By the command line: pyfluss cannot say how a column aggregates."""
    argv = [str(thalweg_binary()), "table", "create", f"{PATH.database_name}.{PATH.table_name}", COLUMNS]
    for function in AGGREGATION:
        argv += ["--aggregate", function]
    done = subprocess.run(
        [*argv, "--buckets", "1", "--server", bootstrap], capture_output=True, text=True, timeout=30, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the table of aircraft was not created: {done.stderr.strip()}")


def take_offs(rows: pa.Table) -> pa.Table:
    """Those of `rows` that happened, of aircraft that have a name: the others count for nothing."""
    return rows.filter(pc.and_(pc.is_valid(rows["tailnum"]), pc.is_valid(rows["dep_delay"])))


async def look_up(table: fluss.FlussTable, tails: list[str]) -> list[State | None]:
    """The states of `tails`, in their order. A Lookuper takes one key at a time, and the client waits up to 100 ms for more to
    come: with one for each key, they go out together."""
    lookups = [table.new_lookup().create_lookuper().lookup((tail,)) for tail in tails]
    return [state_of(row) for row in await asyncio.gather(*lookups)]


def state_of(row: dict[str, object] | None) -> State | None:
    """A row as a lookup returns it."""
    return None if row is None else State(int(row["flights"]), int(row["delay"]), str(row["last_airport"]))


def histories(flights: pa.Table) -> dict[str, list[State]]:
    """What every aircraft's row must be after each of its take-offs, in plain Python. Take-offs count in the order of their
    hour; within an hour those of one airport after those of another, by name."""
    columns = [flights[name].to_pylist() for name in ("origin", "tailnum", "dest", "dep_delay")]
    hours = flights["time_hour"].cast(pa.int64()).to_pylist()
    order = sorted(range(len(hours)), key=lambda place: (hours[place], columns[0][place]))
    known: dict[str, list[State]] = {}
    for place in order:
        _, tail, airport, delay = (column[place] for column in columns)
        if tail is None or delay is None:
            continue
        states = known.setdefault(tail, [])
        before = states[-1] if states else State(0, 0, "")
        states.append(State(before.flights + 1, before.delay + delay, airport))
    return known

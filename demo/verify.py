"""What is in the server, compared with what was sent: every value, per-carrier sums against pandas' own, and what is kept by
key against plain Python's.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

import fluss
import numpy as np
import pandas as pd
import pyarrow as pa

import aircraft
import board
import flights
import stream
from peers.places import cache_dir

PROBLEMS_MAX = 12


@dataclass
class Findings:
    rows: int = 0
    carriers: int = 0
    scan_s: float = 0.0
    fresh_p50_ms: float = 0.0
    fresh_p99_ms: float = 0.0
    aircraft: dict[str, aircraft.State] = field(default_factory=dict)
    all_aircraft_s: float = 0.0
    answers: int = 0
    answers_after_kill: int = 0
    answer_p50_ms: float = 0.0
    answer_p99_ms: float = 0.0
    problems: list[str] = field(default_factory=list)


async def everything(
    bootstrap: str, data: flights.Flights, flow: stream.Stream, seen: dict, kept: dict
) -> Findings:
    found = Findings(problems=[f"tail: {gap}" for gap in seen["gaps"]])
    began = time.monotonic()
    stored = await read_all(bootstrap, flow.path)
    found.scan_s = time.monotonic() - began
    found.rows = sum(table.num_rows for table in stored.values())
    if found.rows != data.table.num_rows:
        found.problems.append(f"the table has {found.rows:,} flights, {data.table.num_rows:,} were sent")
    for origin, sent in flow.parts.items():
        if not same(stored.get(origin), sent):
            found.problems.append(f"partition {origin} differs from what was sent")
    truth = flights.delays_by_pandas(cache_dir() / "downloads")
    found.carriers = len(truth)
    columns = ["carrier", "dep_delay"]
    scanned = flights.summarise(
        pd.concat([table.select(columns).to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get) for table in stored.values()])
    )
    if not scanned.equals(truth):
        found.problems.append("delays per carrier of the scan differ from pandas' own")
    if not tailed(seen).equals(truth):
        found.problems.append("delays per carrier of the tail differ from pandas' own")
    fresh = freshness_ms(flow, seen)
    found.fresh_p50_ms, found.fresh_p99_ms = (float(np.percentile(fresh, share)) for share in (50, 99))
    histories = aircraft.histories(data.table)
    await check_aircraft(bootstrap, histories, found)
    check_answers(seen["answers"], histories, kept, flow, found)
    return found


async def check_aircraft(bootstrap: str, histories: dict[str, list[aircraft.State]], found: Findings) -> None:
    """Every aircraft, by lookup: no flight more or less than were sent, over the death of the server."""
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        table = await connection.get_table(aircraft.PATH)
        began = time.monotonic()
        states = dict(zip(histories, await aircraft.look_up(table, list(histories)), strict=True))
        found.all_aircraft_s = time.monotonic() - began
        [nobody] = await aircraft.look_up(table, ["N-NONE"])
    found.aircraft = {tail: state for tail, state in states.items() if state is not None}
    wrong = [tail for tail, states_of in histories.items() if states[tail] != states_of[-1]]
    for tail in wrong[:3]:
        found.problems.append(f"aircraft {tail} is {states[tail]} by key, and {histories[tail][-1]} by what was sent")
    if len(wrong) > 3:
        found.problems.append(f"{len(wrong) - 3} more aircraft differ")
    if nobody is not None:
        found.problems.append("an aircraft that never flew is there by key")


def check_answers(
    answers: list[board.Answer],
    histories: dict[str, list[aircraft.State]],
    kept: dict,
    flow: stream.Stream,
    found: Findings,
) -> None:
    """Every answer while the table was written: a state that the aircraft had, with all that was acknowledged before it was
    asked for, and nothing that had not been sent."""
    for tail, asked, answered, flights_, delay, last in answers:
        states = histories[tail]
        count = flights_ or 0
        least, most = count_at(kept["acknowledged"][tail], asked, before=True), count_at(kept["sent"][tail], answered)
        if not least <= count <= most:
            found.problems.append(f"{tail}: looked up with {count} take-offs, when {least} to {most} could have been there")
        elif count and states[count - 1] != aircraft.State(count, delay, last):
            found.problems.append(f"{tail}: looked up as {(count, delay, last)}, and was {states[count - 1]} then")
    if len(found.problems) > PROBLEMS_MAX:
        found.problems[PROBLEMS_MAX:] = [f"and {len(found.problems) - PROBLEMS_MAX} problems more"]
    found.answers = len(answers)
    begin, end = flow.disturbed
    found.answers_after_kill = sum(asked > end for _, asked, *_ in answers)
    if not found.answers_after_kill or found.answers_after_kill == found.answers:
        found.problems.append(f"of {found.answers} lookups, {found.answers_after_kill} came after the kill")
        return
    took = [answered - asked for _, asked, answered, *_ in answers if not begin <= asked <= end]
    found.answer_p50_ms, found.answer_p99_ms = (float(np.percentile(took, share)) * 1e3 for share in (50, 99))


def count_at(moments: list[tuple[float, int]], when: float, before: bool = False) -> int:
    """The count that the last of `moments` tells; with `before`, of those before `when`."""
    find = bisect_left if before else bisect_right
    place = find(moments, when, key=lambda moment: moment[0])
    return moments[place - 1][1] if place else 0


async def read_all(bootstrap: str, path: fluss.TablePath) -> dict[str, pa.Table]:
    """Every row of every partition, by a connection of its own that knows nothing of the writing."""
    config = fluss.Config({"bootstrap.servers": bootstrap})
    async with await fluss.FlussConnection.create(config) as connection:
        table = await connection.get_table(path)
        stored = {}
        for partition in await connection.get_admin().list_partition_infos(path):
            scanner = await table.new_scan().create_record_batch_log_scanner()
            scanner.subscribe_partition(partition.partition_id, 0, fluss.EARLIEST_OFFSET)
            stored[partition.partition_name] = await scanner.to_arrow()
        return stored


def same(stored: pa.Table | None, sent: pa.Table) -> bool:
    """Same rows in the same order, nulls included."""
    return stored is not None and stored.cast(sent.schema).equals(sent)


def tailed(seen: dict) -> pd.DataFrame:
    frame = pd.DataFrame.from_dict(seen["carriers"], orient="index", dtype="int64").sort_index()
    frame.index.name = "carrier"
    return frame


def freshness_ms(flow: stream.Stream, seen: dict) -> list[float]:
    """From handing rows to the writer until the tail's poll returned their last, away from the kill."""
    arrivals: dict[str, list[tuple[int, float]]] = {}
    for partition, last_offset, when in seen["seen"]:
        arrivals.setdefault(flow.partition_ids[partition], []).append((last_offset + 1, when))
    latencies = []
    begin, end = flow.disturbed
    for origin, end_offset, sent_at in flow.sent:
        if begin <= sent_at <= end:
            continue
        ends = [offset for offset, _ in arrivals[origin]]
        arrived_at = arrivals[origin][int(np.searchsorted(ends, end_offset))][1]
        latencies.append((arrived_at - sent_at) * 1e3)
    return latencies

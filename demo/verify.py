"""What is in the server, compared with what was sent: every value, and per-carrier sums against pandas' own."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import fluss
import numpy as np
import pandas as pd
import pyarrow as pa

import flights
import stream
from peers.places import cache_dir


@dataclass
class Findings:
    rows: int = 0
    carriers: int = 0
    scan_s: float = 0.0
    fresh_p50_ms: float = 0.0
    fresh_p99_ms: float = 0.0
    problems: list[str] = field(default_factory=list)


async def everything(bootstrap: str, data: flights.Flights, flow: stream.Stream, seen: dict) -> Findings:
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
    return found


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

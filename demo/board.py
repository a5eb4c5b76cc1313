"""Looks up aircraft by key, again and again, while the table is written and over the death of the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import fluss

import aircraft

RETRY_S = 0.05
ANSWER_S_MAX = 5

# Tail, when it was asked for and answered (monotonic clock), and the row: flights, delay, last airport; all null for none.
Answer = tuple[str, float, float, int | None, int | None, str | None]


class Board:
    """`show` gets each answer. One connection, which is made again where it breaks."""

    def __init__(self, bootstrap: str, show: Callable[[str, aircraft.State], None]):
        self._bootstrap = bootstrap
        self._show = show
        self.answers: list[Answer] = []

    async def run(self) -> None:
        """Until it is cancelled; at once where the server has no such table."""
        while True:
            try:
                config = fluss.Config({"bootstrap.servers": self._bootstrap})
                async with await fluss.FlussConnection.create(config) as connection:
                    if not await connection.get_admin().table_exists(aircraft.PATH):
                        return
                    table = await connection.get_table(aircraft.PATH)
                    while True:
                        await self._look_up(table)
            except (fluss.FlussError, TimeoutError):
                await asyncio.sleep(RETRY_S)  # The server may be away for a moment.

    async def _look_up(self, table: fluss.FlussTable) -> None:
        asked = time.monotonic()
        states = await asyncio.wait_for(aircraft.look_up(table, list(aircraft.WATCHED)), ANSWER_S_MAX)
        answered = time.monotonic()
        for tail, state in zip(aircraft.WATCHED, states, strict=True):
            if state is None:
                self.answers.append((tail, asked, answered, None, None, None))
                continue
            self.answers.append((tail, asked, answered, state.flights, state.delay, state.last_airport))
            self._show(tail, state)

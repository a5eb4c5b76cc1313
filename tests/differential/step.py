"""One request, as it is said to both servers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from differential import normal
from differential.server import Server
from peers import messages
from peers.wire import Answer, message_stem


@dataclasses.dataclass
class Step:
    """`values` of the request, where they hold numbers of a server's own made by `fill`."""

    api: str
    what: str
    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    fill: Callable[[Server], dict[str, Any]] | None = None
    form: normal.Form = normal.nothing
    role: str = "tablet"
    """Of a fetch: whether it names columns."""
    projected: bool = False
    """Of an append: the places, as partition and bucket, to which it sends a batch that they know together with others."""
    mixed: frozenset[tuple[str, int]] = frozenset()
    """Of a put: the places to which it sends a batch that is not the next of its writer."""
    unexpected: frozenset[tuple[str, int]] = frozenset()
    """Bytes to send instead of a message."""
    raw: bytes | None = None
    """What it changes, once both servers have done it."""
    done: Callable[[], None] | None = None
    """Once one has done it and the other has not: makes them agree again."""
    undo: Callable[[], None] | None = None
    """Looks at the answers themselves, by server name."""
    look: Callable[[Server, Answer], None] | None = None
    """Whose rows it is about, where a play asks for that."""
    table: Any = None

    def send(self, server: Server) -> Answer | None:
        if self.raw is not None:
            return server.call_raw(self.api, self.raw, role=self.role)
        values = {**self.values, **(self.fill(server) if self.fill else {})}
        return server.call(self.api, values, role=self.role)

    def __str__(self) -> str:
        shown = {key: value for key, value in self.values.items() if len(repr(value)) < 600}
        return f"{self.api} ({self.what}) {shown if self.raw is None else self.raw.hex()}"


def encoded(step: Step, server: Server) -> bytes:
    """The body that `send` would send."""
    values = {**step.values, **(step.fill(server) if step.fill else {})}
    return messages.encode(f"{message_stem(step.api)}Request", values)

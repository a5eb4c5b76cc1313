"""The Flight door: scans, changes, writes and SQL."""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight

from thalweg import _messages
from thalweg._address import Address
from thalweg.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    PermissionDenied,
    RequestTimedOut,
    ThalwegError,
    Unsupported,
    of_code,
)

WRITE_BATCH_ROWS = 65_536
WRITE_BATCH_BYTES = 8 << 20  # of decoded values
WRITE_BATCHES_IN_FLIGHT = 16  # as many as the server takes on

_processes: list[int] = []  # the first that has connected; in a fork of it, it is another's

_OF_KIND: list[tuple[type[Exception], type[ThalwegError]]] = [
    (flight.FlightUnavailableError, ConnectionFailed),
    (flight.FlightTimedOutError, RequestTimedOut),
    (flight.FlightUnauthenticatedError, AuthenticationFailed),
    (flight.FlightUnauthorizedError, PermissionDenied),
    (NotImplementedError, Unsupported),
]


def translate(error: Exception) -> Exception:
    """An error of the call as one of `thalweg.errors`: by the detail that the server sends, else by its kind."""
    message = _message(error)
    if info := getattr(error, "extra_info", None):
        with contextlib.suppress(Exception):  # not ours: the kind has to do
            detail = _messages.parse("ErrorDetail", bytes(info))
            if detail.code:
                return of_code(detail.code, detail.name, message)
    for kind, ours in _OF_KIND:
        if isinstance(error, kind):
            return ours(message)
    return ThalwegError(message)


def _message(error: Exception) -> str:
    """What the server said, without what gRPC and Arrow put around it."""
    text = str(error)
    for mark in (". gRPC client debug context", ". Client context", ". Detail:"):
        text = text.split(mark, 1)[0]
    for mark in ("returned timed out error, with message: ", "error, with message: "):
        text = text.rsplit(mark, 1)[-1]
    return text


@contextlib.contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except (flight.FlightError, pa.ArrowException, NotImplementedError) as error:
        raise translate(error) from None


def _check_process() -> None:
    """gRPC's threads do not come along into a fork: it would wait for them without an end."""
    if not _processes:
        _processes.append(os.getpid())
    if _processes[0] != os.getpid():
        raise Unsupported(
            "This process is a fork of one that has used Arrow Flight, whose gRPC would hang here: tables that are open still get "
            "rows by key; for all else connect in a process of its own, as multiprocessing.get_context('spawn') makes them."
        )


class FlightDoor:
    """One Flight connection. Thread safety: all of it."""

    def __init__(self, address: Address, timeout: float, tls_roots: bytes | None):
        _check_process()
        scheme = "grpc+tls" if address.tls else "grpc+tcp"
        host = f"[{address.host}]" if ":" in address.host else address.host
        options: dict[str, Any] = {"tls_root_certs": tls_roots} if tls_roots else {}
        self._client = flight.FlightClient(f"{scheme}://{host}:{address.port}", **options)
        self._timeout = timeout
        self._headers: list[tuple[bytes, bytes]] = []
        if address.user:
            # With every call, rather than a bearer token, which a server that restarts does not know any more.
            secret = base64.b64encode(f"{address.user}:{address.password}".encode())
            self._headers = [(b"authorization", b"Basic " + secret)]

    def _options(self, timeout: float | None) -> flight.FlightCallOptions:
        _check_process()
        return flight.FlightCallOptions(timeout=timeout, headers=self._headers)

    def act(self, name: str, of: Any, answer: str | None = None) -> Any:
        """One action; the message that answers it, where one does."""
        action = flight.Action(f"{_messages.PACKAGE}.{name}", of.SerializeToString())
        with translated():
            results = list(self._client.do_action(action, self._options(self._timeout)))
        return _messages.parse(answer, results[0].body.to_pybytes()) if answer else None

    def read(self, of: Any) -> flight.FlightStreamReader:
        """A stream without an end in time: a reader may be slow, and one that follows never ends."""
        with translated():
            return self._client.do_get(flight.Ticket(_messages.packed(of)), self._options(None))

    @contextlib.contextmanager
    def reading(self, of: Any) -> Iterator[flight.FlightStreamReader]:
        """A stream of which only the beginning is wanted."""
        stream = self.read(of)
        with translated():
            try:
                yield stream
            finally:
                stream.cancel()

    def query(self, text: str) -> tuple[list[flight.Ticket], pa.Schema]:
        """Where the result of a statement is. What gives no rows has been run by then; a query runs whenever its rows are read."""
        command = _messages.packed(_messages.sql_message("CommandStatementQuery", query=text))
        with translated():
            info = self._client.get_flight_info(flight.FlightDescriptor.for_command(command), self._options(None))
            return [endpoint.ticket for endpoint in info.endpoints], info.schema

    def streams(self, tickets: list[flight.Ticket]) -> Iterator[flight.FlightStreamReader]:
        for ticket in tickets:
            with translated():
                stream = self._client.do_get(ticket, self._options(None))
            yield stream

    def write(self, of: Any, schema: pa.Schema) -> tuple[flight.FlightStreamWriter, flight.FlightMetadataReader]:
        descriptor = flight.FlightDescriptor.for_command(_messages.packed(of))
        with translated():
            writer, results = self._client.do_put(descriptor, schema, self._options(None))
        return writer, results

    def close(self) -> None:
        self._client.close()

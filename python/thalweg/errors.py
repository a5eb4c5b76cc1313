"""What can go wrong. Every error of this package is a `ThalwegError` whose message says what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ThalwegError(Exception):
    """The base of all errors of this package.

    Attributes:
        code: Fluss's number of the error; None where it did not come from a server.
        name: Fluss's name of it, such as "TABLE_NOT_EXIST".
    """

    def __init__(self, message: str, code: int | None = None, name: str = ""):
        super().__init__(message)
        self.code = code
        self.name = name


class ConnectionFailed(ThalwegError, ConnectionError):
    """The server was not reached, or the connection broke and could not be mended in the tries allowed."""


class RequestTimedOut(ThalwegError, TimeoutError):
    """The server did not answer in time. Whether it did what was asked is unknown."""


class AuthenticationFailed(ThalwegError):
    """The server does not know this user and password, or wants one."""


class PermissionDenied(ThalwegError):
    """The user may not do this. Rights are given by whoever administers the server."""


class NotFound(ThalwegError, LookupError):
    """Something of this name does not exist."""


class DatabaseNotFound(NotFound):
    """There is no such database."""


class TableNotFound(NotFound):
    """There is no such table, or it was dropped meanwhile."""


class PartitionNotFound(NotFound):
    """There is no such partition."""


class ColumnNotFound(NotFound):
    """The table has no such column."""


class AlreadyExists(ThalwegError):
    """A database, table or partition of this name is there already: `exist_ok=True` takes it as it is."""


class InvalidKey(ThalwegError, ValueError):
    """What was given as a key does not fit the table's key columns."""


class InvalidRows(ThalwegError, ValueError):
    """Rows do not fit the table: a column's type, a null where none may be, or a row that is too large."""


class InvalidTable(ThalwegError, ValueError):
    """A definition or a change of a table that cannot be, or an operation that this kind of table does not have."""


class NoPrimaryKey(InvalidTable):
    """Only tables with a primary key have this."""


class OffsetOutOfRange(ThalwegError):
    """The records asked for are not retained any more, or are not written yet."""


class ServerBusy(ThalwegError):
    """The server cannot take this now: try again later."""


class StorageFailed(ThalwegError):
    """The server's disk or remote storage failed. Its log and `thalweg doctor` tell more."""


class Unsupported(ThalwegError, NotImplementedError):
    """The server, or the address that was connected to, does not offer this."""


class ServerNotStarted(ThalwegError):
    """`thalweg.start` could not start a server. The message ends with what it printed."""


_OF_CODE: dict[int, type[ThalwegError]] = {
    1: ConnectionFailed,
    2: Unsupported,
    4: DatabaseNotFound,
    6: AlreadyExists,
    7: TableNotFound,
    8: AlreadyExists,
    10: StorageFailed,
    11: StorageFailed,
    13: InvalidRows,
    15: InvalidTable,
    19: OffsetOutOfRange,
    20: NoPrimaryKey,
    21: TableNotFound,
    25: RequestTimedOut,
    26: StorageFailed,
    34: ColumnNotFound,
    35: InvalidRows,
    36: PartitionNotFound,
    39: InvalidTable,
    42: AlreadyExists,
    43: InvalidRows,
    44: ServerBusy,
    45: InvalidTable,
    46: AuthenticationFailed,
    48: PermissionDenied,
    49: InvalidTable,
    51: AuthenticationFailed,
    56: InvalidTable,
    57: InvalidRows,
    64: InvalidTable,
    70: StorageFailed,
    72: ServerBusy,
}
UNKNOWN_TABLE_OR_BUCKET = 21


def of_code(code: int, name: str, message: str) -> ThalwegError:
    """The error for one of Fluss's codes; a plain ThalwegError where none is nearer."""
    return _OF_CODE.get(code, ThalwegError)(message, code, name)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about a name that nobody knows: " Did you mean 'x'?", or what there is; may be empty."""
    names = sorted(known)
    if near := difflib.get_close_matches(name, names, n=1, cutoff=0.6):
        return f" Did you mean {near[0]!r}?"
    if not names:
        return ""
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    return f" There are: {shown}."

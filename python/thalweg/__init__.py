"""Thalweg from Python: rows by key, scans, changes, writes and SQL; Arrow, pandas and Polars in and out.

    >>> import thalweg
    >>> with thalweg.start() as server:          # or thalweg.connect("thalweg://host:9130")
    ...     db = server.connect()
    ...     orders = db.create_table("orders", "id BIGINT, item STRING", primary_key="id")
    ...     orders.upsert([{"id": 1, "item": "boat"}])
    ...     orders.get(1)
    {'id': 1, 'item': 'boat'}
"""

from thalweg import aio, errors
from thalweg._database import Database, connect
from thalweg._process import Server, start
from thalweg._scan import Following, Scan
from thalweg._table import Table
from thalweg._version import __version__
from thalweg._writing import Written
from thalweg.errors import (
    AlreadyExists,
    AuthenticationFailed,
    ColumnNotFound,
    ConnectionFailed,
    DatabaseNotFound,
    InvalidKey,
    InvalidRows,
    InvalidTable,
    NoPrimaryKey,
    NotFound,
    OffsetOutOfRange,
    PartitionNotFound,
    PermissionDenied,
    RequestTimedOut,
    ServerBusy,
    ServerNotStarted,
    StorageFailed,
    TableNotFound,
    ThalwegError,
    Unsupported,
)

__all__ = [
    "AlreadyExists", "AuthenticationFailed", "ColumnNotFound", "ConnectionFailed", "Database", "DatabaseNotFound", "Following",
    "InvalidKey", "InvalidRows", "InvalidTable", "NoPrimaryKey", "NotFound", "OffsetOutOfRange", "PartitionNotFound",
    "PermissionDenied", "RequestTimedOut", "Scan", "Server", "ServerBusy", "ServerNotStarted", "StorageFailed", "Table",
    "TableNotFound", "ThalwegError", "Unsupported", "Written", "__version__", "aio", "connect", "errors", "start",
]  # fmt: skip

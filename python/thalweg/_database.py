"""A connection to a server: its databases and tables, and SQL."""

from __future__ import annotations

import json
import os
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from thalweg import _address, _fluss, _native
from thalweg._column_types import columns_text
from thalweg._scan import Scan
from thalweg._table import DEFAULT_DATABASE, Table, split_name
from thalweg.errors import DatabaseNotFound, TableNotFound, ThalwegError, Unsupported, did_you_mean

if TYPE_CHECKING:
    import pyarrow.flight as flight

    from thalweg._flight import FlightDoor

_open_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_left_behind: list[object] = []  # by forks: connections of the parent, whose threads are not here


class Database:
    """A connection to a server, made by `connect`. All threads may use it at the same time; connections that break are opened
    again by themselves.

    Attributes:
        address: of the server, without the password.
        progress: whether long transfers show a bar; None: in terminals and notebooks.
    """

    def __init__(self, address: _address.Address, timeout: float, tls_roots: bytes | None, progress: bool | None):
        self.address = str(address)
        self.progress = progress
        self._address = address
        self._timeout = timeout
        self._tls_roots = tls_roots
        self._generation = 0  # counts forks
        self._lock = threading.Lock()
        self._flight: FlightDoor | None = None
        self._closed = False
        self._fluss = self._fluss_address()  # Kept: a fork of this process cannot ask by Flight.
        self._client = self._connect()
        _open_databases.add(self)

    def _connect(self) -> _native.Client:
        client = _fluss.connect(self._fluss, self._timeout, self._tls_roots)
        with _fluss.translated():
            client.databases()  # So that a wrong address or password shows here.
        return client

    def _fluss_address(self) -> _address.Address:
        """Where rows by key are asked for; the server's Flight door tells."""
        if not self._address.flight:
            return self._address
        info = self._flight_door("connect").act("GetServerInfo", _message("GetServerInfo"), "ServerInfo")
        if not info.fluss_listeners:
            raise Unsupported(f"The server at {self.address} has no Fluss port that it tells of.")
        listener = info.fluss_listeners[0]
        host, _, port = listener.address.rpartition(":")
        host = host.strip("[]")
        if self._address.tls and not listener.tls and host not in ("127.0.0.1", "::1", "localhost"):
            raise Unsupported(
                f"The Fluss port {listener.address} speaks no TLS: what is asked of it, a password too, would cross the network as it "
                "is. Turn TLS on there (docs/security.md), or connect with thalweg:// where the network can be trusted."
            )
        user = self._address.user if listener.sasl else ""
        password = self._address.password if listener.sasl else ""
        return _address.Address(False, listener.tls, host, int(port), user, password)

    # ---- Tables

    def table(self, name: str) -> Table:
        """A table, by "database.table", or by its name alone in the database "fluss".

        Raises:
            TableNotFound: there is none; the message tells the nearest name.
        """
        return Table(self, name)

    def databases(self) -> list[str]:
        """Names of all databases that the user may see."""
        with _fluss.translated():
            return sorted(self._client.databases())

    def tables(self, database: str | None = None) -> list[str]:
        """Names of tables as "database.table"; of all databases where none is named.

        Raises:
            DatabaseNotFound: there is no such database.
        """
        names = []
        with _fluss.translated():
            for one in self._client.databases() if database is None else [database]:
                names += [f"{one}.{table}" for table in self._client.tables(one)]
        return sorted(names)

    def create_database(self, name: str, *, exist_ok: bool = False) -> None:
        """Creates a database.

        Raises:
            AlreadyExists: it is there, and not `exist_ok`.
        """
        with _fluss.translated():
            self._client.create_database(name, exist_ok)

    def create_table(
        self,
        name: str,
        columns: pa.Schema | str,
        *,
        primary_key: Sequence[str] | str = (),
        partitioned_by: Sequence[str] | str = (),
        bucket_by: Sequence[str] | str = (),
        buckets: int | None = None,
        options: Mapping[str, str] | None = None,
        comment: str | None = None,
        exist_ok: bool = False,
    ) -> Table:
        """Creates a table and opens it.

        Args:
            name: "database.table"; the database has to be there. "table" alone goes into the database "fluss".
            columns: a `pyarrow.Schema`, or text as between the parentheses of CREATE TABLE:
                "id BIGINT, name STRING, PRIMARY KEY (id)".
            primary_key: columns that name a row, so that it can be looked up, changed and deleted. None: a log table.
            partitioned_by: columns whose values make partitions; part of the primary key where there is one.
            bucket_by: columns whose hash chooses a row's bucket; None: the server's default.
            buckets: in how many parts the table, or each partition, lies; None: the server's default.
            options: "table.…" as docs/table_options.md tells, or your own.
            comment: for people.
            exist_ok: a table of this name is taken as it is.

        Raises:
            InvalidTable: what is asked for cannot be; the message says why.
            DatabaseNotFound, AlreadyExists.
        """
        keys = _names(primary_key)
        text = columns if isinstance(columns, str) else columns_text(_with_keys(columns, keys), keys)
        if isinstance(columns, str) and keys:
            text += f", PRIMARY KEY ({', '.join(keys)})"
        database, table = split_name(name)
        chosen = dict(options or {})
        with _fluss.translated():
            descriptor = {
                "version": 1,
                "schema": json.loads(_native.schema_json(text)),
                "comment": comment,
                "partition_key": _names(partitioned_by),
                "bucket_key": _names(bucket_by),
                "bucket_count": buckets,
                "properties": {key: str(value) for key, value in chosen.items() if key.startswith("table.")},
                "custom_properties": {key: str(value) for key, value in chosen.items() if not key.startswith("table.")},
            }
            filled = {key: value for key, value in descriptor.items() if value is not None}
            self._client.create_table(database, table, json.dumps(filled), exist_ok)
        return self.table(name)

    def drop_table(self, name: str, *, missing_ok: bool = False) -> None:
        """Drops a table with all its rows.

        Raises:
            TableNotFound: there is none, and not `missing_ok`.
        """
        with _fluss.translated():
            self._client.drop_table(*split_name(name), missing_ok)

    # ---- SQL

    def sql(self, query: str, *, at_least: str | None = None) -> Scan:
        """The result of a statement, which the server runs: a query whenever rows of it are read, all else now and once.

        Args:
            query: DuckDB's SQL over the server's tables: `select * from shop.orders where id = 7`.
            at_least: a token of a write or an earlier read: what it names is seen.

        Returns:
            A `Scan`: `to_arrow()`, `to_pandas()`, `to_polars()`, or iterate over its record batches. Its `token` is, once the rows were
            read, what they reflect of all tables that the statement has read; of an INSERT, UPDATE or DELETE also what it has written.

        Raises:
            Unsupported: the server has no SQL, or the connection is to the Fluss port alone.
            RequestTimedOut: what `at_least` names has not come.
            TableNotFound: `at_least` names a bucket that is not there (any more).
            ThalwegError: the statement is wrong; the message says where.
        """
        door = self._flight_door("run SQL")
        if at_least:
            door.act("WaitForToken", _message("WaitForToken", token=at_least))
        # Once, however often the result is read: it may change something.
        tickets, schema = door.query(query)
        return Scan(lambda: door.streams(tickets), schema, progress=self.progress)

    # ---- Connections

    def _open(self, name: str) -> tuple[_native.Table, int]:
        if self._closed:
            raise ThalwegError(f"The connection to {self.address} was closed.")
        database, table = split_name(name)
        try:
            with _fluss.translated():
                return self._client.open(database, table), self._generation
        except TableNotFound as error:
            raise self._not_found(error, database, table) from None

    def _not_found(self, error: TableNotFound, database: str, table: str) -> ThalwegError:
        """With the nearest name that there is."""
        try:
            tables = self.tables(database)
        except DatabaseNotFound:
            hint = did_you_mean(database, self.databases())
            return DatabaseNotFound(f"There is no database {database!r}.{hint}", error.code, error.name)
        hint = did_you_mean(f"{database}.{table}", tables)
        return TableNotFound(f"There is no table {database}.{table}.{hint}", error.code, error.name)

    def _flight_door(self, doing: str) -> FlightDoor:
        if not self._address.flight:
            raise Unsupported(
                f"This connection is to the Fluss port, which can look rows up by key but not {doing}: connect to the server's "
                f"Flight address, thalweg://{self._address.host}:{_address.FLIGHT_PORT}."
            )
        if self._closed:
            raise ThalwegError(f"The connection to {self.address} was closed.")
        with self._lock:
            if self._flight is None:
                from thalweg._flight import FlightDoor

                self._flight = FlightDoor(self._address, self._timeout, self._tls_roots)
            return self._flight

    def close(self) -> None:
        """Ends the connections. Tables of this object are of no use afterwards."""
        self._closed = True
        with self._lock:
            if self._flight is not None:
                self._flight.close()
                self._flight = None

    def _forget_parent(self) -> None:
        """In a fork: the parent's threads and sockets are not ours."""
        _left_behind.extend([self._client, self._flight])
        self._lock = threading.Lock()
        self._flight = None
        self._generation += 1
        if not self._closed:
            self._client = self._client_after_fork()

    def _client_after_fork(self) -> Any:
        return _Reconnecting(self)

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<thalweg.Database {self.address}>"


class _Reconnecting:
    """Stands for a client in a fork until it is first used: a fork must not wait for a server."""

    def __init__(self, database: Database):
        self._database = database

    def __getattr__(self, name: str) -> Any:
        database = self._database
        client: object = database._client
        if client is self:
            database._client = database._connect()
        return getattr(database._client, name)


def _after_fork() -> None:
    for database in list(_open_databases):
        database._forget_parent()


os.register_at_fork(after_in_child=_after_fork)


def _message(name: str, **fields: Any) -> Any:
    from thalweg import _messages

    return _messages.message(name, **fields)


def _names(names: Sequence[str] | str) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _with_keys(schema: pa.Schema, keys: list[str]) -> pa.Schema:
    from thalweg.errors import ColumnNotFound

    for key in keys:
        if key not in schema.names:
            raise ColumnNotFound(f"The primary key names {key!r}, which is no column.{did_you_mean(key, schema.names)}")
    return schema


def connect(
    address: str = f"thalweg://127.0.0.1:{_address.FLIGHT_PORT}",
    *,
    user: str | None = None,
    password: str | None = None,
    timeout: float = 30.0,
    tls_ca: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> Database:
    """Connects to a server.

    Args:
        address: `thalweg://host:9130`, or `thalweg+tls://…`: the server's Arrow Flight address, for everything. Or
            `fluss://host:9123`, or `fluss+tls://…`: its Fluss port alone, for tables and rows by key.
        user, password: for SASL/PLAIN and Flight; else those of the address, or THALWEG_USER and THALWEG_PASSWORD.
        timeout: seconds that one request may take.
        tls_ca: a file with the certificates (PEM) that the server's may be signed by; None: those of the system.
        progress: False: no bars on long transfers; True: also where nobody looks at a terminal.

    Raises:
        ConnectionFailed: nothing answers there.
        AuthenticationFailed: the server does not know this user and password.

    Example:
        >>> db = thalweg.connect("thalweg://localhost:9130")
        >>> db.table("shop.orders").get(7)
    """
    parsed = _address.parse(address, user, password)
    roots = None
    if tls_ca is not None:
        roots = Path(tls_ca).read_bytes()
    elif parsed.tls:
        roots = _address.system_authorities()
    return Database(parsed, timeout, roots, progress)


__all__ = ["DEFAULT_DATABASE", "Database", "connect"]

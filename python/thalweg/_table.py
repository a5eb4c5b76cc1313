"""One table: rows by key, scans, changes, writes."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import pyarrow as pa
import pyarrow.compute as pc

from thalweg import _messages, _native
from thalweg._flight import FlightDoor
from thalweg._fluss import Capsules, to_schema, translate, translated
from thalweg._frames import Rows, to_reader
from thalweg._keys import KeyColumns
from thalweg._predicates import pushed_down
from thalweg._scan import Following, Scan
from thalweg._writing import Written, write
from thalweg.errors import UNKNOWN_TABLE_OR_BUCKET, ColumnNotFound, InvalidTable, NoPrimaryKey, did_you_mean

if TYPE_CHECKING:
    import polars as pl

    from thalweg._database import Database
    from thalweg._dataset import TableDataset

_Answer = TypeVar("_Answer")
DEFAULT_DATABASE = "fluss"
_KEY_LISTS = (list, pa.Array, pa.ChunkedArray, pa.Table, pa.RecordBatch)
_KEY_VALUES = (int, str, tuple, dict, bytes, float)


def split_name(name: str) -> tuple[str, str]:
    """"shop.orders" in two; "orders" is of the default database."""
    database, dot, table = name.partition(".")
    return (database, table) if dot else (DEFAULT_DATABASE, database)


class Table:
    """A table of a server. All threads may use it at the same time.

    Its description is that of the moment when it was opened: `refresh()` looks again.

    Attributes:
        name: "database.table".
        schema: the columns as a `pyarrow.Schema`, in the types in which rows come back.
        primary_key: names of the columns; empty for a log table.
        partition_keys: names of the columns; empty where the table has no partitions.
        bucket_keys: names of the columns that choose a row's bucket; may be empty.
        bucket_count: of each partition, or of the table.
        properties: its options.
        comment: what somebody wrote about it, or "".
    """

    def __init__(self, database: Database, name: str):
        self._of = database
        self.name = ".".join(split_name(name))
        self.refresh()

    def refresh(self) -> None:
        """Looks at the table anew: columns that were added since then appear.

        Raises:
            TableNotFound: it was dropped.
        """
        self._native, self._generation = self._of._open(self.name)
        described = json.loads(self._native.describe())
        descriptor = described["descriptor"]
        self.table_id: int = described["id"]
        self.schema: pa.Schema = to_schema(self._native.schema())
        self.primary_key: list[str] = descriptor["schema"].get("primary_key") or []
        self.partition_keys: list[str] = descriptor.get("partition_key") or []
        self.bucket_keys: list[str] = descriptor.get("bucket_key") or []
        self.bucket_count: int = descriptor.get("bucket_count") or 1
        self.properties: dict[str, str] = {**descriptor.get("properties", {}), **descriptor.get("custom_properties", {})}
        self.comment: str = descriptor.get("comment") or ""
        self._keys: dict[bool, KeyColumns] = {}

    # ---- Rows by key

    @overload
    def get(self, key: int | str | bytes | float | tuple[Any, ...] | dict[str, Any], /, *, columns: Sequence[str] | None = None) -> dict[str, Any] | None: ...
    @overload
    def get(self, /, *, columns: Sequence[str] | None = None, **key: Any) -> dict[str, Any] | None: ...
    @overload
    def get(self, keys: Any, /, *, columns: Sequence[str] | None = None, missing: Literal["drop", "null"] = "drop") -> pa.Table: ...  # fmt: skip

    def get(
        self,
        key: Any = None,
        /,
        *,
        columns: Sequence[str] | None = None,
        missing: Literal["drop", "null"] = "drop",
        **by_name: Any,
    ) -> dict[str, Any] | pa.Table | None:
        """Rows by primary key, as they are now: every acknowledged write is seen.

        One key gives one row; a list of keys, or Arrow, pandas or Polars data with the key columns, gives a table.

        Args:
            key: a value; for a key of several columns a tuple in the order of `primary_key`, or a dict. Or many of these.
            columns: only these, in this order; None: all.
            missing: of many keys, what stands for one without a row: nothing ("drop"), or nulls in all columns ("null"), so that
                the n-th row is that of the n-th key.
            by_name: one key by its columns: `get(shop="a", item=7)`.

        Returns:
            One key: its row as a dict, or None. Many keys: a `pyarrow.Table` with the rows in the order of the keys.

        Raises:
            NoPrimaryKey: the table has none; scan it instead.
            InvalidKey: the key does not fit the key columns.
            ColumnNotFound: one of `columns` is not there.
        """
        keys = self._key_columns(prefix=False)
        chosen = self._positions(columns)
        if by_name or isinstance(key, _KEY_VALUES) or not _is_many(key):
            if not by_name:
                values = key if isinstance(key, tuple) else (key,)
                row = self._asked(lambda: self._native.look_up_row(values, chosen))
                if row is not False:
                    return row
            batch = self._find(keys.one(key, by_name), chosen, nulls=False)
            return batch.to_pylist()[0] if batch.num_rows else None
        return pa.Table.from_batches([self._find(keys.many(key), chosen, nulls=missing == "null")])

    def get_prefix(self, prefix: Any = None, /, *, columns: Sequence[str] | None = None, **by_name: Any) -> pa.Table:
        """All rows whose primary key begins with a prefix: the partition keys and the bucket key.

        Args:
            prefix: one prefix or many, written as keys are for `get`.
            columns: only these, in this order; None: all.
            by_name: one prefix by its columns.

        Returns:
            A `pyarrow.Table` with the rows, one prefix after the other.

        Raises:
            InvalidTable: the bucket key is no proper prefix of the primary key (less the partition keys).
            InvalidKey, ColumnNotFound: as for `get`.
        """
        keys = self._key_columns(prefix=True)
        chosen = self._positions(columns)
        many = not by_name and not isinstance(prefix, _KEY_VALUES) and _is_many(prefix)
        batch = keys.many(prefix) if many else keys.one(prefix, by_name)
        return pa.Table.from_batches([self._find(batch, chosen, prefix=True)])

    def _find(self, keys: pa.RecordBatch, columns: list[int], nulls: bool = False, prefix: bool = False) -> pa.RecordBatch:
        return self._asked(lambda: self._find_once(keys, columns, nulls, prefix))

    def _asked(self, ask: Callable[[], _Answer]) -> _Answer:
        if self._generation != self._of._generation:  # this process is a fork of the one that opened it
            self.refresh()
        try:
            return ask()
        except _native.NativeError as error:
            if error.args[0] != UNKNOWN_TABLE_OR_BUCKET:
                raise translate(error) from None
        self.refresh()  # dropped, and perhaps created again
        with translated():
            return ask()

    def _find_once(self, keys: pa.RecordBatch, columns: list[int], nulls: bool, prefix: bool) -> pa.RecordBatch:
        schema, array = keys.__arrow_c_array__()
        if prefix:
            return pa.record_batch(Capsules(self._native.look_up_prefixes(schema, array, columns)))
        return pa.record_batch(Capsules(self._native.look_up(schema, array, columns, nulls)))

    def _key_columns(self, prefix: bool) -> KeyColumns:
        found = self._keys.get(prefix)
        if found is None:
            with translated():
                schema = to_schema(self._native.key_schema(prefix))
            found = self._keys[prefix] = KeyColumns(schema, "prefix" if prefix else "key")
        return found

    def _positions(self, columns: Sequence[str] | None) -> list[int]:
        if columns is None:
            return []
        if not columns:
            raise ColumnNotFound("columns=[] names none: leave it out for all columns.")
        self._check_columns(columns)
        return [self.schema.get_field_index(name) for name in columns]

    def _check_columns(self, names: Sequence[str], schema: pa.Schema | None = None) -> None:
        if isinstance(names, str):
            raise TypeError(f"columns={names!r}: write a list of names, [{names!r}].")
        known = (schema or self.schema).names
        for name in names:
            if name not in known:
                raise ColumnNotFound(f"{self.name} has no column {name!r}.{did_you_mean(name, known)}")

    def _buckets(self) -> list[tuple[str, int]]:
        """All of them, as `scan(buckets=…)` takes them."""
        partitions = [""]
        if self.partition_keys:
            request = _messages.message("ListPartitions", table=self._table_name(self.name))
            listed = self._door("list partitions").act("ListPartitions", request, "PartitionList")
            partitions = [partition.name for partition in listed.partitions]
        return [(partition, bucket) for partition in partitions for bucket in range(self.bucket_count)]

    # ---- Many rows

    def scan(
        self,
        columns: Sequence[str] | None = None,
        *,
        where: pc.Expression | None = None,
        limit: int | None = None,
        partitions: Sequence[str] | None = None,
        buckets: Sequence[tuple[str, int]] | None = None,
        at_least: str | None = None,
    ) -> Scan:
        """All rows: of a log table what it retains, of a table with a primary key the current ones.

        Args:
            columns: only these, in this order; None: all.
            where: a condition, such as `pc.field("price") > 10`. The server skips what it can by it.
            limit: rows at most.
            partitions: names of the only ones to read.
            buckets: the only ones to read, as pairs of their partition's name ("" in a table without partitions) and their number.
            at_least: a token of a write or an earlier read: what it names is seen.

        Returns:
            A `Scan`: iterate over its record batches, or call `to_arrow()`, `to_pandas()`, `to_polars()`, `to_reader()`.

        Raises:
            ColumnNotFound: one of `columns`, or a column of `where`, is not there.
            Unsupported: the connection is to the Fluss port alone.
        """
        fields: dict[str, Any] = {"at_least": at_least or ""}
        if partitions is not None:
            fields["partitions"] = list(partitions)
        if buckets is not None:
            fields["buckets"] = [_messages.message("BucketRange", partition=name, bucket=number) for name, number in buckets]
        return self._scan(self.name, self.schema, columns, where, limit, fields)

    def changes(
        self,
        columns: Sequence[str] | None = None,
        *,
        since: str | dt.datetime | None = None,
        until: str | dt.datetime | None = None,
        where: pc.Expression | None = None,
        limit: int | None = None,
    ) -> Scan:
        """What happened to the rows, change by change, as far back as the log is retained.

        The columns are those of NAME$changelog: `_change_type`, `_log_offset`, `_commit_timestamp`, then the table's.

        Args:
            columns: only these of them, in this order; None: all.
            since: a token (what came after it), or a time (committed then or later); None: from the beginning.
            until: a token (what it reflects), or a time (committed before); None: what is there now.
            where, limit: as for `scan`.

        Returns:
            A `Scan`.

        Raises:
            As `scan`.
        """
        fields: dict[str, Any] = {}
        _bound(fields, "from", since)
        _bound(fields, "to", until)
        part = {"range": _messages.message("Range", **fields)}
        return self._scan(f"{self.name}$changelog", None, columns, where, limit, part)

    def follow(
        self,
        columns: Sequence[str] | None = None,
        *,
        since: Literal["now", "beginning"] | str | dt.datetime = "now",
        where: pc.Expression | None = None,
    ) -> Following:
        """Rows of a log table, or changes of a table with a primary key, as they come; without an end.

        Args:
            columns: only these, in this order (of a table with a primary key, of those that `changes` has); None: all.
            since: "now", "beginning", a token (right behind what it reflects), or a time.
            where: as for `scan`.

        Returns:
            A `Following`: iterate over record batches; `close()` it, or use `with`.

        Raises:
            As `scan`.
        """
        fields: dict[str, Any] = {}
        if since == "now":
            fields["from_now"] = True
        elif since != "beginning":
            _bound(fields, "from", since)
        name = f"{self.name}$changelog" if self.primary_key else self.name
        part = {"range": _messages.message("Range", **fields), "follow": True}
        schema = self.schema if not self.primary_key else self._schema_of(name)
        self._check_columns(columns or (), schema)
        request, rest = self._request(name, schema, columns, where, None, part)
        if rest is not None and columns is not None:
            request, rest = self._request(name, schema, None, where, None, part)
        return Following(self._door("follow").read(request), rest, None if columns is None else list(columns))

    def _scan(
        self,
        name: str,
        schema: pa.Schema | None,
        columns: Sequence[str] | None,
        where: pc.Expression | None,
        limit: int | None,
        part: Mapping[str, Any],
    ) -> Scan:
        door = self._door("scan")
        if schema is None:
            schema = self._schema_of(name)
        self._check_columns(columns or (), schema)
        request, rest = self._request(name, schema, columns, where, limit, part)
        if rest is not None and columns is not None:
            # What is held against the rows here may need columns that are not wanted.
            request, rest = self._request(name, schema, None, where, limit, part)
        return Scan(
            lambda: [door.read(request)],
            schema,
            columns=None if columns is None else list(columns),
            rest=rest,
            limit=limit if rest is not None else None,
            progress=self._of.progress,
        )

    def _schema_of(self, name: str) -> pa.Schema:
        """The columns of a virtual table."""
        with self._door("scan").reading(_messages.message("ReadTable", table=self._table_name(name), limit=0)) as stream:
            return stream.schema

    def _request(
        self,
        name: str,
        schema: pa.Schema,
        columns: Sequence[str] | None,
        where: pc.Expression | None,
        limit: int | None,
        part: Mapping[str, Any],
    ) -> tuple[Any, pc.Expression | None]:
        """The ReadTable message, and what of `where` the server is not asked."""
        request = _messages.message("ReadTable", table=self._table_name(name), **part)
        if columns is not None:
            request.columns.SetInParent()
            request.columns.names.extend(columns)
        rest = None
        if where is not None:
            predicate, rest = pushed_down(where, schema)
            if predicate is not None:
                request.filter.CopyFrom(predicate)
        if limit is not None and rest is None:
            request.limit = limit
        return request, rest

    @staticmethod
    def _table_name(name: str) -> Any:
        database, table = split_name(name)
        return _messages.message("TableName", database=database, table=table)

    def _door(self, doing: str) -> FlightDoor:
        return self._of._flight_door(doing)

    # ---- Writes

    def append(self, rows: Rows) -> Written:
        """Appends rows to a log table.

        Args:
            rows: Arrow, pandas or Polars data, a dict, or a list of dicts. Columns are found by name; those that are missing
                are null; types are cast where nothing is lost.

        Returns:
            Once all rows are on the server's disk and visible: how many, and a token for reads that must see them.

        Raises:
            InvalidTable: the table has a primary key: `upsert` instead.
            InvalidRows, ColumnNotFound: the rows do not fit the table.
        """
        if self.primary_key:
            raise InvalidTable(f"{self.name} has a primary key: use upsert() instead of append().")
        return self._write("APPEND", rows)

    def upsert(self, rows: Rows) -> Written:
        """Puts rows under their keys: new ones are inserted, those that are there change.

        Args:
            rows: as for `append`. Columns that are missing stay as they are, so a few columns make a partial update; the primary
                key must be there.

        Returns:
            As `append`.

        Raises:
            NoPrimaryKey: the table has none: `append` instead.
            InvalidRows, ColumnNotFound: the rows do not fit the table.
        """
        if not self.primary_key:
            raise NoPrimaryKey(f"{self.name} has no primary key: use append() instead of upsert().")
        return self._write("UPSERT", rows)

    def delete(self, keys: Any = None, /, **by_name: Any) -> Written:
        """Deletes the rows of some keys. Keys without a row are no error.

        Args:
            keys: one key or many, as for `get`.
            by_name: one key by its columns.

        Returns:
            As `append`; `rows` counts the keys.

        Raises:
            NoPrimaryKey: the table has none.
            InvalidKey: the keys do not fit the key columns.
        """
        columns = self._key_columns(prefix=False)
        many = not by_name and not isinstance(keys, _KEY_VALUES) and _is_many(keys)
        return self._write("DELETE", columns.many(keys) if many else columns.one(keys, by_name))

    def _write(self, kind: str, rows: Rows) -> Written:
        door = self._door("write")
        total = len(rows) if isinstance(rows, pa.Table | pa.RecordBatch | list) else getattr(rows, "height", None)
        reader = to_reader(rows, self.schema)
        self._check_columns(reader.schema.names)
        command = _messages.message("WriteTable", table=self._table_name(self.name), kind=kind)
        return write(door, command, reader, total, self._of.progress)

    # ---- Other tools

    def dataset(self) -> TableDataset:
        """The table as a `pyarrow.dataset.Dataset`, which DuckDB, Polars and pyarrow read with only the columns and, by the
        condition, only the rows that they need: `ds = t.dataset(); duckdb.sql("select … from ds where …")`."""
        from thalweg._dataset import TableDataset

        return TableDataset(self)

    def to_polars_lazy(self) -> pl.LazyFrame:
        """The table as a Polars LazyFrame: columns and conditions are pushed down to the server."""
        import polars as pl

        return pl.scan_pyarrow_dataset(self.dataset())

    def to_ray(self, *, columns: Sequence[str] | None = None, where: pc.Expression | None = None) -> Any:
        """The table as a `ray.data.Dataset`, read by as many tasks as there are buckets."""
        from thalweg._ray import read_table

        return read_table(self, columns, where)

    def __repr__(self) -> str:
        key = f", primary key ({', '.join(self.primary_key)})" if self.primary_key else ""
        return f"<thalweg.Table {self.name}: {len(self.schema)} columns{key}>"


def _bound(fields: dict[str, Any], end: str, at: str | dt.datetime | None) -> None:
    if isinstance(at, dt.datetime):
        fields[f"{end}_time_ms"] = int(at.timestamp() * 1000)
    elif at is not None:
        fields[f"{end}_token"] = at


def _is_many(keys: Any) -> bool:
    if isinstance(keys, _KEY_LISTS) or hasattr(keys, "__arrow_c_stream__"):
        return True
    kind = type(keys).__module__.split(".")[0]
    return (kind in ("pandas", "polars") and hasattr(keys, "shape")) or (kind == "numpy" and getattr(keys, "ndim", 0) > 0)

"""Reads of many rows: what `Table.scan`, `changes`, `follow` and `Database.sql` return."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from thalweg import _messages
from thalweg._flight import translate
from thalweg._progress import Progress
from thalweg.errors import ThalwegError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow.flight as flight

Streams = Callable[[], Iterable["flight.FlightStreamReader"]]


class Scan:
    """Rows that are yet to be read. Each of its methods reads them anew, as of that moment.

    Iterating gives record batches as they arrive; it also goes wherever Arrow streams do: `pl.DataFrame(scan)`,
    `duckdb.sql("from scan")` with `scan.to_reader()`, `pa.table(scan)`.

    Attributes:
        schema: the columns, as `pyarrow.Schema`.
        token: of the last read that came to its end, what it reflects: `at_least=token` gives a later read that sees as much.
    """

    def __init__(
        self,
        streams: Streams,
        schema: pa.Schema,
        *,
        columns: list[str] | None = None,
        rest: pc.Expression | None = None,
        limit: int | None = None,
        total: Callable[[], int | None] | None = None,
        progress: bool | None = None,
    ):
        self.schema = schema if columns is None else pa.schema([schema.field(name) for name in columns])
        self.token: str | None = None
        self._streams = streams
        self._rest = rest  # of the filter, what the server was not asked
        self._limit = limit
        self._total = total
        self._progress = progress

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Batches of rows, none of them empty.

        Raises:
            ThalwegError: as the server or the connection fails.
        """
        bar = Progress("reading", self._total() if self._total else None, self._progress)
        left = self._limit
        try:
            for stream in self._streams():
                for batch in self._batches(stream):
                    if left is not None:
                        batch = batch.slice(0, left)
                        left -= batch.num_rows
                    bar.add(batch.num_rows)
                    yield batch
                    if left == 0:
                        stream.cancel()
                        return
        finally:
            bar.end()

    def _batches(self, stream: flight.FlightStreamReader) -> Iterator[pa.RecordBatch]:
        while True:
            try:
                chunk = stream.read_chunk()
            except StopIteration:
                return
            except Exception as error:
                raise translate(error) from None
            if chunk.app_metadata is not None:
                self._note(chunk.app_metadata.to_pybytes())
            batch = chunk.data
            if batch is None or batch.num_rows == 0:
                continue
            batch = _filtered(batch, self._rest)
            if batch.num_rows:
                yield _shaped(batch, self.schema)

    def _note(self, metadata: bytes) -> None:
        position = _messages.parse("ReadPosition", metadata)
        if position.token:
            self.token = position.token

    def to_reader(self) -> pa.RecordBatchReader:
        """The rows as a stream, for DuckDB, Polars and others; bounded memory however many there are."""
        return pa.RecordBatchReader.from_batches(self.schema, iter(self))

    def to_arrow(self) -> pa.Table:
        """All rows as a `pyarrow.Table`."""
        return self.to_reader().read_all()

    def to_pandas(self, **options: Any) -> pd.DataFrame:
        """All rows as a pandas DataFrame; `options` are those of `pyarrow.Table.to_pandas`."""
        return self.to_arrow().to_pandas(**options)

    def to_polars(self) -> pl.DataFrame:
        """All rows as a Polars DataFrame."""
        import polars as pl

        return pl.DataFrame(self.to_arrow())

    def to_pylist(self) -> list[dict[str, Any]]:
        """All rows as dicts."""
        rows: list[dict[str, Any]] = self.to_arrow().to_pylist()
        return rows

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_reader().__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return f"<thalweg.Scan of {', '.join(self.schema.names)}>"


def _filtered(batch: pa.RecordBatch, rest: pc.Expression | None) -> pa.RecordBatch:
    try:
        return batch if rest is None else batch.filter(rest)
    except pa.ArrowException as error:
        raise ThalwegError(f"The condition {rest} cannot be held against these columns: {error}") from None


def _shaped(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The columns of `schema`: not those that only the condition needed, nor any that the table got meanwhile."""
    return batch if batch.schema.equals(schema) else batch.select(schema.names).cast(schema)


class Following:
    """Rows as they come, without an end: iterate, and `close()` (or leave the `with` block, from any thread) to stop.

    Attributes:
        schema: the columns.
        token: what the batches given out so far amount to: `follow(since=token)` goes on right behind them.
    """

    def __init__(self, stream: flight.FlightStreamReader, rest: pc.Expression | None, columns: list[str] | None):
        schema: pa.Schema = stream.schema
        self.schema = schema if columns is None else pa.schema([schema.field(name) for name in columns])
        self.token: str | None = None
        self._stream = stream
        self._rest = rest
        self._closed = False

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        while True:
            if self._closed:
                raise StopIteration
            try:
                chunk = self._stream.read_chunk()
            except StopIteration:
                raise
            except Exception as error:
                if self._closed:
                    raise StopIteration from None
                raise translate(error) from None
            if chunk.app_metadata is not None:
                self.token = _messages.parse("ReadPosition", chunk.app_metadata.to_pybytes()).token or self.token
            batch = chunk.data
            if batch is not None:
                batch = _filtered(batch, self._rest)
            if batch is not None and batch.num_rows:
                return _shaped(batch, self.schema)

    def close(self) -> None:
        """Ends the stream; a thread that waits for the next batch gets its StopIteration."""
        self._closed = True
        self._stream.cancel()

    def __enter__(self) -> Following:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

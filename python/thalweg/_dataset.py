"""A table as a `pyarrow.dataset.Dataset`: what DuckDB, Polars and pyarrow push conditions and columns into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

if TYPE_CHECKING:
    from thalweg._table import Table


class TableScanner(ds.Scanner):  # type: ignore[misc]  # pyarrow has no types
    """What one scan of a table brings. Each method reads anew."""

    def __init__(self, dataset: TableDataset, columns: list[str] | None, where: pc.Expression | None):
        # As of Dataset: pyarrow's constructor refuses, and nothing behind it is used.
        self._dataset = dataset
        self._columns = columns
        # Without any column, rows are counted; a scan needs one to tell how many.
        self._scan = dataset._table.scan([dataset.schema.names[0]] if columns == [] else columns, where=where)

    @property
    def dataset_schema(self) -> pa.Schema:
        return self._dataset.schema

    @property
    def projected_schema(self) -> pa.Schema:
        return pa.schema([]) if self._columns == [] else self._scan.schema

    def to_batches(self) -> Iterator[pa.RecordBatch]:
        for batch in self._dataset._counted(self._scan):
            yield batch.select([]) if self._columns == [] else batch

    def to_reader(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(self.projected_schema, self.to_batches())

    def to_table(self) -> pa.Table:
        return self.to_reader().read_all()

    def count_rows(self) -> int:
        return sum(batch.num_rows for batch in self._dataset._counted(self._scan))

    def head(self, num_rows: int) -> pa.Table:
        return self.to_table().slice(0, num_rows)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_reader().__arrow_c_stream__(requested_schema)


class TableDataset(ds.Dataset):  # type: ignore[misc]
    """The rows of a table, read anew by every scan. What a scan asks for (columns, condition, limit) goes to the server.

    Attributes:
        rows_received: how many rows the last scan has brought over the network so far.
    """

    def __init__(self, table: Table, filter: pc.Expression | None = None):  # noqa: A002: pyarrow's name for it
        # pyarrow's own constructor refuses everybody; nothing of the C++ object behind it is used.
        self._table = table
        self._filter = filter
        self.rows_received = 0

    def __reduce__(self) -> Any:
        raise TypeError("A TableDataset is a connection, and cannot be sent to another process: send the table's name.")

    @property
    def schema(self) -> pa.Schema:
        return self._table.schema

    @property
    def partition_expression(self) -> pc.Expression:
        return pc.scalar(True)

    def filter(self, expression: pc.Expression) -> TableDataset:
        return TableDataset(self._table, expression if self._filter is None else self._filter & expression)

    def scanner(
        self,
        columns: Sequence[str] | Mapping[str, pc.Expression] | None = None,
        filter: pc.Expression | None = None,  # noqa: A002
        batch_size: int | None = None,
        **_: Any,
    ) -> ds.Scanner:
        """A scanner that reads once. Columns may be expressions; what they need is read, and they are made of it here."""
        where = self._filter if filter is None else filter if self._filter is None else self._filter & filter
        if isinstance(columns, Mapping):
            scan = self._table.scan(where=where)
            reader = pa.RecordBatchReader.from_batches(scan.schema, self._counted(scan))
            return ds.Scanner.from_batches(reader, columns=columns)
        return TableScanner(self, None if columns is None else list(columns), where)

    def _counted(self, scan: Any) -> Iterator[pa.RecordBatch]:
        self.rows_received = 0
        for batch in scan:
            self.rows_received += batch.num_rows
            yield batch

    def to_table(self, columns: Any = None, filter: Any = None, **options: Any) -> pa.Table:  # noqa: A002
        return self.scanner(columns, filter, **options).to_table()

    def to_batches(self, columns: Any = None, filter: Any = None, **options: Any) -> Iterator[pa.RecordBatch]:  # noqa: A002
        batches: Iterator[pa.RecordBatch] = self.scanner(columns, filter, **options).to_batches()
        return batches

    def head(self, num_rows: int, columns: Any = None, filter: Any = None, **_: Any) -> pa.Table:  # noqa: A002
        where = self._filter if filter is None else filter if self._filter is None else self._filter & filter
        return self._table.scan(columns, where=where, limit=num_rows).to_arrow()

    def count_rows(self, filter: Any = None, **_: Any) -> int:  # noqa: A002
        count: int = self.scanner([], filter).count_rows()
        return count

    def get_fragments(self, filter: Any = None) -> Iterator[Any]:  # noqa: A002
        raise NotImplementedError("A table of a server has no files.")

    def __repr__(self) -> str:
        return f"<thalweg.TableDataset of {self._table.name}>"

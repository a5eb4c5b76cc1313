"""Rows as people have them: Arrow, pandas, Polars, lists of dicts; anything with `__arrow_c_stream__`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, Union

import pyarrow as pa

from thalweg.errors import InvalidRows

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


class ArrowStream(Protocol):
    """What exports itself by Arrow's PyCapsule protocol, as Polars, DuckDB, Ibis and others do."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


Rows: TypeAlias = Union[
    pa.Table, pa.RecordBatch, pa.RecordBatchReader, "pd.DataFrame", "pl.DataFrame", "pl.LazyFrame",
    ArrowStream, Mapping[str, Any], Sequence[Mapping[str, Any]],
]  # fmt: skip


def to_reader(rows: Rows, schema: pa.Schema) -> pa.RecordBatchReader:
    """`rows` as a stream of batches, a large one not copied as a whole.

    Lists of dicts and pandas objects take the types of `schema` where it has a column of the name.

    Raises:
        InvalidRows: these are no rows, or their values do not fit the types.
    """
    try:
        return _to_reader(rows, schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise InvalidRows(f"These rows do not fit the table: {error}") from None


def _to_reader(rows: Any, schema: pa.Schema) -> pa.RecordBatchReader:
    if isinstance(rows, pa.RecordBatchReader):
        return rows
    if isinstance(rows, pa.Table):
        return rows.to_reader()
    if isinstance(rows, pa.RecordBatch):
        return pa.RecordBatchReader.from_batches(rows.schema, [rows])
    if isinstance(rows, Mapping):
        rows = [rows]
    kind = type(rows).__module__.split(".")[0]
    if kind == "pandas":
        return pa.Table.from_pandas(rows, schema=_chosen(rows.columns, schema), preserve_index=False).to_reader()
    if kind == "polars" and hasattr(rows, "collect"):
        rows = rows.collect()
    if hasattr(rows, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(rows)
    if isinstance(rows, Iterable) and not isinstance(rows, str | bytes):
        listed = list(rows)
        if all(isinstance(row, Mapping) for row in listed):
            names = dict.fromkeys(name for row in listed for name in row)
            return pa.Table.from_pylist(listed, schema=_chosen(names, schema)).to_reader()
    raise InvalidRows(
        f"A {type(rows).__name__} is no rows: give Arrow, pandas or Polars data, a dict, or a list of dicts."
    )


def _chosen(names: Iterable[Any], schema: pa.Schema) -> pa.Schema | None:
    """The fields of `names`; None, so that types are guessed, where one is not of the table (the server says so)."""
    found = [schema.field(name) if name in schema.names else None for name in names]
    return None if any(field is None for field in found) else pa.schema(found)

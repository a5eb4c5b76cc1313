"""From keys as people write them to record batches of a table's key columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from thalweg.errors import ColumnNotFound, InvalidKey, did_you_mean


class KeyColumns:
    """The columns that a key (or a prefix of one) of one table consists of."""

    def __init__(self, schema: pa.Schema, what: str):
        self.schema = schema
        self.names: list[str] = schema.names
        self.types: list[pa.DataType] = schema.types
        self._what = what  # "key" or "prefix"

    def one(self, key: Any, by_name: Mapping[str, Any]) -> pa.RecordBatch:
        """One key: a value, a tuple of as many values as there are columns, a dict, or keyword arguments."""
        if by_name:
            if key is not None:
                raise InvalidKey(f"Give the {self._what} as a value or by column names, not both.")
            key = by_name
        if len(self.names) == 1 and not isinstance(key, Mapping | tuple):
            return self._batch([[key]])
        return self._batch([[value] for value in self._values(key)])

    def many(self, keys: Any) -> pa.RecordBatch:
        """Many keys: Arrow, pandas or Polars data with (at least) the key columns, or a list of what `one` takes."""
        if isinstance(keys, pa.Array | pa.ChunkedArray):
            return self._columns([keys], [self.names[0]]) if len(self.names) == 1 else self._wrong_count(1)
        kind = type(keys).__module__.split(".")[0]
        if kind in ("pandas", "polars") and not hasattr(keys, "columns"):  # a Series
            return self.many(pa.array(keys.to_list(), self.types[0]))
        if kind == "numpy":
            return self.many(pa.array(keys))
        if kind == "pandas":
            return self._table({str(name): pa.array(keys[name], from_pandas=True) for name in self._known(keys.columns)})
        if isinstance(keys, pa.Table | pa.RecordBatch) or hasattr(keys, "__arrow_c_stream__"):
            table = keys if isinstance(keys, pa.Table | pa.RecordBatch) else pa.table(keys)
            return self._table({name: table.column(name) for name in self._known(table.schema.names)})
        if not isinstance(keys, Iterable) or isinstance(keys, str | bytes | Mapping):
            raise InvalidKey(f"A {type(keys).__name__} is no list of keys.")
        listed = list(keys)
        if len(self.names) == 1 and not any(isinstance(key, Mapping | tuple) for key in listed):
            return self._batch([listed])
        rows = [self._values(key) for key in listed]
        return self._batch([[row[i] for row in rows] for i in range(len(self.names))])

    def _values(self, key: Any) -> Sequence[Any]:
        if isinstance(key, Mapping):
            for name in key:
                if name not in self.names:
                    raise ColumnNotFound(f"{name!r} is no column of the {self._what}.{did_you_mean(name, self.names)}")
            if missing := [name for name in self.names if name not in key]:
                raise InvalidKey(f"The {self._what} lacks {', '.join(missing)}.")
            return [key[name] for name in self.names]
        values = key if isinstance(key, tuple) else (key,)
        return values if len(values) == len(self.names) else self._wrong_count(len(values))

    def _wrong_count(self, count: int) -> Any:
        raise InvalidKey(
            f"The {self._what} has {len(self.names)} columns ({', '.join(self.names)}), not {count}: write them as a tuple "
            "in this order, or by name."
        )

    def _known(self, names: Iterable[Any]) -> list[str]:
        there = [str(name) for name in names]
        for name in self.names:
            if name not in there:
                raise InvalidKey(f"The keys lack the column {name!r}.{did_you_mean(name, there)}")
        return self.names

    def _batch(self, columns: list[Sequence[Any]]) -> pa.RecordBatch:
        arrays = []
        for name, type_, values in zip(self.names, self.types, columns, strict=True):
            try:
                arrays.append(pa.array(values, type_))
            except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError, OverflowError) as error:
                raise InvalidKey(f"The key column {name!r} is of type {type_}: {error}") from None
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _table(self, columns: dict[str, Any]) -> pa.RecordBatch:
        return self._columns([columns[name] for name in self.names], self.names)

    def _columns(self, columns: list[Any], names: list[str]) -> pa.RecordBatch:
        arrays = []
        for name, type_, values in zip(names, self.types, columns, strict=True):
            try:
                cast = values if values.type == type_ else values.cast(type_)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise InvalidKey(f"The key column {name!r} is of type {type_}, not {values.type}: {error}") from None
            arrays.append(cast.combine_chunks() if isinstance(cast, pa.ChunkedArray) else cast)
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

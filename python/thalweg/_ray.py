"""A table as a Ray Dataset: read tasks connect to the server by themselves, each for some of the buckets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from thalweg import _address

if TYPE_CHECKING:
    from thalweg._table import Table


BLOCKS_MAX = 200


@dataclass(frozen=True)
class _Part:
    """What one task reads."""

    address: _address.Address
    timeout: float
    tls_roots: bytes | None
    table: str
    columns: list[str] | None
    where: pc.Expression | None
    buckets: list[tuple[str, int]]  # partition ("" where there is none) and number

    def read(self) -> Iterable[pa.Table]:
        from thalweg._database import Database

        with Database(self.address, self.timeout, self.tls_roots, progress=False) as database:
            scan = database.table(self.table).scan(self.columns, where=self.where, buckets=self.buckets)
            for batch in scan:
                yield pa.Table.from_batches([batch])


def read_table(table: Table, columns: Sequence[str] | None, where: pc.Expression | None) -> Any:
    """A `ray.data.Dataset`."""
    import ray.data
    from ray.data.block import BlockMetadata
    from ray.data.datasource import Datasource, ReadTask

    buckets = table._buckets()
    schema = table.scan(columns).schema  # checks the columns before any task starts
    database = table._of

    def part(of: list[tuple[str, int]]) -> Callable[[], Iterable[pa.Table]]:
        return _Part(
            database._address, database._timeout, database._tls_roots, table.name,
            None if columns is None else list(columns), where, of,
        ).read  # fmt: skip

    class TableSource(Datasource):  # type: ignore[misc]  # Ray has no types here
        """The buckets of one table."""

        def get_name(self) -> str:
            return f"Thalweg({table.name})"

        def estimate_inmemory_data_size(self) -> int | None:
            return None

        def get_read_tasks(self, parallelism: int, *_: Any, **__: Any) -> list[ReadTask]:
            count = max(1, min(parallelism, len(buckets)))
            metadata = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
            return [ReadTask(part(buckets[i::count]), metadata, schema=schema) for i in range(count) if buckets[i::count]]

    # As many blocks as buckets, at most Ray's usual number: else it would cut each into dozens of small ones.
    return ray.data.read_datasource(TableSource(), override_num_blocks=max(1, min(len(buckets), BLOCKS_MAX)))

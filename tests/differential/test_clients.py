"""The same rows in both servers, as both stock clients read them: what came by raw batches, by pyfluss and by Java."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import fluss
import pyarrow as pa
import pytest

from conformance import values
from conformance.java_client import JavaClient
from differential.conftest import Addresses
from peers import log_batch
from peers.wire import WireConnection

pytestmark = pytest.mark.java

COLUMNS = [column for column in values.SCALARS + values.NESTED if column.name != "char"]  # pyfluss has no CHAR
WHERE = {"database": "differential_clients", "table": "t"}
BATCHES = 12
READ_S_MAX = 30.0


@pytest.fixture(scope="module")
def clients(addresses: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, JavaClient]]:
    """A Java client of each server."""
    logs = tmp_path_factory.mktemp("java-clients")
    made = {
        "fluss": JavaClient(addresses.fluss, logs / "fluss.log"),
        "thalweg": JavaClient(addresses.thalweg, logs / "thalweg.log"),
    }
    yield made
    for client in made.values():
        client.close()


async def test_both_clients_read_the_same_rows_from_both_servers(
    addresses: Addresses, clients: dict[str, JavaClient]
) -> None:
    bootstraps = {"fluss": addresses.fluss, "thalweg": addresses.thalweg}
    data = values.to_arrow(COLUMNS, values.rows(COLUMNS))
    for name, java in clients.items():
        java.do("create_database", database=WHERE["database"])
        java.do("create_table", **WHERE, columns=[[c.name, c.fluss_type] for c in COLUMNS], buckets=1)
        java.do("append", **WHERE, rows=values.rows(COLUMNS))
        tablet = addresses.fluss_tablet if name == "fluss" else addresses.thalweg
        await write_by_pyfluss(bootstraps[name], data)
        write_raw(tablet, java.do("table_info", **WHERE)["table_id"], data.schema)
    count = clients["fluss"].do("list_offsets", database=WHERE["database"], table="t", buckets=[0], at="latest")["0"]
    assert count > 6 + BATCHES

    read: dict[str, list[str]] = {}
    for name, java in clients.items():
        found = java.do("scan", **WHERE, count=count)
        assert [record["offset"] for record in found] == list(range(count)), name
        read[f"Java from {name}"] = values.text([record["row"] for record in found])
        read[f"pyfluss from {name}"] = values.text(values.from_arrow(await read_by_pyfluss(bootstraps[name], count)))
    first = read["Java from fluss"]
    for by, rows in read.items():
        assert rows == first, by


async def write_by_pyfluss(bootstrap: str, data: pa.Table) -> None:
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        table = await connection.get_table(fluss.TablePath(WHERE["database"], WHERE["table"]))
        writer = table.new_append().create_writer()
        writer.write_arrow(data)
        await writer.flush()


async def read_by_pyfluss(bootstrap: str, count: int) -> pa.Table:
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        table = await connection.get_table(fluss.TablePath(WHERE["database"], WHERE["table"]))
        scanner = await table.new_scan().create_record_batch_log_scanner()
        scanner.subscribe(0, fluss.EARLIEST_OFFSET)
        parts: list[pa.Table] = []
        deadline = time.monotonic() + READ_S_MAX
        while sum(map(len, parts)) < count and time.monotonic() < deadline:
            part = await scanner.poll_arrow(500)
            if len(part):
                parts.append(part)
    return pa.concat_tables(parts)


def write_raw(tablet: str, table_id: int, schema: pa.Schema) -> None:
    """Batches of every codec made here, the same ones for both servers."""
    chance = random.Random(5)
    plain = pa.schema([pa.field(field.name, without_zone(field.type)) for field in schema])
    rows = values.to_arrow(COLUMNS, values.rows(COLUMNS)).cast(schema)
    connection = WireConnection(tablet)
    try:
        for number in range(BATCHES):
            picked = rows.take([chance.randrange(3) for _ in range(chance.randint(1, 9))]).combine_chunks()
            batch = picked.to_batches()[0]
            batch = pa.record_batch([column.cast(kind) for column, kind in zip(batch.columns, plain.types, strict=True)],
                                    schema=plain)
            compression = [None, "lz4", "zstd"][number % 3]
            records = log_batch.of_rows(batch, compression).encode()
            values_of_request: dict[str, Any] = {
                "acks": -1, "table_id": table_id, "timeout_ms": 10_000,
                "buckets_req": [{"bucket_id": 0, "records": records}],
            }
            answer = connection.call("PRODUCE_LOG", values_of_request)
            assert answer.error == 0 and "error_code" not in answer.body["buckets_resp"][0], answer
    finally:
        connection.close()


def without_zone(kind: pa.DataType) -> pa.DataType:
    """As the columns of the protocol are: LTZ has no zone either."""
    return pa.timestamp(kind.unit) if pa.types.is_timestamp(kind) else kind

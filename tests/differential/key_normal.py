"""What servers say of keys and their changelog, in a form that two of them can agree on."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from conformance import values
from differential.key_tables import KeyTable
from differential.normal import Form
from differential.server import Server
from peers import arrow_message, kv_batch, log_batch

CHANGES = {0: "+A", 1: "+I", 2: "-U", 3: "+U", 4: "-D"}


def looked_up(table: tuple[str, str], field: str) -> Form:
    """`field` is that of the values in a bucket's part: of one list, or of lists."""

    def shown(one: dict[str, Any]) -> Any:
        found = one.get("values")
        return [value.hex() for value in found] if isinstance(found, list) else found if found is None else found.hex()

    def form(server: Server, body: dict[str, Any]) -> Any:
        return sorted(
            (
                str(server.partition_name(table, one.get("partition_id"))), one["bucket_id"], one.get("error_code", 0),
                [shown(value) for value in one[field]],
            )
            for one in body["buckets_resp"]
        )

    return form


def first_rows(server: Server, body: dict[str, Any]) -> Any:
    if "error_code" in body:
        return f"error {body['error_code']} in the answer"
    return {"is log": body.get("is_log_table"), "values": [value.hex() for value in kv_batch.values_of(body.get("records", b""))]}


def fetched(table: KeyTable, projection: list[int] | None = None) -> Form:
    """Batches of a changelog with their change types and rows."""

    def form(server: Server, body: dict[str, Any]) -> Any:
        found = []
        for answered in body["tables_resp"]:
            for one in answered["buckets_resp"]:
                place = (server.partition_name(table.key, one.get("partition_id")), one["bucket_id"])
                part: tuple[Any, ...] = (*table.key, str(place[0]), place[1], one.get("error_code", 0))
                if "error_code" not in one:
                    batches = log_batch.decode_all(one.get("records", b""))
                    shown = [described(server, batch, table, projection) for batch in batches]
                    part += (one["high_watermark"], one.get("log_start_offset"), shown)
                found.append(part)
        return sorted(found, key=lambda part: part[:4])

    return form


def described(server: Server, batch: log_batch.Batch, table: KeyTable, projection: list[int] | None) -> Any:
    head = (batch.base_offset, batch.record_count, batch.schema_id, server.writer_of(batch.writer_id), batch.sequence)
    if batch.record_count == 0:
        return (*head, "no rows")
    if table.log_format != "ARROW":
        return (*head, batch.attributes, batch.body.hex())
    changes = [CHANGES.get(change, str(change)) for change in batch.body[: batch.record_count]]
    try:
        rows = values.from_arrow(table_of(batch, table, projection))
        return (*head, *(f"{change} {row}" for change, row in zip(changes, values.text(rows), strict=True)))
    except (pa.ArrowInvalid, OSError) as error:
        return (*head, *changes, f"unreadable: {error}", batch.body.hex())


def table_of(batch: log_batch.Batch, table: KeyTable, projection: list[int] | None = None) -> pa.Table:
    """The rows of an ARROW batch of changes."""
    schema = table.schema(batch.schema_id)
    if projection is not None:
        newest = table.schema()
        schema = pa.schema([schema.field(i) if i < len(schema) else newest.field(i) for i in projection])
    message = arrow_message.readable(batch.body[batch.record_count :])
    return pa.Table.from_batches([pa.ipc.read_record_batch(pa.py_buffer(message), schema)])

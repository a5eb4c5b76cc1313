"""Answers in a form that two servers can agree on: without times, addresses and numbers of their own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from peers import log_batch
from peers.wire import Answer
from differential.server import Server, parsed
from differential.world import Place, Table

Form = Callable[[Server, dict[str, Any]], Any]


def outcome(server: Server, answer: Answer | None, form: Form) -> Any:
    """An error's code, or the answer's normal form."""
    if answer is None:
        return "no answer"
    if answer.error != 0:
        return f"error {answer.error}"
    return form(server, answer.body)


def nothing(server: Server, body: dict[str, Any]) -> Any:
    return "ok"


def whole(server: Server, body: dict[str, Any]) -> Any:
    """For answers that are the same to the letter."""
    return body


def sorted_names(field: str) -> Form:
    return lambda server, body: sorted(body[field])


def database_info(server: Server, body: dict[str, Any]) -> Any:
    return parsed(body["database_json"])


def table_info(server: Server, body: dict[str, Any]) -> Any:
    return {"schema_id": body["schema_id"], "table": parsed(body["table_json"])}


def table_schema(server: Server, body: dict[str, Any]) -> Any:
    return {"schema_id": body["schema_id"], "schema": parsed(body["schema_json"])}


def partition_infos(server: Server, body: dict[str, Any]) -> Any:
    return sorted(
        [(one["key"], one["value"]) for one in info["partition_spec"]["partition_key_values"]]
        for info in body["partitions_info"]
    )


def metadata(server: Server, body: dict[str, Any]) -> Any:
    def buckets(found: list[dict[str, Any]]) -> Any:
        return sorted((one["bucket_id"], "leader_id" in one, len(one["replica_id"])) for one in found)

    return {
        "coordinator": "coordinator_server" in body,
        "tablet servers": len(body["tablet_servers"]),
        "tables": sorted(
            (
                (table["table_path"]["database_name"], table["table_path"]["table_name"]), table["schema_id"],
                json.dumps(parsed(table["table_json"]), sort_keys=True), buckets(table["bucket_metadata"]),
            )
            for table in body["table_metadata"]
        ),
        "partitions": sorted((one["partition_name"], buckets(one["bucket_metadata"])) for one in body["partition_metadata"]),
    }


def table_stats(table: tuple[str, str]) -> Form:
    def form(server: Server, body: dict[str, Any]) -> Any:
        return sorted(
            (
                str(server.partition_name(table, one.get("partition_id"))), one["bucket_id"],
                one.get("error_code", 0), one.get("row_count", None),
            )
            for one in body["buckets_resp"]
        )

    return form


def by_bucket(table: tuple[str, str], *fields: str) -> Form:
    """Of an answer with a part for each bucket: its place, its error, and these fields."""

    def form(server: Server, body: dict[str, Any]) -> Any:
        return sorted(
            (
                str(server.partition_name(table, one.get("partition_id"))), one["bucket_id"], one.get("error_code", 0),
                *(one.get(field) for field in fields),
            )
            for one in body["buckets_resp"]
        )

    return form


def fetched(tables: dict[tuple[str, str], Table], projections: dict[tuple[str, str], list[int]]) -> Form:
    """What a fetch brought, batch by batch. Keeps the commit times that the server gave."""

    def form(server: Server, body: dict[str, Any]) -> Any:
        found = []
        by_id = {server.table_id(key): key for key in tables}
        for answered in body["tables_resp"]:
            key = by_id.get(answered["table_id"], ("?", "?"))
            for one in answered["buckets_resp"]:
                place = (server.partition_name(key, one.get("partition_id")), one["bucket_id"])
                part: tuple[Any, ...] = (*key, str(place[0]), place[1], one.get("error_code", 0))
                if "error_code" not in one:
                    batches = log_batch.decode_all(one.get("records", b""))
                    table = tables[key]
                    for batch in batches:
                        server.times[*key, place, batch.base_offset] = batch.time_ms
                    part += (
                        one["high_watermark"], one.get("log_start_offset"),
                        [described(server, batch, table, projections.get(key)) for batch in batches],
                    )
                found.append(part)
        return sorted(found, key=lambda part: part[:4])

    return form


def described(server: Server, batch: log_batch.Batch, table: Table, projection: list[int] | None) -> Any:
    head = (batch.base_offset, batch.record_count, batch.schema_id, server.writer_of(batch.writer_id), batch.sequence)
    return (*head, rows(batch, table, projection))


def rows(batch: log_batch.Batch, table: Table, projection: list[int] | None) -> str:
    if batch.record_count == 0:
        return "no rows"
    schema = table.schema(batch.schema_id)
    if projection is not None:
        # What the batch does not have yet is null; Arrow needs to know of it all the same.
        newest = table.schema()
        schema = pa.schema([schema.field(i) if i < len(schema) else newest.field(i) for i in projection])
    try:
        found = repr(log_batch.rows_of(batch, schema).to_pylist())
        # What differs is to be read by a person: the rows themselves follow from the seed.
        return hashlib.sha256(found.encode()).hexdigest()[:8]
    except (pa.ArrowInvalid, OSError) as error:
        return f"unreadable: {error}"


def last_rows(table: Table | None, limit: int) -> Form:
    """The last `limit` rows: where they are cut off in front is a server's own choice."""

    def form(server: Server, body: dict[str, Any]) -> Any:
        if "error_code" in body:
            return f"error {body['error_code']} in the answer"
        if table is None:
            return "ok"
        found: list[str] = []
        for batch in log_batch.decode_all(body.get("records", b"")):
            if batch.record_count:
                found += map(repr, log_batch.rows_of(batch, table.schema(batch.schema_id)).to_pylist())
        return {"is log": body.get("is_log_table"), "rows": found[-limit:] if limit > 0 else []}

    return form


def offsets_by_time(server: Server, body: dict[str, Any]) -> Any:
    return sorted((one["bucket_id"], one.get("error_code", 0), one.get("offset")) for one in body["buckets_resp"])


# By which steps sort places.
def place_key(place: Place) -> str:
    return f"{place[0]}/{place[1]}"

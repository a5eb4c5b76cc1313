"""Fluss frames without a connection, for clients that behave as no proper client does."""

from __future__ import annotations

import socket

from peers import messages, wire
from peers.log_batch import Batch


def batch(body_bytes: int) -> bytes:
    """One record batch of one record; the server does not look into its body."""
    return Batch(bytes(body_bytes), record_count=1).encode()


def produce(request: int, table: int, bucket: int, records: bytes, timeout_ms: int = 10_000, acks: int = -1) -> bytes:
    part = {"bucket_id": bucket, "records": records}
    values = {"acks": acks, "table_id": table, "timeout_ms": timeout_ms, "buckets_req": [part]}
    return wire.frame("PRODUCE_LOG", request, messages.encode("ProduceLogRequest", values))


def fetch(request: int, table: int, offsets: dict[int, int], bytes_max: int) -> bytes:
    buckets = [
        {"bucket_id": bucket, "fetch_offset": offset, "max_fetch_bytes": bytes_max} for bucket, offset in offsets.items()
    ]
    wanted = {"table_id": table, "projection_pushdown_enabled": False, "buckets_req": buckets}
    values = {"follower_server_id": -1, "max_bytes": bytes_max, "tables_req": [wanted]}
    return wire.frame("FETCH_LOG", request, messages.encode("FetchLogRequest", values))


def connect(bootstrap: str) -> socket.socket:
    host, port = bootstrap.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=10)

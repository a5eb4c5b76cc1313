"""Requests that were made ahead of time, sent without a client library: next to no CPU beside a server's."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator

import fluss

import client
from peers import messages
from peers.wire import SUCCESS, Answer, WireConnection, frame

IN_FLIGHT = 5  # what stock clients have under way to one bucket
ALL_REPLICAS = -1
ACK_MS_MAX = 60_000
FETCH_BYTES = 16 << 20  # of the Java client's defaults: a request, and of it a bucket
BUCKET_BYTES = 1 << 20
_BATCH_HEAD = struct.Struct("<qi")  # base offset, length of what follows
_VALUE_BATCH_HEAD = struct.Struct("<ibi")  # length of what follows, magic, values
_MAGIC_AT = 12
_DELTA_AT = 28  # of a log batch: last offset minus base; behind another four bytes from magic 2 on
_PUT, _LOG = "PUT_KV", "FETCH_LOG"


async def tablet_server(connection: fluss.FlussConnection) -> str:
    """host:port of the only one."""
    nodes = await connection.get_admin().get_server_nodes()
    return next(f"{node.host}:{node.port}" for node in nodes if node.server_type == "TabletServer")


class RawClient(WireConnection):
    """One connection to a tablet server."""

    def __init__(self, address: str):
        super().__init__(address)
        self._expect(self.call("API_VERSIONS", {"client_software_name": "bench", "client_software_version": "1"}))

    @staticmethod
    def of(bootstrap: str) -> "RawClient":
        async def address() -> str:
            async with await client.connect(bootstrap) as connection:
                return await tablet_server(connection)

        return RawClient(asyncio.run(address()))

    def put(self, table: int, batches: list[memoryview]) -> None:
        """Puts them into bucket 0, IN_FLIGHT at a time, and returns when all are acknowledged."""
        self._socket.settimeout(ACK_MS_MAX / 1e3)
        base = messages.encode(
            "PutKvRequest", {"acks": ALL_REPLICAS, "table_id": table, "timeout_ms": ACK_MS_MAX}
        )
        open_requests = 0
        for batch in batches:
            if open_requests == IN_FLIGHT:
                self._check_put()
                open_requests -= 1
            self._id += 1
            # The batch is the last field of the last field: all that is in front of it is made here.
            bucket = b"\x10\x00\x1a" + messages.varint(len(batch))
            front = base + b"\x2a" + messages.varint(len(bucket) + len(batch)) + bucket
            head = frame(_PUT, self._id, front)
            self._socket.sendall(struct.pack(">i", len(head) - 4 + len(batch)) + head[4:])
            self._socket.sendall(batch)
            open_requests += 1
        for _ in range(open_requests):
            self._check_put()

    def _check_put(self) -> None:
        answer = self._expect(self._next(_PUT))
        for bucket in answer["buckets_resp"]:
            if bucket.get("error_code", 0):
                raise RuntimeError(f"a put was refused: {bucket}")

    def _next(self, api: str) -> Answer:
        """The answer to any request."""
        (length,) = struct.unpack(">i", self._exactly(4))
        answer = self._exactly(length)
        if answer[0] != SUCCESS:
            return Answer(1, messages.decode("ErrorResponse", answer[5:]).get("error_message", ""))
        return Answer(0, body=messages.decode("PutKvResponse", answer[5:]))

    def changelog(self, table: int, end: int) -> Iterator[int]:
        """Fetches bucket 0 from its start to `end`; yields the bytes of each answer."""
        at = 0
        while at < end:
            wanted = {"bucket_id": 0, "fetch_offset": at, "max_fetch_bytes": BUCKET_BYTES}
            asked = {"table_id": table, "projection_pushdown_enabled": False, "buckets_req": [wanted]}
            request = {"follower_server_id": -1, "max_bytes": FETCH_BYTES, "tables_req": [asked]}
            answer = self._expect(self.call(_LOG, {**request, "max_wait_ms": 500, "min_bytes": 1}))
            bucket = answer["tables_resp"][0]["buckets_resp"][0]
            records = bucket.get("records", b"")
            if bucket.get("error_code", 0) or not records:
                raise RuntimeError(f"a fetch at {at} of {end} brought nothing: {bucket}")
            at = _next_offset(records)
            yield len(records)

    def scan(self, table: int) -> Iterator[int]:
        """SCAN_KV of all of bucket 0; yields the rows in each answer."""
        asked: dict = {"bucket_scan_req": {"table_id": table, "bucket_id": 0}}
        sequence, more = 0, True
        while more:
            answer = self._expect(self.call("SCAN_KV", {**asked, "call_seq_id": sequence, "batch_size_bytes": BUCKET_BYTES}))
            if answer.get("error_code", 0):
                raise RuntimeError(f"a scan was refused: {answer}")
            records = answer.get("records", b"")
            yield _VALUE_BATCH_HEAD.unpack_from(records)[2] if records else 0
            asked, sequence, more = {"scanner_id": answer.get("scanner_id")}, sequence + 1, answer["has_more_results"]

    def lookup(self, table: int, key: bytes) -> Answer:
        """Of one key in bucket 0; `body` is {"values": ...} where it is there, without schema id."""
        answer = self.call("LOOKUP", {"table_id": table, "buckets_req": [{"bucket_id": 0, "keys": [key]}]})
        if answer.error:
            return answer
        bucket = answer.body["buckets_resp"][0]
        if bucket.get("error_code", 0):
            return Answer(bucket["error_code"], bucket.get("error_message", ""))
        return Answer(0, body=bucket["values"][0])

    @staticmethod
    def _expect(answer: Answer) -> dict:
        if answer.error:
            raise RuntimeError(f"a request was refused: {answer.message}")
        return answer.body


def _next_offset(records: bytes) -> int:
    """Behind the last whole batch; a fetch may cut the one after it."""
    at, following = 0, None
    while at + _BATCH_HEAD.size <= len(records):
        base, length = _BATCH_HEAD.unpack_from(records, at)
        end = at + _BATCH_HEAD.size + length
        if end > len(records):
            break
        delta_at = at + _DELTA_AT + (4 if records[at + _MAGIC_AT] >= 2 else 0)
        following = base + struct.unpack_from("<i", records, delta_at)[0] + 1
        at = end
    if following is None:
        raise RuntimeError(f"a fetch brought {len(records)} bytes and no whole batch")
    return following

"""LOOKUP that puts what it misses, with acks that nobody knows: no client sends such a request, so it is raw."""

from __future__ import annotations

import fluss
import pyarrow as pa

from peers.wire import WireConnection

PATH = fluss.TablePath("fluss", "lookup_acks")
INVALID_REQUIRED_ACKS = 18


async def test_acks_are_checked_once_something_has_to_be_put(bootstrap: str) -> None:
    async with await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": bootstrap})) as connection:
        admin = connection.get_admin()
        schema = fluss.Schema(pa.schema([("id", pa.int32()), ("name", pa.string())]), primary_keys=["id"])
        await admin.create_table(PATH, fluss.TableDescriptor(schema, bucket_count=1), False)
        writer = (await connection.get_table(PATH)).new_upsert().create_writer()
        writer.upsert({"id": 1, "name": "a"})
        await writer.flush()
        table_id = (await admin.get_table_info(PATH)).table_id
        (tablet,) = (node for node in await admin.get_server_nodes() if node.server_type == "TabletServer")
    raw = WireConnection(f"{tablet.host}:{tablet.port}")

    def look_up(*keys: bytes) -> tuple[int, dict]:
        request = {
            "table_id": table_id,
            "buckets_req": [{"bucket_id": 0, "keys": list(keys)}],
            "insert_if_not_exists": True,
            "acks": 2,
            "timeout_ms": 10_000,
        }
        answer = raw.call("LOOKUP", request, version=1)
        return answer.error, answer.body

    error, body = look_up(b"\x01")
    assert error == 0 and body["buckets_resp"][0]["values"][0]["values"], body
    error, body = look_up(b"\x01", b"\x02")
    assert error == INVALID_REQUIRED_ACKS, (error, body)
    raw.close()

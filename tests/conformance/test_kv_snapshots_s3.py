"""Snapshots of rows by key in an S3 store: they are written there whole, old ones go, and clients are not told of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.java_client import JavaClient
from conformance.test_kv_snapshots import SMALL, wait_for
from conformance.test_tiered_s3 import store  # noqa: F401 (a fixture)
from peers.thalweg import tiered_server
from peers.versitygw import ACCESS_KEY, SECRET_KEY, S3Server

pytestmark = [pytest.mark.network, pytest.mark.java]


def test_snapshots_go_to_the_store_and_are_not_told(store: S3Server, tmp_path: Path) -> None:  # noqa: F811
    settings = {
        "remote.data.dir": "s3://logs/snapshots",
        "s3.endpoint": store.endpoint,
        "s3.region": "us-east-1",
        "s3.access-key": ACCESS_KEY,
        "s3.secret-key": SECRET_KEY,
        "kv.snapshot.interval": "1s",
    }
    server = tiered_server(tmp_path, settings)
    server.start()
    java = JavaClient(server.bootstrap, tmp_path / "java.log")
    where = {"database": "fluss", "table": "keyed"}
    java.do("create_table", **where, columns=SMALL, primary_key=["id"], buckets=1)
    root = store.buckets / "logs" / "snapshots"

    def listed() -> list[dict]:
        return [json.loads(path.read_text()) for path in sorted(root.glob("kv/fluss/keyed-*/0/snap-*/_METADATA"))]

    for number in range(3):
        java.do("write_rows", **where, rows=[[number * 10 + n, "name"] for n in range(10)])
        wait_for(lambda rows=10 * (number + 1): any(one["row_count"] == rows for one in listed()))
    wait_for(lambda: len(listed()) == 2)
    needed = set()
    for one in listed():
        handle = one["kv_snapshot_handle"]
        for file in [*handle["shared_file_handles"], *handle["private_file_handles"]]:
            path = root / file["kv_file_handle"]["path"]
            assert path.stat().st_size == file["kv_file_handle"]["size"]
            needed.add(path)
    (folder,) = root.glob("kv/fluss/keyed-*")
    objects = {path for path in folder.rglob("*") if path.is_file() and path.name != "_METADATA"}
    assert objects == needed, "nothing that no snapshot names"
    assert [entry["snapshot"] for entry in java.do("latest_snapshots", **where)] == [None]

    java.do("drop_table", **where)
    wait_for(lambda: not [path for path in folder.rglob("*") if path.is_file()])
    java.close()
    server.stop()

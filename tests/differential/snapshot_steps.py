"""Snapshots of rows by key, and leases on them, where there is none: Fluss takes its first after ten minutes."""

from __future__ import annotations

from typing import Any

from differential import normal
from differential.server import Server
from differential.step import Step
from differential.world import Table, World

MISSING_TABLE = 777_777


def latest(server: Any, body: dict[str, Any]) -> Any:
    """Without the table's number, which is the server's own."""
    buckets = [(one["bucket_id"], one.get("snapshot_id"), one.get("log_offset")) for one in body["latest_snapshots"]]
    return "partition_id" in body, sorted(buckets)


def unavailable(server: Any, body: dict[str, Any]) -> Any:
    return [[(one["bucket_id"], one["snapshot_id"]) for one in table["bucket_snapshots"]] for table in body["unavailable_snapshots"]]


def steps(world: World) -> list[Step]:
    tables = world.tables()
    keyed = next((table for table in tables if not table.log), None)
    log = next((table for table in tables if table.log and not table.partition_keys), None)
    parted = next((table for table in tables if table.partition_keys), None)
    if not keyed or not log or not parted:
        return []

    def get_latest(what: str, path: dict[str, Any], partition: str | None = None) -> Step:
        return Step("GET_LATEST_KV_SNAPSHOTS", what, {"table_path": path, "partition_name": partition}, form=latest)

    def metadata(what: str, table: Table | None, **more: Any) -> Step:
        def fill(server: Server) -> dict[str, Any]:
            return {"table_id": server.table_id(table.key) if table else MISSING_TABLE}

        return Step("GET_KV_SNAPSHOT_METADATA", what, {"bucket_id": 0, "snapshot_id": 5, **more}, fill)

    def lease(api: str, what: str, values: dict[str, Any], form: normal.Form = normal.nothing) -> Step:
        return Step(api, what, {"lease_id": "differential", **values}, form=form, role="coordinator")

    def acquire(what: str, table: Table | None) -> Step:
        def fill(server: Server) -> dict[str, Any]:
            number = server.table_id(table.key) if table else MISSING_TABLE
            return {"snapshots_to_lease": [{"table_id": number, "bucket_snapshots": [{"bucket_id": 0, "snapshot_id": 5}]}]}

        values = {"lease_id": "differential", "lease_duration_ms": 60_000}
        return Step("ACQUIRE_KV_SNAPSHOT_LEASE", what, values, fill, form=unavailable, role="coordinator")

    return [
        get_latest("where there is none", keyed.path),
        get_latest("of a log table", log.path),
        get_latest("of no table", {"database_name": "nowhere", "table_name": "nowhere"}),
        get_latest("of a partition of an unpartitioned table", keyed.path, "2026"),
        get_latest("of a partition that is none", parted.path, "nonesuch"),
        metadata("that is none", keyed),
        metadata("of a log table", log),
        metadata("of no table", None),
        metadata("of a bucket that is none", keyed, bucket_id=99),
        acquire("that is none", keyed),
        acquire("of no table", None),
        lease("ACQUIRE_KV_SNAPSHOT_LEASE", "of nothing", {"lease_duration_ms": 60_000, "snapshots_to_lease": []}, unavailable),
        lease("RELEASE_KV_SNAPSHOT_LEASE", "of nothing", {"buckets_to_release": []}),
        lease("DROP_KV_SNAPSHOT_LEASE", "once", {}),
        lease("DROP_KV_SNAPSHOT_LEASE", "that is none", {"lease_id": "nonesuch"}),
    ]

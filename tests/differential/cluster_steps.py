"""Rights, configuration, tags and balance: asked once a run, since what they set lasts."""

from __future__ import annotations

from typing import Any

from differential import normal
from differential.step import Step
from differential.world import World

RESOURCE_CLUSTER, OPERATION_READ, PERMISSION_ALLOW = 2, 3, 2


def answered(server: Any, body: dict[str, Any]) -> str:
    """For answers whose content is each server's own."""
    return "answered"


def offsets(server: Any, body: dict[str, Any]) -> Any:
    """Of a producer, without the time when they expire."""
    tables = [
        (table["table_id"], sorted((one.get("partition_id"), one["bucket_id"], one["log_end_offset"]) for one in table["bucket_offsets"]))
        for table in body["table_offsets"]
    ]
    return body.get("producer_id"), "expiration_time" in body, sorted(tables)


def producer_steps() -> list[Step]:
    """Offsets of producers: of tables by numbers of nobody's, which neither server asks after."""
    some = [{"table_id": 7, "bucket_offsets": [{"bucket_id": bucket, "log_end_offset": 5 * bucket} for bucket in range(3)]},
            {"table_id": 3, "bucket_offsets": [{"partition_id": 9, "bucket_id": 0, "log_end_offset": 1}]}]
    others = [{"table_id": 8, "bucket_offsets": [{"bucket_id": 0, "log_end_offset": 2}]}]

    def on_coordinator(api: str, what: str, values: dict[str, Any], form: normal.Form = normal.whole) -> Step:
        return Step(api, what, values, form=form, role="coordinator")

    def register(what: str, producer: str, of: list[dict[str, Any]], **more: Any) -> Step:
        return on_coordinator("REGISTER_PRODUCER_OFFSETS", what, {"producer_id": producer, "table_offsets": of, **more})

    def get(what: str, producer: str) -> Step:
        return on_coordinator("GET_PRODUCER_OFFSETS", what, {"producer_id": producer}, offsets)

    def delete(what: str, producer: str) -> Step:
        return on_coordinator("DELETE_PRODUCER_OFFSETS", what, {"producer_id": producer})

    return [
        get("of nobody", "undo"),
        register("the first", "undo", some),
        register("others", "undo", others),
        get("the first", "undo"),
        register("with a time", "brief", others, ttl_ms=3_600_000),
        get("with a time", "brief"),
        delete("that there are", "undo"),
        delete("that there are no longer", "undo"),
        get("that there are no longer", "undo"),
        register("after a deletion", "undo", others),
        get("after a deletion", "undo"),
        *(register("of a producer that cannot be", name, others) for name in ("", "a/b", "..", "a" * 201)),
        get("of a producer that cannot be", "a/b"),
        delete("of a producer that cannot be", "a/b"),
    ]


def steps(world: World) -> list[Step]:
    """In the order in which they are to be played."""
    table = next((one for one in world.tables() if one.log), None)
    path = table.path if table else {"database_name": "nowhere", "table_name": "nowhere"}
    nowhere = {"database_name": "nowhere", "table_name": "nowhere"}
    rights = {"resource_type": RESOURCE_CLUSTER, "operation_type": OPERATION_READ, "permission_type": PERMISSION_ALLOW}
    entry = {**rights, "resource_name": "fluss-cluster", "principal_name": "ada", "principal_type": "User", "host": "*"}

    def on_coordinator(api: str, what: str, values: dict[str, Any], form: normal.Form = normal.nothing) -> Step:
        return Step(api, what, values, form=form, role="coordinator")

    def alter(key: str, value: str | None, operation: int) -> Step:
        changes = [{"config_key": key, "config_value": value, "op_type": operation}]
        return on_coordinator("ALTER_CLUSTER_CONFIGS", f"{key} to {value}", {"alter_configs": changes})

    return [
        on_coordinator("LIST_ACLS", "without an authorizer", {"acl_filter": rights}),
        on_coordinator("CREATE_ACLS", "without an authorizer", {"acl": [entry]}),
        on_coordinator("DROP_ACLS", "without an authorizer", {"acl_filter": [rights]}),
        on_coordinator("DESCRIBE_CLUSTER_CONFIGS", "all", {}, answered),
        alter("no.such.option", "1", 0),
        alter("data.dir", "/nowhere", 0),
        on_coordinator("ADD_SERVER_TAG", "of a server that is none", {"server_ids": [77], "server_tag": 0}),
        on_coordinator("ADD_SERVER_TAG", "of no kind", {"server_ids": [0], "server_tag": 9}),
        on_coordinator("REMOVE_SERVER_TAG", "of a server that is none", {"server_ids": [77], "server_tag": 0}),
        on_coordinator("REMOVE_SERVER_TAG", "that it does not have", {"server_ids": [0], "server_tag": 1}),
        on_coordinator("LIST_REBALANCE_PROGRESS", "of none", {"rebalance_id": "none"}, answered),
        on_coordinator("CANCEL_REBALANCE", "of none", {"rebalance_id": "none"}),
        on_coordinator("REBALANCE", "without a goal", {"goals": []}),
        Step("GET_LAKE_SNAPSHOT", "of a table without one", {"table_path": path}),
        Step("GET_LAKE_SNAPSHOT", "of no table", {"table_path": nowhere}),
        *producer_steps(),
    ]

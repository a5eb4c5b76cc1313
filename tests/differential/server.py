"""One of the two servers: its connections, and its own numbers for what both have."""

from __future__ import annotations

import json
import time
from typing import Any

from peers.wire import Answer, NoAnswer, WireConnection
from differential.world import Place, Table

SETTLE_S_MAX = 60.0
POLL_S = 0.005
SILENCE_S = 1.0
# A number that no server gives.
NOWHERE = 987_654_321
LATEST = 1
FETCH_EARLIEST = -2

COORDINATOR_ONLY = {
    "CREATE_DATABASE", "ALTER_DATABASE", "DROP_DATABASE", "CREATE_TABLE", "DROP_TABLE", "ALTER_TABLE", "CREATE_PARTITION",
    "DROP_PARTITION", "ALTER_CLUSTER_CONFIGS", "ADD_SERVER_TAG", "REMOVE_SERVER_TAG", "REBALANCE", "LIST_REBALANCE_PROGRESS",
    "CANCEL_REBALANCE", "CREATE_ACLS", "DROP_ACLS",
}
TABLET_ONLY = {
    "PRODUCE_LOG", "FETCH_LOG", "LIST_OFFSETS", "LIMIT_SCAN", "INIT_WRITER", "GET_TABLE_STATS", "PUT_KV", "LOOKUP", "PREFIX_LOOKUP",
}


class Server:
    def __init__(self, name: str, coordinator: str, tablet: str):
        self.name = name
        self._addresses = {"coordinator": coordinator, "tablet": tablet}
        self._connections: dict[str, WireConnection] = {}
        self._tables: dict[tuple[str, str], int] = {}
        self._partitions: dict[tuple[str, str, str], int] = {}
        self._writers: list[int] = []
        # Commit times of batches as this server gave them, by table, place and first offset.
        self.times: dict[tuple[str, str, Place, int], int] = {}

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()

    def call(self, api: str, values: dict[str, Any], *, role: str = "tablet") -> Answer:
        return self._connection(api, role).call(api, values)

    def call_raw(self, api: str, body: bytes, *, role: str = "tablet") -> Answer | None:
        """None where there is no answer: what a server may make of a body that is no message."""
        connection = self._connection(api, role)
        try:
            return connection.call_raw(api, body, timeout_s=SILENCE_S)
        except NoAnswer:
            connection.close()
            self._connections = {name: one for name, one in self._connections.items() if one is not connection}
            return None

    def send_all(self, requests: list[tuple[str, bytes]]) -> dict[int, str]:
        """Bodies to the tablet server, one after the other without waiting; `receive_all` takes what this returns."""
        return self._connection("FETCH_LOG", "tablet").send_all(requests)

    def receive_all(self, sent: dict[int, str]) -> list[Answer]:
        return self._connection("FETCH_LOG", "tablet").receive_all(sent)

    def connect(self) -> WireConnection:
        """One more connection to the tablet server, for whoever asks at the same time as others."""
        return WireConnection(self._addresses["tablet"])

    def apis(self) -> set[int]:
        """The keys that either role lists."""
        hello = {"client_software_name": "fluss", "client_software_version": "0.1.0"}
        found = set()
        for role in self._addresses:
            answer = self._connection("API_VERSIONS", role).call("API_VERSIONS", hello)
            found |= {version["api_key"] for version in answer.body["api_versions"]}
        return found

    def table_id(self, key: tuple[str, str]) -> int:
        return self._tables.get(key, NOWHERE)

    def partition_id(self, key: tuple[str, str], partition: str | None) -> int | None:
        return None if partition is None else self._partitions.get((*key, partition), NOWHERE)

    def partition_name(self, key: tuple[str, str], partition_id: int | None) -> str | None:
        for (*table, name), number in self._partitions.items():
            if tuple(table) == key and number == partition_id:
                return name
        return None if partition_id is None else f"?{partition_id}"

    def take_writer(self, writer_id: int) -> None:
        self._writers.append(writer_id)

    def writer_id(self, writer: int) -> int:
        """The id of the `writer`-th INIT_WRITER; -1 stays."""
        return self._writers[writer] if writer >= 0 else -1

    def writer_of(self, writer_id: int) -> int:
        return self._writers.index(writer_id) if writer_id in self._writers else -1

    # ---- Fluss makes tables and partitions ready after it has answered.

    def learn(self, table: Table) -> None:
        """Waits until a new table, or a table as it was altered, takes requests."""
        info = self.call("GET_TABLE_INFO", {"table_path": table.path}, role="coordinator")
        assert info.error == 0, info
        self._tables[table.key] = info.body["table_id"]
        self._until(lambda: self._has_leaders(table, info.body["schema_id"]), f"{table.key} has leaders")
        if not table.partition_keys:
            self._until(lambda: self._serves(self.table_id(table.key), None, table.buckets), f"{table.key} serves")

    def learn_partition(self, table: Table, partition: str) -> None:
        found = self.call("LIST_PARTITION_INFOS", {"table_path": table.path}, role="coordinator")
        for info in found.body["partitions_info"]:
            values = "$".join(one["value"] for one in info["partition_spec"]["partition_key_values"])
            self._partitions[*table.key, values] = info["partition_id"]
        self._until(lambda: self._has_partition(table, partition), f"{table.key} {partition} has leaders")
        ids = self.table_id(table.key), self.partition_id(table.key, partition)
        self._until(lambda: self._serves(*ids, table.buckets), f"{table.key} {partition} serves")

    def drop(self, path: dict[str, str]) -> None:
        """Drops a table, if there is one, that was not waited for: Fluss's coordinator may never make another one ready
        where one was dropped before it was."""
        info = self.call("GET_TABLE_INFO", {"table_path": path}, role="coordinator")
        if info.error == 0:
            document = parsed(info.body["table_json"])
            buckets = 0 if document["partition_key"] else document["bucket_count"]
            self._until(lambda: self._has_buckets({"table_path": [path]}, "table_metadata", buckets), f"{path} has leaders")
            self._until(lambda: self._serves(info.body["table_id"], None, buckets), f"{path} serves")
        self.call("DROP_TABLE", {"table_path": path, "ignore_if_not_exists": True})

    def forget(self, table: Table, partition: str | None = None) -> None:
        """Waits until what was dropped is gone."""
        if table.log:
            for part in table.partitions if partition is None and table.partition_keys else [partition]:
                self._until(lambda part=part: not self._knows(table, part), f"{table.key} {part} is gone")
        if partition is not None:
            self._partitions.pop((*table.key, partition), None)
        else:
            self._tables.pop(table.key, None)
            self._partitions = {key: number for key, number in self._partitions.items() if key[:2] != table.key}

    def await_end(self, table: Table, place: Place, end: int) -> None:
        """Until what comes before `end` can be fetched."""
        values = {
            "follower_server_id": -1, "offset_type": LATEST, "table_id": self.table_id(table.key),
            "partition_id": self.partition_id(table.key, place[0]), "bucket_id": [place[1]],
        }
        self._until(lambda: self.call("LIST_OFFSETS", values).body["buckets_resp"][0].get("offset", -1) >= end,
                    f"{table.key} {place} ends at {end}")

    def _connection(self, api: str, role: str) -> WireConnection:
        role = "coordinator" if api in COORDINATOR_ONLY else "tablet" if api in TABLET_ONLY else role
        if role not in self._connections:
            self._connections[role] = WireConnection(self._addresses[role])
        return self._connections[role]

    def _until(self, holds, what: str) -> None:
        deadline = time.monotonic() + SETTLE_S_MAX
        while not holds():
            assert time.monotonic() < deadline, f"{self.name}: not within {SETTLE_S_MAX:g} s: {what}"
            time.sleep(POLL_S)

    def _has_leaders(self, table: Table, schema_id: int) -> bool:
        answer = self.call("GET_METADATA", {"table_path": [table.path]})
        if answer.error != 0:
            return False
        found = answer.body["table_metadata"][0]
        buckets = found["bucket_metadata"]
        complete = bool(table.partition_keys) or len(buckets) == table.buckets
        return found["schema_id"] == schema_id and complete and all("leader_id" in bucket for bucket in buckets)

    def _has_partition(self, table: Table, partition: str) -> bool:
        return self._has_buckets({"partitions_path": [{**table.path, "partition_name": partition}]}, "partition_metadata", table.buckets)

    def _has_buckets(self, asked: dict[str, Any], field: str, count: int) -> bool:
        answer = self.call("GET_METADATA", asked)
        if answer.error != 0 or len(answer.body[field]) != 1:
            return False
        buckets = answer.body[field][0]["bucket_metadata"]
        return len(buckets) == count and all("leader_id" in bucket for bucket in buckets)

    def _knows(self, table: Table, partition: str | None) -> bool:
        """Whether every bucket is there. Asks for no records: Fluss may hang up while it sends those of a bucket that goes."""
        values = {
            "follower_server_id": -1, "offset_type": LATEST, "table_id": self.table_id(table.key),
            "partition_id": self.partition_id(table.key, partition), "bucket_id": list(range(table.buckets)),
        }
        answer = self.call("LIST_OFFSETS", values)
        return answer.error == 0 and all("error_code" not in bucket for bucket in answer.body["buckets_resp"])

    def _serves(self, table_id: int, partition_id: int | None, count: int) -> bool:
        """Whether every bucket has its leader here. Fluss answers LIST_OFFSETS sooner than that."""
        buckets = [
            {
                "partition_id": partition_id, "bucket_id": bucket, "fetch_offset": FETCH_EARLIEST, "max_fetch_bytes": 1,
            }
            for bucket in range(count)
        ]
        of_table = {
            "table_id": table_id, "projection_pushdown_enabled": False, "projected_fields": [], "buckets_req": buckets,
        }
        answer = self.call("FETCH_LOG", {"follower_server_id": -1, "max_bytes": 1, "tables_req": [of_table]})
        if answer.error != 0:
            return False
        parts = [bucket for answered in answer.body["tables_resp"] for bucket in answered["buckets_resp"]]
        return len(parts) == count and all("error_code" not in part for part in parts)


def parsed(text: bytes) -> Any:
    """JSON whose lists of objects and members compare in any order of members."""
    return json.loads(text)

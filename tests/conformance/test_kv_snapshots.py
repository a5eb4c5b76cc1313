"""Snapshots of tables with a primary key, read by the stock Java client as Flink does: the files of a snapshot through the
client's own RocksDB, then the changelog from the snapshot's offset. Together they are the table."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance import values
from conformance.java_client import JavaClient, JavaClientError
from peers.thalweg import ThalwegServer, tiered_server

pytestmark = pytest.mark.java

WAIT_S_MAX = 60.0
DATABASE = "snapshots"
SMALL = [["id", "INT NOT NULL"], ["name", "STRING"]]
Rows = dict[str, values.Row]


class Snapshots:
    """A server that looks each second which rows have changed, its remote directory, and a Java client."""

    def __init__(self, directory: Path):
        self.server: ThalwegServer = tiered_server(
            directory, {"kv.snapshot.interval": "1s", "log.segment.file-size": "1mb"}
        )
        self.server.start()
        self.remote = directory / "remote" / "kv" / DATABASE
        self._log = directory / "java.log"
        self.java = JavaClient(self.server.bootstrap, self._log)
        self.java.do("create_database", database=DATABASE)

    def restart_killed(self) -> None:
        self.java.close()
        self.server.kill()
        self.server.start()
        self.java = JavaClient(self.server.bootstrap, self._log)

    def close(self) -> None:
        self.java.close()
        self.server.stop()

    def do(self, command: str, table: str, **arguments: Any) -> Any:
        return self.java.do(command, database=DATABASE, table=table, **arguments)

    def latest(self, table: str) -> list[dict[str, Any]]:
        return self.do("latest_snapshots", table)

    def ends(self, table: str) -> dict[tuple[int | None, int], int]:
        """Where the changelog of each bucket ends."""
        buckets = sorted({entry["bucket"] for entry in self.latest(table)})
        partitioned = self.do("table_info", table)["partitioned_by"]
        partitions = self.do("list_partitions", table) if partitioned else {None: None}
        found = {}
        for name, partition in partitions.items():
            offsets = self.do("list_offsets", table, at="latest", buckets=buckets, partition_name=name)
            found |= {(partition, int(bucket)): end for bucket, end in offsets.items()}
        return found

    def wait_for_snapshots(self, table: str) -> list[dict[str, Any]]:
        """Until the latest snapshots have all that was written; those of buckets that have something."""
        ends = self.ends(table)
        written = {place: end for place, end in ends.items() if end > 0}

        def caught_up() -> bool:
            have = {(entry["partition_id"], entry["bucket"]): entry["offset"] for entry in self.latest(table)}
            return all(have[place] == end for place, end in written.items())

        wait_for(caught_up)
        return [entry for entry in self.latest(table) if entry["snapshot"] is not None]

    def read(self, table: str, snapshots: list[dict[str, Any]], keys: int) -> tuple[Rows, Rows, int]:
        """The rows of these snapshots; those with the changelog on top; how many changes that were. By the JSON of a key."""
        ends = self.ends(table)
        old: Rows = {}
        new: Rows = {}
        changes_seen = 0
        by_place = {(entry["partition_id"], entry["bucket"]): entry for entry in snapshots}
        for (partition, bucket), end in ends.items():
            place = {"partition_id": partition, "bucket": bucket}
            entry = by_place.get((partition, bucket))
            rows: Rows = {}
            if entry is not None:
                for row in self.do("scan_snapshot", table, snapshot=entry["snapshot"], **place):
                    key = json.dumps(row[:keys])
                    assert key not in rows, "a key stands once in a snapshot"
                    rows[key] = row
            old |= rows
            begin = 0 if entry is None else entry["offset"]
            for change, row in self.do("scan_changes", table, **place, **{"from": begin, "to": end}):
                changes_seen += 1
                key = json.dumps(row[:keys])
                if change in ("+I", "+U"):
                    rows[key] = row
                elif change == "-D":
                    assert rows.pop(key) == row, "what was deleted is what was there"
                else:
                    assert change == "-U" and rows[key] == row, "what was replaced is what was there"
            new |= rows
        return old, new, changes_seen

    def look_up(self, table: str, keys: list[values.Row]) -> Rows:
        found = self.do("rows_by_key", table, keys=keys)
        return {json.dumps(key): row for key, row in zip(keys, found, strict=True) if row is not None}


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshots]:
    made = Snapshots(tmp_path_factory.mktemp("snapshots"))
    yield made
    made.close()


def expect(rows: list[values.Row], keys: int) -> Rows:
    return {json.dumps(row[:keys]): row for row in rows}


TYPES = {
    "compacted": (values.SCALARS + values.NESTED, {"table.kv.format": "COMPACTED"}),
    "indexed": (values.SCALARS, {"table.kv.format": "INDEXED"}),
    "wal-image": (values.SCALARS, {"table.changelog.image": "WAL"}),
}


@pytest.mark.parametrize("name", TYPES)
def test_every_type_through_two_snapshots_and_the_log(snapshots: Snapshots, name: str) -> None:
    columns, properties = TYPES[name]
    table = f"types_{name.replace('-', '_')}"
    described = [["id", "INT NOT NULL"], *([c.name, c.fluss_type] for c in columns)]
    snapshots.do("create_table", table, columns=described, primary_key=["id"], buckets=2, properties=properties)
    examples = values.rows(columns)
    first = [[n, *examples[n % len(examples)]] for n in range(60)]
    snapshots.do("write_rows", table, rows=first, deleted=first[50:])
    before = snapshots.wait_for_snapshots(table)
    assert before
    for number, entry in enumerate(before):
        place = {key: entry[key] for key in ("partition_id", "bucket", "snapshot")}
        assert snapshots.do("acquire_lease", table, lease=f"{table}-{number}", duration_ms=600_000, **place)

    # Updates, deletions and new rows on top.
    second = [[n, *examples[(n + 1) % len(examples)]] for n in range(20, 80)]
    snapshots.do("write_rows", table, rows=second, deleted=first[:10])
    now = expect([*first[10:20], *second], 1)
    old, new, changes = snapshots.read(table, before, 1)
    assert old == expect(first[:50], 1)
    assert changes > 0
    assert new == now
    assert snapshots.look_up(table, [[n] for n in range(90)]) == now

    after = snapshots.wait_for_snapshots(table)
    old, new, changes = snapshots.read(table, after, 1)
    assert changes == 0
    assert old == new == now
    # The first ones, held by leases, are as they were, and share files with the later ones.
    old, new, _ = snapshots.read(table, before, 1)
    assert old == expect(first[:50], 1)
    assert new == now
    shared = 0
    for early, late in zip(before, after, strict=True):
        files = [
            snapshots.do("snapshot_files", table, **{k: e[k] for k in ("partition_id", "bucket", "snapshot")})["files"]
            for e in (early, late)
        ]
        assert early["snapshot"] < late["snapshot"]
        shared += len(set(files[0].values()) & set(files[1].values()))
        for path in [*files[0].values(), *files[1].values()]:
            assert Path(path.removeprefix("file:")).is_file()
    assert shared > 0, "a file that was there is not copied again"
    for number in range(len(before)):
        snapshots.do("drop_lease", table, lease=f"{table}-{number}")


def test_a_partitioned_table(snapshots: Snapshots) -> None:
    table = "days"
    columns = [["day", "STRING NOT NULL"], ["id", "INT NOT NULL"], ["name", "STRING"]]
    snapshots.do(
        "create_table", table, columns=columns, primary_key=["day", "id"], partitioned_by=["day"], buckets=2
    )
    for day in ("monday", "tuesday"):
        snapshots.do("create_partition", table, partition={"day": day})
    rows = [[day, n, f"{day} {n}"] for day in ("monday", "tuesday") for n in range(20)]
    snapshots.do("write_rows", table, rows=rows)
    latest = snapshots.wait_for_snapshots(table)
    assert len({entry["partition_id"] for entry in latest}) == 2
    later = [[day, n, "later"] for day in ("monday", "tuesday") for n in range(15, 25)]
    snapshots.do("write_rows", table, rows=later, deleted=rows[:3])
    now = expect([*rows[3:], *later], 2)
    old, new, _ = snapshots.read(table, latest, 2)
    assert {key: old[key] for key in expect(rows[3:15], 2)} == expect(rows[3:15], 2)
    assert new == now
    assert snapshots.look_up(table, [row[:2] for row in [*rows, *later]]) == now

    folders = [path for path in snapshots.remote.glob(f"{table}-*/*") if path.is_dir()]
    assert len(folders) == 2
    snapshots.do("drop_partition", table, partition={"day": "monday"})
    wait_for(lambda: len([path for path in folders if path.exists()]) == 1)
    snapshots.do("drop_table", table)
    wait_for(lambda: not list(snapshots.remote.glob(f"{table}-*")))


def test_old_snapshots_go_and_leased_ones_stay_also_after_kill_9(snapshots: Snapshots) -> None:
    table = "few"
    snapshots.do("create_table", table, columns=SMALL, primary_key=["id"], buckets=1)
    snapshots.do("write_rows", table, rows=[[1, "held"]])
    (held,) = snapshots.wait_for_snapshots(table)
    place = {key: held[key] for key in ("partition_id", "bucket", "snapshot")}
    assert snapshots.do("acquire_lease", table, lease="held", duration_ms=600_000, **place)
    assert not snapshots.do("acquire_lease", table, lease="none", duration_ms=600_000, bucket=0, snapshot=999)
    for n in range(2, 6):
        snapshots.do("write_rows", table, rows=[[n, f"row {n}"]])
        snapshots.wait_for_snapshots(table)
        if n == 3:
            snapshots.restart_killed()
    folder = next(snapshots.remote.glob(f"{table}-*")) / "0"

    def listed() -> list[str]:
        return sorted(path.name for path in folder.iterdir() if path.name.startswith("snap-"))

    wait_for(lambda: len(listed()) == 3)  # the latest two and the leased one
    assert f"snap-{held['snapshot']}" in listed()
    metadata = json.loads((folder / f"snap-{held['snapshot']}" / "_METADATA").read_text())
    assert metadata["log_offset"] == held["offset"]
    assert metadata["row_count"] == 1
    assert snapshots.do("scan_snapshot", table, **place) == [[1, "held"]]
    snapshots.do("drop_lease", table, lease="held")
    wait_for(lambda: len(listed()) == 2)
    with pytest.raises(JavaClientError) as gone:
        snapshots.do("scan_snapshot", table, **place)
    assert gone.value.kind == "KvSnapshotNotExistException"
    (latest,) = snapshots.wait_for_snapshots(table)
    old, _, changes = snapshots.read(table, [latest], 1)
    assert changes == 0
    assert old == expect([[1, "held"], *([n, f"row {n}"] for n in range(2, 6))], 1)
    # No file that no snapshot needs.
    needed = {
        Path(path).name
        for snapshot in folder.glob("snap-*/_METADATA")
        for path in [
            handle["kv_file_handle"]["path"]
            for handle in json.loads(snapshot.read_text())["kv_snapshot_handle"]["shared_file_handles"]
        ]
    }
    assert {path.name for path in (folder / "shared").iterdir()} == needed


def test_a_dropped_table_leaves_nothing(snapshots: Snapshots) -> None:
    table = "gone"
    snapshots.do("create_table", table, columns=SMALL, primary_key=["id"], buckets=1)
    assert [entry["snapshot"] for entry in snapshots.latest(table)] == [None]
    snapshots.do("write_rows", table, rows=[[1, "a"]])
    snapshots.wait_for_snapshots(table)
    (folder,) = snapshots.remote.glob(f"{table}-*")
    snapshots.do("drop_table", table)
    wait_for(lambda: not folder.exists())

"""Tables out by DoGet: what can be asked for, where batches are, and the token at the end."""

from __future__ import annotations

import datetime
import decimal
import threading
import time

import pyarrow as pa
import pytest
from pyarrow import flight

from flight.door import Door, error_of
from flight.messages import packed

SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string()), ("price", pa.decimal128(8, 2)), ("day", pa.date32())])
DAY = datetime.date(2026, 1, 1)


def rows_from(first: int, count: int) -> pa.RecordBatch:
    ids = range(first, first + count)
    return pa.record_batch(
        {
            "id": pa.array(ids, pa.int64()),
            "name": pa.array([f"n{i % 10}" if i % 7 else None for i in ids]),
            "price": pa.array([decimal.Decimal(i) / 4 for i in ids], pa.decimal128(8, 2)),
            "day": pa.array([DAY + datetime.timedelta(days=i) for i in ids], pa.date32()),
        },
        schema=SCHEMA,
    )


@pytest.fixture
def table(door: Door, database: str) -> str:
    """100 rows in 2 buckets."""
    name = f"{database}.log"
    door.create_table(name, SCHEMA, bucket_count=2, bucket_keys=["id"])
    door.write(name, *(rows_from(first, 20) for first in range(0, 100, 20)))
    return name


def ids(door: Door, table: str, **read) -> list[int]:
    return sorted(row["id"] for row in door.rows(table, **read))


def test_all_of_a_table(door: Door, table: str) -> None:
    read = door.read(table)
    assert read.rows.schema == SCHEMA
    expected = pa.Table.from_batches([rows_from(0, 100)])
    assert read.rows.sort_by("id").combine_chunks() == expected.combine_chunks()
    # The last position of each bucket is what the token says of it.
    ends = {position.bucket: position.next_offset for position in read.positions}
    assert sorted(part.split("/")[1] for part in read.token.split(",")) == [f"{b}:{end}" for b, end in sorted(ends.items())]
    assert sum(ends.values()) == 100


def test_pyarrow_alone_reads_a_path(door: Door, table: str) -> None:
    """No message of ours: a descriptor, its endpoint, its rows."""
    info = door.client.get_flight_info(flight.FlightDescriptor.for_path(*table.split(".")), door.options)
    (endpoint,) = info.endpoints
    assert door.client.do_get(endpoint.ticket, door.options).read_all().num_rows == 100


def test_endpoints_share_the_rows(door: Door, table: str) -> None:
    read = door.v1.ReadTable(table=door.name(table), endpoints_max=5)
    info = door.client.get_flight_info(flight.FlightDescriptor.for_command(packed(read)), door.options)
    assert len(info.endpoints) == 2
    parts = [door.client.do_get(endpoint.ticket, door.options).read_all() for endpoint in info.endpoints]
    assert all(part.num_rows for part in parts)
    assert sorted(pa.concat_tables(parts)["id"].to_pylist()) == list(range(100))


def test_columns_in_the_order_asked_for(door: Door, table: str) -> None:
    read = door.read(table, columns=door.v1.Columns(names=["price", "id"]))
    assert read.rows.schema.names == ["price", "id"]
    assert read.rows.num_rows == 100
    assert door.read(table, columns=door.v1.Columns()).rows.num_rows == 100


def test_limits(door: Door, table: str) -> None:
    assert len(door.rows(table, limit=7)) == 7
    assert door.rows(table, limit=0) == []
    assert len(door.rows(table, limit=1000)) == 100


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (lambda d: d.leaf("id", "EQUAL", 42), [42]),
        (lambda d: d.leaf("id", "IN", 3, 5, 1000), [3, 5]),
        (lambda d: d.all_of(d.leaf("id", "GREATER_OR_EQUAL", 10), d.leaf("id", "LESS", 13)), [10, 11, 12]),
        (lambda d: d.any_of(d.leaf("id", "LESS_OR_EQUAL", 1), d.leaf("id", "GREATER", 98)), [0, 1, 99]),
        (lambda d: d.leaf("name", "IS_NULL"), list(range(0, 100, 7))),
        (lambda d: d.all_of(d.leaf("name", "STARTS_WITH", "n"), d.leaf("name", "ENDS_WITH", "3"), d.leaf("id", "LESS", 30)), [3, 13, 23]),
        (lambda d: d.leaf("price", "LESS", "0.50"), [0, 1]),
        (lambda d: d.leaf("price", "EQUAL", 2), [8]),
        (lambda d: d.leaf("day", "EQUAL", "2026-01-05"), [4]),
        (lambda d: d.leaf("day", "GREATER", (DAY - datetime.date(1970, 1, 1)).days + 97), [98, 99]),
    ],
)
def test_conditions(door: Door, table: str, condition, expected: list[int]) -> None:
    assert ids(door, table, filter=condition(door)) == expected


def test_buckets_and_ranges_of_offsets(door: Door, table: str) -> None:
    v1 = door.v1
    parts = [ids(door, table, buckets=[v1.BucketRange(bucket=b)]) for b in (0, 1)]
    assert sorted(parts[0] + parts[1]) == list(range(100))
    some = door.read(table, buckets=[v1.BucketRange(bucket=1, range=v1.Range(from_offset=5, to_offset=9))])
    assert some.rows.num_rows == 4
    assert some.positions[-1].next_offset == 9
    assert len(ids(door, table, range=v1.Range(from_offset=3, to_offset=4))) == 2


def test_a_read_goes_on_where_another_has_ended(door: Door, table: str) -> None:
    v1 = door.v1
    before = door.read(table)
    door.write(table, rows_from(100, 10))
    after = door.read(table, range=v1.Range(from_token=before.token))
    assert sorted(after.rows["id"].to_pylist()) == list(range(100, 110))
    assert ids(door, table, range=v1.Range(to_token=before.token)) == list(range(100))
    assert door.rows(table, range=v1.Range(from_token=after.token)) == []


def test_ranges_of_time(door: Door, table: str) -> None:
    time.sleep(0.05)  # so that no commit before has the same millisecond
    between = int(time.time() * 1000)
    door.write(table, rows_from(100, 10))
    assert ids(door, table, range=door.v1.Range(from_time_ms=between)) == list(range(100, 110))
    assert ids(door, table, range=door.v1.Range(to_time_ms=between)) == list(range(100))


def test_following_brings_what_comes(door: Door, table: str) -> None:
    stream = door.chunks(door.ticket(table, follow=True, limit=105, columns=door.v1.Columns(names=["id"])))
    found: list[int] = []
    token = ""
    for rows, position in stream:
        found += rows["id"].to_pylist()
        token = position.token or token
        if len(found) == 100:
            door.write(table, rows_from(100, 5))
    assert sorted(found) == list(range(105))
    assert ids(door, table, range=door.v1.Range(from_token=token)) == []


def test_who_follows_from_now_goes_on_without_a_gap(door: Door, table: str) -> None:
    """Its tokens name every bucket, also those that have brought nothing: from the first on, which comes before any rows."""
    v1 = door.v1
    ends = dict(part.split(":") for part in door.read(table).token.split(","))
    stream = door.chunks(door.ticket(table, follow=True, range=v1.Range(from_now=True)))
    rows, position = next(stream)
    assert rows.num_rows == 0
    assert dict(part.split(":") for part in position.token.split(",")) == ends
    (written,) = door.write(table, rows_from(100, 1))
    rows, position = next(stream)
    assert rows["id"].to_pylist() == [100]
    assert len(written.buckets) == 1
    assert dict(part.split(":") for part in position.token.split(",")) == ends | dict([written.token.split(":")])
    door.write(table, rows_from(101, 20))
    assert ids(door, table, range=v1.Range(from_token=position.token)) == list(range(101, 121))
    assert ids(door, table, range=v1.Range(to_token=position.token)) == list(range(101))


def test_who_stops_following_goes_on_behind_what_it_has_seen(door: Door, database: str) -> None:
    """The server reads ahead of its client: the tokens do not."""
    schema = pa.schema([("id", pa.int64())])
    table = f"{database}.log"
    door.create_table(table, schema)
    for i in range(50):
        door.write(table, pa.record_batch({"id": [i]}, schema=schema))
    seen: list[int] = []
    token = ""
    while len(seen) < 50:
        stream = door.client.do_get(door.ticket(table, follow=True, range=door.v1.Range(from_token=token)), door.options)
        for _ in range(11):
            chunk = stream.read_chunk()
            seen += chunk.data["id"].to_pylist()
            token = door.v1.ReadPosition.FromString(chunk.app_metadata.to_pybytes()).token
        stream.cancel()
    assert seen == list(range(50))


def test_pages_by_limit_and_token(door: Door, table: str) -> None:
    seen: list[int] = []
    token = ""
    for _ in range(40):
        page = door.read(table, limit=7, filter=door.leaf("name", "IS_NOT_NULL"), range=door.v1.Range(from_token=token))
        seen += page.rows["id"].to_pylist()
        token = page.token
        if not page.rows.num_rows:
            break
    assert sorted(seen) == [i for i in range(100) if i % 7]


def test_a_token_of_a_read_that_brought_little_is_still_of_all_buckets(door: Door, table: str) -> None:
    v1 = door.v1
    token = door.read(table).token
    for i in range(3):
        door.write(table, rows_from(100 + i, 1))
        read = door.read(table, range=v1.Range(from_token=token))
        assert read.rows["id"].to_pylist() == [100 + i]
        token = read.token
    assert ids(door, table, at_least=token) == list(range(103))


def test_who_follows_from_a_token_finds_new_partitions(door: Door, database: str) -> None:
    schema = pa.schema([("day", pa.string()), ("n", pa.int64())])
    table = f"{database}.by_day"
    door.create_table(table, schema, partition_keys=["day"])

    def write(day: str, n: int) -> None:
        door.write(table, pa.record_batch({"day": [day], "n": [n]}, schema=schema))

    write("20260101", 1)
    token = door.read(table).token
    write("20260101", 2)
    write("20260102", 3)
    found: list[int] = []
    for rows, _ in door.chunks(door.ticket(table, follow=True, limit=3, range=door.v1.Range(from_token=token))):
        found += rows["n"].to_pylist()
        if len(found) == 2 and rows.num_rows:
            write("20260103", 4)
    assert sorted(found) == [2, 3, 4]


def test_following_ends_with_its_client(door: Door, server, table: str) -> None:
    """A call that is given up leaves nothing behind: the server stops in time although it waits for rows."""
    reader = door.client.do_get(door.ticket(table, follow=True, range=door.v1.Range(from_now=True)), door.options)
    assert reader.read_chunk().data.num_rows == 0
    failed: list[BaseException] = []

    def read() -> None:
        try:
            reader.read_chunk()
        except BaseException as error:
            failed.append(error)

    waiting = threading.Thread(target=read)
    waiting.start()
    reader.cancel()
    waiting.join(20)
    assert not waiting.is_alive()
    assert isinstance(failed[0], flight.FlightCancelledError)


def test_changes_of_rows_by_key(door: Door, database: str) -> None:
    schema = pa.schema([("id", pa.int64()), ("text", pa.string())])
    name = f"{database}.keyed"
    door.create_table(name, schema, primary_key=["id"])
    for text in ("a", "b"):
        door.write(name, pa.record_batch({"id": [1], "text": [text]}, schema=schema))
    state = door.read(name)
    assert state.rows.to_pylist() == [{"id": 1, "text": "b"}]
    door.write(name, pa.record_batch({"id": pa.array([1], pa.int64())}), kind="DELETE")
    changes = door.read(f"{name}$changelog")
    assert [(c["_change_type"], c["_log_offset"], c["id"], c["text"]) for c in changes.rows.to_pylist()] == [
        ("insert", 0, 1, "a"), ("update_before", 1, 1, "a"), ("update_after", 2, 1, "b"), ("delete", 3, 1, "b"),
    ]  # fmt: skip
    # From the state on.
    later = door.rows(f"{name}$changelog", range=door.v1.Range(from_token=state.token))
    assert [c["_change_type"] for c in later] == ["delete"]
    pairs = door.rows(f"{name}$binlog")
    assert [(p["_change_type"], p["before"], p["after"]) for p in pairs] == [
        ("insert", None, {"id": 1, "text": "a"}),
        ("update", {"id": 1, "text": "a"}, {"id": 1, "text": "b"}),
        ("delete", {"id": 1, "text": "b"}, None),
    ]


def test_parts_of_rows_by_key_and_of_their_changes(door: Door, database: str) -> None:
    v1 = door.v1
    name = f"{database}.keyed"
    door.create_table(name, SCHEMA, primary_key=["id"], bucket_count=2)
    door.write(name, rows_from(0, 100))
    some = v1.Columns(names=["name", "id"])
    state = door.read(name, columns=some, filter=door.leaf("id", "LESS", 10))
    assert state.rows.schema.names == ["name", "id"]
    assert sorted(state.rows["id"].to_pylist()) == list(range(10))
    assert len(door.rows(name, limit=7)) == 7
    parts = [ids(door, name, buckets=[v1.BucketRange(bucket=b)]) for b in (0, 1)]
    assert all(parts)
    assert sorted(parts[0] + parts[1]) == list(range(100))
    time.sleep(0.05)  # so that no commit before has the same millisecond
    between = int(time.time() * 1000)
    (written,) = door.write(name, rows_from(100, 1))
    assert ids(door, name, at_least=written.token, filter=door.leaf("id", "GREATER", 98)) == [99, 100]
    changes = f"{name}$changelog"
    columns = v1.Columns(names=["id", "_change_type"])
    assert door.rows(changes, columns=columns, range=v1.Range(from_time_ms=between)) == [{"id": 100, "_change_type": "insert"}]
    assert ids(door, changes, columns=columns, filter=door.leaf("id", "EQUAL", 42)) == [42]
    (bucket,) = [b.bucket for b in written.buckets]
    last = v1.Range(from_offset=written.buckets[0].end_offset - 1)
    assert ids(door, changes, buckets=[v1.BucketRange(bucket=bucket, range=last)]) == [100]
    following = door.chunks(door.ticket(changes, follow=True, limit=1, range=v1.Range(from_now=True), columns=columns))
    next(following)
    door.write(name, pa.record_batch({"id": pa.array([42], pa.int64())}), kind="DELETE")
    assert next(following)[0].to_pylist() == [{"id": 42, "_change_type": "delete"}]


def test_a_token_is_waited_for(door: Door, table: str) -> None:
    end = door.read(table).token
    with pytest.raises(flight.FlightTimedOutError) as raised:
        bucket = end.split(",")[0].rpartition(":")[0]
        door.read(table, at_least=f"{bucket}:1000", at_least_wait_ms=100)
    assert error_of(door.v1, raised.value).name == "REQUEST_TIME_OUT"
    with pytest.raises(flight.FlightTimedOutError):
        door.action(door.v1.WaitForToken(token=f"{bucket}:1000", wait_ms=100))
    door.action(door.v1.WaitForToken(token=end))
    waiting = threading.Thread(target=door.action, args=(door.v1.WaitForToken(token=f"{bucket}:60"),))
    waiting.start()
    door.write(table, rows_from(100, 100))
    waiting.join(10)
    assert not waiting.is_alive()


def test_large_batches_come_in_pieces_that_every_client_takes(door: Door, database: str) -> None:
    name = f"{database}.wide"
    schema = pa.schema([("text", pa.string())])
    door.create_table(name, schema)
    door.write(name, pa.record_batch({"text": ["x" * 1000] * 20_000}, schema=schema))
    sizes = [rows.nbytes for rows, _ in door.chunks(door.ticket(name))]
    assert sum(sizes) > 20_000_000
    assert max(sizes) < 4 << 20


@pytest.mark.parametrize(
    ("code", "read"),
    [
        ("INVALID_COLUMN_PROJECTION", lambda d: {"columns": d.v1.Columns(names=["nmae"])}),
        ("INVALID_COLUMN_PROJECTION", lambda d: {"columns": d.v1.Columns(names=["id", "id"])}),
        ("INVALID_COLUMN_PROJECTION", lambda d: {"filter": d.leaf("none", "IS_NULL")}),
        ("INVALID_SCAN_REQUEST", lambda d: {"filter": d.leaf("id", "EQUAL", "no number")}),
        ("INVALID_SCAN_REQUEST", lambda d: {"filter": d.leaf("id", "EQUAL")}),
        ("INVALID_SCAN_REQUEST", lambda d: {"filter": d.v1.Predicate()}),
        ("INVALID_SCAN_REQUEST", lambda d: {"limit": -1}),
        ("INVALID_SCAN_REQUEST", lambda d: {"at_least": "no token"}),
        ("INVALID_SCAN_REQUEST", lambda d: {"range": d.v1.Range(from_offset=-5)}),
        ("UNKNOWN_TABLE_OR_BUCKET", lambda d: {"buckets": [d.v1.BucketRange(bucket=2)]}),
        ("INVALID_SCAN_REQUEST", lambda d: {"partitions": ["p"]}),
    ],
)
def test_what_cannot_be_read_is_refused(door: Door, table: str, code: str, read) -> None:
    with pytest.raises(flight.FlightError) as raised:
        door.read(table, **read(door))
    assert error_of(door.v1, raised.value).name == code

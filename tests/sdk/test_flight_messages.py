"""What the SDK asks of the Flight door, and what it makes of answers and failures."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import io
import threading
import types
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.flight as flight
import pytest

import thalweg
from sdk.fake_flight import FakeFlight, detail
from thalweg import _messages, _writing

f = pc.field


@pytest.fixture
def fake(server: thalweg.Server) -> Iterator[FakeFlight]:
    with FakeFlight(server.fluss_address) as started:
        yield started


@pytest.fixture
def log(fake: FakeFlight, database: str) -> Iterator[thalweg.Table]:
    """A log table of 10,000 rows, of which only the description is real."""
    with thalweg.connect(fake.address) as db:
        table = db.create_table(f"{database}.log", "id BIGINT, name STRING, price DOUBLE, ok BOOLEAN")
        ids = range(10_000)
        fake.tables[table.name] = pa.table(
            {"id": ids, "name": [f"n{i % 100}" for i in ids], "price": [i / 2 for i in ids], "ok": [i % 2 == 0 for i in ids]},
            table.schema,
        )
        yield table


@pytest.fixture
def keyed(fake: FakeFlight, database: str) -> Iterator[thalweg.Table]:
    with thalweg.connect(fake.address) as db:
        yield db.create_table(f"{database}.keyed", "id BIGINT, name STRING, price DOUBLE", primary_key="id")


def test_what_a_scan_asks_for(fake: FakeFlight, log: thalweg.Table) -> None:
    scan = log.scan(["name"], where=f("id") < 3, limit=2, partitions=["p"], at_least="token-1")
    assert scan.to_arrow().to_pydict() == {"name": ["n0", "n1"]}
    request = fake.asked[-1]
    assert (request.table.database, request.table.table) == tuple(log.name.split("."))
    assert list(request.columns.names) == ["name"]
    assert (request.limit, list(request.partitions), request.at_least) == (2, ["p"], "token-1")
    assert request.filter.leaf.column == "id"
    log.scan(buckets=[("", 3)]).to_arrow()
    assert (fake.asked[-1].buckets[0].bucket, fake.asked[-1].HasField("columns")) == (3, False)


def test_conditions_that_the_server_does_not_know_hold_all_the_same(fake: FakeFlight, log: thalweg.Table) -> None:
    where = (f("id") > 10) & pc.starts_with(f("name"), "n5") & ~f("ok")
    expected = fake.tables[log.name].filter(where)
    assert log.scan(["price"], where=where).to_arrow().equals(expected.select(["price"]))
    assert (fake.asked[-1].filter.leaf.column, fake.asked[-1].HasField("columns")) == ("id", False)
    assert log.scan(["price"], where=where, limit=7).to_arrow().equals(expected.select(["price"]).slice(0, 7))
    assert not fake.asked[-1].HasField("limit")


def test_columns_that_are_not_there(log: thalweg.Table) -> None:
    for call in (lambda: log.scan(["nmae"]), lambda: log.scan(where=f("nmae") == "x"), lambda: log.follow(["nmae"])):
        with pytest.raises(thalweg.ColumnNotFound, match="Did you mean 'name'"):
            call()


def test_changes_and_their_bounds(fake: FakeFlight, keyed: thalweg.Table) -> None:
    changelog = pa.table({"_change_type": ["+I"], "_log_offset": [0], "id": [1]})
    fake.tables[f"{keyed.name}$changelog"] = changelog
    since = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert keyed.changes(["id", "_change_type"], since=since, until="token-9").to_pylist() == [{"id": 1, "_change_type": "+I"}]
    asked = fake.asked[-1]
    assert (asked.range.from_time_ms, asked.range.to_token, asked.follow) == (int(since.timestamp() * 1000), "token-9", False)
    with pytest.raises(thalweg.ColumnNotFound, match="Did you mean '_change_type'"):
        keyed.changes(["_change_typ"])


def test_following_gives_rows_as_they_come_until_it_is_closed(fake: FakeFlight, log: thalweg.Table) -> None:
    fake.tables[log.name] = fake.tables[log.name].slice(0, 3)
    with log.follow(["id"], since="beginning") as following:
        assert next(following).to_pydict() == {"id": [0, 1, 2]}
        fake.add_rows(log.name, fake.tables[log.name].slice(0, 1))
        assert next(following).to_pydict() == {"id": [0]}
        assert following.token == "token-4"
        closing = threading.Timer(0.2, following.close)
        closing.start()
        assert list(following) == []
        closing.join()
    log.follow(since="now").close()
    assert fake.asked[-1].range.from_now
    log.follow(since="token-4").close()
    assert fake.asked[-1].range.from_token == "token-4"


def test_large_writes_go_in_bounded_batches(fake: FakeFlight, log: thalweg.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_writing, "WRITE_BATCH_ROWS", 100)
    rows = pa.table({"id": range(3_333)})
    assert log.append(rows).rows == 3_333
    assert fake.tables[log.name].column("id").to_pylist() == list(range(3_333))
    assert max(chunk.num_rows for chunk in fake.tables[log.name].to_batches()) == 100
    monkeypatch.setattr(_writing, "WRITE_BATCH_BYTES", 10_000)
    log.append(pa.table({"name": ["x" * 1_000] * 100}))
    assert max(chunk.nbytes for chunk in fake.tables[log.name].to_batches()) <= 10_000


def test_deletes_send_keys(fake: FakeFlight, keyed: thalweg.Table) -> None:
    assert keyed.delete([5, 6]).rows == 2
    assert keyed.delete(7).rows == 1
    assert keyed.delete(id=8).rows == 1
    assert fake.tables[keyed.name].to_pydict() == {"id": [8]}
    assert fake.asked[-1].Kind.Name(fake.asked[-1].kind) == "DELETE"


def test_writes_that_do_not_fit(log: thalweg.Table, keyed: thalweg.Table) -> None:
    with pytest.raises(thalweg.InvalidTable, match=r"use upsert\(\)"):
        keyed.append([{"id": 1}])
    with pytest.raises(thalweg.NoPrimaryKey, match=r"use append\(\)"):
        log.upsert([{"id": 1}])
    with pytest.raises(thalweg.ColumnNotFound, match="Did you mean 'name'"):
        keyed.upsert([{"id": 1, "nmae": "x"}])
    with pytest.raises(thalweg.InvalidRows, match="do not fit"):
        keyed.upsert([{"id": "x"}])
    with pytest.raises(thalweg.InvalidRows, match="is no rows"):
        keyed.upsert(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("code, name, error", [(7, "TABLE_NOT_EXIST", thalweg.TableNotFound), (72, "STORAGE_BACKPRESSURE", thalweg.ServerBusy)])
def test_failures_have_their_kind_and_the_servers_words(
    fake: FakeFlight, log: thalweg.Table, code: int, name: str, error: type[Exception]
) -> None:
    fake.fails_after_batches = 2
    fake.failure = flight.FlightServerError("It is gone.", detail(name, code))
    with pytest.raises(error) as found:
        log.scan().to_arrow()
    assert str(found.value) == "It is gone."
    assert (found.value.code, found.value.name) == (code, name)  # type: ignore[attr-defined]
    with pytest.raises(error, match=r"^It is gone\.$"):
        log.append(pa.table({"id": range(3 * _writing.WRITE_BATCH_ROWS)}))


def test_failures_without_a_detail(fake: FakeFlight, log: thalweg.Table) -> None:
    fake.fails_after_batches = 0
    for failure, error in [
        (flight.FlightUnauthorizedError("Not you."), thalweg.PermissionDenied),
        (flight.FlightTimedOutError("Too late."), thalweg.RequestTimedOut),
        (NotImplementedError("Not yet."), thalweg.Unsupported),
    ]:
        fake.failure = failure
        with pytest.raises(error, match="Not you|Too late|Not yet"):
            log.scan().to_arrow()


def test_no_flight_at_the_address() -> None:
    with pytest.raises(thalweg.ConnectionFailed):
        thalweg.connect("thalweg://127.0.0.1:1", timeout=5)


def test_a_long_read_shows_its_progress(fake: FakeFlight, log: thalweg.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    from thalweg import _progress

    screen = io.StringIO()
    screen.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(_progress.sys, "stderr", screen)
    monkeypatch.setattr(_progress, "SHOWN_AFTER_S", 0.0)
    log.scan().to_arrow()
    assert "reading 10,000 rows" in screen.getvalue()


def test_a_password_is_not_sent_in_the_clear_by_who_asked_for_tls(fake: FakeFlight) -> None:
    with thalweg.connect(fake.address) as db:
        answer = _messages.message("ServerInfo.FlussListener", name="A", address="10.0.0.1:9123", sasl=True)
        info = _messages.message("ServerInfo", fluss_listeners=[answer])
        door = types.SimpleNamespace(act=lambda *_: info, close=lambda: None)
        db._flight = door  # type: ignore[assignment]
        db._address = dataclasses.replace(db._address, tls=True, user="u", password="p")
        with pytest.raises(thalweg.Unsupported, match="speaks no TLS"):
            db._fluss_address()
        info.fluss_listeners[0].tls = True
        found = db._fluss_address()
        assert (found.tls, found.host, found.port, found.user, found.password) == (True, "10.0.0.1", 9123, "u", "p")
        info.fluss_listeners[0].sasl = False
        assert (db._fluss_address().user, db._fluss_address().password) == ("", "")
        info.fluss_listeners[0].tls = False
        info.fluss_listeners[0].address = "127.0.0.1:1"
        assert not db._fluss_address().tls


def test_columns_that_the_table_got_meanwhile_stay_out(fake: FakeFlight, log: thalweg.Table) -> None:
    rows = fake.tables[log.name]
    fake.tables[log.name] = rows.append_column("later", pa.nulls(rows.num_rows, pa.int32()))
    assert log.scan().to_arrow().equals(rows)
    with log.follow(since="beginning") as following:
        assert next(following).schema.names == [*rows.schema.names, "later"]


def test_user_and_password_go_with_every_call(fake: FakeFlight) -> None:
    thalweg.connect(fake.address, user="böb", password="p:ä").close()
    assert base64.b64decode(fake.headers[-1]["authorization"][0].removeprefix("Basic ")).decode() == "böb:p:ä"
    thalweg.connect(fake.address).close()
    assert "authorization" not in fake.headers[-1]

"""A Flight server in this process that keeps its tables in memory, tells what it was asked, and fails as it is told.

It is for what a real server does not do on demand; what rows really look like is asked of a real one.
"""

from __future__ import annotations

import functools
import threading
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.flight as flight
from google.protobuf import any_pb2

from thalweg import _messages


BUCKETS = 3  # rows take turns in them


class _Headers(flight.ServerMiddlewareFactory):
    def start_call(self, info: Any, headers: dict[str, list[str]]) -> _CallHeaders:
        return _CallHeaders(headers)


class _CallHeaders(flight.ServerMiddleware):
    def __init__(self, headers: dict[str, list[str]]):
        self.headers = headers


class FakeFlight(flight.FlightServerBase):
    """`asked` has every message in the order of arrival."""

    def __init__(self, fluss_address: str):
        super().__init__("grpc+tcp://127.0.0.1:0", middleware={"headers": _Headers()})
        self.fluss_address = fluss_address
        self.tables: dict[str, pa.Table] = {}
        self.asked: list[Any] = []
        self.batch_rows = 1000
        self.fails_after_batches: int | None = None
        self.failure: Exception = flight.FlightServerError("no reason")
        self.headers: list[dict[str, list[str]]] = []  # of actions
        self.ended = False  # for those who follow
        self._more = threading.Condition()

    @property
    def address(self) -> str:
        return f"thalweg://127.0.0.1:{self.port}"

    def add_rows(self, name: str, rows: pa.Table) -> None:
        with self._more:
            self.tables[name] = pa.concat_tables([self.tables[name], rows])
            self._more.notify_all()

    def __exit__(self, *error: Any) -> None:
        with self._more:
            self.ended = True
            self._more.notify_all()
        super().__exit__(*error)

    # ---- What FlightServerBase calls

    def do_action(self, context: Any, action: flight.Action) -> Any:
        self.headers.append(context.get_middleware("headers").headers)
        name = action.type.removeprefix(f"{_messages.PACKAGE}.")
        request = _messages.parse(name, action.body.to_pybytes())
        self.asked.append(request)
        if name == "GetServerInfo":
            listener = _messages.message("ServerInfo.FlussListener", name="FLUSS", address=self.fluss_address)
            info = _messages.message("ServerInfo", version="fake", fluss_listeners=[listener])
            return [flight.Result(info.SerializeToString())]
        raise NotImplementedError(name)

    def do_get(self, context: Any, ticket: flight.Ticket) -> flight.FlightDataStream:
        request = unpacked(ticket.ticket)
        self.asked.append(request)
        if request.DESCRIPTOR.name == "CommandStatementQuery":
            return flight.RecordBatchStream(self.tables[request.query])
        name = f"{request.table.database}.{request.table.table}"
        columns = list(request.columns.names) if request.HasField("columns") else None
        schema = self.tables[name].schema
        if columns is not None:
            schema = pa.schema([schema.field(column) for column in columns])
        return flight.GeneratorStream(schema, self._batches(name, request, columns, schema))

    def _batches(self, name: str, request: Any, columns: list[str] | None, schema: pa.Schema) -> Any:
        rows = self.tables[name]
        if request.HasField("filter"):
            rows = rows.filter(expression(request.filter, rows.schema))
        if request.buckets:
            chosen = {part.bucket for part in request.buckets}
            rows = rows.filter(pa.array([row % BUCKETS in chosen for row in range(rows.num_rows)], pa.bool_()))
        if columns is not None:
            rows = rows.select(columns)
        if request.HasField("limit"):
            rows = rows.slice(0, request.limit)
        seen = self.tables[name].num_rows
        for number, batch in enumerate(rows.combine_chunks().to_batches(self.batch_rows)):
            if number == self.fails_after_batches:
                raise self.failure
            yield batch, position(next_offset=number)
        while request.follow:
            with self._more:
                self._more.wait_for(lambda: self.ended or self.tables[name].num_rows > seen)
                if self.ended:
                    return
                new = self.tables[name].slice(seen)
                seen += new.num_rows
            new = new if columns is None else new.select(columns)
            for batch in new.combine_chunks().to_batches():
                yield batch, position(token=f"token-{seen}")
        yield empty(schema), position(token=f"token-{seen}")

    def get_flight_info(self, context: Any, descriptor: flight.FlightDescriptor) -> flight.FlightInfo:
        request = unpacked(descriptor.command)
        self.asked.append(request)
        if request.query not in self.tables:
            raise flight.FlightServerError("Parser Error: no such statement", detail("UNKNOWN_SERVER_ERROR", -1))
        endpoint = flight.FlightEndpoint(flight.Ticket(descriptor.command), [])
        return flight.FlightInfo(self.tables[request.query].schema, descriptor, [endpoint], -1, -1)

    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        request = unpacked(descriptor.command)
        self.asked.append(request)
        name = f"{request.table.database}.{request.table.table}"
        batches = []
        for number, chunk in enumerate(reader):
            if number == self.fails_after_batches:
                raise self.failure
            batches.append(chunk.data)
            rows = sum(batch.num_rows for batch in batches)
            writer.write(_messages.message("WriteResult", rows=chunk.data.num_rows, token=f"1/0:{rows}").SerializeToString())
        self.tables[name] = pa.Table.from_batches(batches, reader.schema)


def empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def unpacked(data: bytes) -> Any:
    packed = any_pb2.Any.FromString(data)
    return _messages._class(packed.type_url.rsplit("/", 1)[1]).FromString(packed.value)


def position(**fields: Any) -> pa.Buffer:
    return pa.py_buffer(_messages.message("ReadPosition", **fields).SerializeToString())


def detail(name: str, code: int) -> bytes:
    data: bytes = _messages.message("ErrorDetail", name=name, code=code).SerializeToString()
    return data


def expression(predicate: Any, schema: pa.Schema) -> pc.Expression:
    """A Predicate as pyarrow evaluates it."""
    kind = predicate.WhichOneof("kind")
    if kind != "leaf":
        parts = [expression(one, schema) for one in getattr(predicate, kind).predicates]
        return functools.reduce((lambda a, b: a & b) if kind == "all_of" else (lambda a, b: a | b), parts)
    leaf = predicate.leaf
    column = pc.field(leaf.column)
    values: list[Any] = [getattr(literal, literal.WhichOneof("value")) for literal in leaf.literals]
    if pa.types.is_date32(schema.field(leaf.column).type):
        values = [pa.scalar(value, pa.int32()).cast(pa.date32()) for value in values]
    function = leaf.DESCRIPTOR.fields_by_name["function"].enum_type.values_by_number[leaf.function].name
    return {
        "EQUAL": lambda: column == values[0], "NOT_EQUAL": lambda: column != values[0], "LESS": lambda: column < values[0],
        "LESS_OR_EQUAL": lambda: column <= values[0], "GREATER": lambda: column > values[0],
        "GREATER_OR_EQUAL": lambda: column >= values[0], "IS_NULL": column.is_null, "IS_NOT_NULL": column.is_valid,
        "IN": lambda: column.isin(values),
    }[function]()  # fmt: skip

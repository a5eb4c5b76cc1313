"""A client of the Flight door: pyarrow's, and the messages around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pyarrow as pa
from pyarrow import flight

from flight.messages import packed

CALL_S_MAX = 60.0


@dataclass
class Read:
    """All that a read brought."""

    rows: pa.Table
    token: str
    positions: list[Any]


class Door:
    """One connection; `v1` has the messages. Tables are named "database.table"."""

    def __init__(self, address: str, v1: ModuleType, options: flight.FlightCallOptions | None = None, **connect: Any):
        self.v1 = v1
        self.client = flight.FlightClient(address, **connect)
        self.options = options or flight.FlightCallOptions(timeout=CALL_S_MAX)

    def close(self) -> None:
        self.client.close()

    def name(self, table: str) -> Any:
        database, _, name = table.rpartition(".")
        return self.v1.TableName(database=database, table=name)

    def action(self, message: Any, answer: str = "") -> Any:
        """What the action answers, of the message type `answer`; None where it answers nothing."""
        action = flight.Action(message.DESCRIPTOR.full_name, message.SerializeToString())
        results = list(self.client.do_action(action, self.options))
        if not answer:
            assert not results
            return None
        (result,) = results
        return getattr(self.v1, answer).FromString(result.body.to_pybytes())

    def create_table(self, table: str, schema: pa.Schema, **definition: Any) -> Any:
        definition_message = self.v1.TableDefinition(arrow_schema=schema.serialize().to_pybytes(), **definition)
        return self.action(self.v1.CreateTable(table=self.name(table), definition=definition_message), "TableInfo")

    # Reads

    def ticket(self, table: str, **read: Any) -> flight.Ticket:
        return flight.Ticket(packed(self.v1.ReadTable(table=self.name(table), **read)))

    def chunks(self, ticket: flight.Ticket) -> Iterator[tuple[pa.RecordBatch, Any]]:
        """Each batch and where it is."""
        for chunk in self.client.do_get(ticket, self.options):
            metadata = chunk.app_metadata.to_pybytes() if chunk.app_metadata is not None else b""
            yield chunk.data, self.v1.ReadPosition.FromString(metadata)

    def read(self, table: str, **read: Any) -> Read:
        reader = self.client.do_get(self.ticket(table, **read), self.options)
        batches, positions = [], []
        for chunk in reader:
            batches.append(chunk.data)
            if chunk.app_metadata is not None:
                positions.append(self.v1.ReadPosition.FromString(chunk.app_metadata.to_pybytes()))
        assert batches[-1].num_rows == 0, "the last batch has no rows"
        # A message without content is none: then the token is empty, too.
        end = positions.pop() if chunk.app_metadata is not None else self.v1.ReadPosition()
        return Read(pa.Table.from_batches(batches, reader.schema), end.token, positions)

    def rows(self, table: str, **read: Any) -> list[dict[str, Any]]:
        return self.read(table, **read).rows.to_pylist()

    # Writes

    def write(self, table: str, *batches: pa.RecordBatch, **write: Any) -> list[Any]:
        """One WriteResult for each batch."""
        command = packed(self.v1.WriteTable(table=self.name(table), **write))
        return self.put(flight.FlightDescriptor.for_command(command), batches)

    def put(self, descriptor: flight.FlightDescriptor, batches: Iterable[pa.RecordBatch]) -> list[Any]:
        results = []
        batches = list(batches)
        writer, acknowledged = self.client.do_put(descriptor, batches[0].schema, self.options)
        with writer:
            for batch in batches:
                writer.write_batch(batch)
                results.append(self.v1.WriteResult.FromString(acknowledged.read().to_pybytes()))
            writer.done_writing()
            assert acknowledged.read() is None
        return results

    # Rows by key

    def look_up(self, table: str, *keys: pa.RecordBatch, **look_up: Any) -> list[tuple[pa.RecordBatch, Any]]:
        """The answer to each batch of keys, and its LookUpResult."""
        command = packed(self.v1.LookUp(table=self.name(table), **look_up))
        writer, reader = self.client.do_exchange(flight.FlightDescriptor.for_command(command), self.options)
        answers = []
        with writer:
            writer.begin(keys[0].schema)
            for batch in keys:
                writer.write_batch(batch)
                chunk = reader.read_chunk()
                answers.append((chunk.data, self.v1.LookUpResult.FromString(chunk.app_metadata.to_pybytes())))
            writer.done_writing()
        return answers

    # Conditions

    def leaf(self, column: str, function: str, *literals: Any) -> Any:
        """`leaf("price", "LESS", 10)`; literals of Python's types."""
        leaf = self.v1.Predicate.Leaf(
            column=column,
            function=self.v1.Predicate.Function.Value(function),
            literals=[self.literal(value) for value in literals],
        )
        return self.v1.Predicate(leaf=leaf)

    def all_of(self, *predicates: Any) -> Any:
        return self.v1.Predicate(all_of=self.v1.Predicate.List(predicates=predicates))

    def any_of(self, *predicates: Any) -> Any:
        return self.v1.Predicate(any_of=self.v1.Predicate.List(predicates=predicates))

    def literal(self, value: Any) -> Any:
        fields = {bool: "boolean", int: "integer", float: "number", str: "text", bytes: "binary"}
        return self.v1.Literal(**{fields[type(value)]: value})


def error_of(v1: ModuleType, error: BaseException) -> Any:
    """Our code, from the detail of a Flight error."""
    return v1.ErrorDetail.FromString(error.extra_info)

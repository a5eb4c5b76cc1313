"""The messages of proto/thalweg/flight/v1/flight.proto, and the one of Flight SQL that is needed here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "thalweg.flight.v1"
_SQL_PACKAGE = "arrow.flight.protocol.sql"
_URL = "type.googleapis.com/"

_pool = descriptor_pool.DescriptorPool()


def _load() -> None:
    files = descriptor_pb2.FileDescriptorSet.FromString((Path(__file__).parent / "flight_v1.desc").read_bytes())
    for file in files.file:
        _pool.Add(file)
    sql = descriptor_pb2.FileDescriptorProto(name="sql.proto", package=_SQL_PACKAGE, syntax="proto3")
    for name, fields in {
        "CommandStatementQuery": [("query", 1, "TYPE_STRING"), ("transaction_id", 2, "TYPE_BYTES")],
        "CommandStatementUpdate": [("query", 1, "TYPE_STRING"), ("transaction_id", 2, "TYPE_BYTES")],
        "DoPutUpdateResult": [("record_count", 1, "TYPE_INT64")],
    }.items():
        message = sql.message_type.add(name=name)
        for field, number, kind in fields:
            message.field.add(name=field, number=number, type=kind, label="LABEL_OPTIONAL")
    _pool.Add(sql)


_load()


def message(name: str, /, **fields: Any) -> Any:
    """A message of this package: `message("TableName", database="shop", table="orders")`."""
    return _class(f"{PACKAGE}.{name}")(**fields)


def sql_message(name: str, /, **fields: Any) -> Any:
    return _class(f"{_SQL_PACKAGE}.{name}")(**fields)


def parse(name: str, data: bytes) -> Any:
    return _class(f"{PACKAGE}.{name}").FromString(data)


def packed(of: Any) -> bytes:
    """The message in an Any, as tickets and descriptors carry it."""
    return any_pb2.Any(type_url=_URL + of.DESCRIPTOR.full_name, value=of.SerializeToString()).SerializeToString()


def _class(name: str) -> Any:
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(name))

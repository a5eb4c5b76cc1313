"""The protocol's messages, straight from `proto/`: encoded from dictionaries, decoded into them.

A second reading of those files beside protoc's, with no checks on the way out, so that a test can also send what no
generated class would: a required field left out, a field of another message, bytes cut short.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import struct
from typing import Any

from peers.places import ROOT

FILES = ("fluss.proto", "fluss_admin.proto")
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
WIRE_TYPES = {"int32": VARINT, "int64": VARINT, "bool": VARINT, "double": FIXED64, "float": FIXED32}
TEXT = re.compile(r"//[^\n]*")
MESSAGE = re.compile(r"message\s+(\w+)\s*\{([^}]*)\}")
FIELD = re.compile(r"(required|optional|repeated)\s+(\w+)\s+(\w+)\s*=\s*(\d+)\s*(\[packed = true\])?\s*;")


@dataclasses.dataclass(frozen=True)
class Field:
    number: int
    name: str
    type: str
    repeated: bool
    packed: bool

    @property
    def wire_type(self) -> int:
        return WIRE_TYPES.get(self.type, BYTES)


class MalformedMessage(ValueError):
    """Bytes that are no message of the type asked for."""


@functools.cache
def fields(message: str) -> dict[str, Field]:
    return _messages()[message]


def encode(message: str, values: dict[str, Any]) -> bytes:
    """Every key must name a field; what is None is left out."""
    known = fields(message)
    out = bytearray()
    for name, value in values.items():
        field = known[name]
        if value is None:
            continue
        if field.packed:
            content = b"".join(varint(one) for one in value)
            if value:
                out += varint(field.number << 3 | BYTES) + varint(len(content)) + content
            continue
        for one in value if field.repeated else (value,):
            out += varint(field.number << 3 | field.wire_type) + _encode_value(field, one)
    return bytes(out)


def decode(message: str, data: bytes) -> dict[str, Any]:
    """What is there, by field name; repeated fields are always there. Unknown fields are skipped."""
    known = {field.number: field for field in fields(message).values()}
    values: dict[str, Any] = {field.name: [] for field in known.values() if field.repeated}
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        raw, at = _read_raw(data, at, tag & 7)
        field = known.get(tag >> 3)
        if field is None:
            continue
        if field.repeated and tag & 7 == BYTES and field.wire_type == VARINT:
            values[field.name] += [_number(field, one) for one in _unpack(raw)]
        elif field.repeated:
            values[field.name].append(_decode_value(field, raw))
        else:
            values[field.name] = _decode_value(field, raw)
    return values


@functools.cache
def _messages() -> dict[str, dict[str, Field]]:
    found = {}
    for name in FILES:
        text = TEXT.sub("", (ROOT / "proto" / name).read_text())
        for message, body in MESSAGE.findall(text):
            found[message] = {
                field: Field(int(number), field, kind, label == "repeated", bool(packed))
                for label, kind, field, number, packed in FIELD.findall(body)
            }
    return found


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value & ((1 << 64) - 1), at
        shift += 7
    raise MalformedMessage(f"no number at byte {at}")


def _read_raw(data: bytes, at: int, wire_type: int) -> tuple[Any, int]:
    if wire_type == VARINT:
        return _read_varint(data, at)
    if wire_type == BYTES:
        size, at = _read_varint(data, at)
    elif wire_type in (FIXED64, FIXED32):
        size = 8 if wire_type == FIXED64 else 4
    else:
        raise MalformedMessage(f"wire type {wire_type} at byte {at}")
    if at + size > len(data):
        raise MalformedMessage(f"{size} bytes at byte {at} of {len(data)}")
    return data[at : at + size], at + size


def _unpack(data: bytes) -> list[int]:
    numbers, at = [], 0
    while at < len(data):
        number, at = _read_varint(data, at)
        numbers.append(number)
    return numbers


def _number(field: Field, raw: int) -> int | bool:
    if field.type == "bool":
        return raw != 0
    bits = 32 if field.type == "int32" else 64
    raw &= (1 << bits) - 1
    return raw - (1 << bits) if raw >> (bits - 1) else raw


def _encode_value(field: Field, value: Any) -> bytes:
    if field.wire_type == VARINT:
        return varint(int(value))
    if field.wire_type != BYTES:
        return struct.pack("<d" if field.type == "double" else "<f", value)
    if isinstance(value, str):
        content = value.encode()
    elif isinstance(value, dict):
        content = encode(field.type, value)
    else:
        content = bytes(value)
    return varint(len(content)) + content


def _decode_value(field: Field, raw: Any) -> Any:
    if field.wire_type == VARINT:
        return _number(field, raw)
    if field.wire_type != BYTES:
        return struct.unpack("<d" if field.type == "double" else "<f", raw)[0]
    if field.type == "string":
        return raw.decode(errors="replace")
    return raw if field.type == "bytes" else decode(field.type, raw)

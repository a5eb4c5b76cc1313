"""From pyarrow's expressions to conditions that the server knows.

pyarrow tells what an expression consists of only by writing it as Substrait (substrait.io, an ExtendedExpression), a protobuf
message whose numbers are named below. What has no counterpart on the server is left to the caller, who holds every row against
the whole expression again.
"""

from __future__ import annotations

import decimal
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from thalweg import _messages

# ExtendedExpression, its function declarations, and the kinds of Expression.
_EXTENSIONS, _REFERRED = 2, 3
_FUNCTION, _ANCHOR, _NAME = 3, 2, 3
_LITERAL, _SELECTION, _CALL, _IN_LIST = 1, 2, 3, 8
_FUNCTIONS = {
    "equal": "EQUAL", "not_equal": "NOT_EQUAL", "lt": "LESS", "lte": "LESS_OR_EQUAL", "gt": "GREATER", "gte": "GREATER_OR_EQUAL",
}  # fmt: skip
_TURNED = {"LESS": "GREATER", "LESS_OR_EQUAL": "GREATER_OR_EQUAL", "GREATER": "LESS", "GREATER_OR_EQUAL": "LESS_OR_EQUAL"}
_NULL_TESTS = {"is_null": "IS_NULL", "is_not_null": "IS_NOT_NULL"}


class _Untold(Exception):
    """There is no counterpart."""


def pushed_down(where: pc.Expression, schema: pa.Schema) -> tuple[Any | None, pc.Expression | None]:
    """A Predicate that is true of (at least) all rows that `where` is true of, and what still has to be held against these: None,
    or all of `where`. No Predicate where nothing can be said.

    Raises:
        ColumnNotFound: `where` names a column that is not there.
    """
    try:
        tree = _Tree(bytes(where.to_substrait(schema, allow_arrow_extensions=True)), schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        _check_fields(error, schema)
        return None, where
    found, complete = tree.conjunction()
    if not found:
        return None, where
    predicate = found[0] if len(found) == 1 else _list("all_of", found)
    return predicate, None if complete else where


def _check_fields(error: Exception, schema: pa.Schema) -> None:
    from thalweg.errors import ColumnNotFound, did_you_mean

    text = str(error)
    if "FieldRef.Name(" in text:
        name = text.split("FieldRef.Name(", 1)[1].split(")", 1)[0]
        if name not in schema.names:
            raise ColumnNotFound(f"where= names the column {name!r}, which is not there.{did_you_mean(name, schema.names)}")


@dataclass
class _Message:
    """A protobuf message, its fields by number."""

    fields: dict[int, list[Any]]

    @staticmethod
    def of(data: bytes) -> _Message:
        fields: dict[int, list[Any]] = {}
        for number, value in _walk(data):
            fields.setdefault(number, []).append(value)
        return _Message(fields)

    def child(self, number: int) -> _Message:
        values = self.fields.get(number)
        if not values:
            raise _Untold
        return _Message.of(values[-1])

    def number(self, number: int) -> int:
        return int(self.fields.get(number, [0])[-1])


def _walk(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value: Any
            value, at = _varint(data, at)
        elif kind == 1:
            value, at = data[at : at + 8], at + 8
        elif kind == 2:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        elif kind == 5:
            value, at = data[at : at + 4], at + 4
        else:
            raise _Untold
        yield tag >> 3, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7


class _Tree:
    """One expression."""

    def __init__(self, data: bytes, schema: pa.Schema):
        self._schema = schema
        top = _Message.of(data)
        self._names: dict[int, str] = {}
        for declared in top.fields.get(_EXTENSIONS, []):
            function = _Message.of(declared).child(_FUNCTION)
            self._names[function.number(_ANCHOR)] = function.fields[_NAME][-1].decode()
        self._root = top.child(_REFERRED).child(1)

    def conjunction(self) -> tuple[list[Any], bool]:
        """The predicates among the conditions that all have to hold, and whether these are all of them."""
        found, complete, todo = [], True, [self._root]
        while todo:
            part = todo.pop(0)
            try:
                name, arguments = self._call(part)
                if name == "and":
                    todo[:0] = arguments
                    continue
            except _Untold:
                pass
            try:
                found.append(self._predicate(part))
            except _Untold:
                complete = False
        return found, complete

    def _call(self, expression: _Message) -> tuple[str, list[_Message]]:
        call = expression.child(_CALL)
        arguments = [_Message.of(one).child(3) for one in call.fields.get(4, [])]
        return self._names.get(call.number(1), ""), arguments

    def _predicate(self, expression: _Message) -> Any:
        if _IN_LIST in expression.fields:
            listed = expression.child(_IN_LIST)
            values = [self._literal(_Message.of(option)) for option in listed.fields.get(2, [])]
            return _leaf(self._column(listed.child(1)), "IN", values)
        if _SELECTION in expression.fields:
            return _leaf(self._column(expression), "EQUAL", [_literal(boolean=True)])
        name, arguments = self._call(expression)
        if name in ("and", "or"):
            return _list("all_of" if name == "and" else "any_of", [self._predicate(one) for one in arguments])
        if name in _NULL_TESTS:
            return _leaf(self._column(arguments[0]), _NULL_TESTS[name], [])
        if name not in _FUNCTIONS or len(arguments) != 2:
            raise _Untold
        function = _FUNCTIONS[name]
        if _LITERAL in arguments[0].fields:
            arguments.reverse()
            function = _TURNED.get(function, function)
        return _leaf(self._column(arguments[0]), function, [self._literal(arguments[1])])

    def _column(self, expression: _Message) -> str:
        """Of a reference to a top-level column."""
        field = expression.child(_SELECTION).child(1).child(2)
        if 2 in field.fields:  # a field inside of it
            raise _Untold
        name: str = self._schema.names[field.number(1)]
        return name

    def _literal(self, expression: _Message) -> Any:
        literal = expression.child(_LITERAL).fields
        for number, values in literal.items():
            value = values[-1]
            if number == 1:
                return _literal(boolean=bool(value))
            if number in (2, 3, 5, 7, 16):  # i8 to i64, days
                return _literal(integer=_signed(value))
            if number == 14:  # microseconds
                return _literal(integer=_signed(value))
            if number == 10:
                return _literal(number=struct.unpack("<f", value)[0])
            if number == 11:
                return _literal(number=struct.unpack("<d", value)[0])
            if number == 12:
                return _literal(text=value.decode())
            if number == 13:
                return _literal(binary=value)
            if number == 24:
                return _literal(text=_decimal_text(_Message.of(value)))
        raise _Untold


def _signed(value: int) -> int:
    """int32 and int64 stand as 64 bits."""
    return value - (1 << 64) if value >= 1 << 63 else value


def _decimal_text(message: _Message) -> str:
    unscaled = int.from_bytes(message.fields[1][-1], "little", signed=True)
    return str(decimal.Decimal(unscaled).scaleb(-message.number(3), decimal.Context(prec=76)))


def _literal(**value: Any) -> Any:
    return _messages.message("Literal", **value)


def _leaf(column: str, function: str, literals: list[Any]) -> Any:
    leaf = _messages.message("Predicate.Leaf", column=column, function=function, literals=literals)
    return _messages.message("Predicate", leaf=leaf)


def _list(kind: str, predicates: list[Any]) -> Any:
    return _messages.message("Predicate", **{kind: _messages.message("Predicate.List", predicates=predicates)})

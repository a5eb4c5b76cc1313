"""The Fluss door: tables, and rows by key, through the extension module."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pyarrow as pa  # Before the extension: it uses the libarrow that this loads.

from thalweg import _native
from thalweg._address import Address
from thalweg._version import __version__
from thalweg.errors import of_code

CONNECTIONS_MAX = 4  # at a time, for all threads of this process
TRIES_MAX = 8  # with pauses of 50 ms in between, doubled each time up to 1 s: a server that restarts is back by then


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Errors of the extension as those of `thalweg.errors`."""
    try:
        yield
    except _native.NativeError as error:
        raise translate(error) from None


def translate(error: _native.NativeError) -> Exception:
    code, name, message = error.args
    return of_code(code, name, message)


class Capsules:
    """A record batch on its way from the extension to pyarrow."""

    __slots__ = ("_schema", "_array")

    def __init__(self, both: tuple[object, object]):
        self._schema, self._array = both

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        return self._schema, self._array


class SchemaCapsule:
    """A schema on the same way."""

    __slots__ = ("_schema",)

    def __init__(self, schema: object):
        self._schema = schema

    def __arrow_c_schema__(self) -> object:
        return self._schema


def to_schema(capsule: object) -> pa.Schema:
    return pa.schema(SchemaCapsule(capsule))


def connect(address: Address, timeout: float, tls_roots: bytes | None) -> _native.Client:
    """Connects when it is first used."""
    authorities = (tls_roots or b"").decode() if address.tls else None
    return _native.Client(
        address.host, address.port, address.user, address.password, __version__, min(timeout, 10.0), timeout, CONNECTIONS_MAX,
        TRIES_MAX, authorities,
    )  # fmt: skip

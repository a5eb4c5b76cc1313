"""The extension module (python/native): rows by key over the Fluss protocol. Not for users: `thalweg.connect` is."""

from typing import Any, Literal

class NativeError(Exception):
    """Its arguments: the code of Fluss (int), its name (str), the message (str)."""

class Client:
    """One server; a few connections that all threads share. Every method lets other threads run while it waits.

    `authorities`: None: no TLS; "": the certificates that the system believes; else PEM.
    """

    def __new__(
        cls,
        host: str,
        port: int,
        user: str,
        password: str,
        version: str,
        connect_s: float,
        answer_s: float,
        connections: int,
        tries: int,
        authorities: str | None,
        /,
    ) -> Client: ...
    def open(self, database: str, table: str, /) -> Table: ...
    def databases(self) -> list[str]: ...
    def tables(self, database: str, /) -> list[str]: ...
    def create_database(self, name: str, ignore_existing: bool, /) -> None: ...
    def create_table(self, database: str, table: str, descriptor_json: str, ignore_existing: bool, /) -> None: ...
    def drop_table(self, database: str, table: str, ignore_missing: bool, /) -> None: ...

class Table:
    """A table as it was when it was opened."""

    def describe(self) -> str: ...
    def schema(self) -> object: ...
    def key_schema(self, prefix: bool, /) -> object: ...
    def look_up_row(self, values: tuple[Any, ...], columns: list[int], /) -> dict[str, Any] | None | Literal[False]:
        """One row by the values of its key. False, and nobody was asked: a value of the key or a column is of a kind that takes
        `look_up`."""
    def look_up(self, schema: object, array: object, columns: list[int], nulls: bool, /) -> tuple[object, object]: ...
    def look_up_prefixes(self, schema: object, array: object, columns: list[int], /) -> tuple[object, object]: ...

def schema_json(columns: str, /) -> str: ...

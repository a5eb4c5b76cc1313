"""A connection of raw requests to a server: what a client sends before it is a client's, frame by frame."""

from __future__ import annotations

import dataclasses
import re
import socket
import struct
from typing import Any

from peers import messages
from peers.places import ROOT

ANSWER_S_MAX = 20.0
SUCCESS, REFUSED = 0, 1

_KEYS = re.compile(r"X\((\d+), k(\w+), \"(\w+)\"\)")
API_KEYS: dict[str, int] = {
    name: int(number) for number, _, name in _KEYS.findall((ROOT / "thalweg/wire/api_key.h").read_text())
}
# Where a message is not named as its API.
_MESSAGES = {"GET_METADATA": "Metadata", "GET_FILESYSTEM_SECURITY_TOKEN": "GetFileSystemSecurityToken"}


@dataclasses.dataclass(frozen=True)
class Answer:
    """`error` is 0 where `body` holds the answer."""

    error: int
    message: str = ""
    body: dict[str, Any] = dataclasses.field(default_factory=dict)


class NoAnswer(RuntimeError):
    """The server closed the connection, or was silent for too long."""


def message_stem(api: str) -> str:
    """CREATE_TABLE -> CreateTable."""
    return _MESSAGES.get(api, "".join(part.capitalize() for part in api.split("_")))


def frame(api: str, request: int, body: bytes, version: int = 0) -> bytes:
    """A request as it goes over the wire."""
    head = struct.pack(">hhi", API_KEYS[api], version, request)
    return struct.pack(">i", len(head) + len(body)) + head + body


class WireConnection:
    """One connection, one request at a time."""

    def __init__(self, address: str):
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=ANSWER_S_MAX)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._id = 0

    def close(self) -> None:
        self._socket.close()

    def call(self, api: str, values: dict[str, Any] | None = None, version: int = 0) -> Answer:
        return self.call_raw(api, messages.encode(f"{message_stem(api)}Request", values or {}), version)

    def call_raw(self, api: str, body: bytes, version: int = 0, timeout_s: float = ANSWER_S_MAX) -> Answer:
        """`body` as it is. After NoAnswer the connection is of no use."""
        self._id += 1
        self._socket.settimeout(timeout_s)
        try:
            self._socket.sendall(frame(api, self._id, body, version))
            return self._receive(api)
        except OSError as error:
            raise NoAnswer(f"{api}: {error}") from error

    def _receive(self, api: str) -> Answer:
        (length,) = struct.unpack(">i", self._exactly(4))
        answer = self._exactly(length)
        kind, request_id = struct.unpack_from(">bi", answer)
        if request_id != self._id or kind not in (SUCCESS, REFUSED):
            raise NoAnswer(f"{api}: an answer of kind {kind} to request {request_id}, not {self._id}")
        if kind == REFUSED:
            refusal = messages.decode("ErrorResponse", answer[5:])
            return Answer(refusal["error_code"], refusal.get("error_message", ""))
        return Answer(0, body=messages.decode(f"{message_stem(api)}Response", answer[5:]))

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = self._socket.recv(count - len(parts))
            if not part:
                raise NoAnswer("the server closed the connection")
            parts += part
        return bytes(parts)

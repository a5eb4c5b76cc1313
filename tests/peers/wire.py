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

    def send_all(self, requests: list[tuple[str, bytes]]) -> dict[int, str]:
        """Sends bodies without waiting between them. Whoever sends many must not send much, or read what comes meanwhile."""
        sent: dict[int, str] = {}
        frames = []
        for api, body in requests:
            self._id += 1
            sent[self._id] = api
            frames.append(frame(api, self._id, body))
        try:
            self._socket.sendall(b"".join(frames))
        except OSError as error:
            raise NoAnswer(str(error)) from error
        return sent

    def receive_all(self, sent: dict[int, str]) -> list[Answer]:
        """The answers to what `send_all` has sent, in that order, in whichever they come."""
        self._socket.settimeout(ANSWER_S_MAX)
        found: dict[int, Answer] = {}
        while len(found) < len(sent):
            try:
                request, kind, content = self._receive_frame()
            except OSError as error:
                raise NoAnswer(f"{[sent[id] for id in sent if id not in found]}: {error}") from error
            if request not in sent or request in found:
                raise NoAnswer(f"an answer to request {request}, which was not asked")
            found[request] = _parsed(sent[request], kind, content)
        return [found[request] for request in sent]

    def _receive(self, api: str) -> Answer:
        request, kind, content = self._receive_frame()
        if request != self._id:
            raise NoAnswer(f"{api}: an answer to request {request}, not {self._id}")
        return _parsed(api, kind, content)

    def _receive_frame(self) -> tuple[int, int, bytes]:
        (length,) = struct.unpack(">i", self._exactly(4))
        answer = self._exactly(length)
        kind, request = struct.unpack_from(">bi", answer)
        return request, kind, answer[5:]

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = self._socket.recv(count - len(parts))
            if not part:
                raise NoAnswer("the server closed the connection")
            parts += part
        return bytes(parts)


def _parsed(api: str, kind: int, content: bytes) -> Answer:
    if kind == REFUSED:
        refusal = messages.decode("ErrorResponse", content)
        return Answer(refusal["error_code"], refusal.get("error_message", ""))
    if kind != SUCCESS:
        raise NoAnswer(f"{api}: an answer of kind {kind}")
    return Answer(0, body=messages.decode(f"{message_stem(api)}Response", content))

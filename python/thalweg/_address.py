"""Where a server is: `thalweg://user@host:9130`."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from thalweg.errors import ThalwegError

FLIGHT_PORT = 9130
FLUSS_PORT = 9123
# Scheme: whether it names the Flight door (else Fluss's own), and whether that speaks TLS.
_SCHEMES = {"thalweg": (True, False), "thalweg+tls": (True, True), "fluss": (False, False), "fluss+tls": (False, True)}


# Where systems keep the certificates that they believe, besides what Python's own OpenSSL says.
_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def system_authorities() -> bytes | None:
    """Certificates as PEM; None where this system has none in one file."""
    for place in (ssl.get_default_verify_paths().cafile, *_BUNDLES):
        if place and Path(place).is_file():
            return Path(place).read_bytes()
    return None


@dataclass(frozen=True)
class Address:
    """An address, taken apart. Its text never holds the password."""

    flight: bool
    tls: bool
    host: str
    port: int
    user: str
    password: str

    def __repr__(self) -> str:
        return f"Address({self})"

    def __str__(self) -> str:
        scheme = next(name for name, kind in _SCHEMES.items() if kind == (self.flight, self.tls))
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{self.user + '@' if self.user else ''}{host}:{self.port}"


def parse(text: str, user: str | None, password: str | None) -> Address:
    """`user` and `password` go before those in the text; else THALWEG_USER and THALWEG_PASSWORD."""
    parts = urlsplit(text if "://" in text else f"thalweg://{text}")
    if parts.scheme not in _SCHEMES:
        raise ThalwegError(f"{parts.scheme}:// is no address of Thalweg: write thalweg://host:{FLIGHT_PORT}.")
    try:
        port = parts.port
    except ValueError as error:
        raise ThalwegError(f"{text!r} has no valid port: {error}.") from None
    if not parts.hostname or parts.path not in ("", "/") or parse_qs(parts.query):
        raise ThalwegError(f"{text!r} is no address: write thalweg://host:{FLIGHT_PORT}.")
    if ":" in unquote(parts.username or "") or ":" in (user or ""):
        raise ThalwegError("A user name must not hold a colon.")
    flight, tls = _SCHEMES[parts.scheme]
    name = user if user is not None else unquote(parts.username or "") or os.environ.get("THALWEG_USER", "")
    secret = password if password is not None else unquote(parts.password or "") or os.environ.get("THALWEG_PASSWORD", "")
    if name and not secret:
        raise ThalwegError(f"The user {name!r} needs a password: give password=…, or set THALWEG_PASSWORD.")
    return Address(flight, tls, parts.hostname, port or (FLIGHT_PORT if flight else FLUSS_PORT), name, secret if name else "")

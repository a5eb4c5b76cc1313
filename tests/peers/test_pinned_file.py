"""A fetched file is the pinned one or none, and is fetched once."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from peers import pinned_file

CONTENT = b"a package"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class _Index(BaseHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self) -> None:  # noqa: N802 (the base class names it)
        self.asked.append(self.path)
        pages = {
            "/simple/river/": b'<a href="../../files/river-1.0.tar.gz#sha256=00">river-1.0.tar.gz</a>',
            "/files/river-1.0.tar.gz": CONTENT,
        }
        self.send_response(200 if self.path in pages else 404)
        self.end_headers()
        self.wfile.write(pages.get(self.path, b""))

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A package index of one file; the value is the list of what it was asked for."""
    _Index.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Index)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield _Index.asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_is_fetched_once(index: list[str], tmp_path: Path) -> None:
    for _ in range(2):
        path = pinned_file.fetch("river", "river-1.0.tar.gz", SHA256, tmp_path / "cache")
        assert path.read_bytes() == CONTENT
    assert index == ["/simple/river/", "/files/river-1.0.tar.gz"]


def test_a_damaged_copy_is_fetched_again(index: list[str], tmp_path: Path) -> None:
    (tmp_path / "river-1.0.tar.gz").write_bytes(b"half")
    assert pinned_file.fetch("river", "river-1.0.tar.gz", SHA256, tmp_path).read_bytes() == CONTENT


def test_another_content_is_refused(index: list[str], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not the pinned"):
        pinned_file.fetch("river", "river-1.0.tar.gz", "0" * 64, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unlisted_file_is_told(index: list[str], tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="lists no river-2.0.tar.gz"):
        pinned_file.fetch("river", "river-2.0.tar.gz", SHA256, tmp_path)

"""Files from the package index, by exact name and hash."""

from __future__ import annotations

import hashlib
import html
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

DEFAULT_INDEX = "https://pypi.org/simple"
TIMEOUT_S = 180


def configured_index() -> str:
    """The index that pip would use here: its environment, then its configuration, then PyPI."""
    from_environment = os.environ.get("PIP_INDEX_URL")
    if from_environment:
        return from_environment
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True
    )
    # A missing key is how pip says "not configured"; a missing pip leaves the default as well.
    return asked.stdout.strip() if asked.returncode == 0 and asked.stdout.strip() else DEFAULT_INDEX


def fetch(project: str, file_name: str, sha256: str, directory: Path) -> Path:
    """`file_name` of `project`, in `directory`, fetched unless a copy with this hash is there already.

    The index is read by its HTML page (PEP 503), so that no build is run for a source package.
    """
    target = directory / file_name
    if target.exists() and _sha256(target.read_bytes()) == sha256:
        return target
    page_url = f"{configured_index().rstrip('/')}/{project}/"
    page = _read(page_url).decode()
    for link in re.findall(r'href="([^"]+)"', page):
        url = urllib.parse.urljoin(page_url, html.unescape(link)).split("#")[0]
        if urllib.parse.unquote(url.rsplit("/", 1)[-1]) == file_name:
            break
    else:
        raise LookupError(f"{page_url} lists no {file_name}: set PIP_INDEX_URL to an index that has it")
    content = _read(url)
    if _sha256(content) != sha256:
        raise ValueError(f"{url} has SHA-256 {_sha256(content)}, not the pinned {sha256}: refusing to use it")
    directory.mkdir(parents=True, exist_ok=True)
    partial = directory / f"{file_name}.{os.getpid()}.part"
    partial.write_bytes(content)
    partial.rename(target)
    return target


def _read(url: str) -> bytes:
    """The body at `url`; a user and password in it become a basic authorisation header."""
    parts = urllib.parse.urlsplit(url)
    if parts.username:
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        bare = parts._replace(netloc=parts.netloc.rsplit("@", 1)[1]).geturl()
        passwords.add_password(
            None, bare, urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or "")
        )
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
        url = bare
    else:
        opener = urllib.request.build_opener()
    with opener.open(url, timeout=TIMEOUT_S) as answer:
        return answer.read()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

"""What a process has of the machine at a moment."""

from __future__ import annotations

import os
import re
from pathlib import Path


def anonymous_bytes(pid: int) -> int:
    """Its resident memory that is no file's."""
    return _status_bytes(pid, "RssAnon")


def resident_bytes(pid: int) -> int:
    """All of its resident memory."""
    return _status_bytes(pid, "VmRSS")


def _status_bytes(pid: int, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None, f"the kernel does not tell {name}"
    return int(found.group(1)) << 10


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))

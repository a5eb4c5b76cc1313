"""What a process has of the machine at a moment."""

from __future__ import annotations

import os
import re
from pathlib import Path


def anonymous_bytes(pid: int) -> int:
    """Its resident memory that is no file's."""
    found = re.search(r"^RssAnon:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None, "the kernel does not tell RssAnon"
    return int(found.group(1)) << 10


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))

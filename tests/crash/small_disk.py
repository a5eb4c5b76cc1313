"""A file system of a few MiB that a test can fill."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def mounted(at: Path, megabytes: int) -> Iterator[str]:
    """An ext4 image mounted at `at`; a tmpfs where there are no loop devices. Its kind. Needs root."""
    at.mkdir(parents=True)
    image = at.with_suffix(".img")
    kind = "ext4"
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    made = subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], capture_output=True, text=True)
    looped = made.returncode == 0 and subprocess.run(["mount", "-o", "loop", str(image), str(at)]).returncode == 0
    if not looped:
        kind = "tmpfs"
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(at)], check=True)
    try:
        yield kind
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)

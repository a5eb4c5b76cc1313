"""What the disk under the data directory does by itself: write and fdatasync, one after the other."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from figures import percentile

FILE_BYTES = 128 << 20


@dataclass(frozen=True)
class Synced:
    bytes_per_s: float
    p50_ms: float
    p99_ms: float


def write_and_sync(directory: Path, size: int, seconds: float) -> Synced:
    """Overwrites a file that was written before, `size` bytes at a time, each followed by fdatasync.

    One write is in flight at a time. A file that had to grow would also pay for the file system's own journal.
    """
    block = os.urandom(size)
    latencies: list[float] = []
    with tempfile.NamedTemporaryFile(dir=directory, prefix="device-") as file:
        descriptor = file.fileno()
        zeros = bytes(1 << 20)
        for _ in range(FILE_BYTES // len(zeros)):
            os.write(descriptor, zeros)
        os.fsync(descriptor)
        places = max(1, FILE_BYTES // size)
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            at = time.perf_counter()
            os.pwrite(descriptor, block, len(latencies) % places * size)
            os.fdatasync(descriptor)
            latencies.append(time.perf_counter() - at)
        elapsed = time.perf_counter() - began
    return Synced(
        size * len(latencies) / elapsed, percentile(latencies, 0.5) * 1e3, percentile(latencies, 0.99) * 1e3
    )

"""What the disk under the data directory does by itself: write and fdatasync, one after the other."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from figures import percentile

FILE_BYTES = 128 << 20
READ_BYTES = 256 << 10


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


def beside_reads(directory: Path, size: int, seconds: float, read_bytes_per_s: float) -> tuple[float, float]:
    """How much longer (p50, p99; 1 is no longer) a write with fdatasync takes while a file that is not in the page cache
    is read at that pace, 256 KiB at a time."""
    alone = write_and_sync(directory, size, seconds)
    over = threading.Event()
    with tempfile.NamedTemporaryFile(dir=directory, prefix="device-") as file:
        block = os.urandom(1 << 20)
        for _ in range(int(read_bytes_per_s * seconds) // len(block) + 1):
            os.write(file.fileno(), block)
        os.fsync(file.fileno())

        def read() -> None:
            began, done = time.perf_counter(), 0
            while not over.is_set():
                if done % FILE_BYTES == 0:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                got = len(os.pread(file.fileno(), READ_BYTES, done % os.fstat(file.fileno()).st_size))
                done += got
                time.sleep(max(0.0, began + done / read_bytes_per_s - time.perf_counter()))

        reader = threading.Thread(target=read)
        reader.start()
        try:
            beside = write_and_sync(directory, size, seconds)
        finally:
            over.set()
            reader.join()
    return beside.p50_ms / alone.p50_ms, beside.p99_ms / alone.p99_ms

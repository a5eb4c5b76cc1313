"""What the kernel knows of a process: its CPU clock, its memory, and the bytes on our own sockets."""

from __future__ import annotations

import os
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path

CPUCLOCK_SCHED = 2  # include/linux/posix-timers.h: the run time that the scheduler counts, in nanoseconds
TCP_INFO_BYTES_ACKED_AT = 120  # struct tcp_info, followed by tcpi_bytes_received
QUIET_SHARE = 0.05  # of one core
QUIET_S = 0.3


def cpu_s(pids: list[int]) -> float:
    """CPU seconds that these processes have used, threads that have ended included.

    The clock that clock_getcpuclockid(3) names: user and system time at the scheduler's resolution, where
    /proc/PID/stat counts ticks of 10 ms.
    """
    return sum(time.clock_gettime(((~pid) << 3) | CPUCLOCK_SCHED) for pid in pids)


def own_cpu_s() -> float:
    return time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)


def machine_busy_s() -> float:
    """CPU seconds of everything on the machine, what the hypervisor took away included."""
    fields = [int(value) for value in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Memory:
    anonymous_mb: float
    total_mb: float


def memory(pids: list[int]) -> Memory:
    """Resident memory, summed; MB are 10^6 bytes."""
    anonymous = total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "RssAnon":
                anonymous += int(value.split()[0])
            elif name == "VmRSS":
                total += int(value.split()[0])
    return Memory(anonymous * 1024 / 1e6, total * 1024 / 1e6)


def device_bytes_read(pids: list[int]) -> int:
    """What the kernel fetched from the device for these processes: page cache hits do not count."""
    found = 0
    for pid in pids:
        fields = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
        found += int(fields["read_bytes"])
    return found


def wait_until_quiet(pids: list[int], seconds_max: float) -> bool:
    """Until these processes use next to no CPU; false if they are still busy after `seconds_max`."""
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline:
        before = cpu_s(pids)
        time.sleep(QUIET_S)
        if cpu_s(pids) - before < QUIET_SHARE * QUIET_S:
            return True
    return False


def wire_bytes() -> dict[str, tuple[int, int]]:
    """Per TCP socket of this process (by inode): bytes that the peer acknowledged, bytes received from it."""
    found = {}
    for entry in os.listdir("/proc/self/fd"):
        try:
            name = os.readlink(f"/proc/self/fd/{entry}")
            if not name.startswith("socket:"):
                continue
            ours = socket.socket(fileno=os.dup(int(entry)))
        except OSError:  # closed meanwhile
            continue
        with ours:
            if ours.family not in (socket.AF_INET, socket.AF_INET6) or ours.type != socket.SOCK_STREAM:
                continue
            info = ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            found[name] = struct.unpack_from("=QQ", info, TCP_INFO_BYTES_ACKED_AT)
    return found


class Wire:
    """Adds up what this process sends and receives over TCP. Sockets that are closed between two looks count as far
    as the last look saw them: look before closing."""

    def __init__(self) -> None:
        self._last = wire_bytes()
        self.sent = 0
        self.received = 0

    def look(self) -> None:
        now = wire_bytes()
        for name, (sent, received) in now.items():
            sent_before, received_before = self._last.get(name, (0, 0))
            self.sent += sent - sent_before
            self.received += received - received_before
        self._last = now

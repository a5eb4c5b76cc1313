"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path


def facts(directory: Path, root: Path) -> dict[str, str | int | float]:
    return {
        "when": time.strftime("%Y-%m-%d %H:%M:%S %Z"),
        "commit": _output(["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]),
        "processor": _field("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count() or 0,
        "memory_mb": int(_field("/proc/meminfo", "MemTotal").split()[0]) // 1000,
        "kernel": platform.release(),
        "file_system": _output(["df", "--output=fstype", str(directory)]).splitlines()[-1],
        "device": _output(["df", "--output=source", str(directory)]).splitlines()[-1],
        "load_before": os.getloadavg()[0],
        "pyfluss": version("pyfluss"),
        "pyarrow": version("pyarrow"),
        "java": _output(["java", "--version"]).splitlines()[0],
        "peer": "Apache Fluss 0.9.1-incubating",
    }


def _output(command: list[str]) -> str:
    """Standard output, or a word for its absence: a missing tool is no reason not to measure."""
    try:
        finished = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return finished.stdout.strip() or "unknown"


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"

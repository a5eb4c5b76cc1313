"""Remembers which files a slow rule found clean, by content; and runs such a rule over the others."""

from __future__ import annotations

import concurrent.futures
import json
import os
import pathlib
import time
from collections.abc import Callable

from tools.check.tree import Problem


class CleanCache:
    """`path` holds one {file: content key} table per rule. Only clean files are remembered."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        self.keys: dict[str, str] = {}
        if path.is_file():
            try:
                self.keys = json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                self.keys = {}  # A torn cache costs time, nothing else.

    def is_clean(self, name: str, key: str) -> bool:
        return self.keys.get(name) == key

    def save(self, clean: dict[str, str]) -> None:
        self.keys |= clean
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(self.keys, indent=0, sort_keys=True), encoding="utf-8")
        fresh.replace(self.path)


def run_cached(
    cache: CleanCache,
    keys: dict[str, str],
    examine: Callable[[str], list[Problem]],
    seconds_max: float = float("inf"),
) -> tuple[list[Problem], list[str]]:
    """Examines the files of `keys` (file: content key) that are not known to be clean, one job per core.

    Returns the problems, and the files left out because `seconds_max` had passed.
    """
    todo = [name for name, key in keys.items() if not cache.is_clean(name, key)]
    deadline = time.monotonic() + seconds_max
    problems: list[Problem] = []
    clean: dict[str, str] = {}
    left: list[str] = []

    def job(name: str) -> list[Problem] | None:
        return examine(name) if time.monotonic() < deadline else None

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for name, found in zip(todo, pool.map(job, todo)):
            if found is None:
                left.append(name)
            elif found:
                problems += found
            else:
                clean[name] = keys[name]
    cache.save(clean)
    return problems, left


"""Rules `format` (clang-format) and `tidy` (clang-tidy with the few cheap checks of .clang-tidy)."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
from collections.abc import Iterator

from tools.check.cache import CleanCache, run_cached
from tools.check.compile_db import CompileDb, content_key
from tools.check.tree import Problem, Tree, is_production

FORMATTER = "clang-format-19"
TIDY = "clang-tidy-19"
TIDY_SECONDS_MAX = 150  # What a first run may take; the files left over are examined by the next runs.
DIAGNOSTIC = re.compile(r"^(?P<path>/[^:\n]+):(?P<line>\d+):\d+: (?:warning|error): (?P<message>.*?)(?:,-warnings-as-errors)?\]$", re.MULTILINE)


def check_format(tree: Tree) -> Iterator[Problem]:
    files = tree.cpp_files()
    if not files:
        return
    done = subprocess.run(
        [FORMATTER, "--dry-run", "--style=file", *files], cwd=tree.root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        yield Problem(".clang-format", 0, "format", f"{FORMATTER} failed: {done.stderr.strip()[:300]}")
    for name in sorted(set(re.findall(r"^([^:\n]+):\d+:\d+: warning: ", done.stderr, re.MULTILINE))):
        yield Problem(name, 0, "format", "is not formatted: run ./dev fmt")


def check_tidy(tree: Tree, db: CompileDb) -> Iterator[Problem]:
    config = tree.text(".clang-tidy")
    units = {name: unit for name, unit in db.units.items() if name.startswith("thalweg/") and is_production(name)}
    keys = {name: content_key(tree, name, TIDY, config, *units[name].flags) for name in order_by_age(tree, units)}
    root = tree.root.resolve()

    def examine(name: str) -> list[Problem]:
        done = subprocess.run(
            [TIDY, "--quiet", f"-p={db.build}", str(root / name)], cwd=root, capture_output=True, text=True, check=False
        )
        found = [
            Problem(str(path.relative_to(root)), int(m["line"]), "tidy", m["message"] + "]")
            for m in DIAGNOSTIC.finditer(done.stdout)
            if (path := pathlib.Path(m["path"])).is_relative_to(root)
        ]
        if done.returncode and not found:
            found = [Problem(name, 0, "tidy", f"{TIDY} failed: {(done.stderr or done.stdout).strip()[:300]}")]
        return found

    problems, left = run_cached(CleanCache(root / ".cache/check/tidy.json"), keys, examine, TIDY_SECONDS_MAX)
    yield from sorted(set(problems))
    if left:
        yield Problem(
            ".clang-tidy", 0, "tidy",
            f"{len(left)} of {len(keys)} files not examined within {TIDY_SECONDS_MAX} s: run ./dev check tidy again", fatal=False,
        )


def order_by_age(tree: Tree, units: dict) -> list[str]:
    """Newest first, so that a run that does not finish has seen what was worked on."""
    return sorted(units, key=lambda name: -os.stat(tree.root / name).st_mtime)

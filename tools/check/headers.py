"""Rule `headers`: each header compiles alone, and twice in a row."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

from tools.check.cache import CleanCache, run_cached
from tools.check.compile_db import CompileDb, content_key
from tools.check.tree import Problem, Tree

RULE = "headers"
COMPILER = "clang++-19"
ERROR = re.compile(r"^(?P<path>[^:\n]+):(?P<line>\d+):\d+: (?:fatal )?error: (?P<message>.*)$", re.MULTILINE)


def check(tree: Tree, db: CompileDb) -> Iterator[Problem]:
    flags = {name: db.flags_for(name) for name in tree.headers}
    keys = {name: content_key(tree, name, COMPILER, *flags[name]) for name in tree.headers}

    def examine(name: str) -> list[Problem]:
        done = subprocess.run(
            [COMPILER, *flags[name], "-fsyntax-only", "-fno-caret-diagnostics", "-fno-color-diagnostics", "-x", "c++", "-"],
            input=f'#include "{name}"\n#include "{name}"\n', cwd=db.build, capture_output=True, text=True, check=False,
        )
        if done.returncode == 0:
            return []
        found = ERROR.search(done.stderr)
        detail = f"{found['message']} ({found['path']}:{found['line']})" if found else done.stderr.strip()[-300:]
        return [Problem(name, 0, RULE, f"does not compile alone, include or declare what it uses: {detail}")]

    problems, _ = run_cached(CleanCache(tree.root / ".cache/check/headers.json"), keys, examine)
    yield from problems

"""`thalweg sql` on a data directory, one process for a whole script."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from peers.places import thalweg_binary

SCRIPT_S_MAX = 240
MARK = "statement_of_the_test"


class SqlFailed(AssertionError):
    """A statement was refused: the message is the program's."""


def run(data: Path, *arguments: str, script: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(thalweg_binary()), "sql", "--data", str(data), *arguments],
        input=script,
        capture_output=True,
        text=True,
        timeout=SCRIPT_S_MAX,
        check=False,
    )


def answers(data: Path, statements: list[str]) -> list[list[dict[str, Any]]]:
    """The rows of each query; none of a statement that gives none."""
    script = "".join(f"SELECT {number} AS {MARK};\n{statement};\n" for number, statement in enumerate(statements))
    done = run(data, "--format", "json", script=script)
    found: list[list[dict[str, Any]]] = []
    for line in done.stdout.splitlines():
        row = json.loads(line)
        if MARK in row:
            found.append([])
        else:
            found[-1].append(row)
    if done.returncode != 0:
        raise SqlFailed(f"{statements[len(found) - 1]}\n{done.stderr}")
    assert len(found) == len(statements)
    return found

"""`thalweg sql`, one process for a whole script: on a data directory, or on a server."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from peers.places import thalweg_binary

SCRIPT_S_MAX = 240
MARK = "statement_of_the_test"
_TOLD_BY_ENVIRONMENT = ("THALWEG_SERVER", "THALWEG_FLIGHT", "THALWEG_USER", "THALWEG_PASSWORD", "THALWEG_TLS_CA")


class SqlFailed(AssertionError):
    """A statement was refused: the message is the program's."""


def command(place: Path | str | None, *arguments: str) -> list[str]:
    """A path is a directory, a text the Flight address of a server; None says nothing."""
    where = [] if place is None else ["--data" if isinstance(place, Path) else "--server", str(place)]
    return [str(thalweg_binary()), "sql", *where, *arguments]


def environment(**more: str) -> dict[str, str]:
    """Without what the caller's own says of servers."""
    return {name: value for name, value in os.environ.items() if name not in _TOLD_BY_ENVIRONMENT} | more


def run(place: Path | str | None, *arguments: str, script: str = "", **told: str) -> subprocess.CompletedProcess[str]:
    """`told` are variables of the environment."""
    return subprocess.run(
        command(place, *arguments),
        input=script,
        capture_output=True,
        text=True,
        timeout=SCRIPT_S_MAX,
        check=False,
        env=environment(**told),
    )


def answers(place: Path | str, statements: list[str]) -> list[list[dict[str, Any]]]:
    """The rows of each query; none of a statement that gives none."""
    script = "".join(f"SELECT {number} AS {MARK};\n{statement};\n" for number, statement in enumerate(statements))
    done = run(place, "--format", "json", script=script)
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

"""The package is typed: mypy finds nothing in it, and knows what its methods return."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from peers.places import ROOT

PROGRAM = """
import thalweg
table = thalweg.connect("thalweg://host").table("t")
reveal_type(table.get(1))
reveal_type(table.get(("a", 1), columns=["b"]))
reveal_type(table.get(a=1, b="x"))
reveal_type(table.scan(["a"]))
reveal_type(table.upsert([{"a": 1}]).token)
table.gett(1)
"""


def mypy(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--cache-dir", "/dev/null", *words],
        cwd=ROOT / "python", capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip


def test_the_package_and_a_program_that_uses_it(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = mypy(str(program))
    revealed = [line.split('"')[1] for line in done.stdout.splitlines() if "Revealed type" in line]
    assert revealed == [
        "dict[str, Any] | None", "dict[str, Any] | None", "dict[str, Any] | None", "thalweg._scan.Scan", "str",
    ], done.stdout + done.stderr  # fmt: skip
    assert 'has no attribute "gett"' in done.stdout
    whole = mypy()
    assert whole.returncode == 0, whole.stdout

"""The examples of docs/ about the Python package: they run as they stand there, and print what stands below them."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cases.test_docs import blocks, run_python
from peers.places import ROOT, thalweg_binary

PAGES = ("docs/python.md", "docs/tutorial.md")  # the tutorial once more by test_wheel.py, on an installed wheel
PAGE_S_MAX = 120


@pytest.mark.parametrize("page", PAGES)
def test_examples_print_what_the_page_says(page: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sdk.test_docs", str(ROOT / page)], capture_output=True, text=True, timeout=PAGE_S_MAX, check=False,
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}:{os.environ['PYTHONPATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_notebook_has_the_tutorials_code() -> None:
    notebook = json.loads((ROOT / "docs" / "tutorial.ipynb").read_text())
    cells = ["".join(cell["source"]).strip() for cell in notebook["cells"] if cell["cell_type"] == "code"]
    page = [code.strip() for language, code, _ in blocks((ROOT / "docs" / "tutorial.md").read_text()) if language == "python"]
    assert cells == page


def run_page(page: Path) -> list[str]:
    """What is not as the page says."""
    names: dict[str, object] = {"__name__": "__example__"}
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    wrong = []
    for language, code, prints in blocks(page.read_text()):
        printed = run_python(code, names, loop) if language == "python" else run_commands(code, names["server"])
        if prints is not None and printed != prints:
            wrong.append(f"{code}printed\n{printed}but {page.name} says\n{prints}")
    return wrong


def run_commands(text: str, server: object) -> str:
    printed = ""
    for command in text.splitlines():
        words = shlex.split(command, comments=True)
        places = {"THALWEG_SERVER": server.fluss_address, "THALWEG_FLIGHT": server.flight_address}  # type: ignore[attr-defined]
        done = subprocess.run(
            [str(thalweg_binary()), *words[1:]], env={**os.environ, **places}, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        printed += done.stdout
    return printed


if __name__ == "__main__":
    problems = run_page(Path(sys.argv[1]))
    print("\n".join(problems), flush=True)
    sys.exit(1 if problems else 0)

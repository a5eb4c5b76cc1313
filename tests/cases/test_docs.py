"""The examples of README.md and docs/: they run as they stand there, and print what stands below them."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.child import Child
from peers.places import ROOT, SDK_DIR, thalweg_binary
from peers.thalweg import ThalwegServer

PAGES = ("README.md", "docs/data_model.md", "docs/merge_engines.md")
PAGE_S_MAX = 60
ADDRESS = "127.0.0.1:9123"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str) -> list[tuple[str, str, str | None]]:
    """Language and text of each block that can be run, and what it prints: the block without a language right behind it."""
    found = []
    all_blocks = list(BLOCK.finditer(text))
    for block, after in zip(all_blocks, [*all_blocks[1:], None], strict=True):
        language, code = block.groups()
        if language not in ("python", "sh"):
            continue
        prints = after[2] if after and not after[1] and not text[block.end() : after.start()].strip() else None
        found.append((language, code, prints))
    return found


def test_blocks_are_found_with_what_they_print() -> None:
    text = "a\n```python\nprint(1)\n```\n\n```\n1\n```\n```sh\nthalweg\n```\ntext\n```\nno output\n```\n```yaml\nx\n```\n"
    assert blocks(text) == [("python", "print(1)\n", "1\n"), ("sh", "thalweg\n", None)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ThalwegServer]:
    started = ThalwegServer(tmp_path / "server").start()
    yield started
    started.kill()


@pytest.mark.parametrize("page", PAGES)
def test_examples_print_what_the_page_says(page: str, server: ThalwegServer, tmp_path: Path) -> None:
    """In a process of its own: the client's threads outlive a page."""
    child = Child(
        [sys.executable, "-m", "cases.test_docs", str(ROOT / page), server.bootstrap], tmp_path / "log", cwd=ROOT / "tests"
    )
    try:
        status = child.wait(PAGE_S_MAX)
    finally:
        child.kill()
    assert status == 0, child.last_output(60)


def run_page(page: Path, bootstrap: str) -> list[str]:
    """Runs its examples one after the other, as `python -m asyncio` would; what is not as the page says."""
    names: dict[str, object] = {"__name__": "__example__"}
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    wrong = []
    # README's example has its own asyncio.run, in a loop of its own.
    for language, code, prints in blocks(page.read_text()):
        if language == "sh":
            printed = run_commands(code, bootstrap)
        else:
            printed = run_python(code.replace(ADDRESS, bootstrap), names, loop)
        if prints is not None and printed != prints:
            wrong.append(f"{code}printed\n{printed}but {page.name} says\n{prints}")
    return wrong


def run_commands(text: str, bootstrap: str) -> str:
    printed = ""
    for command in text.replace("\\\n", " ").splitlines():
        words = shlex.split(command, comments=True)
        if words and words[0] == "thalweg":
            done = subprocess.run(
                [str(thalweg_binary()), *words[1:]], env={**os.environ, "THALWEG_SERVER": bootstrap},
                capture_output=True, text=True, timeout=30, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            printed += done.stdout
    return printed


def run_python(code: str, names: dict[str, object], loop: asyncio.AbstractEventLoop) -> str:
    out = io.StringIO()
    compiled = compile(code, "<example>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    with contextlib.redirect_stdout(out):
        result = eval(compiled, names)  # noqa: S307: the examples of this repository
        if asyncio.iscoroutine(result):
            loop.run_until_complete(result)
    return out.getvalue()


if __name__ == "__main__":
    # As if the wheel were installed.
    sys.path.insert(0, str(SDK_DIR))
    os.environ["THALWEG_BINARY"] = str(thalweg_binary())
    problems = run_page(Path(sys.argv[1]), sys.argv[2])
    print("\n".join(problems), flush=True)
    os._exit(1 if problems else 0)  # Not by way of the interpreter's end, which threads of the client were seen to abort.

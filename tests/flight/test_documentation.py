"""The examples of docs/flight.md: they run as they stand there, and print what stands below them."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from cases.test_docs import blocks, run_python
from flight.conftest import FlightServer
from flight.messages import PROTO, generate
from peers.child import Child
from peers.places import ROOT

PAGE = ROOT / "docs/flight.md"
PAGE_S_MAX = 60


def test_examples_print_what_the_page_says(tmp_path: Path) -> None:
    server = FlightServer(tmp_path / "server")
    server.start()
    child = Child([sys.executable, "-m", "flight.test_documentation", server.address], tmp_path / "log", cwd=ROOT / "tests")
    try:
        status = child.wait(PAGE_S_MAX)
    finally:
        child.kill()
    assert status == 0, child.last_output(60)
    server.stop()


def test_every_message_is_on_the_page() -> None:
    page = PAGE.read_text()
    names = [line.split()[1] for line in (PROTO / "flight.proto").read_text().splitlines() if line.startswith("message ")]
    # What is only ever a part of another is explained with it.
    parts = {"TableName", "Columns", "Literal", "Predicate", "Range", "BucketRange", "LookUpResult", "TableDefinition"}
    assert [name for name in names if name not in parts and name not in page] == []


def run_page(address: str) -> list[str]:
    names: dict[str, object] = {"__name__": "__example__"}
    loop = asyncio.new_event_loop()
    wrong = []
    generate(Path(tempfile.mkdtemp()))
    for language, code, prints in blocks(PAGE.read_text()):
        if language != "python":
            continue
        printed = run_python(code.replace("grpc://127.0.0.1:9130", address), names, loop)
        if prints is not None and printed != prints:
            wrong.append(f"{code}printed\n{printed}but the page says\n{prints}")
    return wrong


if __name__ == "__main__":
    problems = run_page(sys.argv[1])
    print("\n".join(problems), flush=True)
    os._exit(1 if problems else 0)

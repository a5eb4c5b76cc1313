"""Makes docs/tutorial.ipynb of docs/tutorial.md: `.venv/bin/python tools/notebook.py`. Text becomes text cells, Python becomes code
cells; what they print is left to the kernel."""

from __future__ import annotations

import json
import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
PYTHON = re.compile(r"^```python\n(.*?)^```\n(?:\n```\n.*?^```\n)?", re.MULTILINE | re.DOTALL)


def cell(kind: str, text: str) -> dict[str, object]:
    of = {"cell_type": kind, "metadata": {}, "source": text.strip().splitlines(keepends=True)}
    return of | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def notebook(page: str) -> dict[str, object]:
    cells, at = [], 0
    for block in PYTHON.finditer(page):
        if text := page[at : block.start()].strip():
            cells.append(cell("markdown", text))
        cells.append(cell("code", block[1]))
        at = block.end()
    if text := page[at:].strip():
        cells.append(cell("markdown", text))
    python = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return {"cells": cells, "metadata": python, "nbformat": 4, "nbformat_minor": 4}


if __name__ == "__main__":
    made = json.dumps(notebook((DOCS / "tutorial.md").read_text()), indent=1, ensure_ascii=False) + "\n"
    (DOCS / "tutorial.ipynb").write_text(made)

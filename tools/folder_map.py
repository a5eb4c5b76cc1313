"""The folder map of docs/ARCHITECTURE.md, made from what the modules declare about themselves, so that it cannot go stale."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

from tools.check.tree import Problem, Tree

DOCUMENT = "docs/ARCHITECTURE.md"
BEGIN = "<!-- folder map: begin (made by ./dev fmt from the CMakeLists.txt of each folder; do not edit) -->"
END = "<!-- folder map: end -->"


def render(tree: Tree) -> str:
    ranks, testing = tree.layers["rank"], tree.layers["testing"]["folder"]
    rows = ["| Rank | Folder | Purpose | Includes |", "|---|---|---|---|"]
    order = {name: position for position, name in enumerate(ranks)}
    for name in sorted((name for name in tree.modules if name in ranks), key=lambda name: (ranks[name], order[name])):
        module = tree.modules[name]
        deps = ", ".join(sorted(module.deps, key=lambda dep: (order.get(dep, 99), dep))) or "–"
        rows.append(f"| {ranks[name]} | `thalweg/{name}` | {module.purpose} | {deps} |")
    if testing in tree.modules:
        deps = ", ".join(tree.modules[testing].deps) or "–"
        rows.append(f"| – | `thalweg/{testing}` | {tree.modules[testing].purpose} | {deps} |")
    rows += [
        f"| – | `{folder}` | {purpose} | |"
        for folder, purpose in tree.layers["beside"].items()
        if any(name.startswith(f"{folder}/") for name in tree.files)
    ]
    if "dev" in tree.files:
        rows.append("| – | `dev` | the one entry script | |")
    return "\n".join(rows)


def replace(document: str, table: str) -> str:
    """The document with `table` between its markers. ValueError where a marker is missing."""
    head, begin, rest = document.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"put these two lines where the folder map belongs: {BEGIN} {END}")
    return f"{head}{BEGIN}\n{table}\n{END}{tail}"


def check(tree: Tree) -> Iterator[Problem]:
    path = tree.root / DOCUMENT
    if not path.is_file():
        yield Problem(DOCUMENT, 0, "map", "is missing: write it, with the folder map's markers")
        return
    document = path.read_text(encoding="utf-8")
    try:
        if replace(document, render(tree)) != document:
            yield Problem(DOCUMENT, 0, "map", "its folder map is stale: run ./dev fmt")
    except ValueError as error:
        yield Problem(DOCUMENT, 0, "map", str(error))


def write(root: pathlib.Path) -> bool:
    """Brings the document up to date; says whether it changed."""
    path = root / DOCUMENT
    document = path.read_text(encoding="utf-8")
    fresh = replace(document, render(Tree(root)))
    if fresh != document:
        path.write_text(fresh, encoding="utf-8")
    return fresh != document

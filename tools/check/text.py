"""Rules on the text and the names of files: `size`, `names`, `unfinished`."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator

from tools.check.tree import Problem, Tree

FILE_LINES_MAX = 600
HEADER_LINES_ADVISED = 200
CODE_SUFFIXES = {".h", ".cc", ".py", ".sh", ".java", ".ts", ".cmake"}

# Spelled apart so that this file passes its own rule.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
EMPTY_NAMES = re.compile(r"^(utils?|helpers?|common|misc|managers?)$|_(utils?|helpers?|manager)$")


def is_code(name: str) -> bool:
    return pathlib.Path(name).suffix in CODE_SUFFIXES or name == "dev"


def check_size(tree: Tree) -> Iterator[Problem]:
    for name in filter(is_code, tree.files):
        lines = tree.text(name).count("\n")
        if lines > FILE_LINES_MAX:
            yield Problem(name, 0, "size", f"{lines} lines, the limit is {FILE_LINES_MAX}: one noun per file, split it")
        elif name.endswith(".h") and lines > HEADER_LINES_ADVISED:
            yield Problem(
                name, 0, "size", f"{lines} lines; headers of at most {HEADER_LINES_ADVISED} read well: split the contract", fatal=False
            )


def check_names(tree: Tree) -> Iterator[Problem]:
    for name in tree.files:
        for part in (*pathlib.Path(name).parent.parts, pathlib.Path(name).stem):
            if EMPTY_NAMES.search(part):
                yield Problem(name, 0, "names", f"'{part}' says nothing: name the noun that the file is about")
                break


def check_unfinished(tree: Tree) -> Iterator[Problem]:
    for name in tree.files:
        if not is_code(name) and not name.endswith(".md"):
            continue
        for number, line in enumerate(tree.text(name).splitlines(), 1):
            if found := UNFINISHED.search(line):
                yield Problem(name, number, "unfinished", f"{found[0]}: do it, or file an issue and delete the remark")

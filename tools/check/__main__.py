"""./dev check [RULE...]: holds the tree against the house rules. Exits 1 where one is broken."""

from __future__ import annotations

import argparse
import pathlib
import sys
import time
from collections.abc import Callable, Iterator

from tools import folder_map
from tools.check import headers, layers, symbols, text, tidy
from tools.check.compile_db import CompileDb
from tools.check.tree import Problem, Tree

Rule = Callable[[Tree, pathlib.Path], Iterator[Problem]]

# In the order of their cost. Those that look at a build take it as their second argument.
RULES: dict[str, Rule] = {
    "size": lambda tree, _: text.check_size(tree),
    "names": lambda tree, _: text.check_names(tree),
    "unfinished": lambda tree, _: text.check_unfinished(tree),
    "layers": lambda tree, _: layers.check(tree),
    "map": lambda tree, _: folder_map.check(tree),
    "format": lambda tree, _: tidy.check_format(tree),
    "symbols": lambda tree, build: symbols.check(tree, CompileDb(tree, build)),
    "headers": lambda tree, build: headers.check(tree, CompileDb(tree, build)),
    "tidy": lambda tree, build: tidy.check_tidy(tree, CompileDb(tree, build)),
}


def run(tree: Tree, build: pathlib.Path, rules: list[str]) -> int:
    """Runs the rules, prints what they find, returns how many of them are broken."""
    broken = 0
    for name in rules:
        start = time.monotonic()
        problems = sorted(RULES[name](tree, build))
        for problem in problems:
            print(problem)
        fatal = sum(problem.fatal for problem in problems)
        broken += fatal > 0
        verdict = f"{fatal} problems" if fatal else "ok"
        print(f"check: {name:<10} {verdict} ({time.monotonic() - start:.1f} s)", flush=True)
    print(f"check: {len(rules) - broken} rules kept, {broken} broken", flush=True)
    return broken


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    parser = argparse.ArgumentParser(prog="dev check", description=__doc__)
    parser.add_argument("rules", nargs="*", metavar="RULE", help=f"all, or some of: {', '.join(RULES)}")
    parser.add_argument("--build", default="build/release", help="the build whose objects and commands are looked at")
    arguments = parser.parse_args()
    for name in arguments.rules:
        if name not in RULES:
            parser.error(f"there is no rule {name}; there are: {', '.join(RULES)}")
    return 1 if run(Tree(root), root / arguments.build, arguments.rules or list(RULES)) else 0


if __name__ == "__main__":
    sys.exit(main())

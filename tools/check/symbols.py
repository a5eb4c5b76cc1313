"""Rule `symbols`: clock, file, socket, thread and random functions are called only where their interfaces live.

Looks at the undefined symbols of the object files, so neither a macro nor a wrapper of another library hides a call.
"""

from __future__ import annotations

import fnmatch
import pathlib
import re
import subprocess
import tomllib
from collections.abc import Iterator

from tools.check.compile_db import CompileDb
from tools.check.tree import HERE, Problem, Tree, is_production, module_of

RULE = "symbols"
NM = "llvm-nm-19"
UNDEFINED = re.compile(r"^\s+[Uwv] (.+)$", re.MULTILINE)


def check(tree: Tree, db: CompileDb) -> Iterator[Problem]:
    rules = tomllib.loads((HERE / "symbols.toml").read_text(encoding="utf-8"))
    exempt = rules["exempt"]["folders"]
    for source in filter(is_production, tree.cpp_files("thalweg/")):
        if not source.endswith(".cc") or module_of(source) in exempt:
            continue
        if source not in db.units or not db.units[source].output.is_file():
            yield Problem(source, 0, RULE, f"has no object file under {db.build.name}: run ./dev build {db.build.name}")
            continue
        for symbol in undefined_symbols(db.units[source].output):
            yield from judge(rules, module_of(source), source, symbol)


def undefined_symbols(path: pathlib.Path) -> list[str]:
    done = subprocess.run([NM, "--undefined-only", "--demangle", str(path)], capture_output=True, text=True, check=True)
    return UNDEFINED.findall(done.stdout)


def judge(rules: dict, module: str, source: str, symbol: str) -> Iterator[Problem]:
    for kind, rule in rules["refused"].items():
        if not matches(symbol, rule):
            continue
        if not any(
            module == allowed["folder"] and fnmatch.fnmatchcase(symbol, allowed["symbol"]) for allowed in rules.get("allowed", [])
        ):
            yield Problem(source, 0, RULE, f"calls {symbol} ({kind}): {rule['instead']}")
        return


def matches(symbol: str, rule: dict) -> bool:
    """C functions match by their whole name (also as __name_chk), C++ ones by the beginning of the demangled name."""
    plain = re.sub(r"^__(\w+)_chk$", r"\1", symbol)
    plain = re.sub(r"^__isoc\d+_", "", plain).removesuffix("64")
    return plain in rule["c"] or any(symbol.startswith(prefix) for prefix in rule["cpp"])

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

from tools.check.tree import HERE, Problem, Tree, is_production

RULE = "symbols"
NM = "llvm-nm-19"
UNDEFINED = re.compile(r"^\s+[Uwv] (.+)$", re.MULTILINE)


def check(tree: Tree, build: pathlib.Path) -> Iterator[Problem]:
    rules = tomllib.loads((HERE / "symbols.toml").read_text(encoding="utf-8"))
    for module in tree.modules:
        if module in rules["exempt"]["folders"]:
            continue
        objects = objects_of(tree, build, module)
        yield from missing_objects(tree, build, module, objects)
        for source, path in sorted(objects.items()):
            for symbol in undefined_symbols(path):
                yield from judge(rules, module, source, symbol)


def objects_of(tree: Tree, build: pathlib.Path, module: str) -> dict[str, pathlib.Path]:
    """Object files of the module's production sources, by source; generated sources and stale objects are left out."""
    found = {}
    base = build / "thalweg" / module / "CMakeFiles"
    for path in base.glob("*.dir/**/*.cc.o"):
        source = f"thalweg/{module}/{path.relative_to(base / path.relative_to(base).parts[0])}".removesuffix(".o")
        if (tree.root / source).is_file() and is_production(source):
            found[source] = path
    return found


def missing_objects(tree: Tree, build: pathlib.Path, module: str, objects: dict[str, pathlib.Path]) -> Iterator[Problem]:
    for name in tree.cpp_files(f"thalweg/{module}/"):
        if name.endswith(".cc") and is_production(name) and name not in objects:
            yield Problem(name, 0, RULE, f"has no object file under {build.name}: run ./dev build {build.name}")


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

"""compile_commands.json as the rules need it: the flags under which a module's files compile."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
import shlex

from tools.check.tree import Tree, module_of

# Flags that name outputs or a precompiled header; the number is how many arguments follow.
DROPPED = {"-o": 1, "-c": 0, "-include": 1, "-MD": 0, "-MMD": 0, "-MT": 1, "-MF": 1, "-MQ": 1, "-Winvalid-pch": 0}


@dataclasses.dataclass(frozen=True)
class Unit:
    """One translation unit: its source relative to the root, its object file, and its flags without outputs and
    precompiled headers."""

    source: str
    output: pathlib.Path
    flags: tuple[str, ...]


class CompileDb:
    def __init__(self, tree: Tree, build: pathlib.Path):
        self.tree = tree
        self.build = build
        self.units: dict[str, Unit] = {}
        path = build / "compile_commands.json"
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: run ./dev build {build.name}")
        for entry in json.loads(path.read_text(encoding="utf-8")):
            source = pathlib.Path(entry["directory"], entry["file"]).resolve()
            if source.is_relative_to(tree.root.resolve()):
                name = str(source.relative_to(tree.root.resolve()))
                command = shlex.split(entry["command"])
                output = pathlib.Path(entry["directory"], command[command.index("-o") + 1])
                self.units[name] = Unit(name, output, flags_of(command, entry["file"]))

    def flags_for(self, header: str) -> tuple[str, ...]:
        """The flags of a unit of the header's own module; a module without sources borrows them from one that uses the header."""
        own = [unit for unit in self.units.values() if module_of(unit.source) == module_of(header)]
        users = own or [unit for unit in self.units.values() if header in self.tree.closure(unit.source)]
        candidates = users or list(self.units.values())
        if not candidates:
            raise LookupError(f"no compile command fits {header}")
        return candidates[0].flags


def flags_of(command: list[str], source: str) -> tuple[str, ...]:
    """The flags of one command: without launcher, compiler, source, outputs and precompiled headers."""
    compiler = next(i for i, word in enumerate(command) if pathlib.Path(word).name.startswith("clang++"))
    words = iter(command[compiler + 1 :])
    kept: list[str] = []
    for word in words:
        if word in DROPPED:
            for _ in range(DROPPED[word]):
                next(words)
        elif word == "-Xclang":
            value = next(words)
            if value in ("-include", "-include-pch"):
                next(words), next(words)
            elif value != "-emit-pch":
                kept += [word, value]
        elif word != source and not word.startswith("-fpch-"):
            kept.append(word)
    return tuple(kept)


def content_key(tree: Tree, name: str, *extra: str) -> str:
    """A hash over the file, all that it includes of this tree, what included files are generated from, the pinned
    dependencies, and `extra`."""
    digest = hashlib.sha256()
    for part in (*sorted(tree.closure(name)), *tree.shared_inputs):
        digest.update(f"{part}\0{tree.text(part)}\0".encode())
    for part in extra:
        digest.update(f"{part}\0".encode())
    return digest.hexdigest()

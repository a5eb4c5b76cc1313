"""What the rules look at: the files of the tree, and its modules as their CMakeLists.txt declare them."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import re
import subprocess
import tomllib
from collections.abc import Iterator

HERE = pathlib.Path(__file__).parent
CPP_SUFFIXES = {".h", ".cc"}
NOT_PRODUCTION = re.compile(r"_(test|bench|fuzz)\.cc$|/test_\w+_internal\.h$")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
CMAKE_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|(#[^\n]*)|([()])|([^\s()"#]+)')
MODULE_KEYWORDS = {"NAME", "PURPOSE", "DEPS", "LINK", "TEST_DEPS", "TEST_LINK", "GENERATED"}


@dataclasses.dataclass(frozen=True, order=True)
class Problem:
    """One finding. `message` says what is wrong and what to write instead."""

    path: str
    line: int
    rule: str
    message: str
    fatal: bool = True

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {'' if self.fatal else 'warning: '}[{self.rule}] {self.message}"


@dataclasses.dataclass(frozen=True)
class Include:
    line: int
    target: str


@dataclasses.dataclass(frozen=True)
class Module:
    name: str
    purpose: str
    deps: tuple[str, ...]
    test_deps: tuple[str, ...]


class Tree:
    """A checkout (or a small one made by a test) rooted at `root`."""

    def __init__(self, root: pathlib.Path):
        self.root = root

    @functools.cached_property
    def files(self) -> list[str]:
        """Every file that is or could be committed, as sorted paths relative to the root."""
        if (self.root / ".git").exists():
            listed = subprocess.run(
                ["git", "-C", str(self.root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                check=True, capture_output=True, text=True,
            ).stdout.split("\0")
            return sorted({name for name in listed if name and (self.root / name).is_file()})
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())

    def cpp_files(self, under: str = "") -> list[str]:
        return [name for name in self.files if name.startswith(under) and pathlib.Path(name).suffix in CPP_SUFFIXES]

    @functools.cached_property
    def headers(self) -> list[str]:
        return [name for name in self.cpp_files("thalweg/") if name.endswith(".h")]

    @functools.lru_cache(maxsize=None)
    def text(self, name: str) -> str:
        return (self.root / name).read_text(encoding="utf-8", errors="replace")

    @functools.lru_cache(maxsize=None)
    def includes(self, name: str) -> list[Include]:
        text = self.text(name)
        return [Include(text.count("\n", 0, m.start()) + 1, m[1] or m[2]) for m in INCLUDE.finditer(text)]

    @functools.lru_cache(maxsize=None)
    def closure(self, name: str) -> frozenset[str]:
        """`name` and the files of this tree that it includes, however deep."""
        seen, todo = set(), [name]
        while todo:
            current = todo.pop()
            if current not in seen and (self.root / current).is_file():
                seen.add(current)
                todo.extend(include.target for include in self.includes(current))
        return frozenset(seen)

    @functools.cached_property
    def shared_inputs(self) -> list[str]:
        """What any file may depend on without including it: message schemas, and the pins of the libraries."""
        pins = ("tools/setup/apt.lock", "tools/setup/requirements.txt")
        return [name for name in self.files if name.endswith(".proto") or name in pins]

    @functools.cached_property
    def modules(self) -> dict[str, Module]:
        found = {}
        for path in sorted(self.root.glob("thalweg/*/CMakeLists.txt")):
            module = parse_module(path.read_text(encoding="utf-8"))
            if module is not None:
                found[path.parent.name] = module
        return found

    @functools.cached_property
    def layers(self) -> dict:
        return tomllib.loads((HERE / "layers.toml").read_text(encoding="utf-8"))


def module_of(name: str) -> str:
    """thalweg/log/segment.h -> log; empty for what is not in a module."""
    parts = name.split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "thalweg" else ""


def is_production(name: str) -> bool:
    return NOT_PRODUCTION.search(name) is None


def parse_module(cmake: str) -> Module | None:
    """The first thalweg_module(...) call of a CMakeLists.txt."""
    values: dict[str, list[str]] = {keyword: [] for keyword in MODULE_KEYWORDS}
    keyword = None
    for token in call_arguments(cmake, "thalweg_module"):
        if token in MODULE_KEYWORDS:
            keyword = token
        elif keyword is not None:
            values[keyword].append(token)
    if not values["NAME"]:
        return None
    return Module(values["NAME"][0], " ".join(values["PURPOSE"]), tuple(values["DEPS"]), tuple(values["TEST_DEPS"]))


def call_arguments(cmake: str, function: str) -> Iterator[str]:
    previous, inside = "", False
    for quoted, comment, bracket, word in CMAKE_TOKEN.findall(cmake):
        if comment:
            continue
        if not inside:
            inside = bracket == "(" and previous == function
            previous = word
        elif bracket == ")":
            return
        else:
            yield word or quoted

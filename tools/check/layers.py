"""Rule `layers`: who may include whom, and what must be included by nobody."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from tools.check.tree import Include, Module, Problem, Tree, is_production, module_of

RULE = "layers"


def check(tree: Tree) -> Iterator[Problem]:
    ranks = tree.layers["rank"]
    testing = tree.layers["testing"]["folder"]
    for folder, module in tree.modules.items():
        yield from check_declaration(tree, folder, module, ranks, testing)
    for name in tree.cpp_files():
        for include in tree.includes(name):
            yield from check_price(tree, name, include)
            if module_of(name):
                yield from check_confined(tree, name, include)
                yield from check_include(tree, name, include, ranks, testing)


def check_declaration(tree: Tree, folder: str, module: Module, ranks: dict[str, int], testing: str) -> Iterator[Problem]:
    path = f"thalweg/{folder}/CMakeLists.txt"
    if module.name != folder:
        yield Problem(path, 0, RULE, f"NAME is {module.name}: write NAME {folder}, modules are named as their folders")
    if not module.purpose:
        yield Problem(path, 0, RULE, "write a one-line PURPOSE: the folder map is made of them")
    if folder != testing and folder not in ranks:
        yield Problem(path, 0, RULE, f"folder {folder} has no rank: give it one in tools/check/layers.toml")
        return
    for dep in (*module.deps, *module.test_deps):
        in_tests_only = dep not in module.deps
        if dep == testing:
            if not in_tests_only and folder != testing:
                yield Problem(path, 0, RULE, f"DEPS names {testing}: move it to TEST_DEPS, only tests may see it")
        elif dep not in ranks:
            yield Problem(path, 0, RULE, f"depends on {dep}, which is no ranked folder: name folders of tools/check/layers.toml")
        elif folder != testing and not in_tests_only and ranks[dep] >= ranks[folder]:
            yield Problem(
                path, 0, RULE,
                f"rank {ranks[folder]} depends on {dep} of rank {ranks[dep]}: pass what is needed in from above, "
                f"or move the shared part to a folder below both",
            )


def check_include(tree: Tree, name: str, include: Include, ranks: dict[str, int], testing: str) -> Iterator[Problem]:
    source, target = module_of(name), module_of(include.target)
    if include.target.startswith("thalweg/") and not target:
        yield Problem(name, include.line, RULE, f"{include.target} is in no module: include thalweg/<module>/<header>.h")
        return
    if not target:
        sibling = (tree.root / name).parent / include.target
        if sibling.is_file():
            full = sibling.resolve().relative_to(tree.root.resolve())
            yield Problem(name, include.line, RULE, f'"{include.target}" is relative: include "{full}"')
        return
    if target == source:
        return
    if include.target.endswith("_internal.h") and not any(named(include.target, rule) for rule in tree.layers["confined"]):
        yield Problem(name, include.line, RULE, f"{include.target} is private to thalweg/{target}: use its public headers")
        return
    module = tree.modules.get(source)
    if module is None:
        yield Problem(name, include.line, RULE, f"thalweg/{source} declares nothing: call thalweg_module in its CMakeLists.txt")
        return
    if target == testing:
        if is_production(name):
            yield Problem(name, include.line, RULE, f"{include.target} is for tests only: take an interface of runtime, io or net")
        elif testing not in module.test_deps:
            yield Problem(name, include.line, RULE, f"name {testing} in TEST_DEPS of thalweg/{source}/CMakeLists.txt")
        return
    declared = module.deps if is_production(name) else (*module.deps, *module.test_deps)
    if target not in declared:
        lower = source == testing or ranks.get(target, 99) < ranks.get(source, -1)
        cure = (
            f"name {target} in DEPS of thalweg/{source}/CMakeLists.txt" if lower
            else f"{target} ranks no lower than {source}: pass what is needed in from above"
        )
        yield Problem(name, include.line, RULE, f"{include.target} is not among the DEPS of {source}: {cure}")


def check_confined(tree: Tree, name: str, include: Include) -> Iterator[Problem]:
    for rule in tree.layers["confined"]:
        if named(include.target, rule) and module_of(name) not in rule["folders"]:
            allowed = ", ".join(rule["folders"])
            yield Problem(name, include.line, RULE, f"only {allowed} may include <{include.target}>: {rule['instead']}")


def named(target: str, rule: dict) -> bool:
    return any(fnmatch.fnmatch(target, pattern) for pattern in rule["headers"])


def check_price(tree: Tree, name: str, include: Include) -> Iterator[Problem]:
    for rule in tree.layers["refused"]:
        if fnmatch.fnmatch(include.target, rule["header"]) and (rule["where"] == "anywhere" or is_public_header(name)):
            yield Problem(name, include.line, RULE, f"<{include.target}> is refused: {rule['instead']}")


def is_public_header(name: str) -> bool:
    return name.endswith(".h") and not name.endswith("_internal.h")

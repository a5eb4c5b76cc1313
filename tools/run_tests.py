"""./dev test [ONLY...]: builds, runs every suite, prints their own summaries, and one line over all of them at the end."""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from tools import fuzz
from tools.check.tree import Tree
from tools.tally import Tally, read_junit

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build/test-results"
JOBS = "2"
TSAN_MODULES = ("runtime", "net", "journal", "log", "kv", "tablet", "client")
SUITE_SECONDS_MAX = 1800
REMARKS_SHOWN = 40
TIERED_TESTS = tuple(f"tests/conformance/test_{name}.py" for name in ("pyfluss_suite", "java_client", "interop"))

# A suppressed finding needs a line with its reason in tools/sanitizers/.
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1",
    "LSAN_OPTIONS": f"suppressions={ROOT}/tools/sanitizers/lsan.supp:print_suppressions=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": f"suppressions={ROOT}/tools/sanitizers/tsan.supp:halt_on_error=1:second_deadlock_stack=1",
}


def call(command: list[str], **environment: str) -> bool:
    """Runs a command with its output shown; false where it fails or hangs. What it leaves running is killed."""
    print(f"test: $ {' '.join(command)}", flush=True)
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, env=os.environ | environment, start_new_session=True
    )
    try:
        return process.wait(SUITE_SECONDS_MAX) == 0
    except subprocess.TimeoutExpired:
        print(f"test: stopped after {SUITE_SECONDS_MAX} s: {' '.join(command)}", flush=True)
        return False
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def tested_modules(tree: Tree) -> list[str]:
    return [name for name in tree.modules if any(f.endswith("_test.cc") for f in tree.cpp_files(f"thalweg/{name}/"))]


def unit_tests(preset: str, modules: list[str]) -> Tally:
    """The gtest cases of the modules, under a preset; with release all other targets are built too."""
    targets = [] if preset == "release" else [f"{module}_test" for module in modules]
    if not call(["./dev", "build", preset, *targets]):
        return Tally.broken(f"{preset}: the build failed")
    report = RESULTS / f"{preset}.xml"
    labels = [] if preset == "release" else ["-L", "^(" + "|".join(re.escape(module) for module in modules) + ")$"]
    passed = call(
        ["ctest", "--test-dir", f"build/{preset}", "-j", JOBS, *labels, "--output-on-failure", "--no-tests=error",
         "--output-junit", str(report)],
        **SANITIZER_OPTIONS,
    )
    return read_junit(preset, report, passed)


def pytest(name: str, *what: str) -> Tally:
    if not call(["./dev", "build", "release"]):
        return Tally.broken(f"{name}: the build failed")
    report = RESULTS / f"{name}.xml"
    passed = call([
        sys.executable, "-m", "pytest", *what, "-p", "no:cacheprovider", "-q", f"--junitxml={report}",
    ])
    return read_junit(name, report, passed)


def python_suites(tree: Tree) -> dict[str, str]:
    """Suite name: folder, for `tools`, and for `bench`, `demo` and the folders of `tests` that hold Python tests."""
    found = {}
    for name in tree.files:
        path = pathlib.PurePath(name)
        if not re.fullmatch(r"test_\w+\.py|\w+_test\.py", path.name):
            continue
        if path.parts[0] == "tests" and len(path.parts) > 2:
            found[path.parts[1]] = f"tests/{path.parts[1]}"
        elif path.parts[0] in ("tools", "bench", "demo"):
            found[path.parts[0]] = path.parts[0]
    return found


def suites(tree: Tree) -> dict[str, Callable[[], Tally]]:
    """Every suite that the tree has, the quick ones first."""
    modules = tested_modules(tree)
    python = python_suites(tree)
    found: dict[str, Callable[[], Tally]] = {}
    if "tools" in python:
        found["tools"] = lambda: pytest("tools", python["tools"])
    found["release"] = lambda: unit_tests("release", modules)
    found["asan"] = lambda: unit_tests("asan", modules)
    if racy := [name for name in modules if name in TSAN_MODULES]:
        found["tsan"] = lambda: unit_tests("tsan", racy)
    if fuzz.program_names(tree):
        found["fuzz"] = lambda: fuzz.suite(call)
    for name, folder in python.items():
        if name != "tools":
            found[name] = lambda name=name, folder=folder: pytest(name, folder)
    if "conformance" in python:
        # Once more with Fluss's own test settings, where nearly all that is read comes from remote storage.
        found["tiered"] = lambda: pytest("tiered", *TIERED_TESTS, "--server", "tiered")
    return found


def main() -> int:
    available = suites(Tree(ROOT))
    parser = argparse.ArgumentParser(prog="dev test", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="ONLY", help=f"all, or some of: {', '.join(available)}")
    parser.add_argument("--failed-before", type=int, default=0, metavar="N", help="failures of an earlier step, to add to the count")
    arguments = parser.parse_args()
    for name in arguments.only:
        if name not in available:
            parser.error(f"there is no suite {name}; there are: {', '.join(available)}")

    RESULTS.mkdir(parents=True, exist_ok=True)
    for old in RESULTS.glob("*.xml"):
        old.unlink()
    total = Tally(failed=arguments.failed_before)
    lines = []
    for name in arguments.only or available:
        print(f"\ntest: --- {name} ---", flush=True)
        start = time.monotonic()
        tally = available[name]()
        total += tally
        lines.append(f"{name:<14}{tally}   {time.monotonic() - start:.0f} s")

    print("\ntest: the suites")
    for line in lines:
        print(f"test:   {line}")
    for remark in total.remarks[:REMARKS_SHOWN]:
        print(f"test: {remark}")
    if len(total.remarks) > REMARKS_SHOWN:
        print(f"test: and {len(total.remarks) - REMARKS_SHOWN} more, see above")
    print(f"{total.passed} passed, {total.failed} failed", flush=True)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())

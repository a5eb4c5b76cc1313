"""The test suite that ships in pyfluss's source package: where it comes from, and how all of it is run.

None of its files are kept here; they are fetched by hash into the cache and run as they are. The suite starts a
server of its own only where FLUSS_BOOTSTRAP_SERVERS is unset, so that variable is always given.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from peers import pinned_file
from peers.places import cache_dir

VERSION = "1.0.0"
SOURCE = f"pyfluss-{VERSION}.tar.gz"
SHA256 = "7ade0769e094ff65759b1b96ba5fa6cf6654dd3e4e20a76f21e43d93d53f863b"

SHIPPED_COUNT = 98
# Whom the suite logs in as, over a listener of its own.
SASL_USERS = {"admin": "admin-secret", "alice": "alice-secret"}


@dataclass(frozen=True)
class Outcome:
    """What became of one test: `verdict` is passed, failed, error or skipped."""

    verdict: str
    detail: str


def source_dir() -> Path:
    """The suite's folder, unpacked in the cache; fetches it on first use."""
    unpacked = cache_dir() / "pyfluss-source" / SHA256[:12]
    suite = unpacked / f"pyfluss-{VERSION}" / "bindings" / "python"
    with FileLock(cache_dir() / "pyfluss-source.lock"):
        if not unpacked.exists():
            archive = pinned_file.fetch("pyfluss", SOURCE, SHA256, cache_dir() / "downloads")
            unpacked.parent.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(dir=unpacked.parent))
            try:
                with tarfile.open(archive) as opened:
                    # No `filter=`: Debian 12's Python 3.11.2 does not know it, and the pinned hash vouches for the content.
                    opened.extractall(partial)
                partial.rename(unpacked)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
    return suite


def shipped_names() -> list[str]:
    """Every test of the suite as `file.py::test[param]`, in the suite's order."""
    listing = _pytest(["--collect-only", "-q", "test"], {"FLUSS_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    if listing.returncode != 0:
        raise RuntimeError(f"the suite could not be collected:\n{listing.stdout}\n{listing.stderr}")
    return [_short(line) for line in listing.stdout.splitlines() if "::" in line]


def run(names: list[str], bootstrap: str, sasl_bootstrap: str, scratch: Path) -> dict[str, Outcome]:
    """Runs `names` in one go against `bootstrap`, and against `sasl_bootstrap` those that log in as SASL_USERS. Tells what
    became of each that reported."""
    report = scratch / "pyfluss-suite.xml"
    environment = {
        "FLUSS_BOOTSTRAP_SERVERS": bootstrap,
        "FLUSS_SASL_BOOTSTRAP_SERVERS": sasl_bootstrap,
        "FLUSS_SKIP_CLUSTER_TEARDOWN": "1",
    }
    finished = _pytest(["-q", f"--junitxml={report}", *(f"test/{name}" for name in names)], environment)
    (scratch / "pyfluss-suite.log").write_text(finished.stdout + finished.stderr)
    if not report.exists():
        raise RuntimeError(f"the suite ended with {finished.returncode}:\n{finished.stdout}\n{finished.stderr}")
    outcomes: dict[str, Outcome] = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        module = case.get("classname", "").rsplit(".", 1)[-1]
        name = f"{module}.py::{case.get('name')}"
        outcome = _outcome(case)
        # A failing teardown is reported as a second case of the same name: the worse one stands.
        if name not in outcomes or outcomes[name].verdict == "passed":
            outcomes[name] = outcome
    return outcomes


def _outcome(case: ElementTree.Element) -> Outcome:
    for tag, verdict in (("failure", "failed"), ("error", "error"), ("skipped", "skipped")):
        found = case.find(tag)
        if found is not None:
            return Outcome(verdict, found.text or found.get("message") or "")
    return Outcome("passed", "")


def _short(node_id: str) -> str:
    file, _, test = node_id.partition("::")
    return f"{Path(file).name}::{test}"


def _pytest(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """pytest in the suite's own folder, with the settings of its own project file and none of ours."""
    suite = source_dir()
    settings = suite.parents[1] / "pyproject.toml"
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "FLUSS_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-c", str(settings), f"--rootdir={suite}", "-p", "no:cacheprovider", *arguments],
        cwd=suite,
        env={**inherited, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
    )

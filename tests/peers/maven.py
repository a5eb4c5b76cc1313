"""Jars by Maven, into the cache, once per content of the pom that names them."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from filelock import FileLock

from peers.places import cache_dir

FETCH_S_MAX = 600


def dependencies(pom: Path, name: str, profile: str | None = None) -> Path:
    """A folder with every jar that `pom` needs at run time, under `profile` of it. `name` is what the cache calls it."""
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    jars = cache_dir() / "jars" / f"{name}-{digest}"
    jars.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(cache_dir() / "jars" / f"{name}.lock"):
        if not jars.exists():
            partial = Path(tempfile.mkdtemp(dir=jars.parent))
            try:
                goal = ["dependency:copy-dependencies", f"-DoutputDirectory={partial}", "-DincludeScope=runtime"]
                _mvn(pom, *goal, *([f"-P{profile}"] if profile else []))
                partial.rename(jars)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
    return jars


def classpath(jars: Path) -> str:
    return ":".join(str(jar) for jar in sorted(jars.glob("*.jar")))


def _mvn(pom: Path, *arguments: str) -> None:
    finished = subprocess.run(
        ["mvn", "-q", "-B", "-f", str(pom), *arguments], capture_output=True, text=True, timeout=FETCH_S_MAX
    )
    if finished.returncode != 0:
        raise RuntimeError(f"mvn {' '.join(arguments)} for {pom} failed:\n{finished.stdout}\n{finished.stderr}")

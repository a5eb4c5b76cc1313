"""A server whose disk can be made to fail while it runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from peers.child import Child
from peers.thalweg import ThalwegServer

SOURCE = Path(__file__).with_name("faulty_disk.c")
COMPILER = "clang-19"


def build(directory: Path) -> Path:
    """The library that makes calls fail, compiled into `directory`."""
    library = directory / "faulty_disk.so"
    subprocess.run([COMPILER, "-O1", "-Wall", "-Werror", "-shared", "-fPIC", str(SOURCE), "-o", str(library)], check=True)
    return library


class FaultyServer(ThalwegServer):
    """`fail` makes calls on files fail from then on, `heal` ends that."""

    def __init__(self, directory: Path, library: Path, options: tuple[str, ...]):
        super().__init__(directory, options=options)
        self._rules = directory / "faults"
        self._environment = os.environ | {"LD_PRELOAD": str(library), "THALWEG_FAULTS": str(self._rules)}

    def make_child(self, argv: list[str]) -> Child:
        return Child(argv, self.directory / "server.log", cwd=self.directory, env=self._environment)

    def fail(self, what: str, path_part: str, error: int, often: str) -> None:
        """See faulty_disk.c."""
        new = self._rules.with_suffix(".new")
        new.write_text(f"{what} {path_part} {error} {often}\n")
        new.rename(self._rules)  # In one step: a server may read it at any time.

    def fired(self) -> bool:
        """Whether a fault that comes once has come."""
        return not self._rules.exists()

    def heal(self) -> None:
        self._rules.unlink(missing_ok=True)

"""A real S3 server over a folder, on loopback: versitygw, built on first use from its pinned version by the Go toolchain."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from filelock import FileLock

from peers.child import Child
from peers.places import cache_dir

MODULE = "github.com/versity/versitygw/cmd/versitygw"
VERSION = "v1.8.0"
START_S_MAX = 30.0
STOP_S_MAX = 10.0
# Characters that an address has to escape are in both, as they may be in real ones.
ACCESS_KEY = "THALWEG+TEST"
SECRET_KEY = "se/cret+with=signs%2F"


def binary() -> Path:
    """The server's program in the cache; building it takes two minutes, once."""
    built = cache_dir() / f"versitygw-{VERSION}" / "versitygw"
    with FileLock(cache_dir() / "versitygw.lock"):
        if not built.exists():
            made = subprocess.run(
                ["go", "install", "-p", "2", f"{MODULE}@{VERSION}"],
                env={**os.environ, "GOBIN": str(built.parent)},
                capture_output=True,
                text=True,
            )
            if made.returncode != 0:
                raise RuntimeError(f"versitygw {VERSION} could not be built (it needs Go):\n{made.stderr}")
    return built


class S3Server:
    """Buckets are folders of `directory`/buckets."""

    def __init__(self, directory: Path, port: int):
        self.directory = directory
        self.port = port
        self.buckets = directory / "buckets"
        self._child: Child | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "S3Server":
        self.buckets.mkdir(parents=True, exist_ok=True)
        keys = {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY}
        self._child = Child(
            [str(binary()), "--port", f"127.0.0.1:{self.port}", "posix", str(self.buckets)],
            self.directory / "versitygw.log",
            env={**os.environ, **keys},
        )
        self._child.wait_for_line(rf"127\.0\.0\.1:{self.port}", START_S_MAX)
        return self

    def make_bucket(self, name: str) -> None:
        (self.buckets / name).mkdir()

    def stop(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None


if __name__ == "__main__":
    print(f"versitygw {VERSION}: {binary()}")

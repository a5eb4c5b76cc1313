"""The server under test, started on a data directory of its own and a port that was free."""

from __future__ import annotations

import re
from pathlib import Path

from peers.child import Child
from peers.places import thalweg_binary

START_S_MAX = 30.0
STOP_S_MAX = 10.0
FLUSS_ONLY = ("--flight", "off", "--http", "off")

# The settings of Fluss's own integration tests: each batch becomes a segment, and is copied almost at once.
TIERED_SETTINGS = {"log.segment.file-size": "120b", "remote.log.task-interval-duration": "1s"}


class ThalwegServer:
    """`thalweg serve` that can be stopped, killed and started again on the same port and data.

    `directory` holds the log of all its runs and, under `data/`, what it stores.
    """

    def __init__(
        self,
        directory: Path,
        port: int = 0,
        options: tuple[str, ...] = FLUSS_ONLY,
        listen: str = "127.0.0.1:{port}",
    ):
        self.directory = directory
        self.port = port  # 0 until the first start has found a free one
        self.options = options
        self.listen = listen
        self._child: Child | None = None

    @property
    def data_dir(self) -> Path:
        return self.directory / "data"

    @property
    def bootstrap(self) -> str:
        assert self.port, "not started yet"
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._child is not None, "not running"
        return self._child.pid

    def running(self) -> bool:
        return self._child is not None and self._child.running()

    def start(self) -> "ThalwegServer":
        """Returns once it listens; raises ChildFailed with the server's own words otherwise."""
        self.spawn()
        self.wait_until_listening()
        return self

    def spawn(self) -> None:
        """Starts the process and returns at once."""
        assert not self.running(), "already running"
        binary = thalweg_binary()
        if not binary.is_file():
            raise FileNotFoundError(f"no server at {binary}: run ./dev build release, or set THALWEG_BINARY")
        self.directory.mkdir(parents=True, exist_ok=True)
        argv = [str(binary), "serve", "--data", str(self.data_dir)]
        argv += ["--listen", self.listen.format(port=self.port), *self.options]
        self._child = self.make_child(argv)

    def make_child(self, argv: list[str]) -> Child:
        return Child(argv, self.directory / "server.log", cwd=self.directory)

    def wait_until_listening(self) -> None:
        """After `spawn`. A server that does not come up is killed."""
        assert self._child is not None, "not running"
        try:
            listening = self._child.wait_for_line(r"listening on 127\.0\.0\.1:(\d+)", START_S_MAX)
        except BaseException:
            self._child.kill()
            raise
        self.port = int(listening.group(1))

    def wait_for_line(self, pattern: str) -> re.Match[str]:
        """The first match of `pattern` in what the running server has printed, or will within START_S_MAX."""
        assert self._child is not None, "not running"
        return self._child.wait_for_line(pattern, START_S_MAX)

    def kill(self) -> None:
        """kill -9."""
        if self._child is not None:
            self._child.kill()

    def stop(self) -> None:
        """SIGTERM; raises if the server has crashed before or does not end with status 0 in time."""
        if self._child is None:
            return
        status = self._child.stop(STOP_S_MAX)
        if status != 0:
            raise RuntimeError(
                f"{self._child.describe()} ended with status {status}:\n{self._child.last_output()}"
            )

    def last_output(self) -> str:
        return self._child.last_output() if self._child is not None else "(never started)"


JAAS_MODULE = "org.apache.fluss.security.auth.sasl.plain.PlainLoginModule"


def sasl_settings(users: dict[str, str]) -> dict[str, str]:
    """Options, of Fluss and of Thalweg, that let `users` log in at the listener CLIENT."""
    entries = " ".join(f'user_{name}="{password}"' for name, password in users.items())
    return {
        "security.protocol.map": "CLIENT:SASL,FLUSS:PLAINTEXT",
        "security.sasl.enabled.mechanisms": "PLAIN",
        "security.sasl.plain.jaas.config": f"{JAAS_MODULE} required {entries};",
    }


class SaslServer(ThalwegServer):
    """One that listens twice: without a password at `bootstrap`, with SASL/PLAIN for `users` at `sasl_bootstrap`."""

    def __init__(self, directory: Path, users: dict[str, str], settings: dict[str, str] | None = None):
        directory.mkdir(parents=True, exist_ok=True)
        config = {**sasl_settings(users), **(settings or {})}
        path = directory / "thalweg.yaml"
        path.write_text("".join(f"{name}: {value}\n" for name, value in config.items()))
        super().__init__(
            directory,
            options=(*FLUSS_ONLY, "--config", str(path)),
            listen="FLUSS://127.0.0.1:{port},CLIENT://127.0.0.1:0",
        )

    @property
    def sasl_bootstrap(self) -> str:
        port = self.wait_for_line(r"listening on 127\.0\.0\.1:(\d+) \(CLIENT, SASL/PLAIN\)").group(1)
        return f"127.0.0.1:{port}"


def tiered_server(directory: Path, settings: dict[str, str] | None = None) -> ThalwegServer:
    """One with remote storage in `directory`/remote, or where `remote.data.dir` of `settings` says."""
    directory.mkdir(parents=True, exist_ok=True)
    config = {"remote.data.dir": str(directory / "remote"), **TIERED_SETTINGS, **(settings or {})}
    path = directory / "thalweg.yaml"
    path.write_text("".join(f"{name}: {value}\n" for name, value in config.items()))
    return ThalwegServer(directory, options=(*FLUSS_ONLY, "--config", str(path)))

"""`thalweg.start`: a server of one's own, for notebooks, tests and programs that want no server beside them."""

from __future__ import annotations

import atexit
import os
import queue
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from thalweg.errors import ServerNotStarted

if TYPE_CHECKING:
    from types import TracebackType

    from thalweg._database import Database

STOP_S_MAX = 30.0
LINES_KEPT = 200
_FLUSS = re.compile(r"^Fluss clients: listening on (\S+)")
_FLIGHT = re.compile(r"^Arrow Flight clients: grpc(?:\+tls)?://(\S+)")
_HTTP = re.compile(r"^metrics and health: (http://\S+)")


def server_binary() -> Path:
    """The server's program: THALWEG_BINARY, the one that came with this package, or one on the PATH.

    Raises:
        ServerNotStarted: there is none.
    """
    if named := os.environ.get("THALWEG_BINARY"):
        return Path(named)
    bundled = Path(__file__).parent / "_server" / "bin" / "thalweg"
    if bundled.is_file():
        return bundled
    for folder in os.get_exec_path():
        found = Path(folder, "thalweg")
        # Not the command of this package, which would look for the program again.
        if found.is_file() and os.access(found, os.X_OK) and found.read_bytes()[:4] == b"\x7fELF":
            return found
    raise ServerNotStarted(
        "This package came without the server: install a wheel that has it, or set THALWEG_BINARY to the program."
    )


def server_environment(binary: Path) -> dict[str, str]:
    """What the bundled program needs: it shares libarrow with pyarrow."""
    environment = dict(os.environ)
    if "_server" in binary.parts:
        import pyarrow

        libraries = pyarrow.get_library_dirs()[0]
        before = environment.get("LD_LIBRARY_PATH")
        environment["LD_LIBRARY_PATH"] = f"{libraries}:{before}" if before else libraries
    return environment


class Server:
    """A running server that belongs to this process: it ends with `stop()`, with the `with` block, or with the process.

    Attributes:
        directory: what it stores.
        fluss_address: HOST:PORT for Fluss's own clients, pyfluss among them.
        flight_address: HOST:PORT of Arrow Flight; None where this server has none.
        http_url: its metrics and health; None where they are off.
    """

    def __init__(self, directory: str | os.PathLike[str] | None, options: Mapping[str, str], timeout: float):
        self._temporary = tempfile.mkdtemp(prefix="thalweg-") if directory is None else None
        self.directory = Path(self._temporary or directory or "").absolute()
        self.fluss_address = ""
        self.flight_address: str | None = None
        self.http_url: str | None = None
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._ready: queue.Queue[BaseException | None] = queue.Queue()
        self._process: subprocess.Popen[str] | None = None
        self._stopped = threading.Lock()
        try:
            self._start(options, timeout)
        except BaseException:
            self.stop()
            raise
        atexit.register(self.stop)

    def _start(self, options: Mapping[str, str], timeout: float) -> None:
        binary = server_binary()
        self.directory.mkdir(parents=True, exist_ok=True)
        argv = [str(binary), "serve", "--data", str(self.directory / "data"), "--exit-with", str(os.getpid())]
        for door in ("--listen", "--flight", "--http"):
            argv += [door, "127.0.0.1:0"]
        if options:
            config = self.directory / "thalweg.yaml"
            config.write_text("".join(f"{name}: {value}\n" for name, value in options.items()), encoding="utf-8")
            argv += ["--config", str(config)]
        # The kernel ends the server when the thread that started it ends, so that thread stays with it.
        threading.Thread(target=self._keep, args=(argv, server_environment(binary)), daemon=True, name="thalweg-server").start()
        try:
            failure = self._ready.get(timeout=timeout)
        except queue.Empty:
            raise ServerNotStarted(f"The server was not ready within {timeout:g} s:\n{self.last_output()}") from None
        if failure is not None:
            raise failure

    def _keep(self, argv: list[str], environment: dict[str, str]) -> None:
        """Starts the process and reads what it prints until it ends."""
        try:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
                text=True, errors="replace",
            )  # fmt: skip
        except OSError as error:
            self._ready.put(ServerNotStarted(f"{argv[0]} could not be started: {error}"))
            return
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line.rstrip("\n"))
            self._note(line)
        status = self._process.wait()
        self._ready.put(ServerNotStarted(f"The server ended with status {status}:\n{self.last_output()}"))

    def _note(self, line: str) -> None:
        if found := _FLUSS.match(line):
            self.fluss_address = self.fluss_address or found[1]
        elif found := _FLIGHT.match(line):
            self.flight_address = found[1]
        elif found := _HTTP.match(line):
            # The last of what it says before it serves.
            self.http_url = found[1]
            self._ready.put(None)

    def connect(self, **options: object) -> Database:
        """As `thalweg.connect` with this server's address."""
        from thalweg._database import connect

        return connect(self.address, **options)  # type: ignore[arg-type]

    @property
    def address(self) -> str:
        """What `thalweg.connect` takes."""
        return f"thalweg://{self.flight_address}" if self.flight_address else f"fluss://{self.fluss_address}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def last_output(self) -> str:
        """What the server printed last."""
        return "\n".join(self._lines)

    def stop(self) -> None:
        """Ends the server, and deletes its directory where that was a temporary one. Harmless when it has ended before."""
        with self._stopped:
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(signal.SIGTERM)
                try:
                    self._process.wait(STOP_S_MAX)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
            if self._temporary is not None:
                shutil.rmtree(self._temporary, ignore_errors=True)
        atexit.unregister(self.stop)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<thalweg.Server {self.address}, data in {self.directory}{'' if self.running else ', ended'}>"


def start(
    directory: str | os.PathLike[str] | None = None, *, options: Mapping[str, str] | None = None, timeout: float = 60.0
) -> Server:
    """Starts a private server on free ports of this machine.

    It is a complete, durable server: what it acknowledged is on disk. It ends when this process does, however that happens.

    Args:
        directory: where its data stays; None: a temporary directory that goes with the server.
        options: settings of thalweg.yaml, by name.
        timeout: seconds it may take to be ready.

    Raises:
        ServerNotStarted: the message says why, in the server's own words.

    Example:
        >>> with thalweg.start() as server:
        ...     db = server.connect()
    """
    return Server(directory, options or {}, timeout)

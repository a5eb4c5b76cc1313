"""The real Apache Fluss 0.9.1 on this machine: ZooKeeper, one coordinator, one tablet server, as they ship.

    python -m peers.java_fluss DIRECTORY      (from tests/) runs one until SIGTERM or Ctrl-C
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
import time
from pathlib import Path

import fluss

from peers import maven
from peers.child import Child, ChildFailed

START_S_MAX = 90.0
STOP_S_MAX = 20.0
RETRY_S = 0.05

POM = Path(__file__).with_name("java_fluss.xml")
OPENED_PACKAGES = ["java.base/java.nio", "java.base/java.lang", "java.base/sun.nio.ch"]


class JavaFluss:
    """A single-machine cluster with one bucket per table by default. `directory` takes all it writes.

    `settings` go into both servers' configuration. Each server listens twice: to everybody at `bootstrap`, and at
    `sasl_bootstrap` as the settings say of the listener CLIENT.
    """

    def __init__(self, directory: Path, settings: dict[str, str] | None = None):
        self.directory = directory.resolve()
        self.settings = settings or {}
        self.zookeeper_port, self.coordinator_port, self.tablet_port, *self._client_ports = _free_ports(5)
        self._children: list[Child] = []

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.coordinator_port}"

    @property
    def sasl_bootstrap(self) -> str:
        return f"127.0.0.1:{self._client_ports[0]}"

    @property
    def pids(self) -> list[int]:
        """Coordinator and tablet server, without ZooKeeper."""
        return [child.pid for child in self._children[1:]]

    def start(self) -> "JavaFluss":
        """Returns once a client sees the tablet server."""
        jars = maven.classpath(maven.dependencies(POM, "java-fluss"))
        self._write_configuration()
        deadline = time.monotonic() + START_S_MAX
        try:
            zookeeper = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
            self._java("zookeeper", jars, ["-Xmx256m"], [zookeeper, "zoo.cfg"])
            self._wait_for_port(self.zookeeper_port, deadline)
            servers = "org.apache.fluss.server"
            for name, main_class, memory in (
                ("coordinator", f"{servers}.coordinator.CoordinatorServer", ["-Xmx1g"]),
                ("tablet", f"{servers}.tablet.TabletServer", ["-Xmx4g", "-XX:MaxDirectMemorySize=4g"]),
            ):
                opened = [f"--add-opens={package}=ALL-UNNAMED" for package in OPENED_PACKAGES]
                self._java(name, jars, [*opened, *memory], [main_class, "--configDir", name])
            self._wait_for_port(self.coordinator_port, deadline)
            asyncio.run(self._wait_for_tablet_server(deadline))
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stops all three, servers first; what does not go by itself is killed."""
        while self._children:
            child = self._children.pop()
            # A JVM that has to be killed is no finding about the server under test.
            with contextlib.suppress(ChildFailed):
                child.stop(STOP_S_MAX)

    def _java(self, name: str, jars: str, jvm: list[str], main: list[str]) -> None:
        quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        argv = ["java", quiet, *jvm, "-cp", jars, *main]
        self._children.append(Child(argv, self.directory / f"{name}.log", cwd=self.directory))

    def _write_configuration(self) -> None:
        where = self.directory
        shared = {
            "zookeeper.address": f"127.0.0.1:{self.zookeeper_port}",
            "zookeeper.path.root": "/fluss",
            "remote.data.dir": where / "remote",
            "default.bucket.number": 1,
            "default.replication.factor": 1,
            **self.settings,
        }
        listeners = [
            f"FLUSS://127.0.0.1:{plain},CLIENT://127.0.0.1:{other}"
            for plain, other in zip((self.coordinator_port, self.tablet_port), self._client_ports, strict=True)
        ]
        coordinator = {"bind.listeners": listeners[0]}
        tablet = {
            "bind.listeners": listeners[1],
            "tablet-server.id": 0,
            "data.dir": where / "data",
        }
        for name, settings in (("coordinator", coordinator), ("tablet", tablet)):
            (where / name).mkdir(parents=True, exist_ok=True)
            lines = [f"{key}: {value}\n" for key, value in {**shared, **settings}.items()]
            (where / name / "server.yaml").write_text("".join(lines))
        (where / "zoo.cfg").write_text(
            "tickTime=2000\n"
            f"dataDir={where / 'zookeeper'}\n"
            f"clientPort={self.zookeeper_port}\n"
            "clientPortAddress=127.0.0.1\n"
            "admin.enableServer=false\n"
        )

    def _check(self, deadline: float, waited_for: str) -> None:
        for child in self._children:
            if not child.running():
                raise ChildFailed(f"{child.describe()} ended:\n{child.last_output()}")
        if time.monotonic() > deadline:
            raise ChildFailed(f"no {waited_for} within {START_S_MAX:g} s; logs are in {self.directory}")

    def _wait_for_port(self, port: int, deadline: float) -> None:
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            self._check(deadline, f"listener on port {port}")
            time.sleep(RETRY_S)

    async def _wait_for_tablet_server(self, deadline: float) -> None:
        while True:
            with contextlib.suppress(fluss.FlussError):
                connection = await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": self.bootstrap}))
                async with connection:
                    nodes = await connection.get_admin().get_server_nodes()
                if any(node.server_type == "TabletServer" for node in nodes):
                    return
            self._check(deadline, "tablet server")
            await asyncio.sleep(RETRY_S)


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago; a start that loses the race for one fails with the loser's log."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def main() -> None:
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    peer = JavaFluss(directory)
    try:
        peer.start()
        print(f"listening on {peer.bootstrap}, pids {' '.join(map(str, peer.pids))}", flush=True)
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        peer.stop()


if __name__ == "__main__":
    main()

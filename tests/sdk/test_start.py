"""A private server: it is complete, and it ends with whoever started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import thalweg


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":  # whoever takes over orphans here may not reap them
            return
        os.sched_yield()
    raise AssertionError(f"process {pid} is still there")


def server_pid(server: thalweg.Server) -> int:
    assert server._process is not None
    return server._process.pid


def test_it_serves_and_leaves_nothing_behind() -> None:
    with thalweg.start() as server:
        db = server.connect()
        table = db.create_table("t", "id INT, a STRING", primary_key="id")
        assert table.get(1) is None
        assert server.running
        assert server.directory.is_dir()
    assert not server.running
    assert not server.directory.exists()
    server.stop()  # once more does no harm


def test_a_directory_that_was_named_is_kept(tmp_path: Path) -> None:
    with thalweg.start(tmp_path / "kept") as server:
        server.connect().create_table("t", "id INT")
    with thalweg.start(tmp_path / "kept") as server:
        assert server.connect().tables() == ["fluss.t"]


def test_two_servers_do_not_get_in_each_others_way() -> None:
    with thalweg.start() as one, thalweg.start() as other:
        one.connect().create_table("t", "id INT")
        assert other.connect().tables() == []


def test_options_reach_the_server(tmp_path: Path) -> None:
    with pytest.raises(thalweg.ServerNotStarted, match="no-such-option"):
        thalweg.start(tmp_path / "a", options={"no-such-option": "1"})
    with thalweg.start(tmp_path / "b", options={"log.segment.file-size": "1mb"}) as server:
        assert server.running


def test_a_directory_in_use_is_refused_with_the_reason(tmp_path: Path) -> None:
    with thalweg.start(tmp_path / "one"), pytest.raises(thalweg.ServerNotStarted, match="another|in use|lock"):
        thalweg.start(tmp_path / "one")


def test_a_program_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THALWEG_BINARY", "/nowhere/thalweg")
    with pytest.raises(thalweg.ServerNotStarted, match="/nowhere/thalweg"):
        thalweg.start()


@pytest.mark.parametrize("end", ["kill", "exit", "exception"])
def test_it_ends_with_the_process_that_started_it(end: str, tmp_path: Path) -> None:
    program = textwrap.dedent(
        f"""
        import os, signal, sys, thalweg
        server = thalweg.start({str(tmp_path / "data")!r})
        print(server._process.pid, flush=True)
        if {end!r} == "kill": os.kill(os.getpid(), signal.SIGKILL)
        if {end!r} == "exception": raise SystemExit("done")
        """
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip().isdigit(), done.stderr
    if end == "kill":
        assert done.returncode == -signal.SIGKILL
    wait_until_gone(int(done.stdout))


def test_started_on_a_thread_that_ends() -> None:
    """The kernel's notice is bound to the thread that started the process."""
    import threading

    servers: list[thalweg.Server] = []
    thread = threading.Thread(target=lambda: servers.append(thalweg.start()))
    thread.start()
    thread.join()
    with servers[0] as server:
        assert server.connect().databases() == ["fluss"]
        assert server.running


def test_the_command_of_the_package_is_the_servers() -> None:
    done = subprocess.run([sys.executable, "-m", "thalweg", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"thalweg {thalweg.__version__}\n"

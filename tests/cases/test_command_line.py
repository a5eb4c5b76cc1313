"""What `thalweg` says and does before it serves, and what it tells once it does."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest

from peers.child import Child
from peers.places import thalweg_binary

# arguments, exit status, what standard error says
REFUSED = [
    (["serve", "--liten", "x"], 2, r"--liten is not known; did you mean --listen\? See thalweg serve --help"),
    (["serve", "--htpt=off"], 2, r"--htpt is not known; did you mean --http\?"),
    (["serve", "--completely-else"], 2, r"--completely-else is not known\. See thalweg serve --help"),
    (["srve"], 2, r"srve is not known; did you mean serve\?"),
    ([], 2, r"subcommand"),
    (["serve", "--listen", "nonsense"], 1, r"--listen: 'nonsense' is not an address.*host:port"),
    (["serve", "--listen", "127.0.0.1:99999"], 1, r"--listen: "),
    (["serve", "--http", "here"], 1, r"--http: 'here' is not an address"),
    (["serve", "--config", "missing.yaml"], 1, r"missing\.yaml"),
    (["serve", "--config", "wrong.yaml"], 1, r"wrong\.yaml: \"thalweg\.jurnal\.size\".*mean \"thalweg\.journal\.size\"\?"),
    (["serve", "--data", "foreign"], 1, r"foreign holds other files \(thesis\.tex\).*Nothing was touched"),
    (["serve", "--data", "future"], 1, r"future was written by a newer Thalweg \(layout 9, .*Nothing was touched"),
]


def listing(root: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in root.rglob("*")
    }


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "wrong.yaml").write_text("thalweg.jurnal.size: 1gb\n")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").write_text("years of work")
    (tmp_path / "future" / "journal").mkdir(parents=True)
    (tmp_path / "future" / "version").write_text("thalweg data layout 9\n")
    (tmp_path / "future" / "journal" / "00000000.wal").write_text("new ways")
    return tmp_path


@pytest.mark.parametrize(("arguments", "status", "says"), REFUSED, ids=lambda value: " ".join(value) if value and isinstance(value, list) else None)
def test_what_cannot_be_done_is_refused_and_nothing_touched(
    place: Path, arguments: list[str], status: int, says: str
) -> None:
    before = listing(place)
    done = subprocess.run(
        [str(thalweg_binary()), *arguments], cwd=place, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == status, done.stderr
    assert re.search(says, done.stderr), done.stderr
    assert done.stdout == ""
    assert listing(place) == before


def test_a_port_in_use_is_named(place: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [str(thalweg_binary()), "serve", "--data", "d", "--http", "off", "--listen", address],
            cwd=place, capture_output=True, text=True, timeout=20, check=False,
        )
    assert done.returncode == 1
    assert address in done.stderr


def test_a_start_tells_where_everything_is(place: Path) -> None:
    child = Child(
        [str(thalweg_binary()), "serve", "--data", "d", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"],
        place / "log", cwd=place,
    )
    try:
        child.wait_for_line(r"^data in d \(acknowledged means on disk\)$", 20)
        child.wait_for_line(r"^0 tables, 0 buckets with data, ready after \d+ ms$", 20)
        fluss = child.wait_for_line(r"^Fluss clients: listening on 127\.0\.0\.1:(\d+)$", 20)
        http = child.wait_for_line(r"^metrics and health: (http://127\.0\.0\.1:\d+/)$", 20)
        socket.create_connection(("127.0.0.1", int(fluss.group(1))), timeout=5).close()
        with urllib.request.urlopen(http.group(1) + "ready", timeout=5) as answer:
            assert answer.status == 200

        second = subprocess.run(
            [str(thalweg_binary()), "serve", "--data", "d", "--listen", "127.0.0.1:0", "--http", "off"],
            cwd=place, capture_output=True, text=True, timeout=20, check=False,
        )
        assert second.returncode == 1
        assert f"process {child.pid}" in second.stderr
        assert child.stop(5) == 0
    finally:
        child.kill()


def test_help_and_version(place: Path) -> None:
    def said(*arguments: str) -> str:
        return subprocess.run(
            [str(thalweg_binary()), *arguments], cwd=place, capture_output=True, text=True, timeout=20, check=True
        ).stdout

    assert re.fullmatch(r"thalweg \d+\.\d+\.\d+\n", said("--version"))
    assert "serve" in said("--help")
    for option in ("--data", "--config", "--listen", "--flight", "--http"):
        assert option in said("serve", "--help")
    assert sorted(os.listdir(place)) == ["foreign", "future", "wrong.yaml"]

"""The tarball of `./dev package`, unpacked where nothing of this checkout is in reach."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from peers.child import Child
from peers.places import ROOT, thalweg_binary

GLIBC = re.compile(r"(linux-vdso|lib(c|m|dl|pthread|rt|resolv)|ld-linux-x86-64)\.so")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked tree."""
    place = tmp_path_factory.mktemp("install")
    done = subprocess.run(
        ["tools/package.sh", str(thalweg_binary().parent), str(place / "out")], cwd=ROOT, capture_output=True, text=True,
        timeout=300, check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (tarball,) = (place / "out").glob("thalweg-*-linux-x86_64.tar.gz")
    with tarfile.open(tarball) as archive:
        archive.extractall(place)
    return place / tarball.name.removesuffix(".tar.gz")


def run(tree: Path, *arguments: str, stdin: str = "") -> str:
    """`env -i bin/thalweg …`"""
    done = subprocess.run(
        [str(tree / "bin" / "thalweg"), *arguments], env={}, cwd=tree.parent, input=stdin, capture_output=True, text=True,
        timeout=60, check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_needs_nothing_but_glibc(tree: Path) -> None:
    for file in [tree / "bin" / "thalweg", *(tree / "lib").glob("*.so*")]:
        text = subprocess.run(["ldd", str(file)], env={"LD_LIBRARY_PATH": ""}, capture_output=True, text=True, check=True).stdout
        for line in text.splitlines():
            if file.parent.name == "bin":
                assert "not found" not in line, line
                assert GLIBC.search(line) or f" {tree.resolve()}/" in line or f" {tree}/" in line, line
            assert ".venv" not in line, line
    assert ".venv" not in subprocess.run(
        ["readelf", "-d", str(tree / "bin" / "thalweg")], capture_output=True, text=True, check=True
    ).stdout


def test_its_libraries_come_with_their_licences(tree: Path) -> None:
    licences = tree / "share" / "licenses"
    told = (licences / "README.md").read_text()
    for library in (tree / "lib").glob("*.so*"):
        assert library.name in told
    for name in ("LICENSE", "arrow-LICENSE.txt", "arrow-NOTICE.txt", "librocksdb7.8.txt", "libasio-dev.txt"):
        assert (licences / name).stat().st_size > 100, name


def test_it_serves_and_takes_rows(tree: Path) -> None:
    assert re.fullmatch(r"thalweg \d+\.\d+\.\d+\n", run(tree, "--version"))
    child = Child(
        [str(tree / "bin" / "thalweg"), "serve", "--config", str(tree / "etc" / "thalweg.yaml"), "--data", "data",
         "--listen", "127.0.0.1:0", "--http", "off"],
        tree.parent / "log", cwd=tree.parent, env={},
    )
    try:
        server = "127.0.0.1:" + child.wait_for_line(r"listening on 127\.0\.0\.1:(\d+)", 30).group(1)
        run(tree, "table", "create", "t", "id BIGINT, name STRING", "--server", server)
        rows = [{"id": i, "name": f"n{i}"} for i in range(1000)]
        run(tree, "produce", "t", "--server", server, stdin="".join(json.dumps(row) + "\n" for row in rows))
        run(tree, "consume", "t", "--server", server, "--output", "t.parquet")
        run(tree, "produce", "t", "t.parquet", "--server", server)
        lines = run(tree, "consume", "t", "--server", server).splitlines()
        assert [json.loads(line) for line in lines] == rows * 2
        assert child.stop(10) == 0
    finally:
        child.kill()


def test_it_brings_what_s3_takes(tree: Path) -> None:
    config = tree.parent / "s3.yaml"
    config.write_text("remote.data.dir: s3://bucket/folder\ns3.endpoint: http://127.0.0.1:1\ns3.region: nowhere\n")
    child = Child(
        [str(tree / "bin" / "thalweg"), "serve", "--config", str(config), "--data", "s3-data", "--listen", "127.0.0.1:0",
         "--http", "off"],
        tree.parent / "s3-log", cwd=tree.parent, env={},
    )
    try:
        child.wait_for_line(r"listening on", 30)  # without the library it would not start
    finally:
        child.kill()


def test_the_unit_starts_what_is_there(tree: Path) -> None:
    unit = (tree / "lib" / "systemd" / "system" / "thalweg.service").read_text()
    command = re.search(r"^ExecStart=(.*)$", unit, re.M).group(1).split()
    assert command[0] == "/opt/thalweg/bin/thalweg"
    help_text = run(tree, "serve", "--help")
    for word in command[2:]:
        assert not word.startswith("--") or word in help_text, word
        assert not word.startswith("/opt/thalweg/") or (tree / Path(word).relative_to("/opt/thalweg")).exists(), word

"""The wheel of `./dev wheel`, installed into an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow
import pytest

from peers.places import ROOT, thalweg_binary

PROGRAM = """
import thalweg
assert "site-packages" in thalweg.__file__, thalweg.__file__
with thalweg.start() as server:
    table = server.connect().create_table("t", "id INT, a STRING", primary_key="id", buckets=3)
    assert table.get([1, 2], missing="null").num_rows == 2
    with open(f"/proc/{server._process.pid}/maps") as maps:
        loaded = maps.read()
    assert "/_server/bin/thalweg" in loaded and "/pyarrow/libarrow.so.2600" in loaded, loaded
print("works")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        ["tools/wheel.sh", str(thalweg_binary().parent), str(out)], cwd=ROOT, capture_output=True, text=True, timeout=300,
        check=False, env={**os.environ, "PYTHON": sys.executable},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = out.glob("*.whl")
    return made


def test_one_wheel_serves_every_python_from_3_11(wheel: Path) -> None:
    assert wheel.name.endswith("-cp311-abi3-linux_x86_64.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"thalweg/py.typed", "thalweg/_native.abi3.so", "thalweg/_native.pyi", "thalweg/_server/bin/thalweg"} <= set(names)
    assert not [name for name in names if "libarrow" in name or "__pycache__" in name]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment's Python. What the wheel depends on is of this environment, linked to where pip would put it."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True, timeout=120)
    python = venv / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel], check=True, timeout=120)
    (site,) = (venv / "lib").glob("python3*/site-packages")
    import google.protobuf

    for package in (Path(pyarrow.__file__).parent, Path(google.protobuf.__file__).parent.parent):
        (site / package.name).symlink_to(package)
    return python


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "THALWEG", "LD_"))}


def test_it_works_where_it_is_installed(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run([installed, "-c", PROGRAM], env=clean(), cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout, done.returncode) == ("works\n", 0), done.stderr
    command = installed.parent / "thalweg"
    done = subprocess.run([command, "serve", "--help"], env=clean(), capture_output=True, text=True, timeout=60, check=False)
    assert "--exit-with" in done.stdout, done.stderr


def test_the_tutorial_runs_on_what_it_installs(installed: Path, tmp_path: Path) -> None:
    """Its first block makes this environment; pandas and DuckDB are those of this one."""
    page = ROOT / "docs" / "tutorial.md"
    assert "./dev wheel\npython3 -m venv try && try/bin/pip install dist/thalweg-*.whl pandas duckdb\n" in page.read_text()
    search = os.pathsep.join([str(ROOT / "tests"), str(Path(pyarrow.__file__).parents[1])])
    program = "import thalweg, runpy; assert 'installed' in thalweg.__file__; runpy.run_module('sdk.test_docs', run_name='__main__')"
    done = subprocess.run(
        [installed, "-c", program, page], env={**clean(), "PYTHONPATH": search}, cwd=tmp_path, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr

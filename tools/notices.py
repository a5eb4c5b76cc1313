"""Puts the licence of everything that an install tree contains into it: notices.py --arrow PYARROW_DIRECTORY --duckdb DUCKDB_DIRECTORY PREFIX

Libraries of Debian packages come with their package's copyright file; Arrow's come with those of the pyarrow wheel. What is compiled into the
program from headers alone is listed here.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

HEADER_ONLY = ["libasio-dev", "libcli11-dev", "libflatbuffers-dev", "nlohmann-json3-dev"]
ARROW_LIBRARIES = ("libarrow", "libparquet")


class NoNotice(RuntimeError):
    """Something in the tree whose licence is not known: the message names it."""


def package_of(library: str) -> str:
    """The Debian package that holds a library of that file name."""
    found = subprocess.run(["dpkg-query", "--search", f"*/{library}"], capture_output=True, text=True, check=False)
    for line in found.stdout.splitlines():
        packages, _, path = line.partition(": ")
        if path.startswith(("/usr/lib32/", "/usr/libx32/")):
            continue  # the same library for another kind of program
        return packages.split(",")[0].split(":")[0]
    raise NoNotice(f"no Debian package holds {library}: where does it come from?")


def copyright_of(package: str) -> Path:
    path = Path("/usr/share/doc") / package / "copyright"
    if not path.is_file():
        raise NoNotice(f"{path} is missing: install the package with its documents")
    return path


def arrow_notices(arrow: Path) -> list[Path]:
    notices = sorted(arrow.parent.glob("pyarrow-*.dist-info/licenses/*.txt"))
    if not notices:
        raise NoNotice(f"no licence beside {arrow}")
    return notices


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arrow", type=Path, required=True)
    parser.add_argument("--duckdb", type=Path, required=True)
    parser.add_argument("prefix", type=Path)
    options = parser.parse_args(arguments)
    to = options.prefix / "share" / "licenses"
    to.mkdir(parents=True, exist_ok=True)
    table: dict[str, list[str]] = {}
    try:
        for library in sorted(path.name for path in (options.prefix / "lib").glob("*.so*")):
            if library.startswith(ARROW_LIBRARIES):
                table.setdefault("Apache Arrow", []).append(library)
            elif library.startswith("libduckdb"):
                table.setdefault("DuckDB", []).append(library)
            else:
                table.setdefault(package_of(library), []).append(library)
        for package in HEADER_ONLY:
            table.setdefault(package, []).append("compiled into bin/thalweg")
        for package in table:
            if package == "Apache Arrow":
                for notice in arrow_notices(options.arrow):
                    shutil.copyfile(notice, to / f"arrow-{notice.name}")
            elif package == "DuckDB":
                shutil.copyfile(options.duckdb / "LICENSE", to / "duckdb-LICENSE.txt")
            else:
                shutil.copyfile(copyright_of(package), to / f"{package}.txt")
    except NoNotice as error:
        print(f"notices: {error}", file=sys.stderr)
        return 1
    lines = ["# What this tree contains", "", "Thalweg itself: LICENSE (Apache License 2.0).", ""]
    lines += [f"* {package}: {', '.join(parts)}" for package, parts in sorted(table.items())]
    (to / "README.md").write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

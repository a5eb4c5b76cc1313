"""Pins requirements.in, and all that it needs, by version and wheel hash: writes requirements.txt.

What stands there already keeps its version while requirements.in allows it. Run it with .venv/bin/python; it installs nothing.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
HEAD = """\
# Everything Python that the build, the tests, the benchmarks and the demo use, pinned by version and wheel hash for
# Debian 12's CPython 3.11 on x86-64. Made by lock.py from requirements.in; do not edit.
# pyarrow also brings libarrow and its headers, which the server is compiled against: change its version here and in cmake/ together.
"""


def main() -> None:
    locked = HERE / "requirements.txt"
    with tempfile.TemporaryDirectory() as scratch:
        constraints, report = pathlib.Path(scratch, "constraints.txt"), pathlib.Path(scratch, "report.json")
        constraints.write_text("\n".join(re.findall(r"^[\w.-]+==\S+", locked.read_text(), re.MULTILINE)))
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--only-binary", ":all:",
             "--constraint", str(constraints), "--requirement", str(HERE / "requirements.in"), "--report", str(report)],
            check=True,
        )
        installs = json.loads(report.read_text())["install"]
    lines = [
        f"{item['metadata']['name'].lower()}=={item['metadata']['version']} \\\n"
        f"    --hash=sha256:{item['download_info']['archive_info']['hashes']['sha256']}\n"
        for item in installs
    ]
    locked.write_text(HEAD + "".join(sorted(lines)))
    print(f"lock: {len(lines)} packages pinned in {locked}")


if __name__ == "__main__":
    main()

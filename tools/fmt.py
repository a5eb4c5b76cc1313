"""./dev fmt: formats the C++ sources and regenerates the folder map."""

from __future__ import annotations

import pathlib
import subprocess

from tools import folder_map
from tools.check.tidy import FORMATTER
from tools.check.tree import Tree


def main() -> None:
    root = pathlib.Path(__file__).resolve().parent.parent
    files = Tree(root).cpp_files()
    if files:
        subprocess.run([FORMATTER, "-i", "--style=file", *files], cwd=root, check=True)
    print(f"fmt: {len(files)} C++ files formatted")
    print(f"fmt: folder map {'regenerated' if folder_map.write(root) else 'was up to date'}")


if __name__ == "__main__":
    main()

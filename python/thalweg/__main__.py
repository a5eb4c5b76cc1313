"""The command `thalweg` of the package: the server's own program, with all its subcommands."""

from __future__ import annotations

import os
import sys

from thalweg._process import server_binary, server_environment
from thalweg.errors import ThalwegError


def main() -> None:
    try:
        binary = server_binary()
    except ThalwegError as error:
        sys.exit(f"thalweg: {error}")
    os.execve(binary, [str(binary), *sys.argv[1:]], server_environment(binary))


if __name__ == "__main__":
    main()

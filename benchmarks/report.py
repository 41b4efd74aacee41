"""What a section found: rows under headings, printed as one table and kept as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

Cell = str | int | float | None


@dataclass(slots=True)
class Section:
    """`rows` have a cell a heading; floats are printed with three significant digits, None as a dash.

    `notes` are printed under the table: what a figure leaves out, what went wrong. `broken`: a promise was not
    kept, which is no matter of speed; the program then ends with status 1.
    """

    name: str
    title: str
    headings: Sequence[str]
    rows: list[tuple[Cell, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    broken: bool = False

    def add(self, *cells: Cell) -> None:
        assert len(cells) == len(self.headings), (self.headings, cells)
        self.rows.append(cells)

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    def text(self) -> str:
        """A Markdown table with aligned columns."""
        lines = [tuple(self.headings), *(tuple(shown(cell) for cell in row) for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.headings))]
        table = [_line(line, widths) for line in lines]
        table.insert(
            1,
            "|" + "|".join("-" * (width + 1) + (":" if at else "-") for at, width in enumerate(widths)) + "|",
        )
        return "\n".join([f"### {self.title}", "", *table, "", *(f"* {note}" for note in self.notes)])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.rjust(width) if at else cell.ljust(width)
        for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "| " + " | ".join([first, *others]) + " |"


def shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) or abs(cell) >= 100:
        return f"{cell:,.0f}"
    return f"{cell:.3g}"


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; `share` between 0 and 1."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

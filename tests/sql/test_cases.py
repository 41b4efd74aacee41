"""Statements and procedures written against the package by somebody who had not seen it: `cases/`.

Each expectation was derived by hand before the code ran on it, and mistakes of the writer were mended afterwards. What
the code made of them at first sight is in docs/sql.md; the floors are what it has reached since.
"""

from functools import cache
from pathlib import Path

import pytest

from benchmarks.sql_answer import answer
from benchmarks.sql_scores import Answer, Record, by_source, read_procedures, read_records, table

FOLDER = Path(__file__).parent / "cases"
STATEMENTS = read_records(FOLDER / "statements.jsonl")
PROCEDURES = read_procedures(FOLDER / "procedures")

# In per cent: tables F1, tables exact, columns F1, columns exact.
FLOORS = {"statements": (99.3, 98.3, 99.7, 99.5), "procedures": (99.8, 98.5, 98.8, 92.8)}


@cache
def answered(kind: str) -> dict[str, Answer]:
    return {record.id: answer(record) for record in records(kind)}


def records(kind: str) -> list[Record]:
    return STATEMENTS if kind == "statements" else PROCEDURES


@pytest.mark.parametrize("kind", FLOORS)
def test_cases_of_another_hand_are_met_as_often_as_before(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    scores = by_source(records(kind), lambda record: answered(kind)[record.id])
    with capsys.disabled():
        print(f"\n\n{table(scores)}")  # noqa: T201
    overall = scores["overall"]
    figures = (overall.tables.f1, overall.tables.exactly, overall.columns.f1, overall.columns.exactly)
    assert all(100 * figure >= floor for figure, floor in zip(figures, FLOORS[kind], strict=True)), overall.inexact

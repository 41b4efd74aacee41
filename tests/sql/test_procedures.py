"""Procedures whose lineage was derived by hand, in seven dialects: `procedures/*/*.yaml`."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.sql_answer import answer
from benchmarks.sql_scores import Answer, Record, by_source, differences, read_procedures, table
from ingest.sql import SqlLineage, lineage

FOLDER = Path(__file__).parent / "procedures"
RECORDS = read_procedures(FOLDER)
PATHS = sorted(FOLDER.glob("*/*.yaml"))

# In per cent, over both conventions: tables F1, columns F1.
FLOORS = (99.9, 99.9)


@cache
def answered(record_id: str) -> Answer:
    return answer(next(record for record in RECORDS if record.id == record_id))


def read(path: Path) -> tuple[dict[str, Any], SqlLineage]:
    told = yaml.safe_load(path.read_text())
    dialect, schemas = (
        told.get("dialect") or "",
        {t: dict.fromkeys(c, "") for t, c in (told.get("schemas") or {}).items()},
    )
    return told, lineage(told["sql"], dialect, schemas, told.get("default_db"), told.get("default_schema"))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.id)
def test_a_procedure_has_the_lineage_derived_by_hand(record: Record) -> None:
    assert differences(record, answered(record.id)) == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_procedure_is_seen_as_a_job_with_what_is_unresolved_in_it(path: Path) -> None:
    told, found = read(path)
    names = [name.lower() for name in told.get("routines") or ()]
    assert sorted(routine.name for routine in found.routines) == sorted(names)
    unread = {*found.unread, *(it for statement in found.statements for it in statement.unread)}
    assert len(unread) == told.get("unresolved", 0), unread


def test_the_procedures_together_are_as_right_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    scores = by_source(RECORDS, lambda record: answered(record.id))
    with capsys.disabled():
        print(f"\n\n{table(scores)}")  # noqa: T201
    overall = scores["overall"]
    assert 100 * overall.tables.f1 >= FLOORS[0]
    assert 100 * overall.columns.f1 >= FLOORS[1]

"""Statements of other projects' suites get the lineage that their authors expect, as often as FLOORS says.

The records are kept beside the repository (`../shared`, skipped where it is absent). Nothing here may be tuned to a
single record: `DISPUTED` lists the expectations that are wrong or contradict another, and they count all the same.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from benchmarks.sql_answer import answer
from benchmarks.sql_scores import Answer, Edge, Record, Score, by_source, of_record, read_records, table

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "sql-lineage"

# In per cent, over all records, the disputed ones included: tables F1, tables exact, columns F1, columns exact.
FLOORS: dict[str, tuple[float, float, float, float]] = {
    "datahub_aggregator": (94.1, 60.0, 91.8, 80.0),
    "datahub_goldens": (99.2, 97.4, 91.9, 82.3),
    "datahub_multistmt": (100.0, 100.0, 100.0, 100.0),
    "datahub_procedures": (100.0, 100.0, 94.1, 66.6),
    "openlineage": (100.0, 100.0, 100.0, 100.0),
    "sqllineage": (100.0, 100.0, 98.6, 97.3),
    "overall": (99.6, 98.9, 96.1, 92.5),
}

# An expectation that is wrong or contradicts another: why.
DISPUTED: dict[str, str] = {
    "datahub_aggregator-8222f8e50b": "two sessions in one text: a temporary table of one is lasting in the other",
    "datahub_aggregator-8a85472024": "a table is read before a temporary one of its name is made",
    "datahub_goldens-2e43206707": "an unnamed column has a name that no engine gives it",
    "datahub_goldens-755c1bfde5": "a struct's field is its column here, and a path of its own in another record",
    "datahub_goldens-73826bb373": "a WHERE's columns are lineage in this record alone",
    "datahub_goldens-33164c6ff1": "the name of a dictionary is taken for a column of the table",
    "datahub_goldens-2ae8b757c7": "the name of a dictionary is taken for a column of the table",
    "datahub_goldens-775de84f47": "a dictionary is a column; elsewhere a view TO a table writes that table",
    "datahub_procedures-8b9181f078": "a column that comes through SELECT * INTO #t is left out",
    "sqllineage-e16025ce84": "SELECT f1, *: f1 is left out",
    "sqllineage-394709d54b": "a UNION of two SELECTs of different width, which no engine takes",
}


@cache
def records() -> tuple[Record, ...]:
    return tuple(record for path in sorted(FOLDER.glob("*.jsonl")) for record in read_records(path))


@cache
def answers() -> dict[str, Answer]:
    return {record.id: answer(record) for record in records()}


def scores(of: Iterable[Record]) -> dict[str, Score]:
    return by_source(of, lambda record: answers()[record.id])


@pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared is absent")
@pytest.mark.parametrize("source", FLOORS)
def test_the_suites_of_others_are_met_as_often_as_before(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = scores(records())
    if source == "overall":
        undisputed = scores(record for record in records() if record.id not in DISPUTED)
        with capsys.disabled():
            print(f"\n\n{table(found)}\n\nwithout {len(DISPUTED)} disputed\n{table(undisputed)}")  # noqa: T201
    score = found[source]
    figures = (score.tables.f1, score.tables.exactly, score.columns.f1, score.columns.exactly)
    names = ("tables F1", "tables exact", "columns F1", "columns exact")
    too_low = {
        name: f"{100 * figure:.2f} < {floor}"
        for name, figure, floor in zip(names, figures, FLOORS[source], strict=True)
        if 100 * figure < floor
    }
    assert not too_low, "\n".join(score.inexact)


@pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared is absent")
def test_every_source_has_its_floors() -> None:
    assert set(FLOORS) == {record.source for record in records()} | {"overall"}


@pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared is absent")
def test_only_records_that_exist_and_differ_are_disputed() -> None:
    inexact = {it.id for it in records() if of_record(it, answers()[it.id]).inexact}
    assert set(DISPUTED) <= inexact


def record(**changes: object) -> Record:
    known: dict[str, object] = {
        "id": "r",
        "source": "s",
        "dialect": "",
        "sql": "",
        "schemas": {},
        "default_db": "db",
        "default_schema": "main",
        "convention": "hops",
        "inputs": frozenset({"a"}),
        "outputs": frozenset({"b"}),
        "edges": frozenset({Edge("a", "x", "b", "x")}),
    }
    return Record(**known | changes)  # type: ignore[arg-type]


def test_names_are_compared_without_defaults_quotes_and_case() -> None:
    score = of_record(record(), Answer(['DB.main."A"'], ["[main].[b]"], [("db.main.a", "X", "`b`", "x")]))
    assert (score.tables.exact, score.columns.exact, score.inexact) == (1, 1, [])
    assert record().table("db.other.a") == "other.a"


def test_what_a_suite_leaves_open_does_not_count() -> None:
    score = of_record(record(inputs=None, edges=None), Answer(["any"], ["b"], [("a", "b", "c", "d")]))
    assert (score.tables.hits, score.tables.extra, score.tables.exact, score.columns.asserted) == (1, 0, 1, 0)


def test_a_failure_finds_nothing_and_is_not_exact() -> None:
    score = of_record(record(inputs=frozenset(), outputs=frozenset(), edges=frozenset()), None)
    assert (score.answered, score.tables.exact, score.columns.exact, score.tables.f1) == (0, 0, 0, 1.0)


def test_an_open_source_is_met_by_the_column_of_any_table() -> None:
    open_table = record(edges=frozenset({Edge("", "x", "b", "x")}))
    for edges in ([("", "x", "b", "x")], [("a", "x", "b", "x"), ("c", "x", "b", "x")]):
        assert of_record(open_table, Answer(["a"], ["b"], edges)).columns.exact == 1
    assert of_record(open_table, Answer(["a"], ["b"], [("a", "y", "b", "x")])).columns.f1 == 0


def test_edges_out_of_scope_do_not_count() -> None:
    scoped = record(scope=frozenset({("b", "x")}))
    score = of_record(scoped, Answer(["a"], ["b"], [("a", "x", "b", "x"), ("a", "y", "b", "y")]))
    assert score.columns.exact == 1


def test_figures_are_over_items_and_exactness_over_records() -> None:
    answered = {"1": Answer(["a", "c"], ["b"]), "2": Answer(["a"], ["b"])}
    both = [record(id=name, edges=None) for name in answered]
    tables = by_source(both, lambda it: answered[it.id])["s"].tables
    assert (tables.hits, tables.extra, tables.missed, tables.exact, tables.asserted) == (4, 1, 0, 1, 2)
    assert tables.precision == 0.8
    assert tables.f1 == 8 / 9

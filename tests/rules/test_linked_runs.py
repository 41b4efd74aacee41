"""A run that an action started is linked to the firing, by what real OpenLineage events say of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graph.cause import CAUSE_FACET, firing_named, run_id
from graph.model import Envelope, Position, make_urn
from graph.sqlite import SqliteGraph
from ingest import action
from ontology import Ontology
from rules import record
from tests.contract.telling import tell
from tests.reference.events import Json, run_event
from tests.rules.deciding import a_firing
from tests.rules.estate import T0

FIRING, KEY = "a1" * 16, "b2" * 16
STARTED = make_urn("firing", "andon", FIRING)


def airflow(run: str, facet: str = "airflow") -> Json:
    """The part of a facet of Airflow's provider 2.20.3 that is read, as Airflow 3.3.2 sent it."""
    return {
        facet: {
            "_producer": "https://github.com/apache/airflow/tree/providers-openlineage/2.20.3",
            "_schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet",
            "dag": {"dag_id": "repair", "owner": "airflow", "tags": "[]", "timetable": {}},
            "dagRun": {"clear_number": 0, "conf": {"a": 1}, "dag_id": "repair", "run_id": run, "run_type": "manual"},
        }
    }


@pytest.mark.parametrize(
    ("facets", "named"),
    [
        (airflow(run_id(FIRING, KEY)), FIRING),
        (airflow(run_id(FIRING, KEY), "airflowDagRun"), FIRING),
        ({CAUSE_FACET: {"firing": "f1"}}, "f1"),
        ({CAUSE_FACET: {"firing": "f1"}} | airflow(run_id(FIRING, KEY)), "f1"),
        (airflow("scheduled__2026-01-01T00:00:00+00:00"), None),
        (airflow(f"andon__{FIRING}__{KEY}\n"), None),
        (airflow("andon__../../x__y"), None),
        ({CAUSE_FACET: {"firing": ""}}, None),
        ({CAUSE_FACET: {"firing": "f" * 201}}, None),
        ({CAUSE_FACET: [1], "airflow": {"dagRun": []}}, None),
        ({}, None),
    ],
)
def test_a_run_s_facets_name_the_firing_that_had_it_started(facets: Json, named: str | None) -> None:
    assert firing_named({key: json.dumps(value).encode() for key, value in facets.items()}) == named


def test_facets_that_are_no_json_name_nothing() -> None:
    assert firing_named({CAUSE_FACET: b"[" * 100_000, "airflow": b"{"}) is None


def test_run_and_firing_are_found_from_either_side(tmp_path: Path, words: Ontology) -> None:
    graph = SqliteGraph(tmp_path / "graph.db", words)
    decision = record.decision(a_firing(FIRING, 1))
    arrived = Envelope(Position(1), decision.kind, decision.source, T0, b"digest", decision.body)
    with graph.transaction():
        graph.fold(arrived, action.decode(arrived))
    graph.commit(Position(1))
    tell(graph, [
        run_event(2, "START", run="r1", run_facets=airflow(run_id(FIRING, KEY))),
        run_event(3, "COMPLETE", run="r1"),
        run_event(4, "START", run="r2", run_facets=airflow("manual__1")),
    ])  # fmt: skip

    with graph.snapshot() as snapshot:
        firing = snapshot.entity(STARTED)
        assert firing is not None
        [started] = snapshot.related_from(firing, "startedBy", 10)
        assert started.source.name == "r1"
        assert [it.target.urn for it in snapshot.relations(started.source, "startedBy")] == [STARTED]
    graph.close()

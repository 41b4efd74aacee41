"""Events with U+0000, which PostgreSQL's text cannot hold: both stacks keep the bytes and fold the same graph."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graph.model import PRESENT, Instant
from graph.postgres import PostgresGraph
from graph.postgres_journal import PostgresJournal
from graph.projector import Decode, Projector
from graph.reader import EntityQuery
from graph.sqlite import SqliteGraph
from graph.sqlite_journal import SqliteJournal
from ingest import mutation
from ingest.openlineage import Decoder, accept
from ontology import Ontology, load
from tests.contract.telling import dump
from tests.end_to_end.events import dataset, dataset_event, facet, run_event
from tests.servers.postgres import PostgresServer

NAMESPACE = "postgres://db:5432"
NUL = "\x00"
Stack = tuple[SqliteJournal | PostgresJournal, SqliteGraph | PostgresGraph]


def identifier(name: str) -> dict[str, str]:
    return {"namespace": NAMESPACE, "name": name}


def facets() -> dict[str, Any]:
    """Every facet that the fold reads further, with a NUL in each text."""
    return {
        "schema": facet("schema", fields=[{"name": f"co{NUL}l", "type": f"in{NUL}t", "description": f"d{NUL}"}]),
        "documentation": facet("documentation", description=f"what {NUL} it is"),
        "tags": facet("tags", tags=[{"key": f"pi{NUL}i", "value": f"v{NUL}", "source": f"s{NUL}"}]),
        "ownership": facet("ownership", owners=[{"name": f"te{NUL}am", "type": f"ow{NUL}ner"}]),
        "symlinks": facet("symlinks", identifiers=[{**identifier(f"al{NUL}ias"), "type": f"TA{NUL}BLE"}]),
        "columnLineage": facet(
            "columnLineage",
            fields={
                f"co{NUL}l": {
                    "inputFields": [
                        {
                            **identifier("source"),
                            "field": f"fr{NUL}om",
                            "transformations": [{"type": f"DIR{NUL}ECT", "subtype": NUL, "description": NUL}],
                        }
                    ]
                }
            },
        ),
        "version": facet("version", datasetVersion=f"1{NUL}"),
        f"my{NUL}own": facet("own", said=f"a{NUL}b"),
    }


def events() -> list[dict[str, Any]]:
    first = run_event(NAMESPACE, "job", "run", "COMPLETE", 1, ["source"])
    first["outputs"] = [dataset(NAMESPACE, "target", **facets())]
    first["run"]["facets"] = {
        "parent": facet(
            "parent", job={"namespace": NAMESPACE, "name": f"par{NUL}ent"}, run={"runId": f"parent{NUL}run"}
        )
    }
    first["job"]["facets"] = {
        "jobType": facet("jobType", processingType="BATCH", jobType=f"TA{NUL}SK", integration=NUL),
        "sql": facet("sql", query=f"select {NUL} from source"),
    }
    said = {"lifecycleStateChange": "RENAME", "previousIdentifier": identifier(f"o{NUL}ld")}
    renamed = dataset_event(NAMESPACE, "new", 2, lifecycleStateChange=facet("lifecycleStateChange", **said))
    explicit = run_event(NAMESPACE, "explicit", "run2", "COMPLETE", 3, [f"s{3}"], ["t3"])
    entry = {**identifier("t3"), "type": "DATASET", "inputs": [{**identifier(f"hid{NUL}den"), "type": "DATASET"}]}
    explicit["job"]["facets"] = {"lineage": facet("lineage", entries=[entry], lineage=[entry])}
    return [first, renamed, explicit]


@pytest.fixture(scope="module")
def words() -> Ontology:
    return load()


@pytest.fixture
def stacks(tmp_path: Path, postgres: PostgresServer, words: Ontology) -> Iterator[list[Stack]]:
    """Both, having read the events."""
    url = postgres.new_database()
    found: list[Stack] = [
        (SqliteJournal(tmp_path / "journal.db"), SqliteGraph(tmp_path / "graph.db", words)),
        (PostgresJournal(url), PostgresGraph(url, words)),
    ]
    decoders: dict[str, Decode] = {"openlineage": Decoder(words.kind_for_namespace), mutation.KIND: mutation.decode}
    urn = "urn:andon:dataset:postgres%3A%2F%2Fdb%3A5432:target"
    described = mutation.envelope("describe", urn, {"description": f"said{NUL}"}, "ada", Instant(1_772_323_204_000_000))
    for journal, graph in found:
        journal.append([accept(json.dumps(event).encode()) for event in events()])
        journal.append([described])
        Projector(journal, graph, decoders).catch_up()
    yield found
    for journal, graph in found:
        journal.close()
        graph.close()


def test_both_stacks_fold_the_same_of_it_and_refuse_nothing(stacks: list[Stack]) -> None:
    dumps = [dump(graph, PRESENT) for _, graph in stacks]

    assert dumps[0] == dumps[1]
    assert len(dumps[0]) > 15
    assert "\ufffd" in repr(dumps[0]) and NUL not in repr(dumps[0]) and "u0000" not in repr(dumps[0])
    assert stacks[0][1].changes(0, 1_000) == stacks[1][1].changes(0, 1_000)
    assert [journal.dead_letters(10) for journal, _ in stacks] == [[], []]


def test_the_journal_keeps_it_as_it_came(stacks: list[Stack]) -> None:
    for journal, _ in stacks:
        bodies = [it.body for it in journal.read(0, 10)]
        assert bodies[:3] == [json.dumps(event).encode() for event in events()]
        assert bodies[3] is not None and b"said\\u0000" in bodies[3]


def test_it_is_found_by_what_was_sent_and_by_what_is_shown(stacks: list[Stack]) -> None:
    for _, graph in stacks:
        with graph.snapshot() as snapshot:
            for character in ("%00", "%EF%BF%BD"):
                column = f"urn:andon:column:postgres%3A%2F%2Fdb%3A5432:target:co{character}l"
                found = snapshot.entity(column)
                assert found is not None and found.name == "co\ufffdl"
            for character in (NUL, "\ufffd"):
                assert snapshot.find(frozenset({"job"}), NAMESPACE, f"par{character}ent") is not None
                for query in (
                    EntityQuery(tags=frozenset({f"pi{character}i"})),
                    EntityQuery(owners=frozenset({f"te{character}am"})),
                    EntityQuery(search=f"aid{character}", namespaces=frozenset({NAMESPACE, character})),
                    EntityQuery(search=f"l{character}"),
                ):
                    assert [it.name for it in snapshot.entities(query).records] == ["al\ufffdias"], (
                        query
                    )  # the smallest name


def test_dead_letters_are_worded_alike(stacks: list[Stack]) -> None:
    for journal, _ in stacks:
        journal.add_dead_letter("http", f"no{NUL}", f"a{NUL}.b", b"\x00")
        [letter] = journal.dead_letters(1)
        assert (letter.reason, letter.field, letter.body) == ("no\ufffd", "a\ufffd.b", b"\x00")

"""What callers are told is the same wherever RDF is kept: on disk, at an Oxigraph server, at a Fuseki."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
import rdflib

from examples.questions.question import PROLOGUE, questions
from graph.errors import AndonError, InvalidInput, TookTooLong, TooLarge
from graph.model import PRESENT, AsOf, Instant, Position
from graph.rdf.asking import Rdf
from graph.rdf.documents import dump
from graph.rdf.mapping import INFERRED, PEOPLE
from graph.rdf.question import Asked, Limits
from graph.rdf.remote import Server
from graph.rdf.terms import Terms
from graph.reader import EntityQuery
from graph.snapshot import Snapshot
from graph.sqlite import SqliteGraph
from tests.contract.telling import tell
from tests.rdf.listening import Listening
from tests.rdf.parsing import Quads, parsed, quads_of, triples_of
from tests.rdf.test_equality import FACTS, SHOP
from tests.reference.events import ds, micros, mutation

PATIENCE = 60.0
LIMITS = Limits(
    seconds=20, max_bytes=20_000_000, workers=1, memory=10**9, past_states=2, past_triples=10**6
)  # fmt: skip
EVERYTHING = "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }"
LONG = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(?c != ?f && ?f != ?i) }"
HISTORY = [
    *(body for several in FACTS.values() for body in several),
    *SHOP[:60],
    mutation(9, "addTag", ds("a"), key="x", value=None),
]


@pytest.fixture
def open_rdf(place: Server | None, fold: SqliteGraph, terms: Terms, tmp_path: Path) -> Iterator[Callable[..., Rdf]]:
    """Opens RDF of the fold state, kept in a place of each kind; with other limits by keyword."""
    opened: list[Rdf] = []

    def open(**limits: int | float) -> Rdf:
        folder = tmp_path / f"rdf{len(opened)}"
        opened.append(Rdf(fold, fold.position, terms, folder, replace(LIMITS, **limits), server=place))  # type: ignore[arg-type]
        opened[-1].start()
        return opened[-1]

    yield open
    for it in opened:
        it.stop()


def quads(rdf: Rdf, as_of: AsOf = PRESENT) -> Quads:
    """All that it answers with, asked graph by graph."""
    found: Quads = set()
    for name in ("", PEOPLE[1:-1], INFERRED[1:-1]):
        asked = Asked(query=EVERYTHING, as_of=as_of, graph="ntriples", default_graphs=(name,) if name else ())
        answer, _ = rdf.ask(asked, PATIENCE)
        assert answer.outcome == "graph", answer
        found |= {(*it, name) for it in triples_of(parsed(answer.body, "nt"), "")}
    return found


def dumped(fold: SqliteGraph, terms: Terms, as_of: AsOf = PRESENT) -> Quads:
    """All that an export of the embedded fold state says."""
    with fold.snapshot(as_of) as snapshot:
        assert isinstance(snapshot, Snapshot)
        return quads_of(parsed("".join(dump(snapshot, terms, "nquads")), "nquads"))


def test_the_answers_are_the_export_triple_by_triple(
    open_rdf: Callable[..., Rdf], fold: SqliteGraph, terms: Terms
) -> None:
    rdf = open_rdf()
    tell(fold, HISTORY[:50], 5)
    assert quads(rdf) == dumped(fold, terms)
    tell(fold, HISTORY[50:], 5)
    rdf.notice()
    answer, position = rdf.ask(Asked(query="ASK {}", min_position=len(HISTORY)), PATIENCE)
    assert (answer.outcome, position) == ("solutions", len(HISTORY))
    found = quads(rdf)
    assert found == dumped(fold, terms)
    assert {it[3] for it in found} == {"", PEOPLE[1:-1]}


def test_the_past_is_the_export_as_of_then(open_rdf: Callable[..., Rdf], fold: SqliteGraph, terms: Terms) -> None:
    rdf = open_rdf()
    tell(fold, HISTORY, 20)
    for as_of in (AsOf(position=Position(30)), AsOf(Instant(micros(3)), Position(len(HISTORY)))):
        found = quads(rdf, as_of)
        assert found == dumped(fold, terms, as_of)
        assert 0 < len(found) < len(quads(rdf))


def test_every_question_has_the_same_answer_as_on_disk(
    open_rdf: Callable[..., Rdf], fold: SqliteGraph, terms: Terms, tmp_path: Path
) -> None:
    tell(fold, SHOP, 50)
    rdf, on_disk = open_rdf(), Rdf(fold, fold.position, terms, tmp_path / "disk", LIMITS)
    on_disk.start()
    try:
        for question in questions():
            asked = Asked(query=PROLOGUE + question.sparql)
            here, there = (msgspec.json.decode(it.ask(asked, PATIENCE)[0].body) for it in (on_disk, rdf))
            assert question.of_sparql(there) == question.of_sparql(here), question.id
            assert len(there["results"]["bindings"]) == len(here["results"]["bindings"]), question.id
    finally:
        on_disk.stop()


# Formats and datasets


@pytest.mark.parametrize("format", ["json", "xml", "csv", "tsv"])
def test_solutions_in_each_format(open_rdf: Callable[..., Rdf], fold: SqliteGraph, format: str) -> None:
    tell(fold, HISTORY[:40], 20)
    query = PROLOGUE + "SELECT ?it ?name { ?it a andon:Dataset ; andon:name ?name } ORDER BY ?it"
    answer, _ = open_rdf().ask(Asked(query=query, solutions=format), PATIENCE)
    assert answer.outcome == "solutions"
    found = rdflib.query.Result.parse(BytesIO(answer.body), format=format)
    names = [(str(it), str(name)) for it, name in found]  # type: ignore[misc]
    with fold.snapshot() as snapshot:
        records = snapshot.entities(EntityQuery(kinds=frozenset({"dataset"}), include_dropped=True)).records
    assert names == sorted((it.urn, it.name) for it in records)


@pytest.mark.parametrize(
    ("format", "parser"), [("turtle", "turtle"), ("ntriples", "nt"), ("jsonld", "json-ld"), ("rdfxml", "xml")]
)
def test_graphs_in_each_format(open_rdf: Callable[..., Rdf], fold: SqliteGraph, format: str, parser: str) -> None:
    tell(fold, HISTORY[:40], 20)
    rdf = open_rdf()
    query = PROLOGUE + "CONSTRUCT { ?it andon:name ?name } { ?it a andon:Dataset ; andon:name ?name }"
    found, plain = (rdf.ask(Asked(query=query, graph=it), PATIENCE)[0] for it in (format, "ntriples"))
    assert found.outcome == "graph"
    assert triples_of(parsed(found.body, parser)) == triples_of(parsed(plain.body, "nt")) != set()


def test_what_the_caller_takes_none_of_is_unacceptable(open_rdf: Callable[..., Rdf], fold: SqliteGraph) -> None:
    tell(fold, HISTORY[:20], 20)
    rdf = open_rdf()
    assert rdf.ask(Asked(query="ASK {}", solutions=None), PATIENCE)[0].outcome == "unacceptable"
    assert rdf.ask(Asked(query=EVERYTHING, graph=None), PATIENCE)[0].outcome == "unacceptable"


GRAPHS = PROLOGUE + "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }"


def test_the_dataset_is_the_one_that_is_named(
    open_rdf: Callable[..., Rdf], fold: SqliteGraph, outside: Listening
) -> None:
    tell(fold, HISTORY, 20)
    rdf, people, inferred = open_rdf(), PEOPLE[1:-1], INFERRED[1:-1]

    def count(query: str, **graphs: tuple[str, ...]) -> int:
        answer, _ = rdf.ask(Asked(query=query, **graphs), PATIENCE)  # type: ignore[arg-type]
        return len(msgspec.json.decode(answer.body)["results"]["bindings"])

    every, of_people = "SELECT * { ?s ?p ?o }", f"SELECT * {{ GRAPH {PEOPLE} {{ ?s ?p ?o }} }}"
    said = count(of_people)
    assert 0 < said < count(every)
    assert count(every, default_graphs=(people,)) == count(every, default_graphs=(people, inferred)) == said
    assert count(of_people, default_graphs=(people,)) == 0, "no graph is named"
    assert count(of_people, named_graphs=(people,)) == said
    assert count(every, named_graphs=(people,)) == 0, "the default graph is empty"
    assert count(GRAPHS, default_graphs=(inferred,), named_graphs=(people,)) == 1
    assert count(f"SELECT * FROM {PEOPLE} {{ ?s ?p ?o }}") == said
    assert count(f"SELECT * FROM {INFERRED} {{ ?s ?p ?o }}", default_graphs=(people,)) == said, (
        "the protocol's goes first"
    )
    assert count(f"SELECT * FROM <{outside.url}> FROM NAMED <{outside.url}> {{ ?s ?p ?o }}") == 0
    assert count(every, default_graphs=(outside.url,), named_graphs=(outside.url,)) == 0
    assert outside.seen == []


# Limits


@pytest.mark.parametrize("query", [
    "SELECT", "SELECT * { ?s ?p }", "nonsense", "SELECT * { ?s undeclared:p ?o }",
    "INSERT DATA { <urn:a> <urn:b> 1 }", "DELETE WHERE { ?s ?p ?o }", "CLEAR ALL",
])  # fmt: skip
def test_what_is_no_query_is_the_caller_s_fault_and_changes_nothing(
    open_rdf: Callable[..., Rdf], fold: SqliteGraph, terms: Terms, query: str
) -> None:
    tell(fold, HISTORY[:20], 20)
    rdf = open_rdf()
    with pytest.raises(InvalidInput) as caught:
        rdf.ask(Asked(query=query), PATIENCE)
    assert caught.value.field == "query"
    assert quads(rdf) == dumped(fold, terms)


@pytest.mark.parametrize("query", [
    "SELECT * { SERVICE <%s> { ?s ?p ?o } }",
    "SELECT * { SERVICE SILENT <%s> { ?s ?p ?o } }",
    "SELECT * { \\u0053ERVICE <%s> { ?s ?p ?o } }",
    'SELECT * { ?a ?b ?c FILTER(?c <#>"""\nEXISTS { SERVICE <%s> { ?s ?p ?o } }) \n#""")\n }',
])  # fmt: skip
def test_nobody_outside_is_asked(
    open_rdf: Callable[..., Rdf], fold: SqliteGraph, outside: Listening, query: str
) -> None:
    tell(fold, HISTORY[:20], 20)
    rdf = open_rdf()
    try:
        rdf.ask(Asked(query=query % outside.url), PATIENCE)
    except AndonError as error:
        assert isinstance(error, InvalidInput)
    assert outside.seen == []


def test_a_query_that_takes_too_long(open_rdf: Callable[..., Rdf], fold: SqliteGraph) -> None:
    tell(fold, HISTORY, 20)
    rdf = open_rdf(seconds=1)
    rdf.ask(Asked(query="ASK {}"), PATIENCE)
    with pytest.raises(TookTooLong):
        rdf.ask(Asked(query=LONG), PATIENCE)


def test_an_answer_that_is_too_large(open_rdf: Callable[..., Rdf], fold: SqliteGraph) -> None:
    tell(fold, HISTORY[:40], 20)
    with pytest.raises(TooLarge, match="1000 bytes"):
        open_rdf(max_bytes=1_000).ask(Asked(query="SELECT * { ?s ?p ?o }"), PATIENCE)

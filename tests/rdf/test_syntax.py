"""What is written in any format is read by rdflib as what was meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import rdflib
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.rdf.documents import document_text, text
from graph.rdf.syntax import TYPE, Quad, iri, literal, n_quads, typed
from graph.rdf.terms import Terms, term
from ontology import load
from tests.rdf.parsing import parsed, quads_of

TERMS = Terms(load())
PARSERS = {"nquads": "nquads", "trig": "trig", "jsonld": "json-ld"}


def meant(subject: str, predicate: str, value: rdflib.term.Node, graph: str = "") -> tuple[str, str, str, str]:
    return subject, predicate, value.n3(), graph


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ['"', "\\", "\\u0041", "\n\r\t\b\f\x00\x7f", '\'\'"""', "a^^<b>", "@en", "<x>", "_:b", "{}", "#", "."]
)
subjects = st.sampled_from(["urn:andon:dataset:a:b", "urn:andon:job:a:b%20c", "https://andon.dev/ns#x", "urn:a#b"])
graphs = st.sampled_from(["", "", "", "urn:andon:graph:people"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(subjects, texts, graphs), min_size=1, max_size=6), st.sampled_from(sorted(PARSERS)))
def test_any_text_comes_through_every_format(said: list[tuple[str, str, str]], format: str) -> None:
    predicate = term("andon:description")
    quads: list[Quad] = [(iri(s), predicate, literal(t), iri(g) if g else "") for s, t, g in said]
    wanted = {meant(f"<{s}>", predicate, rdflib.Literal(t), g) for s, t, g in said}
    assert quads_of(parsed("".join(text([quads], TERMS, format)), PARSERS[format])) == wanted


def each_kind() -> Iterator[tuple[Quad, rdflib.term.Node]]:
    subject = iri("urn:andon:dataset:a:b")
    for name, said in (
        ("integer", "5"), ("decimal", "1.50"), ("boolean", "true"), ("dateTime", "2026-01-01T00:00:00.5Z"),
        ("date", "2026-01-01"), ("duration", "P1D"), ("anyURI", "https://example.com/a b"),
    ):  # fmt: skip
        datatype = rdflib.URIRef(f"http://www.w3.org/2001/XMLSchema#{name}")
        value = rdflib.Literal(said, datatype=datatype, normalize=False)
        yield (subject, term("andon:x"), typed(said, name), ""), value
    yield (subject, TYPE, term("andon:Dataset"), ""), rdflib.URIRef("https://andon.dev/ns#Dataset")
    yield (subject, term("andon:rowCount"), typed("7", "integer"), ""), rdflib.Literal(7)
    yield (subject, term("andon:derivedFrom"), iri("urn:andon:dataset:a:c"), ""), rdflib.URIRef("urn:andon:dataset:a:c")


@pytest.mark.parametrize("write", [
    lambda quads: ("".join(n_quads(quads)), "nquads"),
    lambda quads: ("".join(text([quads], TERMS, "turtle")), "turtle"),
    lambda quads: ("".join(text([quads], TERMS, "trig")), "trig"),
    lambda quads: ("".join(text([quads], TERMS, "jsonld")), "json-ld"),
    lambda quads: (document_text(quads, TERMS, "jsonld"), "json-ld"),
], ids=["nquads", "turtle", "trig", "jsonld", "jsonld with a narrow context"])  # fmt: skip
def test_each_kind_of_value_keeps_its_type(
    write: Callable[[list[Quad]], tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rdflib, "NORMALIZE_LITERALS", False)
    quads, values = zip(*each_kind(), strict=True)
    document, parser = write(list(quads))
    assert {it[2] for it in quads_of(parsed(document, parser))} == {it.n3() for it in values}


def test_what_no_iri_may_have_is_percent_encoded() -> None:
    assert iri('urn:a b<c>"{}|^`\\é\n') == "<urn:a%20b%3Cc%3E%22%7B%7D%7C%5E%60%5Cé%0A>"


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    assert literal("a\ud800b").encode() == '"a\ufffdb"'.encode()


def test_a_subject_is_written_once_in_its_part() -> None:
    one, other = iri("urn:andon:job:a:b"), iri("urn:andon:job:a:c")
    quads = [(one, TYPE, term("andon:Job"), ""), (other, TYPE, term("andon:Job"), ""),
             (one, term("andon:name"), literal("b"), "")]  # fmt: skip
    body = "".join(text([quads], TERMS, "turtle")).split("\n\n", 1)[1]
    assert body == ('<urn:andon:job:a:b> a andon:Job ;\n    andon:name "b" .\n\n<urn:andon:job:a:c> a andon:Job .\n\n')

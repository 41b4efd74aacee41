"""How a document of facts is read: what it says, and what is refused by which field and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from graph.errors import InvalidInput
from graph.model import Envelope, Instant, Name, Position, parse_instant
from graph.statements import EntityFlow, Rank, Role, Said, Statements
from ingest import facts
from ontology import load

WORDS = load()
AT = "2026-01-01T08:00:00+01:00"
SHOP = "postgres://shop"


def document(*entities: Any, **changes: Any) -> bytes:
    said = {"id": "1", "source": "crawler", "at": AT, "entities": list(entities)}
    return msgspec.json.encode(said | changes)


def entity(type: str = "Table", name: str = "orders", namespace: str = SHOP, **more: Any) -> dict[str, Any]:
    return {"type": type, "namespace": namespace, "name": name} | more


def decoded(body: bytes) -> Statements:
    envelope = Envelope(Position(1), facts.KIND, "crawler", Instant(0), b"", body)
    return facts.Decoder(WORDS)(envelope)


def registers(said: Said) -> dict[str, Any]:
    assert said.facets is not None
    loaded = said.facets.load()
    return {it.key: None if it.value is None else msgspec.json.decode(it.value) for it in loaded.facets}


def refusal(body: bytes) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as refused:
        facts.accept(body, WORDS)
    return refused.value.field, refused.value.reason


def test_an_entity_s_facts_are_registers_of_its_name() -> None:
    body = document(
        entity(
            description="All orders.",
            tags=["gold", {"key": "pii", "value": "high", "field": "email"}],
            owners=[{"name": "team:sales", "type": "steward"}],
            attributes={"rowCount": 5, "sensitivity": "internal"},
            relations={"definedBy": [entity("GlossaryTerm", "order", "glossary"), "urn:andon:glossaryterm:g:a"]},
        )
    )

    statements = decoded(body)

    assert statements.at == parse_instant("2026-01-01T07:00:00Z")
    subject, *mentioned = statements.said
    assert (subject.subject, subject.role, subject.rank) == (
        Name("dataset", SHOP, "orders"), Role.LISTED, Rank.PRODUCER,
    )  # fmt: skip
    assert registers(subject) == {
        "documentation": {"description": "All orders."},
        "tags": {"tags": [{"key": "gold"}, {"key": "pii", "value": "high", "field": "email"}]},
        "ownership": {"owners": [{"name": "team:sales", "type": "steward"}]},
        "attribute:type": "Table",
        "attribute:rowCount": 5,
        "attribute:sensitivity": "internal",
        "relation:definedBy": ["urn:andon:glossaryterm:g:a", "urn:andon:glossaryterm:glossary:order"],
    }
    assert [(it.subject.urn, it.role) for it in mentioned] == [
        ("urn:andon:glossaryterm:g:a", Role.MENTIONED), ("urn:andon:glossaryterm:glossary:order", Role.MENTIONED),
    ]  # fmt: skip


def test_null_ends_what_was_said_and_what_is_left_out_is_not_spoken_of() -> None:
    ended = entity(description=None, tags=[], owners=None, attributes={"rowCount": None}, relations={"definedBy": None})

    [subject] = decoded(document(ended)).said

    assert registers(subject) == {
        "documentation": None, "tags": None, "ownership": None, "attribute:type": "Table", "attribute:rowCount": None,
        "relation:definedBy": [],
    }  # fmt: skip


def test_a_column_s_facts_are_kept_with_its_dataset_and_name_the_column() -> None:
    of_column = entity("Column", path="address.zip", attributes={"personalData": True})
    governs = entity("Policy", "gdpr", "house", relations={"governs": [entity("Column", path="email")]})

    column, policy, mentioned = decoded(document(of_column, governs)).said

    assert (column.subject, column.role) == (Name("dataset", SHOP, "orders"), Role.MENTIONED)
    assert registers(column) == {"attribute:personalData#address.zip": True}
    assert column.facets is not None and column.facets.load().columns == ("address.zip",)
    assert registers(policy)["relation:governs"] == ["urn:andon:column:postgres%3A%2F%2Fshop:orders:email"]
    assert (mentioned.subject, mentioned.role) == (Name("dataset", SHOP, "orders"), Role.MENTIONED)
    assert mentioned.facets is not None and mentioned.facets.load().columns == ("email",)


def test_what_is_dropped_is_dropped() -> None:
    [said] = decoded(document(dropped=["urn:andon:modelversion:mlflow:churn%2F1"])).said

    assert (said.subject, said.role) == (Name("modelversion", "mlflow", "churn/1"), Role.DROPPED)


def test_a_person_s_word_has_the_person_s_rank_and_names_no_column() -> None:
    of_column = entity("Column", path="email", attributes={"personalData": True})
    envelope = facts.envelope_of_person(of_column, "ann", Instant(0), WORDS)

    [said] = decoded(envelope.body).said

    assert (said.role, said.rank) == (Role.PERSON, Rank.PERSON)
    assert said.facets is not None and said.facets.load().columns == ()
    twice = facts.envelope_of_person(of_column, "ann", Instant(0), WORDS)
    assert twice.key != envelope.key, "a person who says a thing twice says two things"


def test_relations_that_carry_lineage_declare_it() -> None:
    dataset, version = Name("dataset", SHOP, "orders"), Name("modelversion", "mlflow", "churn/1")
    trained = entity("ModelVersion", "churn/1", "mlflow", relations={"trainedOn": [dataset.urn], "usesFeature": []})

    declared = decoded(document(trained)).declared

    assert [it.job.name for it in declared] == ["trainedOn", "usesFeature"]
    assert all(it.register for it in declared)
    flows = [it.flows.load().entries for it in declared if it.flows is not None]
    assert flows == [(EntityFlow(version, dataset),), (EntityFlow(version, None),)]


@pytest.mark.parametrize(
    ("range", "said", "kept"),
    [
        ("decimal", 12, b"12"),
        ("decimal", "0012.3400", b"12.34"),
        ("decimal", 1e-7, b"0.0000001"),
        ("decimal", "-0.0", b"0"),
        ("decimal", "12345678901234567890.123456789", b"12345678901234567890.123456789"),
        ("integer", -7, b"-7"),
        ("boolean", False, b"false"),
        ("date", "2026-02-28", b'"2026-02-28"'),
        ("dateTime", "2026-02-28T10:00:00.250+02:00", b'"2026-02-28T08:00:00.250Z"'),
        ("duration", "P1Y2M3DT4H5M6.7S", b'"P1Y2M3DT4H5M6.7S"'),
        ("anyURI", "https://example.com/a?b=c#d", b'"https://example.com/a?b=c#d"'),
        ("string", "any ünit", '"any ünit"'.encode()),
    ],
)
def test_values_are_kept_in_one_spelling(range: str, said: object, kept: bytes) -> None:
    words = replace(WORDS, attributes={"rowCount": replace(WORDS.attributes["rowCount"], range=range)})
    envelope = Envelope(Position(1), facts.KIND, "s", Instant(0), b"", document(entity(attributes={"rowCount": said})))

    [subject] = facts.Decoder(words)(envelope).said

    assert subject.facets is not None
    values = {it.key: it.value for it in subject.facets.load().facets}
    assert values["attribute:rowCount"] == kept


@pytest.mark.parametrize(
    ("said", "field", "reason"),
    [
        (entity("Tabel"), "entities[0].type", "the ontology has no class 'Tabel'"),
        (entity("Agent"), "entities[0].type", "stands above the classes"),
        (entity(name=""), "entities[0].name", "must not be empty"),
        (entity(path="x"), "entities[0].path", "only columns have a path"),
        (entity("Column"), "entities[0].path", "a column is named by its path"),
        (entity("Column", path="x", description="?"), "entities[0]", "its dataset's to say"),
        (entity(atributes={}), "entities[0].atributes", "is no field of this"),
        (entity(tags=[{"value": "x"}]), "entities[0].tags[0].key", "is required"),
        (entity(attributes={"rowsCount": 1}), "entities[0].attributes.rowsCount", "no such attribute"),
        (entity(attributes={"definedBy": 1}), "entities[0].attributes.definedBy", "say it under `relations`"),
        (entity(attributes={"rowCount": "1"}), "entities[0].attributes.rowCount", "expected a whole number, found '1'"),
        (entity(attributes={"rowCount": True}), "entities[0].attributes.rowCount", "found a boolean"),
        (entity(attributes={"rowCount": [1]}), "entities[0].attributes.rowCount", "found an array"),
        (entity(attributes={"rowCount": 2**63}), "entities[0].attributes.rowCount", "64 bits"),
        (entity(attributes={"sensitivity": "secret"}), "entities[0].attributes.sensitivity", "expected one of conf"),
        (entity(attributes={"billedCost": 1}), "entities[0].attributes.billedCost", "is for CostItem"),
        (entity(attributes={"createdAt": AT}), "entities[0].attributes.createdAt", "the graph works it out"),
        (entity("CostItem", attributes={"billedCost": "1e99"}), "entities[0].attributes.billedCost", "40 digits"),
        (entity("CostItem", attributes={"billedCost": "NaN"}), "entities[0].attributes.billedCost", "found 'NaN'"),
        (entity("Incident", attributes={"openedAt": "now"}), "entities[0].attributes.openedAt", "ISO 8601"),
        (entity("RetentionPolicy", attributes={"retentionPeriod": "30 days"}),
         "entities[0].attributes.retentionPeriod", "ISO 8601 duration"),
        (entity(relations={"defineBy": []}), "entities[0].relations.defineBy", "no such relation"),
        (entity(relations={"rowCount": []}), "entities[0].relations.rowCount", "say it under `attributes`"),
        (entity(relations={"governedBy": []}), "entities[0].relations.governedBy", "is read from governs"),
        (entity("Job", relations={"reads": []}), "entities[0].relations.reads", "OpenLineage events tell it"),
        (entity(relations={"governs": []}), "entities[0].relations.governs", "is for Policy"),
        (entity(relations={"definedBy": "x"}), "entities[0].relations.definedBy", "expected `array | null`"),
        (entity(relations={"definedBy": ["x"]}), "entities[0].relations.definedBy[0]", "is not a urn"),
        (entity(relations={"definedBy": ["urn:andon:dataset:a:b"]}), "entities[0].relations.definedBy[0]",
         "expected a GlossaryTerm, found a Dataset"),
        (entity(relations={"definedBy": ["urn:andon:thing:a:b"]}), "entities[0].relations.definedBy[0]", "of kind"),
        (entity(relations={"definedBy": [entity()]}), "entities[0].relations.definedBy[0].type", "found a Table"),
        (entity(relations={"inDomain": ["urn:andon:domain:a:b", "urn:andon:domain:a:c"]}),
         "entities[0].relations.inDomain", "has one target at most, found 2"),
        (7, "entities[0]", "expected `object`, got `int`"),
    ],
)  # fmt: skip
def test_what_the_ontology_has_no_word_for_is_refused(said: Any, field: str, reason: str) -> None:
    found = refusal(document(said))

    assert (found[0], reason in found[1]) == (field, True), found


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (document(), ""),
        (document(entity(), id=""), "id"),
        (document(entity(), at="2026"), "at"),
        (document(entity(), sauce=1), "sauce"),
        (document(entity(), by="ann"), "by"),
        (document(dropped=["x"]), "dropped[0]"),
        (document(dropped=["urn:andon:column:a:b:c"]), "dropped[0]"),
        (document(entity(attributes={"rowCount": 1}), entity(attributes={"rowCount": 2})), "entities[1]"),
        (document(entity(), entity("View")), "entities[1]"),
        (document(entity(), dropped=["urn:andon:dataset:postgres%3A%2F%2Fshop:orders"]), "dropped"),
        (b"[]", ""),
        (b'{"id": "1", "id": "2"}', "id"),
    ],
)
def test_a_document_that_is_none_is_refused_by_its_field(body: bytes, field: str) -> None:
    assert refusal(body)[0] == field


def test_what_the_ontology_no_longer_has_is_refused_when_it_is_decoded() -> None:
    body = msgspec.json.encode({"id": "1", "source": "s", "at": AT, "entities": [entity("Gone")], "by": "ann"})

    with pytest.raises(InvalidInput, match="no class 'Gone'"):
        decoded(body)

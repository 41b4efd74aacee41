"""The shapes made of the ontology, and what they find wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyshacl import validate
from rdflib import RDF, SH, XSD, Graph, Literal, Namespace, URIRef

from ontology import Ontology, load
from ontology.checking import Violation, check
from ontology.shapes import SHAPES, derived, shapes

HERE = Path(__file__).parent
ANDON = Namespace("https://andon.dev/ns#")
MY = Namespace("https://example.com/shipping#")
BILL = URIRef("urn:andon:costitem:focus:1")
TABLE = URIRef("urn:andon:dataset:postgres:orders")


@pytest.fixture(scope="module")
def words() -> Ontology:
    return load(own=[HERE / "shipping.ttl"])


@pytest.fixture(scope="module")
def known(words: Ontology) -> Graph:
    return shapes(words)


class Data:
    """A graph in which entities bear all types that they have."""

    def __init__(self, words: Ontology) -> None:
        self._words = words
        self.graph = Graph()

    def add(self, iri: URIRef, of_type: str, **values: object) -> URIRef:
        for name in self._words.superclasses(of_type):
            self.graph.add((iri, RDF.type, URIRef(self._words.classes[name].iri)))
        self.graph.add((iri, ANDON.name, Literal("x")))
        for name, value in values.items():
            for one in value if isinstance(value, list) else [value]:
                self.graph.add((iri, ANDON[name], one if isinstance(one, URIRef) else self._literal(name, one)))
        return iri

    def bill(self, **values: object) -> URIRef:
        plain = {"billedCost": "1.5", "billingCurrency": "EUR"}
        period = {"chargePeriodStart": "2026-01-01T00:00:00Z", "chargePeriodEnd": "2026-01-02T00:00:00Z"}
        given = {name: value for name, value in (plain | period | values).items() if value is not None}
        return self.add(BILL, "CostItem", **given)

    def _literal(self, name: str, value: object) -> Literal:
        attribute = self._words.attributes.get(name)
        if isinstance(value, Literal) or attribute is None:
            return Literal(value)
        return Literal(value, datatype=XSD[attribute.range])


@pytest.fixture
def data(words: Ontology) -> Data:
    return Data(words)


def only(found: tuple[Violation, ...]) -> tuple[str, str, str]:
    [one] = found
    assert one.severity == "Violation"
    return one.focus, one.path.rpartition("#")[2], one.message


def test_the_shapes_are_sound_shacl(known: Graph) -> None:
    plain = Graph()
    plain += known
    sound, _, report = validate(Graph(), shacl_graph=plain, meta_shacl=True)

    assert sound, report


def test_what_is_as_the_ontology_says_has_no_violation(data: Data, known: Graph) -> None:
    data.add(TABLE, "View", rowCount=3, modelRole="fact", partitionedBy=["day", "country"], dropped=False)
    data.bill(chargedTo=[TABLE], chargeCategory="Usage", costs=[])
    data.add(URIRef("urn:andon:agent::ann"), "Agent")

    assert check(data.graph, known) == ()


def test_terms_of_other_vocabularies_are_passed_over(data: Data, known: Graph) -> None:
    data.graph.add((data.bill(), URIRef("http://purl.org/dc/terms/title"), Literal("January")))

    assert check(data.graph, known) == ()


@pytest.mark.parametrize(
    ("values", "path", "message"),
    [
        ({"billedCost": Literal("much")}, "billedCost", "billedCost: expected one decimal"),
        ({"billedCost": ["1", "2"]}, "billedCost", "billedCost: expected one decimal"),
        ({"billedCost": None}, "billedCost", "billedCost: expected one decimal"),
        (
            {"chargeCategory": "Gift"},
            "chargeCategory",
            "chargeCategory: expected at most one of Adjustment, Credit, Purchase, Tax, Usage",
        ),
        ({"chargedTo": Literal("x")}, "chargedTo", "chargedTo: expected any number of values, each entity"),
        ({"billedTo": TABLE}, "billedTo", "billedTo: expected at most one account"),
        ({"billedCots": Literal(1)}, "billedCots", "billedCots is no attribute or relation of the ontology"),
        ({"rowCount": 1}, "", "rowCount is for the class Dataset"),
        (
            {"chargePeriodEnd": "2025-12-31T00:00:00Z"},
            "chargePeriodStart",
            "chargePeriodStart: expected a time before chargePeriodEnd",
        ),
        (
            {"billingCurrency": "euro"},
            "billingCurrency",
            "billingCurrency: expected three capital letters as in ISO 4217",
        ),
    ],
)
def test_a_cost_item_that_is_wrong_is_told_once_with_path_and_expectation(
    data: Data, known: Graph, values: dict[str, object], path: str, message: str
) -> None:
    data.add(TABLE, "Table")
    data.bill(**values)

    assert only(check(data.graph, known)) == (str(BILL), path, message)


def test_an_entity_named_by_a_urn_of_another_kind_is_told(data: Data, known: Graph) -> None:
    data.add(URIRef("urn:andon:job:x:y"), "Table")

    focus, _, message = only(check(data.graph, known))

    assert (focus, message) == ("urn:andon:job:x:y", "expected a urn of the kind 'dataset'")


def test_a_term_cannot_be_broader_than_itself_by_any_way(data: Data, known: Graph) -> None:
    terms = [URIRef(f"urn:andon:glossaryterm:x:{name}") for name in "abc"]
    for term, above in zip(terms, [*terms[1:], terms[0]], strict=True):
        data.add(term, "GlossaryTerm", broader=[above])

    found = check(data.graph, known)

    assert [(it.focus, it.message) for it in found] == [
        (str(term), "broader: a term cannot be broader than itself") for term in terms
    ]


def test_what_is_only_a_warning_says_so(data: Data, known: Graph) -> None:
    data.add(URIRef("urn:andon:constraint:x:fk"), "ForeignKey")

    [found] = check(data.graph, known)

    assert (found.severity, found.path) == ("Warning", str(ANDON.references))


def test_own_words_are_checked_as_the_shipped_ones_are(data: Data, known: Graph) -> None:
    shipment = data.add(URIRef("urn:andon:shipment:x:1"), "Express")
    data.graph.add((shipment, MY.weight, Literal("heavy")))
    data.graph.add((shipment, MY.wight, Literal("1")))

    assert [(it.path, it.message) for it in check(data.graph, known)] == [
        (str(MY.weight), "weight: expected at most one decimal"),
        (str(MY.wight), "wight is no attribute or relation of the ontology"),
    ]


def test_a_base_without_the_shipped_words_gets_none_of_their_rules() -> None:
    words = load(HERE / "sound.ttl")
    graph = shapes(words)

    assert SHAPES.ChargePeriod not in set(graph.subjects(RDF.type, SH.NodeShape))
    assert len(graph) == len(derived(words))


def test_the_rules_are_all_in_force_with_the_shipped_words(known: Graph) -> None:
    rules = Graph().parse(HERE.parents[1] / "ontology/shapes.ttl")

    assert set(rules.subjects(RDF.type, SH.NodeShape)) <= set(known.subjects(RDF.type, SH.NodeShape))


def test_checking_changes_neither_graph(data: Data, known: Graph) -> None:
    data.bill()
    before = set(data.graph), set(known)

    check(data.graph, known)

    assert (set(data.graph), set(known)) == before

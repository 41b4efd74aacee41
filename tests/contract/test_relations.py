"""What every store promises of attributes and relations: from either end, as of any instant, under every name."""

from __future__ import annotations

from typing import Any

import pytest

from graph.model import PRESENT, AsOf, Instant, Position
from graph.reader import AttributeCondition, ColumnRecord, Direction, EntityQuery, EntityRecord, LineageQuery
from tests.contract.adapters import Store
from tests.contract.telling import dump, fold, listed, said, tell
from tests.reference.events import (
    DB,
    LAKE,
    Json,
    col,
    dataset,
    dataset_event,
    ds,
    fact,
    facts,
    lifecycle,
    location,
    micros,
    run,
    run_event,
    schema,
    symlinks,
    urn,
)

BOOK = "glossary"


def at(second: int) -> AsOf:
    return AsOf(valid=Instant(micros(second)))


def term(name: str) -> str:
    return urn("glossaryterm", BOOK, name)


def policy(name: str) -> str:
    return urn("policy", BOOK, name)


def governing(second: int, *targets: str, name: str = "gdpr", by: str | None = None) -> Json:
    return facts(second, fact("Policy", name, relations={"governs": targets}, namespace=BOOK), by=by)


def defined(second: int, name: str, *terms: str, by: str | None = None) -> Json:
    return facts(second, fact("Dataset", name, relations={"definedBy": terms}), by=by)


def entity(store: Store, of: str, as_of: AsOf = PRESENT) -> EntityRecord:
    with store.snapshot(as_of) as snapshot:
        found = snapshot.entity(of)
    assert found is not None
    return found


def attributes(store: Store, of: str, as_of: AsOf = PRESENT) -> dict[str, object]:
    with store.snapshot(as_of) as snapshot:
        found = snapshot.entity(of)
        return snapshot.attributes(found) if found is not None else {}


def outgoing(store: Store, of: str, as_of: AsOf = PRESENT, **narrowed: Any) -> list[tuple[str, str]]:
    with store.snapshot(as_of) as snapshot:
        found = snapshot.entity(of)
        assert found is not None
        return [(relation, target) for relation, _, target in said(snapshot.relations(found, **narrowed))]


def incoming(store: Store, of: str, as_of: AsOf = PRESENT, **narrowed: Any) -> list[tuple[str, str]]:
    with store.snapshot(as_of) as snapshot:
        found = snapshot.entity(of)
        assert found is not None
        return [(relation, source) for relation, source, _ in said(snapshot.related_from(found, **narrowed))]


# Attributes


def test_an_attribute_has_the_value_that_was_said_last_before_the_instant(store: Store) -> None:
    tell(store, [facts(5, fact("Dataset", "a", {"rowCount": 7})), facts(2, fact("Dataset", "a", {"rowCount": 3}))])

    assert attributes(store, ds("a")) == {"rowCount": 7}
    assert attributes(store, ds("a"), at(4)) == {"rowCount": 3}
    assert attributes(store, ds("a"), at(1)) == {}


def test_null_ends_an_attribute_and_silence_does_not(store: Store) -> None:
    tell(store, [facts(1, fact("Dataset", "a", {"rowCount": 3, "sensitivity": "public"}))])
    tell(store, [facts(2, fact("Dataset", "a", {"rowCount": None}))])

    assert attributes(store, ds("a")) == {"sensitivity": "public"}


def test_what_a_person_says_goes_before_what_a_source_says_later(store: Store) -> None:
    tell(store, [facts(1, fact("Dataset", "a", {"sensitivity": "public"}))])
    tell(store, [facts(2, fact("Dataset", "a", {"sensitivity": "restricted"}), by="ann")])
    tell(store, [facts(3, fact("Dataset", "a", {"sensitivity": "internal"}))])

    assert attributes(store, ds("a")) == {"sensitivity": "restricted"}


def test_what_a_person_says_of_something_does_not_make_it_exist(store: Store) -> None:
    tell(store, [facts(1, fact("Dataset", "a", {"rowCount": 3}), by="ann")])

    with store.snapshot() as snapshot:
        assert snapshot.entity(ds("a")) is None


def test_numbers_keep_their_digits_and_many_values_stay_a_list(store: Store) -> None:
    cost = {"billedCost": "12.340", "effectiveCost": 0.1, "listCost": 3}
    tell(store, [facts(1, fact("CostItem", "c", cost), fact("GlossaryTerm", "t", {"altLabel": ["b", "a", "b"]}))])

    assert attributes(store, urn("costitem", DB, "c")) == {"billedCost": 12.34, "effectiveCost": 0.1, "listCost": 3}
    assert attributes(store, urn("glossaryterm", DB, "t")) == {"altLabel": ["b", "a"]}


def test_the_class_that_was_said_is_the_entity_s_unless_an_event_tells_a_subclass(store: Store) -> None:
    view = {"datasetType": {"datasetType": "VIEW"}}
    tell(store, [facts(1, fact("Policy", "p"), fact("RetentionPolicy", "r"), fact("Dataset", "a"), fact("Topic", "b"))])
    tell(store, [dataset_event(2, dataset("a", view)), dataset_event(2, dataset("b", view))])

    types = {of: entity(store, of).type for of in (urn("policy", DB, "p"), urn("policy", DB, "r"), ds("a"), ds("b"))}
    assert list(types.values()) == ["Policy", "RetentionPolicy", "View", "Topic"]
    assert attributes(store, urn("policy", DB, "r")) == {}
    with store.snapshot() as snapshot:
        assert listed(snapshot, types=frozenset({"RetentionPolicy"})) == ["r"]


def test_entities_are_found_by_their_attributes_now_and_then(store: Store) -> None:
    for second, (name, rows, level, opened) in enumerate(
        [("a", 5, "public", "2026-01-01T00:00:00Z"), ("b", 50, "internal", "2026-01-01T00:00:00.5Z")], start=1
    ):
        tell(store, [facts(second, fact("Dataset", name, {"rowCount": rows, "sensitivity": level}))])
        tell(store, [facts(second, fact("Incident", name, {"openedAt": opened}))])
    tell(store, [facts(3, fact("Dataset", "b", {"rowCount": 1})), dataset_event(3, "c")])
    tell(store, [facts(3, fact("GlossaryTerm", "t", {"altLabel": ["one", "two"]}))])
    tell(store, [facts(3, fact("Column", "a", {"personalData": True}, path="x"))])

    def found(name: str, comparison: str, *values: Any, as_of: AsOf = PRESENT, is_instant: bool = False) -> list[str]:
        with store.snapshot(as_of) as snapshot:
            condition = AttributeCondition(name, comparison, values, is_instant)
            page = snapshot.entities(EntityQuery(attributes=(condition,)))
            assert page.total == len(page.records)
            return [it.name for it in page.records]

    for as_of, rows_of_b in ((PRESENT, 1), (at(9), 1), (at(2), 50)):
        assert found("rowCount", "=", 5, as_of=as_of) == ["a"]
        assert found("rowCount", "=", 5.0, rows_of_b, as_of=as_of) == ["a", "b"]
        assert found("rowCount", "<", 5, as_of=as_of) == (["b"] if rows_of_b == 1 else [])
        assert found("rowCount", ">", 4.5, as_of=as_of) == (["a"] if rows_of_b == 1 else ["a", "b"])
        assert found("rowCount", "=", "5", as_of=as_of) == found("rowCount", "<", "9", as_of=as_of) == []
        assert found("sensitivity", "<", "o", as_of=as_of) == ["b"]
        assert found("openedAt", ">", "2026-01-01T00:00:00Z", as_of=as_of, is_instant=True) == ["b"]
        assert found("openedAt", "<", "2026-01-01T00:00:00.5Z", as_of=as_of, is_instant=True) == ["a"]
        assert found("personalData", "=", True, as_of=as_of) == []  # that is said of a column
    assert found("altLabel", "=", "two") == ["t"]
    assert found("altLabel", ">", "p") == ["t"]
    assert found("altLabel", "=", "on") == []


# Relations


def test_a_relation_is_read_from_either_end_in_order(store: Store) -> None:
    tell(store, [governing(1, ds("b"), ds("a"), ds("b")), defined(1, "a", term("order"))])

    assert outgoing(store, policy("gdpr")) == [("governs", ds("a")), ("governs", ds("b"))]
    assert incoming(store, ds("a")) == [("governs", policy("gdpr"))]
    assert outgoing(store, ds("a")) == [("definedBy", term("order"))]
    assert incoming(store, term("order")) == [("definedBy", ds("a"))]
    assert entity(store, term("order")).type == "GlossaryTerm", "what is named as a target is there from then on"


def test_the_newest_list_of_targets_replaces_the_one_before(store: Store) -> None:
    tell(store, [governing(1, ds("a"), ds("b")), governing(3, ds("b"), ds("c")), governing(5)])

    assert outgoing(store, policy("gdpr"), at(1)) == [("governs", ds("a")), ("governs", ds("b"))]
    assert outgoing(store, policy("gdpr"), at(3)) == [("governs", ds("b")), ("governs", ds("c"))]
    assert outgoing(store, policy("gdpr")) == []
    governed = [("governs", policy("gdpr"))]
    assert [incoming(store, ds(name), at(3)) for name in "abc"] == [[], governed, governed]
    assert [incoming(store, ds(name)) for name in "abc"] == [[], [], []]


def test_a_person_s_list_stands_until_the_person_ends_it(store: Store) -> None:
    tell(store, [governing(1, ds("a")), governing(2, ds("b"), by="ann"), governing(3, ds("c"))])

    assert outgoing(store, policy("gdpr")) == [("governs", ds("b"))]
    tell(store, [governing(4, by="ann")])
    assert outgoing(store, policy("gdpr")) == []
    assert incoming(store, ds("c")) == []


def test_as_of_a_position_only_what_had_been_received_counts(store: Store) -> None:
    tell(store, [governing(2, ds("a")), governing(1, ds("b")), governing(3, ds("c"))])

    def known(position: int, valid: int) -> list[tuple[str, str]]:
        as_of = AsOf(Instant(micros(valid)), Position(position))
        found = outgoing(store, policy("gdpr"), as_of)
        assert all(incoming(store, target, as_of) == [("governs", policy("gdpr"))] for _, target in found)
        return found

    assert known(1, 9) == [("governs", ds("a"))]
    assert known(2, 1) == [("governs", ds("b"))]
    assert known(2, 9) == [("governs", ds("a"))]
    assert known(3, 9) == [("governs", ds("c"))]


def test_relations_can_be_narrowed_to_one_and_to_the_first(store: Store) -> None:
    tell(store, [governing(1, ds("a"), name=f"p{n:03}") for n in range(30)], batch=30)
    owner = facts(1, fact("CostItem", "c", relations={"chargedTo": [ds("a")]}))
    tell(store, [owner, governing(2, name="p003")])

    every = [("chargedTo", urn("costitem", DB, "c"))]
    every += [("governs", policy(f"p{n:03}")) for n in range(30) if n != 3]
    assert incoming(store, ds("a")) == every
    assert incoming(store, ds("a"), relation="governs") == every[1:]
    assert incoming(store, ds("a"), relation="governs", first=4) == every[1:5]
    assert incoming(store, ds("a"), first=0) == []
    assert outgoing(store, policy("p000"), relation="implements") == []


def test_a_register_said_so_often_that_it_spills_still_holds(store: Store) -> None:
    tell(store, [governing(1, ds("a"))])
    tell(store, [facts(2 + n, fact("Policy", "gdpr", {"status": str(n)}, namespace=BOOK)) for n in range(40)], batch=40)

    assert outgoing(store, policy("gdpr")) == [("governs", ds("a"))]
    assert incoming(store, ds("a")) == [("governs", policy("gdpr"))]
    assert attributes(store, policy("gdpr")) == {"status": "39"}


def test_columns_have_attributes_and_relations_at_either_end(store: Store) -> None:
    tell(store, [dataset_event(1, dataset("a", schema("x", "y.z")))])
    tell(store, [governing(2, col("a", "y.z"))])
    of_column = fact("Column", "a", {"personalData": True}, {"definedBy": [term("t")]}, path="y.z")
    tell(store, [facts(3, of_column)])

    assert attributes(store, col("a", "y.z")) == {"personalData": True}
    assert attributes(store, col("a", "x")) == attributes(store, ds("a")) == {}
    assert outgoing(store, col("a", "y.z")) == [("definedBy", term("t"))]
    assert outgoing(store, ds("a")) == []
    assert incoming(store, term("t")) == [("definedBy", col("a", "y.z"))]
    assert incoming(store, col("a", "y.z")) == [("governs", policy("gdpr"))]
    assert outgoing(store, policy("gdpr")) == [("governs", col("a", "y.z"))]
    assert incoming(store, ds("a")) == []
    assert isinstance(entity(store, col("a", "y.z")), ColumnRecord)
    assert entity(store, ds("a")).type == "Table", "a column's facts do not say what its dataset is"

    tell(store, [dataset_event(5, dataset("a", schema("x")))])
    assert outgoing(store, policy("gdpr")) == [], "the column is gone"
    assert incoming(store, term("t")) == []


# Names


def test_merged_names_are_one_at_both_ends(store: Store) -> None:
    tell(store, [governing(1, ds("a")), governing(2, ds("/a", LAKE), name="other"), defined(1, "a", term("one"))])
    tell(store, [facts(2, fact("Dataset", "/a", {"rowCount": 9}, {"definedBy": [term("two")]}, namespace=LAKE))])
    tell(store, [dataset_event(4, dataset("a", symlinks(location("/a"))))])

    assert incoming(store, ds("/a", LAKE)) == [("governs", policy("gdpr")), ("governs", policy("other"))]
    assert outgoing(store, policy("other")) == [("governs", ds("a"))]
    assert outgoing(store, ds("a")) == [("definedBy", term("two"))]
    assert incoming(store, term("one")) == []
    assert attributes(store, ds("a")) == {"rowCount": 9}

    tell(store, [dataset_event(6, dataset("a", symlinks()))])
    assert outgoing(store, policy("other")) == [("governs", ds("/a", LAKE))]
    assert incoming(store, term("one")) == [("definedBy", ds("a"))]
    assert attributes(store, ds("a")) == {}
    assert attributes(store, ds("a"), at(5)) == {"rowCount": 9}


def test_a_relation_follows_a_rename_and_a_new_bearer_of_the_name_has_none(store: Store) -> None:
    tell(store, [dataset_event(1, "a"), governing(2, ds("a")), defined(2, "a", term("one"))])
    tell(store, [run_event(3, "COMPLETE", [], [dataset("b", lifecycle("RENAME", "a"))])])

    assert outgoing(store, policy("gdpr")) == [("governs", ds("b"))]
    assert incoming(store, ds("b")) == [("governs", policy("gdpr"))]
    assert incoming(store, term("one")) == [("definedBy", ds("b"))]

    tell(store, [run_event(5, "COMPLETE", [], ["a"], run="r2")])
    assert incoming(store, ds("a")) == outgoing(store, ds("a")) == []
    assert incoming(store, ds("b")) == [("governs", policy("gdpr"))]

    tell(store, [governing(6, ds("a"))])
    assert incoming(store, ds("a")) == [("governs", policy("gdpr"))]
    assert incoming(store, ds("b")) == []
    assert incoming(store, ds("b"), at(5)) == [("governs", policy("gdpr"))]


def test_what_is_dropped_keeps_its_relations_and_its_mark(store: Store) -> None:
    tell(store, [governing(1, ds("a")), facts(2, dropped=[ds("a"), policy("gdpr")])])

    assert incoming(store, ds("a")) == [("governs", policy("gdpr"))]
    assert (entity(store, ds("a")).dropped, entity(store, policy("gdpr")).dropped) == (True, True)
    tell(store, [governing(3, ds("a"))])
    assert (entity(store, ds("a")).dropped, entity(store, policy("gdpr")).dropped) == (True, False)


# Lineage


def test_a_relation_that_carries_lineage_is_lineage(store: Store) -> None:
    version = urn("modelversion", "mlflow", "churn/1")

    def trained(second: int, *targets: str) -> Json:
        return facts(second, fact("ModelVersion", "churn/1", relations={"trainedOn": targets}, namespace="mlflow"))

    tell(store, [run_event(1, "COMPLETE", ["a"], ["b"]), trained(2, ds("b")), trained(4, ds("c"))])

    def upstream(as_of: AsOf) -> list[str]:
        with store.snapshot(as_of) as snapshot:
            answer = snapshot.lineage(LineageQuery((version,), Direction.UPSTREAM))
            assert all(not it.via for it in answer.edges if it.target == version)
            return sorted(it.name for it in answer.nodes)

    assert upstream(at(3)) == ["a", "b", "churn/1"]
    assert upstream(PRESENT) == ["c", "churn/1"]
    tell(store, [trained(5)])
    assert upstream(PRESENT) == ["churn/1"]


def test_events_tell_the_versions_of_models(store: Store) -> None:
    def model(version: str) -> Json:
        return dataset("churn", {"version": {"datasetVersion": version}}, namespace="mlflow://shop")

    tell(store, [
        run_event(1, "COMPLETE", ["a"], [model("1")], job="train", run="t1"),
        run_event(2, "START", [], [model("2")], job="train", run="t2"),
        run_event(3, "COMPLETE", ["a", "b"], [model("2")], job="train", run="t2"),
        run_event(4, "COMPLETE", [model("1")], ["scores"], job="score", run="s1"),
    ])  # fmt: skip
    first, second = (urn("modelversion", "mlflow://shop", f"churn/{number}") for number in (1, 2))
    churn = urn("model", "mlflow://shop", "churn")

    assert incoming(store, churn, relation="versionOf") == [("versionOf", first), ("versionOf", second)]
    assert attributes(store, second) == {"versionNumber": "2"}
    assert outgoing(store, second) == [
        ("trainedIn", run("t2")), ("trainedOn", ds("a")), ("trainedOn", ds("b")), ("versionOf", churn),
    ]  # fmt: skip
    assert outgoing(store, second, at(2)) == [("trainedIn", run("t2")), ("versionOf", churn)]
    with store.snapshot() as snapshot:
        answer = snapshot.lineage(LineageQuery((first,), Direction.UPSTREAM))
        assert sorted(it.name for it in answer.nodes) == ["a", "churn/1"]


# Changes, being made anew


def test_changes_name_the_registers_that_differ(store: Store) -> None:
    tell(store, [dataset_event(1, "a"), facts(2, fact("Dataset", "a", {"rowCount": 1}, {"definedBy": [term("t")]}))])

    changes = [(it.what, it.urn, it.fields) for it in store.changes(1, 10)]
    assert changes == [
        ("entity.altered", ds("a"), ("attribute:rowCount", "attribute:type", "relation:definedBy")),
        ("entity.opened", term("t"), ()),
    ]
    tell(store, [facts(3, fact("Dataset", "a", {"rowCount": 1}, {"definedBy": [term("t")]}))])
    assert store.changes(2, 10) == [], "the same said again changes nothing"


def test_two_states_differ_by_the_registers_that_were_said_between(store: Store) -> None:
    tell(store, [facts(1, fact("Dataset", "a", {"rowCount": 1})), facts(3, fact("Dataset", "a", {"rowCount": 2}))])

    [found] = list(store.diff(at(2), at(3)))
    assert (found.change, found.fields) == ("ALTERED", ("attribute:rowCount",))


@pytest.mark.parametrize("batch", [1, 3])
def test_a_graph_made_anew_says_the_same(store: Store, batch: int) -> None:
    bodies = [
        dataset_event(1, dataset("a", schema("x"))),
        governing(2, ds("a"), col("a", "x"), ds("/a", LAKE)),
        facts(3, fact("Column", "a", {"personalData": True}, {"definedBy": [term("t")]}, path="x")),
        dataset_event(4, dataset("a", symlinks(location("/a")))),
        run_event(5, "COMPLETE", [], [dataset("b", lifecycle("RENAME", "a"))]),
        defined(6, "b", term("t"), term("u")),
        governing(7, ds("b"), by="ann"),
    ]
    tell(store, bodies)
    before = [dump(store, it) for it in (PRESENT, at(3), at(5), AsOf(None, Position(4)))]

    store.reset()
    tell(store, bodies, batch=batch)

    assert [dump(store, it) for it in (PRESENT, at(3), at(5), AsOf(None, Position(4)))] == before


def test_what_a_rolled_back_transaction_related_is_related_later_all_the_same(store: Store) -> None:
    with pytest.raises(RuntimeError), store.transaction():
        fold(store, governing(1, ds("a")), 1)
        raise RuntimeError("the power is gone")

    tell(store, [governing(1, ds("a"))])

    assert incoming(store, ds("a")) == [("governs", policy("gdpr"))]

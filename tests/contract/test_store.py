"""What every store promises to the projector (`graph.projector.ProjectedStore`) and to readers (`graph.reader`).

What the fold makes of events is tested against the naive reference; here the events are plain.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

from graph.errors import InvalidInput, NotFound
from graph.model import PRESENT, AsOf, Change, Instant, Position
from graph.reader import AttributeCondition, Direction, EntityQuery, EntityRecord, Level, LineageAnswer, LineageQuery
from ontology import Ontology
from tests.contract.adapters import Store, StorePlace
from tests.contract.telling import dump, fold, listed, tell
from tests.reference.events import (
    DB,
    LAKE,
    Json,
    col,
    column_lineage,
    dataset,
    dataset_event,
    direct,
    documentation,
    ds,
    fact,
    facts,
    indirect,
    input_field,
    job,
    lifecycle,
    location,
    micros,
    mutation,
    run,
    run_event,
    schema,
    symlinks,
)
from tests.reference.nasty import CASES

ORDERS = ("NAME", "CREATED_AT_DESC", "UPDATED_AT_DESC")
LATER = AsOf(valid=Instant(micros(10**6)))
"""The present by another way: an instant after all that is told."""

EVERY_FEATURE = [body for case in CASES[::4] for body in case.bodies]
"""One history out of a quarter of the nasty cases: symlinks, renames, drops, mutations, late events."""


def at(second: int) -> AsOf:
    return AsOf(valid=Instant(micros(second)))


def chain(*names: str) -> list[Json]:
    """A run a step that copies each dataset to the next, one second after another."""
    return [
        run_event(second, "COMPLETE", [one], [other], job=f"{one}-{other}", run=f"{one}-{other}")
        for second, (one, other) in enumerate(pairwise(names), start=1)
    ]


def ask(store: Store, *urns: str, as_of: AsOf = PRESENT, **query: Any) -> LineageAnswer:
    with store.snapshot(as_of) as snapshot:
        return snapshot.lineage(LineageQuery(urns, **query))


def ends(answer: LineageAnswer) -> list[tuple[str, str]]:
    """Source and target of each edge, by their last name."""
    return sorted((it.source.rsplit(":", 1)[1], it.target.rsplit(":", 1)[1]) for it in answer.edges)


def shown(answer: LineageAnswer) -> list[str]:
    return sorted(it.name for it in answer.nodes)


# Transactions and the checkpoint


def test_an_empty_store_has_read_nothing_and_holds_nothing(store: Store) -> None:
    assert store.position() == 0
    assert dump(store, PRESENT) == {"counts": {}}
    with store.snapshot() as snapshot:
        assert snapshot.position() == 0
        assert snapshot.entity(ds("a")) is None


def test_what_was_committed_is_there_after_reopening_with_its_position(
    store_place: StorePlace, words: Ontology
) -> None:
    store = store_place.open(words)
    tell(store, chain("a", "b", "c"))
    before = dump(store, PRESENT)
    store.close()

    store = store_place.open(words)

    assert store.position() == 2
    assert dump(store, PRESENT) == before
    store.close()


def test_a_transaction_that_fails_leaves_neither_facts_nor_checkpoint(store: Store) -> None:
    tell(store, chain("a", "b"))
    before = dump(store, PRESENT)

    with pytest.raises(RuntimeError, match="the power is gone"), store.transaction():
        fold(store, dataset_event(5, "never"), 2)
        raise RuntimeError("the power is gone")

    assert store.position() == 1
    assert dump(store, PRESENT) == before
    assert tell(store, chain("b", "c")) == 2
    assert ends(ask(store, ds("a"))) == [("a", "b"), ("b", "c")]


def test_what_was_folded_and_not_committed_is_gone_after_reopening(store_place: StorePlace, words: Ontology) -> None:
    store = store_place.open(words)
    tell(store, chain("a", "b"))
    before = dump(store, PRESENT)
    with store.transaction():
        fold(store, dataset_event(5, "never"), 2)
    store.close()

    store = store_place.open(words)

    assert store.position() == 1
    assert dump(store, PRESENT) == before
    store.close()


def test_readers_see_a_transaction_when_it_is_committed_and_then_all_of_it(store: Store) -> None:
    with store.transaction():
        fold(store, dataset_event(1, "a"), 1)
        fold(store, dataset_event(1, "b"), 2)
        with store.snapshot() as snapshot:
            assert (snapshot.position(), listed(snapshot)) == (0, [])
    store.commit(Position(2))

    with store.snapshot() as snapshot:
        assert (snapshot.position(), listed(snapshot)) == (2, ["a", "b"])


def test_a_snapshot_stays_as_it_was_while_the_graph_goes_on(store: Store) -> None:
    tell(store, chain("a", "b"))
    with store.snapshot() as before:
        tell(store, chain("b", "c"))
        assert (before.position(), listed(before, kinds=frozenset({"dataset"}))) == (1, ["a", "b"])
        assert before.entity(ds("c")) is None
        assert ends(before.lineage(LineageQuery((ds("a"),)))) == [("a", "b")]
        with store.snapshot() as after:
            assert (after.position(), listed(after, kinds=frozenset({"dataset"}))) == (2, ["a", "b", "c"])


def test_a_snapshot_outlives_a_reset(store: Store) -> None:
    tell(store, chain("a", "b"))
    with store.snapshot() as before:
        store.reset()
        assert listed(before, kinds=frozenset({"dataset"})) == ["a", "b"]
    with store.snapshot() as after:
        assert (after.position(), listed(after)) == (0, [])


def test_every_snapshot_under_writing_is_one_consistent_state(store: Store) -> None:
    over = threading.Event()

    def look() -> list[int]:
        positions: list[int] = []
        while not over.is_set():
            with store.snapshot() as snapshot:
                positions.append(snapshot.position())
                page = snapshot.entities(EntityQuery(kinds=frozenset({"run"}), first=1))
                assert page.total == snapshot.position() == snapshot.counts().get("Run", 0)
        return positions

    bodies = [run_event(n, "COMPLETE", ["a"], ["b"], run=f"r{n}") for n in range(1, 61)]
    with ThreadPoolExecutor(3) as threads:
        readers = [threads.submit(look) for _ in range(3)]
        try:
            tell(store, bodies, batch=2)
        finally:
            over.set()
        seen = [reader.result(30) for reader in readers]

    assert all(positions == sorted(positions) for positions in seen)
    assert all(position % 2 == 0 for positions in seen for position in positions)


# Being made anew


def moments(store: Store) -> dict[str, object]:
    """The whole graph at a few instants and positions."""
    last = store.position()
    whens = [
        PRESENT,
        *(at(second) for second in (2, 5, 9)),
        *(AsOf(position=Position(last // n)) for n in (3, 2)),
    ]
    return {str(when): dump(store, when) for when in whens}


def test_a_reset_and_a_replay_give_the_same_answers(store: Store) -> None:
    tell(store, EVERY_FEATURE)
    answers, changes = moments(store), store.changes(0, 10**6)
    assert len(answers[str(PRESENT)]) > 50  # type: ignore[arg-type]

    store.reset()
    assert store.position() == 0
    assert dump(store, PRESENT) == {"counts": {}}
    assert store.changes(0, 10) == []
    tell(store, EVERY_FEATURE)

    assert moments(store) == answers
    assert store.changes(0, 10**6) == changes


def test_how_envelopes_are_batched_changes_no_answer_and_no_change(store: Store) -> None:
    tell(store, EVERY_FEATURE)
    singly, changes = moments(store), store.changes(0, 10**6)
    for batch in (2, 7, 1_000):
        store.reset()

        tell(store, EVERY_FEATURE, batch)

        assert moments(store) == singly, f"{batch} at a time"
        assert store.changes(0, 10**6) == changes, f"{batch} at a time"


@pytest.mark.parametrize("known", [1, 20, 60])
def test_an_earlier_position_answers_as_a_store_that_was_told_no_more(store: Store, known: int) -> None:
    tell(store, EVERY_FEATURE[:known])
    then = {when: dump(store, AsOf(when, Position(known))) for when in (None, Instant(micros(4)))}

    tell(store, EVERY_FEATURE[known:])

    assert {when: dump(store, AsOf(when, Position(known))) for when in then} == then


# Listing entities


@pytest.fixture
def many(store: Store) -> Store:
    """25 datasets in two namespaces, some made and described at one instant."""
    said = [
        dataset(f"table_{number % 13:02}", documentation(f"d{number}"), namespace=DB if number % 3 else LAKE)
        for number in range(25)
    ]
    tell(store, [dataset_event(10 + number // 4, it) for number, it in enumerate(said)], batch=25)
    return store


@pytest.mark.parametrize("as_of", [PRESENT, LATER], ids=["present", "as of"])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [1, 7, 100])
def test_pages_join_to_the_whole_list_in_order(many: Store, order: str, size: int, as_of: AsOf) -> None:
    with many.snapshot(as_of) as snapshot:
        whole = snapshot.entities(EntityQuery(order=order))
        found: list[EntityRecord] = []
        after: str | None = None
        while True:
            page = snapshot.entities(EntityQuery(order=order, first=size, after=after))
            assert page.total == whole.total == len(whole.records)
            assert len(page.records) == len(page.cursors) <= size
            found += page.records
            if not page.has_next:
                break
            after = page.cursors[-1]

    assert found == list(whole.records)
    marks: dict[str, list[Any]] = {
        "NAME": [(it.name, it.namespace) for it in found],
        "CREATED_AT_DESC": [-it.created_at for it in found],
        "UPDATED_AT_DESC": [-it.updated_at for it in found],
    }
    assert marks[order] == sorted(marks[order])


@pytest.mark.parametrize("order", ORDERS)
def test_every_cursor_goes_on_behind_its_own_entity(many: Store, order: str) -> None:
    with many.snapshot() as snapshot:
        whole = snapshot.entities(EntityQuery(order=order))
        for index, cursor in enumerate(whole.cursors):
            rest = snapshot.entities(EntityQuery(order=order, after=cursor))
            assert rest.records == whole.records[index + 1 :]


def test_what_comes_between_two_pages_shifts_nothing(many: Store) -> None:
    with many.snapshot() as snapshot:
        first = snapshot.entities(EntityQuery(first=10))
        expected = snapshot.entities(EntityQuery(first=100)).records[10:]
    tell(many, [dataset_event(99, "aaa"), dataset_event(99, "zzz")])

    with many.snapshot() as snapshot:
        rest = snapshot.entities(EntityQuery(first=100, after=first.cursors[-1]))

    assert [it.urn for it in rest.records] == [*(it.urn for it in expected), ds("zzz")]


@pytest.mark.parametrize("as_of", [PRESENT, LATER], ids=["present", "as of"])
@pytest.mark.parametrize("cursor", ["", "nonsense", "W10", "WzEsMiwzLDRd", "bnVsbA", "é"])
def test_a_cursor_that_is_none_is_named(many: Store, cursor: str, as_of: AsOf) -> None:
    with many.snapshot(as_of) as snapshot, pytest.raises(InvalidInput) as refused:
        snapshot.entities(EntityQuery(after=cursor))

    assert refused.value.field == "after"


@pytest.fixture
def shop(store: Store) -> Store:
    """A few named things, with tags, owners and descriptions; one is dropped."""
    tags = {"tags": {"tags": [{"key": "pii", "value": "yes"}, {"key": "gold"}]}}
    owners = {"ownership": {"owners": [{"name": "team:ana", "type": "OWNER"}]}}
    tell(
        store,
        [
            dataset_event(1, dataset("Shop.Orders_2026", documentation("All 100 percent"), tags)),
            dataset_event(2, dataset("shop.order_items", owners)),
            dataset_event(3, dataset("shop.old", lifecycle("DROP"))),
            dataset_event(4, dataset('we"ird*name', namespace=LAKE)),
            dataset_event(5, dataset("sales", namespace="looker://shop")),
            run_event(6, "COMPLETE", ["shop.order_items"], ["Shop.Orders_2026"], job="load orders", run="run-1"),
        ],
    )
    return store


SEARCHES = {
    "orders": ["Shop.Orders_2026", "load orders"],
    "ORDERS_2026": ["Shop.Orders_2026"],
    "shop order": ["Shop.Orders_2026", "shop.order_items"],
    "order shop": ["Shop.Orders_2026", "shop.order_items"],
    "rder_it": ["shop.order_items"],
    "it": ["shop.order_items"],
    "100": ["Shop.Orders_2026"],
    "100%": [],
    "looker": ["sales"],
    '"': ['we"ird*name'],
    'we"ird': ['we"ird*name'],
    "ird*": ['we"ird*name'],
    "order_": ["shop.order_items"],
    "s_2": ["Shop.Orders_2026"],
    "nothing of the kind": [],
    "OR": ["Shop.Orders_2026", "load orders", "shop.order_items"],
    "NEAR": [],
    "%": [],
    "_": ["Shop.Orders_2026", "shop.order_items"],
}


@pytest.mark.parametrize("as_of", [PRESENT, LATER], ids=["present", "as of"])
@pytest.mark.parametrize("text", SEARCHES)
def test_search_finds_every_word_anywhere_in_name_namespace_or_description(shop: Store, text: str, as_of: AsOf) -> None:
    kinds = frozenset({"dataset", "dashboard", "job"})
    with shop.snapshot(as_of) as snapshot:
        assert listed(snapshot, search=text, kinds=kinds) == SEARCHES[text]


@pytest.mark.parametrize("as_of", [PRESENT, LATER], ids=["present", "as of"])
@pytest.mark.parametrize("text", ["pe", "1"])
def test_short_words_are_found_in_descriptions_too(shop: Store, text: str, as_of: AsOf) -> None:
    with shop.snapshot(as_of) as snapshot:
        assert "Shop.Orders_2026" in listed(snapshot, search=text, kinds=frozenset({"dataset"}))


@pytest.mark.parametrize("as_of", [PRESENT, LATER], ids=["present", "as of"])
def test_filters_narrow_by_what_they_name(shop: Store, as_of: AsOf) -> None:
    with shop.snapshot(as_of) as snapshot:
        assert listed(snapshot, tags=frozenset({"pii"})) == ["Shop.Orders_2026"]
        assert listed(snapshot, tags=frozenset({"gold", "other"})) == ["Shop.Orders_2026"]
        assert listed(snapshot, tags=frozenset({"yes"})) == []
        assert listed(snapshot, owners=frozenset({"team:ana"})) == ["shop.order_items"]
        assert listed(snapshot, namespaces=frozenset({LAKE})) == ['we"ird*name']
        assert listed(snapshot, kinds=frozenset({"job"})) == ["load orders"]
        assert listed(snapshot, types=frozenset({"Run"})) == ["run-1"]
        assert listed(snapshot, types=frozenset()) == []
        assert listed(snapshot, search="shop", owners=frozenset({"team:ana"})) == ["shop.order_items"]
        dropped = {"search": "shop.old", "include_dropped": True}
        assert listed(snapshot, **dropped) == ["shop.old"]
        assert listed(snapshot, search="shop.old") == []


@pytest.mark.parametrize("as_of", [PRESENT, LATER], ids=["present", "as of"])
def test_counts_are_by_type_without_what_is_dropped(shop: Store, as_of: AsOf) -> None:
    with shop.snapshot(as_of) as snapshot:
        counts = snapshot.counts()

    assert counts == {"Table": 2, "File": 1, "Dashboard": 1, "Job": 1, "Run": 1}


@pytest.mark.parametrize("as_of", [PRESENT, LATER], ids=["present", "as of"])
def test_columns_are_listed_by_the_same_filters(store: Store, as_of: AsOf) -> None:
    marked = {"tags": {"tags": [{"key": "pii", "field": "x"}, {"key": "gold"}]}}
    tell(store, [dataset_event(1, dataset("a", schema("x", "y"), marked)), dataset_event(1, dataset("b", schema("x")))])
    tell(store, [dataset_event(1, dataset("c", schema("x"), namespace=LAKE))])
    tell(store, [facts(2, fact("Column", "b", {"sensitivity": "public"}, path="x"))])
    tell(store, [dataset_event(3, dataset("gone", schema("x"), lifecycle("DROP")))])

    def found(**query: Any) -> list[str]:
        with store.snapshot(as_of) as snapshot:
            page = snapshot.entities(EntityQuery(types=frozenset({"Column"}), **query))
            assert page.total == len(page.records)
            return sorted(it.urn for it in page.records)

    public = AttributeCondition("sensitivity", "=", ("public",))
    every = sorted([col("a", "x"), col("a", "y"), col("b", "x"), col("c", "x", LAKE)])
    assert found() == found(search="") == every
    assert found(names=frozenset({"y"})) == [col("a", "y")]
    assert found(namespaces=frozenset({LAKE})) == [col("c", "x", LAKE)]
    assert found(tags=frozenset({"pii"})) == [col("a", "x")]
    assert found(tags=frozenset({"gold"})) == found(owners=frozenset({"ann"})) == []
    assert found(attributes=(public,)) == found(attributes=(public,), search="x") == [col("b", "x")]
    assert found(include_dropped=True) == sorted([*every, col("gone", "x")])
    with store.snapshot(as_of) as snapshot:
        first = snapshot.entities(EntityQuery(types=frozenset({"Column"}), names=frozenset({"x"}), first=2))
        rest = snapshot.entities(
            EntityQuery(types=frozenset({"Column"}), names=frozenset({"x"}), after=first.cursors[-1])
        )
    assert (first.total, len(first.records), first.has_next) == (3, 2, True)
    assert (rest.total, len(rest.records), rest.has_next) == (3, 1, False)


@pytest.mark.parametrize("as_of", [PRESENT, LATER], ids=["present", "as of"])
def test_columns_ever_named_are_counted(store: Store, as_of: AsOf) -> None:
    tell(store, [dataset_event(1, dataset("t", schema("x", "y")))])
    tell(store, [dataset_event(2, dataset("t", schema("x")))])

    with store.snapshot(as_of) as snapshot:
        assert snapshot.counts()["Column"] == 2


def test_an_entity_that_loses_a_member_is_as_old_as_what_remains(store: Store) -> None:
    linked = symlinks(location("p"))
    tell(
        store,
        [
            run_event(2, "COMPLETE", ["a"], [dataset("p", namespace=LAKE)]),
            dataset_event(5, dataset("u", linked)),
            dataset_event(7, dataset("t", linked)),
        ],
    )

    with store.snapshot() as snapshot:
        entity = snapshot.entity(ds("u"))

    assert entity is not None
    assert entity.created_at == micros(5)


def test_the_present_and_an_instant_after_everything_say_the_same(store: Store) -> None:
    tell(store, EVERY_FEATURE)

    one, other = dump(store, PRESENT), dump(store, AsOf(valid=Instant(micros(10**9))))

    assert {key: one[key] for key in one if one[key] != other.get(key)} == {}
    assert one.keys() == other.keys()


# One entity: names, columns, instants


def test_an_entity_answers_to_every_name_it_is_known_by(store: Store) -> None:
    said = dataset("orders", symlinks(location("warehouse/orders")))
    tell(store, [dataset_event(1, said), dataset_event(1, dataset("warehouse/orders", namespace=LAKE))])

    with store.snapshot() as snapshot:
        entity = snapshot.entity(ds("orders"))
        assert entity is not None
        assert snapshot.entity(ds("warehouse/orders", LAKE)) == entity
        assert snapshot.find(frozenset({"dataset", "job"}), LAKE, "warehouse/orders") == entity
        [alias] = snapshot.aliases(entity)
        assert (alias.namespace, alias.name, alias.kind) == (LAKE, "warehouse/orders", "LOCATION")
        assert listed(snapshot) == ["orders"]


def test_a_former_name_still_resolves_and_is_an_alias(store: Store) -> None:
    tell(store, [dataset_event(1, "old"), dataset_event(5, dataset("new", lifecycle("RENAME", "old")))])

    with store.snapshot() as snapshot:
        entity = snapshot.entity(ds("old"))
        assert entity is not None
        assert entity.name == "new"
        assert [(it.name, it.kind) for it in snapshot.aliases(entity)] == [("old", "FORMER")]
    with store.snapshot(at(4)) as snapshot:
        assert listed(snapshot) == ["old"]


def test_any_instant_and_any_position_can_be_asked_for(store: Store) -> None:
    tell(store, [dataset_event(1, dataset("t", documentation("first")))])
    tell(store, [dataset_event(9, dataset("t", documentation("third")))])
    tell(store, [dataset_event(5, dataset("t", documentation("second, told last")))])

    def described(as_of: AsOf) -> str | None:
        with store.snapshot(as_of) as snapshot:
            entity = snapshot.entity(ds("t"))
            return entity.description if entity else None

    assert described(PRESENT) == "third"
    assert described(at(0)) is None
    assert described(at(1)) == "first"
    assert described(at(6)) == "second, told last"
    assert described(AsOf(Instant(micros(6)), Position(2))) == "first"
    assert described(AsOf(position=Position(1))) == "first"
    assert described(AsOf(position=Position(0))) is None
    assert described(AsOf(position=Position(10**9))) == "third"


def test_columns_come_in_the_order_of_the_schema_then_those_only_named(store: Store) -> None:
    flows = column_lineage({"zeta": [input_field("a", "x")]})
    tell(store, [run_event(1, "COMPLETE", ["a"], [dataset("b", schema("second", "first"), flows)])])

    with store.snapshot() as snapshot:
        table = snapshot.entity(ds("b"))
        assert table is not None
        columns = snapshot.columns(table)
        assert [(it.path, it.ordinal, it.data_type) for it in columns] == [
            ("second", columns[0].ordinal, "string"),
            ("first", columns[1].ordinal, "string"),
            ("zeta", None, None),
        ]
        assert snapshot.entity(col("b", "first")) == columns[1]
        assert snapshot.entity(col("b", "nothing")) is None


def test_a_person_outranks_a_producer_and_a_retired_job_feeds_nothing(store: Store) -> None:
    tell(store, chain("a", "b"))
    tell(
        store,
        [
            mutation(5, "describe", ds("b"), description="by hand"),
            dataset_event(9, dataset("b", documentation("later"))),
        ],
    )
    tell(store, [mutation(6, "retireJob", job("a-b"), retired=True)])

    with store.snapshot() as snapshot:
        entity, worker = snapshot.entity(ds("b")), snapshot.entity(job("a-b"))
        assert entity is not None
        assert worker is not None
        assert entity.description == "by hand"
        assert snapshot.is_retired(worker)
        assert snapshot.job_datasets(worker) == ((), ())
    assert ends(ask(store, ds("a"))) == []
    assert ends(ask(store, ds("a"), as_of=at(5))) == [("a", "b")]


# Changes


def test_changes_come_in_order_whole_envelopes_and_at_least_as_many_as_asked(store: Store) -> None:
    tell(store, EVERY_FEATURE)
    whole = store.changes(0, 10**6)
    assert [it.position for it in whole] == sorted(it.position for it in whole)
    assert len({it.position for it in whole}) > 20

    for limit in (1, 2, 3, 10, 100):
        found = store.changes(0, limit)
        assert limit <= len(found) < len(whole)
        assert found == whole[: len(found)]
        assert whole[len(found)].position > found[-1].position, "an envelope's changes were torn apart"


@pytest.mark.parametrize("limit", [1, 5, 64])
def test_read_on_from_the_last_position_no_change_is_missed_or_told_twice(store: Store, limit: int) -> None:
    tell(store, EVERY_FEATURE)
    found: list[Change] = []
    while chunk := store.changes(found[-1].position if found else 0, limit):
        found += chunk

    assert found == store.changes(0, 10**6)


def test_what_was_a_change_once_stays_it(store_place: StorePlace, words: Ontology) -> None:
    half = len(EVERY_FEATURE) // 2
    store = store_place.open(words)
    tell(store, EVERY_FEATURE[:half])
    early = store.changes(0, 10**6)
    store.close()

    store = store_place.open(words)
    tell(store, EVERY_FEATURE[half:])

    assert store.changes(0, 10**6)[: len(early)] == early
    assert all(it.position > half for it in store.changes(half, 10**6))
    store.close()


def test_a_fold_answers_with_the_changes_that_are_kept(store: Store) -> None:
    with store.transaction():
        answered = fold(store, run_event(3, "FAIL", ["a"], ["b"]), 1)
    store.commit(Position(1))

    assert answered == store.changes(0, 100)
    assert {(it.what, it.urn, it.other) for it in answered} >= {
        ("entity.opened", ds("a"), None),
        ("relation.opened", ds("a"), ds("b")),
        ("run.failed", run("r1"), job()),
    }
    assert {it.valid_at for it in answered} == {micros(3)}


# Differences


def test_a_diff_tells_entities_then_relations_by_urn(store: Store) -> None:
    tell(store, chain("a", "b"))
    before = AsOf(position=Position(1))
    tell(store, [run_event(5, "COMPLETE", ["c"], ["b"], job="a-b", run="again")])
    tell(
        store,
        [
            dataset_event(6, dataset("a", documentation("described"))),
            dataset_event(7, dataset("b", lifecycle("DROP"))),
        ],
    )

    found = [
        (it.change, it.entity.name if it.entity else "", it.edge.source if it.edge else "", it.fields)
        for it in store.diff(before, PRESENT)
    ]

    assert found == [
        ("ALTERED", "a", "", ("documentation",)),
        ("CLOSED", "b", "", ()),
        ("OPENED", "c", "", ()),
        ("OPENED", "again", "", ()),
        ("CLOSED", "", ds("a"), ()),
        ("OPENED", "", ds("c"), ()),
    ]


def test_a_diff_of_a_state_with_itself_is_empty_and_turned_around_it_is_reversed(store: Store) -> None:
    tell(store, chain("a", "b", "c"))
    early = AsOf(position=Position(1))

    assert list(store.diff(early, early)) == []
    there = {(it.change, (it.entity or it.edge).__class__.__name__) for it in store.diff(early, PRESENT)}
    back = {(it.change, (it.entity or it.edge).__class__.__name__) for it in store.diff(PRESENT, early)}
    assert {change for change, _ in there} == {"OPENED"}
    assert {change for change, _ in back} == {"CLOSED"}


def test_a_diff_can_be_narrowed_to_some_entities(store: Store) -> None:
    tell(store, chain("a", "b", "c"))

    found = list(store.diff(AsOf(position=Position(0)), PRESENT, [ds("a")]))

    assert [it.entity.name for it in found if it.entity] == ["a"]
    assert [(it.edge.source, it.edge.target) for it in found if it.edge] == [(ds("a"), ds("b"))]


# Lineage


def test_a_walk_goes_as_deep_as_asked_in_the_direction_asked(store: Store) -> None:
    tell(store, chain("a", "b", "c", "d", "e"))

    assert shown(ask(store, ds("c"), depth=1)) == ["b", "c", "d"]
    assert shown(ask(store, ds("c"), depth=1, direction=Direction.UPSTREAM)) == ["b", "c"]
    assert shown(ask(store, ds("c"), depth=2, direction=Direction.DOWNSTREAM)) == ["c", "d", "e"]
    assert shown(ask(store, ds("a"), ds("e"), depth=1)) == ["a", "b", "d", "e"]
    assert shown(ask(store, ds("c"), depth=0)) == ["c"]


def test_what_lies_beyond_is_counted(store: Store) -> None:
    tell(store, chain("a", "b", "c", "d"))
    tell(store, chain("x", "b"))

    hidden = ask(store, ds("b"), depth=1, direction=Direction.DOWNSTREAM).hidden

    assert hidden == {ds("b"): (2, 0), ds("c"): (0, 1)}


@pytest.mark.parametrize("level", [Level.DATASET, Level.COLUMN, Level.JOB])
def test_cycles_end_and_name_every_edge_once(store: Store, level: Level) -> None:
    names = ("a", "b", "c", "a")
    for second, (one, other) in enumerate(pairwise(names), start=1):
        said = dataset(other, schema("x"), column_lineage({"x": [input_field(one, "x", direct())]}))
        tell(store, [run_event(second, "COMPLETE", [one], [said], job=f"{one}-{other}", run=f"{one}-{other}")])
    start = {Level.DATASET: ds("a"), Level.COLUMN: col("a", "x"), Level.JOB: job("a-b")}[level]

    answer = ask(store, start, depth=50, level=level)

    assert len(answer.nodes) == 3
    assert len(answer.edges) == 3
    assert not answer.hidden
    assert {it.source for it in answer.edges} == {it.target for it in answer.edges} == {it.urn for it in answer.nodes}


def test_a_dataset_that_feeds_itself_does_so_by_its_columns_alone(store: Store) -> None:
    said = dataset("t", column_lineage({"x": [input_field("t", "y")], "y": [input_field("t", "y")]}))
    tell(store, [run_event(1, "COMPLETE", ["t"], [said])])

    assert ends(ask(store, ds("t"))) == []
    assert ends(ask(store, ds("t"), level=Level.COLUMN)) == [("y", "x"), ("y", "y")]


def test_a_cut_answer_has_the_nearest_and_says_how_many_there_are(store: Store) -> None:
    names = [f"t{number:02}" for number in range(30)]
    tell(store, chain(*names))
    tell(store, [run_event(99, "COMPLETE", ["t00"], [f"side{n}" for n in range(10)], job="wide", run="wide")])

    answer = ask(store, ds("t00"), depth=29, limit=15)
    whole = ask(store, ds("t00"), depth=29)

    assert (answer.truncated, answer.total_nodes, len(answer.nodes)) == (True, 40, 15)
    assert shown(answer) == sorted([*names[:5], *(f"side{n}" for n in range(10))])
    kept = {it.urn for it in answer.nodes}
    assert all(it.source in kept and it.target in kept for it in answer.edges)
    assert answer.hidden[ds("t04")] == (0, 1)
    assert (whole.truncated, whole.total_nodes, len(whole.nodes)) == (False, 40, 40)


def test_an_answer_says_as_of_which_position_it_is(store: Store) -> None:
    tell(store, chain("a", "b", "c"))

    assert ask(store, ds("a")).position == 2
    assert ask(store, ds("a"), as_of=AsOf(position=Position(1))).position == 1


@pytest.mark.parametrize("direction", [Direction.DOWNSTREAM, Direction.UPSTREAM])
def test_filters_bridge_over_what_they_hide_and_never_prune(store: Store, direction: Direction) -> None:
    lake = dataset("raw", namespace=LAKE)
    middle = dataset("stage", namespace=LAKE)
    tell(
        store,
        [
            run_event(1, "COMPLETE", ["a"], [lake], job="j1", run="1"),
            run_event(2, "COMPLETE", [lake], [middle], job="j2", run="2"),
            run_event(3, "COMPLETE", [middle], ["b"], job="j3", run="3"),
            run_event(4, "COMPLETE", ["b"], ["c"], job="j4", run="4"),
        ],
    )
    start = ds("a") if direction is Direction.DOWNSTREAM else ds("c")
    only_db: dict[str, Any] = {"namespaces": frozenset({DB}), "direction": direction}

    one_hop = {Direction.DOWNSTREAM: ["a", "b"], Direction.UPSTREAM: ["b", "c"]}[direction]
    assert shown(ask(store, start, depth=1, **only_db)) == one_hop
    answer = ask(store, start, depth=2, **only_db)
    assert shown(answer) == ["a", "b", "c"]
    assert ends(answer) == [("a", "b"), ("b", "c")]


def test_a_filter_bridges_every_way_around_a_cycle_of_hidden_ones(store: Store) -> None:
    hidden = [dataset(name, namespace=LAKE) for name in ("h1", "h2")]
    tell(
        store,
        [
            run_event(1, "COMPLETE", ["a"], hidden[:1], job="j1", run="1"),
            run_event(2, "COMPLETE", hidden[:1], hidden[1:], job="j2", run="2"),
            run_event(3, "COMPLETE", hidden[1:], hidden[:1], job="j3", run="3"),
            run_event(4, "COMPLETE", hidden[1:], ["b"], job="j4", run="4"),
        ],
    )

    assert ends(ask(store, ds("a"), depth=9, namespaces=frozenset({DB}))) == [("a", "b")]


def test_at_the_level_of_jobs_an_edge_names_the_datasets_between(store: Store) -> None:
    tell(store, chain("a", "b", "c"))

    answer = ask(store, job("a-b"), level=Level.JOB)

    assert shown(answer) == ["a-b", "b-c"]
    [edge] = answer.edges
    assert (edge.source, edge.target, edge.kind, edge.via) == (job("a-b"), job("b-c"), "FEEDS", (ds("b"),))


def test_at_the_level_of_columns_an_edge_says_how_it_flows(store: Store) -> None:
    flows = column_lineage({"x": [input_field("a", "x", direct())], "y": [input_field("a", "x", indirect("SORT"))]})
    tell(store, [run_event(1, "COMPLETE", ["a"], [dataset("b", schema("x", "y"), flows)])])

    answer = ask(store, ds("b"), level=Level.COLUMN, direction=Direction.UPSTREAM)

    assert ends(answer) == [("x", "x"), ("x", "y")]
    assert {it.target: (it.kind, [t.subtype for t in it.transformations]) for it in answer.edges} == {
        col("b", "x"): ("DIRECT", ["IDENTITY"]),
        col("b", "y"): ("INDIRECT", ["SORT"]),
    }


def test_an_edge_says_by_whom_since_when_and_on_what_evidence(store: Store) -> None:
    tell(store, [run_event(n, "COMPLETE", ["a"], ["b"], run=f"r{n}") for n in range(1, 26)])

    [edge] = ask(store, ds("a")).edges

    assert (edge.kind, edge.via) == ("DERIVED_FROM", (job(),))
    assert (edge.valid_from, edge.valid_to, edge.last_confirmed_at) == (micros(1), None, micros(25))
    assert (edge.evidence, edge.evidence_count) == (tuple(range(6, 26)), 25)


def test_lineage_of_what_does_not_exist_or_has_no_such_level_is_refused(store: Store) -> None:
    tell(store, chain("a", "b"))

    with pytest.raises(NotFound, match="nowhere"):
        ask(store, ds("nowhere"))
    with pytest.raises(NotFound):
        ask(store, ds("b"), as_of=at(0))
    with pytest.raises(InvalidInput):
        ask(store, ds("a"), level=Level.JOB)
    with pytest.raises(InvalidInput):
        ask(store, "no urn at all")


# Paths


def paths(store: Store, one: str, other: str, level: Level = Level.DATASET, limit: int = 20) -> list[list[str]]:
    with store.snapshot() as snapshot:
        return [[it.name for it in path.nodes] for path in snapshot.paths(one, other, level, limit)]


def test_the_shortest_paths_are_found_all_of_them_and_only_downstream(store: Store) -> None:
    tell(store, [*chain("a", "left", "z"), *chain("a", "right", "z"), *chain("a", "long", "longer", "z")])

    assert paths(store, ds("a"), ds("z")) == [["a", "left", "z"], ["a", "right", "z"]]
    assert paths(store, ds("a"), ds("z"), limit=1) == [["a", "left", "z"]]
    assert paths(store, ds("z"), ds("a")) == []
    assert paths(store, ds("left"), ds("right")) == []


def test_paths_through_cycles_end(store: Store) -> None:
    tell(store, [*chain("a", "b", "a"), *chain("b", "c", "b"), *chain("c", "z")])

    assert paths(store, ds("a"), ds("z")) == [["a", "b", "c", "z"]]
    tell(store, [dataset_event(99, "island")])
    assert paths(store, ds("a"), ds("island")) == []


def test_a_path_carries_its_edges(store: Store) -> None:
    tell(store, chain("a", "b", "c"))

    with store.snapshot() as snapshot:
        [path] = snapshot.paths(ds("a"), ds("c"), Level.DATASET)

    assert [(it.source, it.target, it.via) for it in path.edges] == [
        (ds("a"), ds("b"), (job("a-b"),)),
        (ds("b"), ds("c"), (job("b-c"),)),
    ]


def test_paths_are_found_from_column_to_column_and_job_to_job(store: Store) -> None:
    for second, (one, other) in enumerate(pairwise("abc"), start=1):
        said = dataset(other, column_lineage({"x": [input_field(one, "x", direct())]}))
        tell(store, [run_event(second, "COMPLETE", [one], [said], job=f"{one}-{other}", run=f"{one}-{other}")])

    assert paths(store, col("a", "x"), col("c", "x"), Level.COLUMN) == [["x", "x", "x"]]
    assert paths(store, job("a-b"), job("b-c"), Level.JOB) == [["a-b", "b-c"]]

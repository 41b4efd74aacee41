"""What every store promises of stops: how far each policy reaches, under every name, as of any instant."""

from __future__ import annotations

from graph.model import PRESENT, AsOf, Instant, Position
from tests.contract.adapters import Store
from tests.contract.telling import tell
from tests.reference.events import (
    DB,
    dataset,
    dataset_event,
    ds,
    fact,
    facts,
    job,
    lifecycle,
    micros,
    restart,
    run_event,
    stop,
    stopped,
    symlinks,
    table,
    urn,
)

LINE = [
    run_event(1, inputs=["a"], outputs=["b"], job="j", run="r1"),
    run_event(1, inputs=["b"], outputs=["c"], job="k", run="r2"),
]
"""a -> j -> b -> k -> c"""


def ways(store: Store, of: str, as_of: AsOf = PRESENT) -> dict[str, tuple[str, ...]]:
    """The stops for which an entity stands, by urn, with the way to each."""
    with store.snapshot(as_of) as snapshot:
        entity = snapshot.entity(of)
        assert entity is not None
        return {it.stop.urn: it.via for it in snapshot.stops_on(entity)}


def standing(store: Store, as_of: AsOf = PRESENT) -> list[str]:
    """Which of the line stand."""
    every = [ds("a"), job("j"), ds("b"), job("k"), ds("c")]
    return [it for it in every if ways(store, it, as_of)]


def test_block_and_warn_reach_all_that_is_downstream(store: Store) -> None:
    tell(store, [*LINE, stop(2, ds("b"), "block", "s"), stop(2, ds("b"), "warn", "t")])

    assert standing(store) == [ds("b"), job("k"), ds("c")]
    way = (ds("b"), job("k"), ds("c"))
    assert ways(store, ds("c")) == {stopped("s"): way, stopped("t"): way}
    assert list(ways(store, ds("c"))) == [stopped("s"), stopped("t")]


def test_isolate_reaches_the_direct_readers(store: Store) -> None:
    tell(store, [*LINE, stop(2, ds("a"), "isolate")])

    assert standing(store) == [ds("a"), job("j")]


def test_isolating_a_job_reaches_the_readers_of_what_it_writes(store: Store) -> None:
    tell(store, [*LINE, stop(2, job("j"), "isolate")])

    assert standing(store) == [job("j"), ds("b"), job("k")]


def test_a_stop_tells_its_cause_owner_and_time(store: Store) -> None:
    tell(store, [*LINE, stop(2, ds("a"))])

    with store.snapshot() as snapshot:
        [found] = snapshot.stops()

    assert (found.urn, found.target, found.policy) == (stopped(), ds("a"), "block")
    assert (found.cause, found.owner, found.since) == ("it is wrong", "ann", micros(2))


def test_a_restart_ends_it_from_then_on(store: Store) -> None:
    tell(store, [*LINE, stop(2, ds("a")), restart(5)])

    assert standing(store) == []
    assert len(standing(store, AsOf(valid=Instant(micros(4))))) == 5
    assert standing(store, AsOf(valid=Instant(micros(5)))) == []
    assert standing(store, AsOf(valid=Instant(micros(1)))) == []
    assert len(standing(store, AsOf(position=Position(3)))) == 5


def test_the_restart_may_be_heard_of_before_the_stop(store: Store) -> None:
    tell(store, [*LINE, restart(5), stop(2, ds("a"))])

    assert standing(store) == []
    assert len(standing(store, AsOf(valid=Instant(micros(4))))) == 5


def test_what_begins_to_read_stands_and_what_no_longer_does_goes(store: Store) -> None:
    tell(store, [*LINE, stop(2, ds("a"))])
    assert ways(store, ds("c"))  # which is kept

    tell(store, [run_event(3, inputs=["c"], outputs=["d"], job="l", run="r3")])
    assert ways(store, ds("d"))[stopped()][-2:] == (job("l"), ds("d"))

    tell(store, [run_event(4, inputs=["x"], outputs=["b"], job="j", run="r4")])
    assert standing(store) == [ds("a")]
    assert ways(store, ds("d")) == {}


def test_a_stop_follows_its_dataset_to_another_name(store: Store) -> None:
    tell(store, [*LINE, stop(2, ds("a"))])
    assert standing(store)

    tell(store, [run_event(3, outputs=[dataset("z", lifecycle("RENAME", "a"))], job="mover", run="r3")])

    assert ways(store, ds("z")) == {stopped(): (ds("z"),)}
    assert ways(store, ds("b")) == {stopped(): (ds("z"), job("j"), ds("b"))}


def test_names_that_are_one_entity_stand_together(store: Store) -> None:
    tell(store, [*LINE, stop(2, ds("q")), dataset_event(1, "q")])
    assert standing(store) == []

    tell(store, [dataset_event(3, dataset("a", symlinks(table("q"))))])

    assert standing(store) == [ds("a"), job("j"), ds("b"), job("k"), ds("c")]


def test_a_model_stands_with_what_it_was_trained_on(store: Store) -> None:
    model = fact("ModelVersion", "churn:1", relations={"trainedOn": [ds("b")]})
    tell(store, [*LINE, facts(1, model), stop(2, ds("a"))])

    trained = urn("modelversion", DB, "churn:1")
    assert ways(store, trained) == {stopped(): (ds("a"), job("j"), ds("b"), trained)}


def test_a_product_stands_with_its_parts_and_its_parts_with_it(store: Store) -> None:
    product = urn("dataproduct", DB, "p")
    parts = [
        fact("Dataset", "b", relations={"partOfProduct": [product]}),
        fact("Dataset", "aside", relations={"partOfProduct": [product]}),
        fact("DataProduct", "p", relations={"outputPort": [ds("c")]}),
    ]
    tell(store, [*LINE, facts(1, *parts), stop(2, ds("a"), name="s")])
    assert ways(store, product) == {stopped("s"): (ds("a"), job("j"), ds("b"), product)}
    assert ways(store, ds("aside")) == {}

    tell(store, [restart(3, "s"), stop(4, product, name="t")])
    assert ways(store, ds("aside")) == {stopped("t"): (product, ds("aside"))}
    assert ways(store, ds("c")) == {stopped("t"): (product, ds("c"))}
    assert ways(store, job("k")) == {stopped("t"): (product, ds("b"), job("k"))}
    assert ways(store, ds("a")) == {}


def test_an_isolated_product_reaches_who_reads_its_parts(store: Store) -> None:
    product = urn("dataproduct", DB, "p")
    part = fact("Dataset", "a", relations={"partOfProduct": [product]})
    tell(store, [*LINE, facts(1, part, fact("DataProduct", "p")), stop(2, product, "isolate")])

    assert standing(store) == [ds("a"), job("j")]
    assert ways(store, product) == {stopped(): (product,)}


def test_a_circle_of_jobs_is_walked_once(store: Store) -> None:
    back = run_event(1, inputs=["c"], outputs=["a"], job="l", run="r3")
    tell(store, [*LINE, back, stop(2, ds("b"))])

    assert ways(store, ds("b")) == {stopped(): (ds("b"),)}
    assert ways(store, ds("a")) == {stopped(): (ds("b"), job("k"), ds("c"), job("l"), ds("a"))}

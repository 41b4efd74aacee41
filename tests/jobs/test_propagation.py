"""Propagation by hand: what travels, what stops it, what is taken back, and that nothing is said twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from graph.derivations import way_of
from graph.errors import Unavailable
from graph.model import AsOf, NewEnvelope, Position
from jobs.propagation import PropagationService
from tests.jobs.board import PII, Board, board, declared
from tests.reference.events import (
    FACET,
    col,
    column_lineage,
    dataset,
    dataset_event,
    direct,
    ds,
    input_field,
    job,
    job_event,
    mutation,
    schema,
)

Json = dict[str, Any]


def tagged(at: int, name: str, *tags: Json) -> Json:
    return dataset_event(at, dataset(name, {"tags": FACET | {"tags": list(tags)}}))


def mail(at: int, name: str = "a", path: str = "x") -> Json:
    return tagged(at, name, {"key": "pii", "field": path})


def flow(at: int, source: str, target: str, *ways: Json, name: str = "") -> Json:
    """`a.x` into `b.y`, by a job of its own."""
    (origin, column), (output, path) = source.split("."), target.split(".")
    lineage = column_lineage({path: [input_field(origin, column, *ways)]})
    return job_event(at, [origin], [dataset(output, lineage)], job=name or f"{source}>{target}")


def silent(at: int, source: str, target: str) -> Json:
    """The job of `flow` says that no column comes from another."""
    (origin, _), (output, _) = source.split("."), target.split(".")
    return job_event(at, [origin], [dataset(output, column_lineage({}))], job=f"{source}>{target}")


CHAIN = (flow(2, "a.x", "b.x"), flow(3, "b.x", "c.x"), flow(4, "c.x", "d.x"))


def test_a_tag_travels_down_each_hop_naming_the_place_before_and_what_made_it_hold() -> None:
    with board() as it:
        it.tell(mail(1), *CHAIN)
        assert it.follow() == 1

        assert it.derived(col("d", "x")) == {"pii": (3, col("c", "x"))}
        (tag,) = it.entity(col("d", "x")).tags
        assert (tag.key, tag.value, tag.source, tag.said) == ("pii", None, "propagation:pii", False)
        assert tag.derived[0].evidence == (4,)
        with it.graph.snapshot() as snapshot:
            assert way_of(tag.derived[0], snapshot) == [col("a", "x"), col("b", "x"), col("c", "x")]
        assert it.derived(col("a", "x")) == {}


def test_a_loop_does_not_hold_itself_up() -> None:
    with board() as it:
        it.tell(mail(1), *CHAIN, flow(5, "d.x", "b.x", name="back"))
        it.follow()
        assert it.derived(col("b", "x")) == {"pii": (1, col("a", "x"))}

        it.tell(silent(6, "a.x", "b.x"))
        it.follow()

        assert it.everywhere() == {}


def test_of_a_diamond_one_side_may_go() -> None:
    with board() as it:
        it.tell(mail(1), flow(2, "a.x", "b.x"), flow(3, "a.x", "c.x"), flow(4, "b.x", "d.x"), flow(5, "c.x", "d.x"))
        it.follow()
        assert it.derived(col("d", "x")) == {"pii": (2, col("b", "x"))}

        it.tell(silent(6, "a.x", "b.x"))
        it.follow()
        assert it.derived(col("b", "x")) == {}
        assert it.derived(col("d", "x")) == {"pii": (2, col("c", "x"))}

        it.tell(silent(7, "a.x", "c.x"))
        it.follow()
        assert it.everywhere() == {}


def test_a_shorter_way_moves_all_that_lies_behind() -> None:
    with board(declared("propagate: pii\nversion: 1\ntags: [pii]\ndepth: 3")) as it:
        it.tell(mail(1), *CHAIN, flow(5, "d.x", "e.x"))
        it.follow()
        assert it.derived(col("e", "x")) == {}  # four hops

        it.tell(flow(6, "a.x", "c.x", name="short"))
        it.follow()

        assert it.derived(col("e", "x")) == {"pii": (3, col("d", "x"))}
        assert it.derived(col("c", "x")) == {"pii": (1, col("a", "x"))}


def test_masking_stops_it_and_its_end_lets_it_through_again() -> None:
    with board() as it:
        it.tell(mail(1), *CHAIN)
        it.follow()

        it.tell(flow(5, "b.x", "c.x", direct(masking=True)))
        it.follow()
        assert it.everywhere() == {col("b", "x"): {"pii": (1, col("a", "x"))}}

        it.tell(flow(6, "b.x", "c.x", direct("AGGREGATION")))
        it.follow()
        assert it.derived(col("c", "x")) == {}

        it.tell(flow(7, "b.x", "c.x"))
        it.follow()
        assert it.derived(col("d", "x")) == {"pii": (3, col("c", "x"))}


def test_a_job_that_is_tagged_as_anonymising_stops_it_until_it_is_not() -> None:
    with board() as it:
        it.tell(mail(1), *CHAIN)
        it.follow()

        it.tell(mutation(5, "addTag", job("a.x>b.x"), key="anonymises", value=None))
        it.follow()
        assert it.everywhere() == {}

        it.tell(mutation(6, "removeTag", job("a.x>b.x"), key="anonymises"))
        it.follow()
        assert it.derived(col("d", "x")) == {"pii": (3, col("c", "x"))}


def test_a_tag_that_is_said_and_derived_stays_when_one_of_both_goes() -> None:
    with board() as it:
        it.tell(mail(1), mail(1, "b"), flow(2, "a.x", "b.x"), flow(3, "b.x", "c.x"))
        it.follow()
        assert [it.derived(col("b", "x")), it.derived(col("c", "x"))] == [{}, {"pii": (1, col("b", "x"))}]

        it.tell(tagged(4, "b"))  # nobody says it of b any more
        it.follow()
        assert it.derived(col("c", "x")) == {"pii": (2, col("b", "x"))}
        assert not it.entity(col("b", "x")).tags[0].said

        it.tell(mail(5, "b"), tagged(6, "a"))
        it.follow()
        (tag,) = it.entity(col("b", "x")).tags
        assert (tag.said, tag.derived) == (True, ())
        assert it.derived(col("c", "x")) == {"pii": (1, col("b", "x"))}


def test_a_producer_cannot_pass_a_tag_off_as_derived() -> None:
    with board() as it:
        forged = {"by": "pii", "from": ds("z"), "hops": 1, "evidence": [1]}
        it.tell(tagged(1, "a", {"key": "pii", "field": "x", "said": False, "derived": [forged]}))

        (tag,) = it.entity(ds("a")).tags
        assert (tag.said, tag.derived) == (True, ())


def test_a_column_that_a_schema_left_out_hands_nothing_on_until_it_is_named_again() -> None:
    with board() as it:
        it.tell(mail(1), *CHAIN)
        it.follow()

        it.tell(dataset_event(5, dataset("b", schema("other"))))
        it.follow()
        assert it.everywhere() == {}

        it.tell(flow(6, "a.x", "b.x"))  # no edge is new: it is named again, that is all
        it.follow()
        assert it.derived(col("d", "x")) == {"pii": (3, col("c", "x"))}


def test_another_definition_is_worked_out_anew_and_a_removed_one_takes_all_back() -> None:
    with board() as it:
        it.tell(mail(1), *CHAIN)
        it.follow()

        it.propagations[:] = [declared("propagate: pii\nversion: 2\ntags: [pii]\ndepth: 1")]
        it.follow()
        assert it.everywhere() == {col("b", "x"): {"pii": (1, col("a", "x"))}}

        it.propagations.clear()
        it.follow()
        assert it.everywhere() == {}
        assert it.follow() == 0


def test_datasets_have_it_from_datasets_and_upstream_where_that_is_asked_for() -> None:
    tables = declared("propagate: up\nversion: 1\ntags: [secret]\nlevel: dataset\ndirection: upstream")
    with board(tables) as it:
        it.tell(*CHAIN, mutation(5, "addTag", ds("c"), key="secret", value="top"))
        it.tell(tagged(6, "b", {"key": "secret", "value": "top", "field": "x"}))  # of a column: another place
        it.follow()

        with it.graph.snapshot() as snapshot:
            (tag,) = it.entity(ds("a")).tags
            assert way_of(tag.derived[0], snapshot) == [ds("c"), ds("b")]
        assert it.everywhere("up") == {ds("b"): {"secret=top": (1, ds("c"))}, ds("a"): {"secret=top": (2, ds("b"))}}


def test_nothing_is_said_twice_after_a_restart_and_as_of_the_past_it_is_not_there() -> None:
    with board() as it:
        it.tell(mail(1), *CHAIN)
        it.follow()
        said = len(it.journal)

        it.service = it.serve()
        it.tell(flow(9, "a.x", "b.x"))  # as every night
        assert it.follow() == 0 and len(it.journal) == said + 1

        with it.graph.snapshot(AsOf(position=Position(4))) as before, it.graph.snapshot(AsOf()) as now:
            assert [bool(each.entity(col("d", "x")).tags) for each in (before, now)] == [False, True]


class _Stumbling(Board):
    """Appends only after it has failed as often as `failing` says, with some of it taken."""

    failing = 0

    def append(self, envelopes: Sequence[NewEnvelope]) -> None:
        if self.failing:
            self.failing -= 1
            super().append(envelopes[:1])
            raise Unavailable("the journal asks to wait")
        super().append(envelopes)


def test_a_crash_between_what_was_worked_out_and_the_journal_loses_and_repeats_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.propagation.MAX_TARGETS", 1)
    with board() as plain:
        it = _Stumbling(plain.graph, plain.outbox, [PII])
        it.tell(mail(1), *CHAIN)
        it.failing = 1
        with pytest.raises(Unavailable):
            it.service.step()
        it.project()  # one of three is in the graph

        it.service = it.serve()
        it.follow()

        assert it.derived(col("d", "x")) == {"pii": (3, col("c", "x"))}
        said = [json.loads(each.body or b"")["said"] for each in it.journal if each.kind == "propagation"]
        assert [each[0][0] for each in said] == [ds("b"), ds("c"), ds("d")]


def test_of_two_processes_one_says_it() -> None:
    with board() as it:
        it.tell(mail(1), *CHAIN)
        other: PropagationService = it.serve()
        it.service.step()
        other.step()
        it.project()
        it.follow()

        assert len([each for each in it.journal if each.kind == "propagation"]) == 1

"""The log's chain: what was written is found as it was written, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.model import Envelope, Instant, NewEnvelope, Position
from rules import record
from rules.audit import EMPTY, OLDER, Audit, Fault, Head, digest_of, linked, resume, verify
from rules.sqlite_outbox import SqliteOutbox
from tests.rules.deciding import a_firing
from tests.rules.estate import T0


def a_log(length: int, start: Head = EMPTY) -> list[Envelope]:
    """A journal with `length` records, and an event before each."""
    found: list[Envelope] = []
    head = start
    for number in range(length):
        at = Instant(T0 + number)
        found.append(Envelope(Position(2 * number + 1), "openlineage", "x", at, b"e%d" % number, b"{}"))
        report, head = linked(record.decision(a_firing(f"f{number}", number + 1)), head)
        found.append(Envelope(Position(2 * number + 2), report.kind, report.source, at, report.key, report.body))
    return found


def audited(journal: list[Envelope], expected: Head | None = None) -> Audit:
    return verify(
        lambda: journal, expected=expected, redacts=lambda it: int(it.body or b"0") if it.kind == "redaction" else None
    )


def redacted(journal: list[Envelope], *positions: int, said: bool = True) -> list[Envelope]:
    """With these envelopes' bytes gone, and somebody's word for it at the end."""
    gone = [replace(it, body=None) if it.position in positions else it for it in journal]
    words = [Envelope(Position(100 + it), "redaction", "ana", T0, b"r%d" % it, b"%d" % it) for it in positions]
    return gone + (words if said else [])


def test_a_record_has_its_number_and_the_digest_of_the_one_before_it() -> None:
    first, head = linked(NewEnvelope("action", "rules", b"k", b'{"about":"decision"}'), EMPTY)
    second, _ = linked(NewEnvelope("action", "rules", b"l", b'{"about":"outcome"}'), head)

    assert first.body == b'{"number":1,"previous":"","about":"decision"}'
    assert (head.number, head.digest, first.key) == (1, digest_of(first.body), head.digest)
    assert json.loads(second.body) == {"number": 2, "previous": head.digest.hex(), "about": "outcome"}


def test_a_log_that_is_as_it_was_written_says_how_far_it_goes() -> None:
    journal = a_log(3)

    found = audited(journal)

    assert (found.head, found.older, found.redacted, found.fault) == (Head(3, journal[-1].digest), 0, 0, None)
    assert (found.first_at, found.last_at) == (T0, T0 + 2)
    assert audited([]).head == EMPTY


@pytest.mark.parametrize("positions", [[2], [4], [6], [2, 4], [2, 4, 6]])
def test_a_redacted_record_leaves_the_chain_whole(positions: list[int]) -> None:
    found = audited(redacted(a_log(3), *positions), Head(3, a_log(3)[-1].digest))

    assert (found.fault, found.redacted, found.head.number) == (None, len(positions), 3)


def test_bytes_that_are_gone_without_a_word_are_a_fault() -> None:
    fault = audited(redacted(a_log(3), 4, said=False)).fault

    assert fault == Fault(2, Position(4), "has no bytes, and nobody said that they were redacted")


def test_records_of_an_older_andon_stand_before_the_chain() -> None:
    old = Envelope(Position(0), "action", "rules", T0, b"old", b'{"about":"decision"}')

    found = audited([old, replace(old, digest=b"gone", body=None), *a_log(2, OLDER)])
    assert (found.older, found.head.number, found.fault) == (2, 2, None)
    assert audited([old, *a_log(2)]).fault == Fault(1, Position(2), "1 records stand before it, and there were none")
    assert audited([*a_log(2, OLDER), old]).fault is not None


def test_a_head_that_was_kept_elsewhere_must_still_be_there() -> None:
    journal = a_log(3)

    assert audited(journal, Head(2, journal[3].digest)).fault is None
    assert audited(journal[:-1], Head(3, journal[-1].digest)).fault == Fault(
        3, None, "is missing; there was a number 3"
    )
    rewritten = a_log(3, Head(0, b"\0"))
    assert audited(rewritten, Head(3, journal[-1].digest)).fault is not None


# Any one tampering is found: the head is known, as an outbox or an operator knows it.


@st.composite
def tampered(draw: st.DrawFn) -> list[Envelope]:
    journal = a_log(5)
    records = [index for index, it in enumerate(journal) if it.kind == "action"]
    at = draw(st.sampled_from(records))
    how = draw(
        st.sampled_from(
            ["alter", "resay", "digest", "remove", "exchange", "repeat", "insert", "kind", "source", "blank"]
        )
    )
    it = journal[at]
    body = it.body or b""
    if how == "alter":  # the bytes, anywhere
        index, bit = draw(st.integers(0, len(body) - 1)), draw(st.integers(0, 7))
        journal[at] = replace(it, body=body[:index] + bytes([body[index] ^ (1 << bit)]) + body[index + 1 :])
    elif how == "resay":  # with a digest that fits
        said = json.loads(body)
        said[draw(st.sampled_from(sorted(said)))] = "else"
        changed = json.dumps(said).encode()
        journal[at] = replace(it, body=changed, digest=digest_of(changed))
    elif how == "digest":
        journal[at] = replace(it, digest=draw(st.binary(min_size=32, max_size=32)))
    elif how == "remove":
        del journal[at]
    elif how == "exchange":
        other = draw(st.sampled_from([each for each in records if each != at]))
        journal[at], journal[other] = journal[other], journal[at]
    elif how == "repeat":
        journal.insert(draw(st.sampled_from([*range(len(journal) + 1)])), it)
    elif how == "insert":  # one that is linked as the next one should be, or not at all
        before = [each for each in journal[:at] if each.kind == "action"]
        head = Head(len(before), before[-1].digest) if before else EMPTY
        plain = record.decision(a_firing("forged", 9))
        forged = draw(st.sampled_from([plain, linked(plain, head)[0]]))
        journal.insert(at, Envelope(Position(99), "action", "rules", T0, forged.key, forged.body))
    elif how == "kind":
        journal[at] = replace(it, kind="mutation")
    elif how == "source":
        journal[at] = replace(it, source="somebody")
    else:
        journal[at] = replace(it, body=None)
    return journal


@settings(max_examples=400, deadline=None)
@given(tampered())
def test_any_one_change_of_the_journal_is_found(journal: list[Envelope]) -> None:
    whole = a_log(5)
    assert audited(journal, Head(5, whole[-1].digest)).fault is not None


# An outbox that was restored or made anew


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[SqliteOutbox]:
    outbox = SqliteOutbox(tmp_path / "outbox.db")
    yield outbox
    outbox.close()


def test_a_new_outbox_goes_on_where_the_journal_ends(outbox: SqliteOutbox) -> None:
    journal = a_log(3)
    resume(outbox, lambda after, limit: [it for it in journal if it.position > after][:limit])

    outbox.decide(Position(0), Position(7), [], [record.decision(a_firing("f9", 7))])

    head, [waiting] = outbox.chain()
    assert (head, json.loads(waiting.body)["previous"]) == (Head(4, waiting.key), journal[-1].digest.hex())
    found = verify(lambda: journal, outbox=outbox)
    assert (found.fault, found.waiting, found.head.number) == (None, 1, 4)


def test_the_outbox_knows_when_the_newest_record_is_gone_or_one_too_many_is_there(outbox: SqliteOutbox) -> None:
    outbox.decide(Position(0), Position(7), [], [record.decision(a_firing(f"f{it}", 7)) for it in range(3)])
    journal = []
    for number, report in outbox.unreported(10):
        journal.append(Envelope(Position(number), report.kind, report.source, T0, report.key, report.body))
        outbox.reported(number)
    forged, _ = linked(record.decision(a_firing("forged", 9)), outbox.chain()[0])
    more = [*journal, Envelope(Position(9), "action", "rules", T0, forged.key, forged.body)]

    assert verify(lambda: journal, outbox=outbox).fault is None
    assert verify(lambda: journal[:2], outbox=outbox).fault == Fault(3, None, "is missing; there was a number 3")
    assert verify(lambda: more, outbox=outbox).fault == Fault(
        4, None, "was not put there by the outbox, which has come to 3"
    )

"""What every journal promises (`graph.journal`)."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import pytest

from graph.errors import Conflict, NotFound, Unavailable
from graph.journal import DeadLetter, Journal
from graph.model import Envelope, Instant, NewEnvelope, Position
from tests.contract.adapters import JOURNALS, JournalPlace

ROOT = Path(__file__).resolve().parents[2]


def new(body: bytes | str, kind: str = "openlineage") -> NewEnvelope:
    """An envelope whose key is the hash of its body."""
    content = body.encode() if isinstance(body, str) else body
    return NewEnvelope(kind, "test", blake2b(content, digest_size=16).digest(), content)


def several(count: int, prefix: str = "event") -> list[NewEnvelope]:
    return [new(f"{prefix} {number}") for number in range(count)]


def bodies(journal: Journal, after: int = 0, limit: int = 1_000) -> list[bytes | None]:
    return [envelope.body for envelope in journal.read(after, limit)]


@contextmanager
def opened(place: JournalPlace, *times: int) -> Iterator[Journal]:
    """A journal whose clock shows these times in turn, one a commit."""
    clock = iter(times)
    journal = place.open(clock=lambda: next(clock))
    try:
        yield journal
    finally:
        journal.close()


class Gate:
    """A clock that stands still: a commit reads the time first, and so waits until the gate is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._open = threading.Event()

    def open(self) -> None:
        self._open.set()

    def __call__(self) -> int:
        self.reached.set()
        assert self._open.wait(30)
        return 1_000


# Appending


def test_positions_count_from_one_without_gaps_in_the_order_of_appending(journal: Journal) -> None:
    assert journal.last_position() == 0

    first = journal.append(several(3, "first"))
    second = journal.append(several(2, "second"))

    assert [it.position for it in first + second] == [1, 2, 3, 4, 5]
    assert not any(it.duplicate for it in first + second)
    assert [it.position for it in journal.read(0, 100)] == [1, 2, 3, 4, 5]
    assert bodies(journal) == [b"first 0", b"first 1", b"first 2", b"second 0", b"second 1"]
    assert journal.last_position() == 5


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 100_000])
def test_an_envelope_comes_back_as_it_went_in(journal: Journal, size: int) -> None:
    body = random.Random(size).randbytes(size // 2) + b"a" * (size - size // 2)
    envelope = NewEnvelope("a kind", "a source", b"k" * 16, body)

    [appended] = journal.append([envelope])

    kept = journal.envelope(appended.position)
    assert kept is not None
    assert (kept.kind, kept.source, kept.digest, kept.body) == ("a kind", "a source", b"k" * 16, body)
    assert journal.read(0, 1) == [kept]


def test_a_known_envelope_answers_the_first_ones_position_and_is_not_stored_again(journal: Journal) -> None:
    journal.append([new("a"), new("b")])

    again = journal.append([new("b"), new("c"), new("a")])

    assert [(it.position, it.duplicate) for it in again] == [(2, True), (3, False), (1, True)]
    assert bodies(journal) == [b"a", b"b", b"c"]


def test_an_envelope_that_is_twice_in_one_batch_is_stored_once(journal: Journal) -> None:
    answers = journal.append([new("a"), new("b"), new("a"), new("a")])

    assert [(it.position, it.duplicate) for it in answers] == [(1, False), (2, False), (1, True), (1, True)]
    assert journal.last_position() == 2


def test_the_key_decides_what_is_known_and_not_the_body(journal: Journal) -> None:
    answers = journal.append([NewEnvelope("k", "s", b"1" * 16, b"same"), NewEnvelope("k", "s", b"2" * 16, b"same")])

    assert [it.duplicate for it in answers] == [False, False]


def test_the_same_envelope_sixteen_times_at_once_is_one(journal: Journal) -> None:
    together = threading.Barrier(16)

    def append() -> tuple[int, bool]:
        together.wait(10)
        [answer] = journal.append([new("the same")])
        return answer.position, answer.duplicate

    with ThreadPoolExecutor(16) as threads:
        answers = [it.result() for it in [threads.submit(append) for _ in range(16)]]

    assert {position for position, _ in answers} == {1}
    assert sorted(duplicate for _, duplicate in answers) == [False] + [True] * 15
    assert journal.last_position() == 1


def test_what_many_threads_append_is_all_there_each_batch_in_its_order(journal: Journal) -> None:
    def append(thread: int) -> list[int]:
        return [
            answer.position
            for batch in range(5)
            for answer in journal.append(several(4, f"thread {thread} batch {batch}"))
        ]

    with ThreadPoolExecutor(8) as threads:
        positions = list(threads.map(append, range(8)))

    assert sorted(position for of_thread in positions for position in of_thread) == list(range(1, 161))
    kept = dict(enumerate(bodies(journal), start=1))
    for thread, of_thread in enumerate(positions):
        assert of_thread == sorted(of_thread)
        assert kept[of_thread[0]] == f"thread {thread} batch 0 0".encode()


def test_the_event_loop_gets_its_answers_in_the_order_it_asked(journal: Journal) -> None:
    async def append() -> list[tuple[int, bool]]:
        waiting = [journal.append_async([new(f"event {number % 50}")]) for number in range(60)]
        return [(answer.position, answer.duplicate) for [answer] in await asyncio.gather(*waiting)]

    answers = asyncio.run(append())

    assert answers == [(n + 1, False) for n in range(50)] + [(n + 1, True) for n in range(10)]


# Reading


def test_it_is_read_from_a_position_on_as_far_as_asked(journal: Journal) -> None:
    journal.append(several(10))

    assert [it.position for it in journal.read(0, 3)] == [1, 2, 3]
    assert [it.position for it in journal.read(7, 100)] == [8, 9, 10]
    assert journal.read(10, 100) == []
    assert journal.read(99, 100) == []


def test_there_is_no_envelope_where_nothing_was_appended(journal: Journal) -> None:
    journal.append([new("a")])

    assert journal.envelope(0) is None
    assert journal.envelope(2) is None


def test_the_position_at_an_instant_is_the_last_one_received_by_then(place: JournalPlace) -> None:
    with opened(place, 100, 200, 200, 300) as journal:
        for envelope in several(4):
            journal.append([envelope])

        found = {it: journal.position_at(Instant(it)) for it in (-5, 99, 100, 150, 200, 299, 300, 10**18)}

    assert found == {-5: 0, 99: 0, 100: 1, 150: 1, 200: 3, 299: 3, 300: 4, 10**18: 4}


def test_now_is_of_the_clock_that_received_times_go_by(place: JournalPlace) -> None:
    journal = place.open()
    before = journal.now()
    journal.append([new("a")])
    [envelope] = journal.read(0, 1)
    assert before <= envelope.received_at <= journal.now()
    journal.close()

    journal = place.open(clock=lambda: 100)
    assert journal.now() == 100
    journal.close()


def test_received_times_never_go_back_even_where_the_clock_does(place: JournalPlace) -> None:
    with opened(place, 100, 50, 200) as journal:
        for envelope in several(3):
            journal.append([envelope])
    with opened(place, 150) as journal:
        journal.append([new("after reopening")])
        received = [it.received_at for it in journal.read(0, 10)]

    assert received == [100, 100, 200, 200]


def test_a_duplicate_does_not_move_the_time_of_the_first(place: JournalPlace) -> None:
    with opened(place, 100, 200) as journal:
        journal.append([new("a")])
        journal.append([new("a")])

        assert [it.received_at for it in journal.read(0, 10)] == [100]


def test_waiting_ends_when_something_is_appended(journal: Journal) -> None:
    journal.append([new("a")])
    assert journal.wait_for(0, 0)
    assert not journal.wait_for(1, 0)

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(journal.wait_for, 1, 30)
        journal.append([new("b")])

        assert waiting.result(30)


# Redacting

SECRETS = {
    "short": b"my password is swordfish-4711",
    "over several pages": random.Random(4711).randbytes(20_000),
}


def traces(secret: bytes, stored: bytes) -> list[bytes]:
    """Those pieces of the secret that are stored as they are."""
    pieces = [secret[start : start + 24] for start in range(0, len(secret) - 23, 24)]
    return [piece for piece in pieces if piece in stored]


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_redacted_bytes_are_gone_for_good(place: JournalPlace, journal: Journal, secret: bytes) -> None:
    journal.append([new("before"), new(secret), new("after")])
    journal.append(several(50))
    assert traces(secret, place.at_rest()), "it can be found before, or this test says nothing"

    journal.redact(2, "held a password")

    assert not traces(secret, place.at_rest())
    kept = journal.envelope(2)
    assert kept is not None
    assert (kept.position, kept.digest, kept.body) == (2, new(secret).key, None)
    assert b"held a password" in place.at_rest()
    assert bodies(journal, 0, 3) == [b"before", None, b"after"]


def test_redacting_reaches_the_dead_letter_of_that_envelope(place: JournalPlace, journal: Journal) -> None:
    secret = SECRETS["short"]
    journal.append([new(secret)])
    journal.add_dead_letter("test", "could not be folded", "", secret, 1)
    journal.add_dead_letter("test", "could not be read", "", b"some other body")

    journal.redact(1, "held a password")

    assert not traces(secret, place.at_rest())
    other, redacted = journal.dead_letters(10)
    assert (other.body, redacted.body, redacted.position) == (b"some other body", None, 1)


def test_a_redacted_envelope_stays_known(place: JournalPlace) -> None:
    journal = place.open()
    journal.append([new("a secret"), new("b")])
    journal.redact(1, "why")
    journal.close()

    journal = place.open()
    [again] = journal.append([new("a secret")])

    assert (again.position, again.duplicate) == (1, True)
    assert bodies(journal) == [None, b"b"]
    journal.close()


def test_what_is_not_there_cannot_be_redacted(journal: Journal) -> None:
    with pytest.raises(NotFound, match="position 1"):
        journal.redact(1, "why")


# Dead letters


def test_dead_letters_are_listed_newest_first_page_by_page(journal: Journal) -> None:
    for number in range(5):
        journal.add_dead_letter("http", f"reason {number}", f"field.{number}", b"body", None)

    newest = journal.dead_letters(2)
    rest = journal.dead_letters(10, before=newest[-1].id)

    assert [it.reason for it in newest + rest] == [f"reason {number}" for number in (4, 3, 2, 1, 0)]
    assert journal.dead_letter_count() == 5


def test_a_dead_letter_keeps_what_was_said_of_it(place: JournalPlace) -> None:
    journal = place.open(clock=lambda: 100)
    journal.add_dead_letter("http", "is no UUID", "run.runId", b"\x00the body", 7)
    journal.close()

    journal = place.open()
    [letter] = journal.dead_letters(1)
    found = journal.dead_letter(letter.id)
    journal.close()

    assert (letter.source, letter.reason, letter.field) == ("http", "is no UUID", "run.runId")
    assert (letter.body, letter.position, letter.received_at) == (b"\x00the body", 7, 100)
    assert found == letter


def test_a_dead_letter_may_have_no_body(journal: Journal) -> None:
    journal.add_dead_letter("http", "too large", "", None)

    assert journal.dead_letters(1)[0].body is None


def test_an_envelope_has_one_dead_letter_however_often_it_is_read_again(journal: Journal) -> None:
    journal.add_dead_letter("http", "could not be folded", "", b"body", 7)
    journal.add_dead_letter("http", "could not be folded still", "", b"body", 7)
    journal.add_dead_letter("http", "refused", "", b"body")
    journal.add_dead_letter("http", "refused", "", b"body")

    assert [(it.position, it.reason) for it in journal.dead_letters(10)] == [
        (None, "refused"),
        (None, "refused"),
        (7, "could not be folded still"),
    ]


def test_a_removed_dead_letter_is_gone_and_its_id_is_not_given_again(journal: Journal) -> None:
    journal.add_dead_letter("http", "first", "", b"")
    [first] = journal.dead_letters(1)

    journal.remove_dead_letter(first.id)
    journal.add_dead_letter("http", "second", "", b"")

    assert journal.dead_letter(first.id) is None
    [second] = journal.dead_letters(10)
    assert second.reason == "second"
    assert second.id > first.id


# Importing what another journal held


def held(position: int, body: str | None = None, received_at: int | None = None) -> Envelope:
    """An envelope as another journal held it; its key is the hash of "event <position>" whatever its body."""
    said = new(f"event {position}")
    content = said.body if body is None else body.encode()
    received = Instant(100 * position if received_at is None else received_at)
    return Envelope(Position(position), said.kind, "elsewhere", received, said.key, content)


def redacted(position: int) -> Envelope:
    return Envelope(Position(position), "openlineage", "elsewhere", Instant(100 * position), bytes([position]), None)


def letter(id: int, reason: str, position: int | None = None, body: bytes | None = b"body") -> DeadLetter:
    at = None if position is None else Position(position)
    return DeadLetter(id, Instant(50 * id), "elsewhere", reason, "a.field", body, at)


def test_an_import_keeps_everything_as_it_stood(place: JournalPlace) -> None:
    brought = [held(1), held(2, "x" * 5_000, 300), redacted(3), Envelope(*_not_text(4))]
    journal = place.open()
    journal.import_envelopes(brought[:2], {})
    journal.import_envelopes(brought[2:], {3: "held a password"})
    assert journal.last_position() == 4
    assert journal.read(0, 10) == brought
    journal.close()

    journal = place.open()
    assert journal.read(0, 10) == brought
    assert [journal.redaction(position) for position in (2, 3, 9)] == [None, "held a password", None]
    assert journal.position_at(Instant(300)) == 3
    journal.close()


def _not_text(position: int) -> tuple[Position, str, str, Instant, bytes, bytes]:
    return Position(position), "mutation", "x", Instant(400), b"\x00\xff key", b"\x00\xff\xfe body"


def test_appending_goes_on_behind_an_import(place: JournalPlace) -> None:
    with opened(place, 250, 250, 250) as journal:
        journal.import_envelopes([held(1), held(2), held(3)], {})

        answers = journal.append([new("event 2"), new("event 4")])

        assert [(it.position, it.duplicate) for it in answers] == [(2, True), (4, False)]
        assert [it.received_at for it in journal.read(3, 1)] == [300]
    with opened(place, 9_000) as journal:
        assert journal.append([new("event 5")])[0].position == 5


def test_an_import_wakes_those_who_wait(journal: Journal) -> None:
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(journal.wait_for, 1, 30)
        journal.import_envelopes([held(1), held(2)], {})

        assert waiting.result(30)


@pytest.mark.parametrize(
    ("brought", "why"),
    [
        ([held(4)], "position 4 cannot follow position 2"),
        ([held(2)], "position 2 cannot follow position 2"),
        ([held(3), held(5)], "position 5 cannot follow position 3"),
        ([held(3), held(4, received_at=299)], "position 4 was received before"),
        ([held(3, received_at=199)], "position 3 was received before"),
        ([replace(held(2), position=Position(3), received_at=Instant(300))], "stands at position 2 already"),
        ([held(3), replace(held(3), position=Position(4))], "stands at position 3 already"),
    ],
)
def test_an_import_that_does_not_follow_is_refused_whole(journal: Journal, brought: list[Envelope], why: str) -> None:
    before = [held(1), held(2)]
    journal.import_envelopes(before, {})

    with pytest.raises(Conflict, match=why):
        journal.import_envelopes(brought, {})

    assert journal.read(0, 10) == before
    assert journal.append([new("event 3")])[0].position == 3


def test_imported_dead_letters_keep_all_that_was_said_of_them(place: JournalPlace) -> None:
    brought = [letter(3, "third"), letter(7, "seventh", 2), letter(9, "ninth", body=None)]
    journal = place.open()
    journal.import_dead_letters(brought)
    journal.close()

    journal = place.open()
    assert journal.dead_letters(10) == brought[::-1]
    journal.add_dead_letter("http", "new", "", b"")
    assert journal.dead_letters(1)[0].id > 9
    journal.close()


def test_dead_letters_that_are_known_are_not_imported_again(journal: Journal) -> None:
    brought = [letter(3, "third"), letter(7, "seventh", 2), letter(9, "ninth", body=None)]
    journal.import_dead_letters(brought)

    journal.import_dead_letters(brought)
    journal.import_dead_letters([letter(70, "in other words", 2)])

    assert journal.dead_letters(10) == brought[::-1]


def test_a_dead_letter_whose_id_is_taken_gets_a_new_one(journal: Journal) -> None:
    journal.add_dead_letter("http", "first", "", b"")
    [first] = journal.dead_letters(1)

    for _ in range(2):
        journal.import_dead_letters([letter(first.id, "brought")])

    newest, oldest = journal.dead_letters(10)
    assert (newest.reason, oldest) == ("brought", first)
    assert newest.id > first.id


# Being full, closing, opening again


def test_past_the_bound_it_says_unavailable_and_keeps_what_it_had_taken(place: JournalPlace) -> None:
    gate = Gate()
    journal = place.open(clock=gate, max_pending=3)

    async def overload() -> list[int]:
        under_way = journal.append_async([new("being written")])
        assert await asyncio.to_thread(gate.reached.wait, 10)
        waiting = [under_way, *(journal.append_async([envelope]) for envelope in several(3))]
        with pytest.raises(Unavailable) as refused:
            journal.append_async([new("one too many")])
        assert refused.value.retry_after >= 1
        gate.open()
        return [answer.position for [answer] in await asyncio.gather(*waiting)]

    assert asyncio.run(overload()) == [1, 2, 3, 4]
    assert bodies(journal) == [b"being written", b"event 0", b"event 1", b"event 2"]
    [after] = journal.append([new("one too many")])
    assert after.position == 5
    journal.close()


def test_a_batch_over_the_bound_is_taken_where_nothing_waits(place: JournalPlace) -> None:
    journal = place.open(max_pending=3)

    assert len(journal.append(several(20))) == 20
    journal.close()


def test_closing_writes_what_is_pending_and_takes_no_more(place: JournalPlace) -> None:
    gate = Gate()
    journal = place.open(clock=gate)

    async def close_under_way() -> int:
        waiting = [journal.append_async([new("being written")])]
        assert await asyncio.to_thread(gate.reached.wait, 10)
        waiting += [journal.append_async([envelope]) for envelope in several(20)]
        closing = asyncio.get_running_loop().run_in_executor(None, journal.close)
        while True:  # what is taken before it begins to close must be kept as well
            try:
                waiting.append(journal.append_async([new(f"until it closes {len(waiting)}")]))
            except Unavailable:
                break
            await asyncio.sleep(0.001)
        gate.open()
        answers = await asyncio.gather(*waiting)
        await closing
        return len(answers)

    taken = asyncio.run(close_under_way())

    assert taken >= 21
    reopened = place.open()
    assert reopened.last_position() == taken
    assert bodies(reopened, 0, 2) == [b"being written", b"event 0"]
    reopened.close()


def test_reopening_goes_on_where_it_ended(place: JournalPlace) -> None:
    journal = place.open()
    journal.append(several(5))
    journal.add_dead_letter("http", "why", "field", b"body")
    before = journal.read(0, 100)
    journal.close()

    journal = place.open()

    assert journal.read(0, 100) == before
    assert journal.last_position() == 5
    assert journal.dead_letter_count() == 1
    assert [(it.position, it.duplicate) for it in journal.append([new("event 2"), new("new")])] == [
        (3, True),
        (6, False),
    ]
    journal.close()


@pytest.mark.parametrize("journal_kind", JOURNALS, indirect=True)
def test_a_second_process_is_refused_until_the_first_lets_go(
    place: JournalPlace, journal_kind: str, tmp_path: Path
) -> None:
    def open_elsewhere() -> str:
        ended = subprocess.run(
            [sys.executable, "-m", "tests.contract.opening", journal_kind, str(tmp_path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return ended.stdout

    journal = place.open()
    journal.append([new("a")])
    assert open_elsewhere().startswith("refused:")
    [appended] = journal.append([new("b")])
    assert appended.position == 2

    journal.close()
    assert open_elsewhere() == "opened at position 2"

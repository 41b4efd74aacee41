"""The door for facts: what is acknowledged, what is refused and how, and what is kept of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from api.auth import ANYONE, Caller, Scope
from api.cli import main
from api.facts import FactsDoor
from api.front import CALLER
from api.metrics import Metrics
from graph.sqlite_journal import SqliteJournal
from ingest import facts
from ontology import load
from tests.api.asgi import call

LIMIT = 200_000
WORDS = load()


def door_for(journal: SqliteJournal, caller: Caller = ANYONE) -> ASGIApp:
    metrics = Metrics(journal.last_position, lambda: 0, journal.dead_letter_count)
    door = FactsDoor(
        journal,
        metrics,
        LIMIT,
        lambda body: facts.accept(body, WORDS),
        lambda body: facts.split_lines(body, WORDS),
    )

    async def admitted(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        scope[CALLER] = caller
        await door(scope, receive, send)

    return admitted


@pytest.fixture
def door(journal: SqliteJournal) -> ASGIApp:
    return door_for(journal)


def document(id: str = "1", **changes: Any) -> dict[str, Any]:
    entity = {"type": "Table", "namespace": "postgres://shop", "name": "orders", "attributes": {"rowCount": 3}}
    return {"id": id, "source": "crawler", "at": "2026-01-01T00:00:00Z", "entities": [entity]} | changes


def post(app: ASGIApp, body: bytes, media: str = "application/json") -> httpx.Response:
    return call(app, "POST", "/", content=body, headers={"Content-Type": media})


def encoded(*documents: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(it).encode() for it in documents)


def test_a_document_is_journalled_byte_for_byte_and_answered_with_its_position(
    door: ASGIApp, journal: SqliteJournal
) -> None:
    body = encoded(document()) + b" \n"

    answer = post(door, body)

    assert (answer.status_code, answer.headers["andon-position"], answer.content) == (201, "1", b"")
    envelope = journal.envelope(1)
    assert envelope is not None
    assert (envelope.body, envelope.kind, envelope.source) == (body, "facts", "crawler")


def test_the_same_delivery_of_the_same_source_is_taken_once(door: ASGIApp, journal: SqliteJournal) -> None:
    post(door, encoded(document()))

    again = post(door, encoded(document(at="2026-01-02T00:00:00Z")))
    other = post(door, encoded(document(source="another")))

    assert (again.status_code, again.headers["andon-position"]) == (200, "1")
    assert (other.status_code, other.headers["andon-position"]) == (201, "2")


def test_what_is_wrong_is_named_by_field_and_kept(door: ASGIApp, journal: SqliteJournal) -> None:
    body = encoded(document(entities=[{"type": "Table", "namespace": "n", "name": "a", "attributes": {"rowCoun": 3}}]))

    answer = post(door, body)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"] == "entities[0].attributes.rowCoun"
    [letter] = journal.dead_letters(10)
    assert (letter.source, letter.field, letter.body) == ("facts", "entities[0].attributes.rowCoun", body)
    assert journal.last_position() == 0


def test_nobody_can_speak_as_a_person_at_the_door(door: ASGIApp) -> None:
    assert post(door, encoded(document(by="ann"))).json()["field"] == "by"


def test_many_documents_come_as_lines_and_a_bad_one_harms_no_other(door: ASGIApp, journal: SqliteJournal) -> None:
    lines = encoded(document("1"), document("2", at="yesterday"), document("3")) + b"\n\n{\n" + encoded(document("1"))

    answer = post(door, lines, "application/x-ndjson")

    assert (answer.status_code, answer.headers["andon-position"]) == (200, "2")
    report = answer.json()
    assert report["status"] == "partial_success"
    assert report["summary"] == {
        "received": 5, "successful": 3, "failed": 2, "retriable": 0, "non_retriable": 2,
    }  # fmt: skip
    assert [it["index"] for it in report["failed_events"]] == [1, 3]
    assert report["failed_events"][0]["reason"].startswith("at: ")
    assert [letter.body for letter in journal.dead_letters(10)] == [b"{", encoded(document("2", at="yesterday"))]


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (encoded(document()), "text/csv", 415),
        (encoded(document(), document("2")), "application/json", 400),
        (b" " * (LIMIT + 1), "application/json", 413),
        (b"", "application/json", 400),
    ],
)
def test_what_is_no_document_is_refused(door: ASGIApp, body: bytes, media: str, status: int) -> None:
    assert post(door, body, media).status_code == status


def test_what_was_refused_is_offered_again_as_facts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    journal.add_dead_letter("facts", "the ontology has no class 'Table'", "entities[0].type", encoded(document()))
    journal.close()

    assert main(["journal", "dead-letters", "replay", "--data", str(tmp_path)]) == 0

    assert "1: taken at position 1" in capsys.readouterr().out
    journal = SqliteJournal(tmp_path / "journal.db")
    envelope = journal.envelope(1)
    journal.close()
    assert envelope is not None and (envelope.kind, envelope.source) == ("facts", "crawler")


def test_it_needs_the_scope_to_emit(journal: SqliteJournal) -> None:
    reader = door_for(journal, Caller("ann", frozenset({Scope.READ, Scope.WRITE})))

    assert post(reader, encoded(document())).status_code == 403
    assert journal.last_position() == 0

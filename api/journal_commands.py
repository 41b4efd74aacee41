"""What `andon journal` does: look at envelopes and dead letters, and move them to another place."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from api.app import GRAPH_FILE, JOURNAL_FILE, open_journal, open_outbox, open_vocabulary
from api.doors import DEAD_LETTER_BYTES, Accept
from api.facts import SOURCE as FACTS
from api.progress import progress
from api.settings import Settings
from graph import moving
from graph.errors import InvalidInput, NotFound
from graph.journal import DeadLetter
from graph.model import Envelope, Position, isoformat
from graph.rebuilding import discard
from graph.sqlite_journal import SqliteJournal, SqliteJournalFile
from ingest import facts, openlineage
from rules import audit

if TYPE_CHECKING:
    from graph.postgres_journal import PostgresJournal

STANDARD_OUTPUT = "-"


def _existing_journal(settings: Settings) -> SqliteJournal | PostgresJournal:
    """Raises `NotFound` rather than make an empty journal where the folder's name is misspelt."""
    if not settings.postgres_url and not (settings.data / JOURNAL_FILE).is_file():
        raise NotFound(f"there is no journal in {settings.data}")
    return open_journal(settings)


def journal_file(settings: Settings) -> SqliteJournalFile | PostgresJournal:
    """The journal to look at, whether or not a service is writing it."""
    if settings.postgres_url:
        return open_journal(settings)
    if not (settings.data / JOURNAL_FILE).is_file():
        raise NotFound(f"there is no journal in {settings.data}")
    return SqliteJournalFile(settings.data / JOURNAL_FILE)


def tail(settings: Settings, lines: int) -> None:
    """Print the newest `lines` envelopes, oldest first."""
    journal = journal_file(settings)
    try:
        for envelope in journal.read(max(journal.last_position() - lines, 0), lines):
            _say_json(_envelope(envelope))
    finally:
        journal.close()


def export(settings: Settings, target: str, format: str | None, first: int, last: int | None) -> None:
    """Write the journal to a file, or to standard output as NDJSON; the service may run meanwhile."""
    if target == STANDARD_OUTPUT and format == "parquet":
        raise InvalidInput("a Parquet file cannot be written to standard output: name a file")
    journal = journal_file(settings)
    try:
        with progress("exporting") as show:
            if target == STANDARD_OUTPUT:
                end = moving.export_stream(journal, sys.stdout.buffer, first, last, show)
                sys.stdout.buffer.flush()
            else:
                end = moving.export_file(journal, Path(target), format, first, last, show)
    finally:
        journal.close()
    sys.stderr.write(f"exported {end.envelopes} envelopes and {end.dead_letters} dead letters\n")


def import_(settings: Settings, file: str) -> None:
    """Bring the journal up to an exported one; what is imported is never acted on."""
    if not Path(file).is_file():
        raise NotFound(f"there is no file {file}")
    journal = open_journal(settings)
    try:
        with progress("checking") as checking, progress("importing") as importing:
            done = moving.import_file(journal, Path(file), checking, importing, lambda last: _pass_over(settings, last))
        with closing(open_outbox(settings)) as outbox:
            audit.resume(outbox, journal.read, after=0)
        if done.redacted and settings.postgres_url:
            from graph.postgres_generations import Generations  # optional, as above

            generations = Generations(settings.postgres_url)
            generations.prepare()
            generations.want()  # a service makes it anew
        elif done.redacted:  # the graph still says what their bytes said: it is folded anew at the next start
            discard(settings.data / GRAPH_FILE)
            for suffix in ("", "-wal", "-shm"):
                (settings.data / (GRAPH_FILE + suffix)).unlink(missing_ok=True)
    finally:
        journal.close()
    known = f", {done.known} were here already" if done.known else ""
    redacted = f", {done.redacted} were redacted" if done.redacted else ""
    _say(f"imported {done.envelopes} envelopes{known}{redacted}; {done.dead_letters} dead letters")


def _pass_over(settings: Settings, position: Position) -> None:
    """Have the rules begin behind `position`: what was imported was decided where it came from."""
    outbox = open_outbox(settings)
    try:
        outbox.begin(position)
        reached = outbox.checkpoint() or Position(0)
        if reached < position:
            outbox.decide(reached, position, (), ())
    finally:
        outbox.close()


def list_dead_letters(settings: Settings, lines: int) -> None:
    """Print the newest `lines` dead letters, newest first."""
    journal = journal_file(settings)
    try:
        for letter in journal.dead_letters(lines):
            _say_json(_letter(letter))
    finally:
        journal.close()


def replay_dead_letters(settings: Settings, ids: Sequence[int]) -> int:
    """Offer refused events again, oldest first; returns 1 if some were refused again."""
    journal = _existing_journal(settings)
    ontology = open_vocabulary(settings).ontology
    accepts: dict[str, Accept] = {FACTS: lambda body: facts.accept(body, ontology)}
    refused = 0
    try:
        found = [journal.dead_letter(id) for id in ids] if ids else journal.dead_letters(10_000)
        missing = [id for id, letter in zip(ids, found, strict=False) if letter is None]
        if missing:
            raise NotFound(f"there is no dead letter {missing[0]}")
        for letter in sorted((one for one in found if one is not None), key=lambda one: one.id):
            try:
                accept = accepts.get(letter.source, openlineage.accept)
                position = journal.append((accept(_whole_body(letter)),))[0].position
            except InvalidInput as error:
                refused += 1
                _say(f"{letter.id}: refused again: {error}")
            else:
                journal.remove_dead_letter(letter.id)
                _say(f"{letter.id}: taken at position {position}")
    finally:
        journal.close()
    return 1 if refused else 0


def _whole_body(letter: DeadLetter) -> bytes:
    if letter.position is not None:
        raise InvalidInput("it is in the journal already; 'andon rebuild' reads it anew")
    if letter.body is None or len(letter.body) >= DEAD_LETTER_BYTES:
        raise InvalidInput("its body was too large to be kept whole")
    return letter.body


def _envelope(envelope: Envelope) -> dict[str, Any]:
    return {
        "position": envelope.position,
        "kind": envelope.kind,
        "source": envelope.source,
        "receivedAt": isoformat(envelope.received_at),
        "body": msgspec.Raw(envelope.body) if envelope.body is not None else None,
    }


def _letter(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "position": letter.position,
        "receivedAt": isoformat(letter.received_at),
        "source": letter.source,
        "field": letter.field or None,
        "reason": letter.reason,
        "body": letter.body.decode(errors="replace") if letter.body is not None else None,
    }


def _say_json(content: dict[str, Any]) -> None:
    _say(msgspec.json.encode(content).decode())


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")

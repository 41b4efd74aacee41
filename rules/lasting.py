"""What a rule has said of a subject and not taken back: said once while its cause lasts, and over when that is.

A rule's `resolve` names the change by which the cause is gone. The subject is that of both changes: of a run its job,
so that the next run which ends well takes back what was said of the one that failed; of anything else, itself. What
was said is read off the messages that were ordered, which stand in the outbox with the decisions. So it is a function
of the journal as these are, and holds over restarts, for every process, and in a backtest; it holds over a rule's
versions too, since somebody was told all the same.

A change that is earlier (by its valid time) than what was said takes nothing back: the failure came after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from graph.model import Change, Instant, Position, isoformat
from rules.actions.notify import read_message, resolution
from rules.grounds import Ground
from rules.occurrence import Occurrence
from rules.outbox import SAYING, Firing, Intended, Said, Verdict, firing_urn

_PATIENCE = timedelta(days=30)
"""For how long a message waits for the one that it takes back, which may wait for somebody's approval itself."""

_SAYING = (Verdict.FIRED, Verdict.WAITING, Verdict.RESOLVED)
"""Verdicts of firings that say something: where somebody refused, nobody was told."""


def subject_of(occurrence: Occurrence) -> str:
    entity = occurrence.job if occurrence.job is not None else occurrence.entity
    return entity.urn if entity is not None else occurrence.change.urn


def said_in(firings: Sequence[Firing], rule: str, subject: str, below: Position | None = None) -> Said | None:
    """Of these firings, which are in order, what the last one said."""
    for firing in reversed(firings):
        if firing.rule != rule or firing.verdict not in _SAYING or (below is not None and firing.position >= below):
            continue
        if messages := tuple(it for it in firing.actions if it.kind == SAYING and it.target == subject):
            return Said(firing.id, firing.verdict, firing.subject, firing.position, messages)
    return None


def grounds_of_said(said: Said, change: Change) -> tuple[Ground, ...]:
    """What a decision about a change rests on that goes by what was said before: that change, and this one."""
    then = Ground("change", said.change, support=(said.position,), count=1)
    return then, Ground("change", change.urn, support=(change.position,), count=1)


def since(said: Said) -> Instant:
    """When what it is about happened."""
    return Instant(min(read_message(it.body).since for it in said.messages))


def taken_back(said: Said, occurrence: Occurrence, firing: str, key_of: Sequence[str]) -> tuple[Intended, ...]:
    """The messages that take back what was said, to whom it was; `key_of` are their keys."""
    change = occurrence.change
    what = f"{change.what} of {change.urn} at {isoformat(change.valid_at)}."
    return tuple(
        Intended(
            key=key,
            firing=firing,
            kind=SAYING,
            target=it.target,
            owner=it.owner,
            address=it.address,
            credential=None,
            body=resolution(it, firing, what),
            within=_PATIENCE,
            evidence=tuple(sorted({change.position, *it.evidence})),
        )
        for key, it in zip(key_of, said.messages, strict=True)
    )


def still(said: Said) -> str:
    return f"{firing_urn(said.firing)} said so, and it lasts"

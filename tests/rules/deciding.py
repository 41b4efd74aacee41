"""Decisions made up for tests of what becomes of them."""

from __future__ import annotations

from graph.model import Instant, NewEnvelope, Position
from rules.outbox import Firing, Intended, Outbox, Verdict
from tests.rules.estate import RUN, T0

SOON = Instant(T0 + 60_000_000)


def an_action(key: str, firing: str = "f1") -> Intended:
    return Intended(
        key=key,
        firing=firing,
        kind="webhook",
        target="urn:andon:dashboard:l:sales",
        owner="ana",
        address="${HOOK}?token=abc",
        credential="${SECRET}",
        body=b"{}",
        evidence=(Position(3), Position(9)),
    )


def a_firing(id: str = "f1", position: int = 9, *keys: str) -> Firing:
    return Firing(
        id=id,
        rule="a-rule",
        rule_version="1+abc",
        position=Position(position),
        what="run.failed",
        subject=RUN,
        fired_at=T0,
        verdict=Verdict.FIRED,
        evidence=(Position(position),),
        actions=tuple(an_action(key, id) for key in keys),
    )


def a_report(key: bytes = b"report-1") -> NewEnvelope:
    return NewEnvelope("action", "rules", key, b"{}")


def decide(outbox: Outbox, *firings: Firing, after: int = 0) -> bool:
    return outbox.decide(Position(after), firings[-1].position, firings, [])


def state(outbox: Outbox) -> tuple[str, int, str | None]:
    ((firing),) = outbox.firings(1)
    action = firing.actions[0]
    return action.state, action.attempts, action.last_error

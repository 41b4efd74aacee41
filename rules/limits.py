"""How much a rule may do, and who has to agree first: plans, from what is known when it decides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from graph.model import Instant
from rules.impact import Impact
from rules.outbox import Awaited
from rules.rule import Approval, Rule

MAX_NAMES = 50

Fired = Callable[[Instant, str | None], int]
"""(since, subject): how often the rule has acted, or would have, since then; for a subject, or None for all."""


def held_back(rule: Rule, subject: str, at: Instant, fired: Fired) -> str | None:
    """Why the rule may not act now; None if it may."""
    limits = rule.limits
    if limits.cooldown is not None and fired(_before(at, limits.cooldown), subject):
        return f"it fired for this within the last {limits.cooldown}"
    if limits.rate is not None:
        most, period = limits.rate
        if fired(_before(at, period), None) >= most:
            return f"it fired {most} times within the last {period}"
    return None


def awaited(rule: Rule, impact: Impact, at: Instant) -> Awaited | None:
    """Who has to agree, by when, and why; None where nobody has to."""
    most = rule.limits.affected
    spreads = most is not None and len(impact.hits) > most
    if rule.approval is None and not spreads:
        return None
    approval = rule.approval or Approval()
    names = list(approval.people)
    if approval.owner:
        names += [rule.owner] if rule.owner is not None else _owners(impact)
    reason = f"{len(impact.hits)} would be hit, more than {most}" if spreads else "the rule asks for it"
    return Awaited(tuple(sorted({*names})[:MAX_NAMES]), Instant(at + _microseconds(approval.within)), reason)


def _owners(impact: Impact) -> list[str]:
    return [owner.name for hit in impact.hits for owner in hit.entity.owners]


def _before(at: Instant, period: timedelta) -> Instant:
    return Instant(at - _microseconds(period))


def _microseconds(period: timedelta) -> int:
    return period // timedelta(microseconds=1)

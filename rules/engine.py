"""Evaluates rules over committed changes: in order of position, exactly once per change and rule version.

What keeps it exact is one transaction: a position's decisions, their intended actions and the checkpoint are
committed together, and only from the checkpoint they were computed after. A crash before it repeats the
evaluation, which is a function of the journal up to that position and so decides the same; a crash after it
repeats nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import groupby, product

from graph.errors import AndonError, NotFound, Unavailable
from graph.model import AsOf, Change, Instant, Position
from graph.reader import GraphSnapshot, Owner
from rules import record
from rules.action import Moot, Occasion, Raised
from rules.grounds import Ground, evidence_of, grounds_of, owner_grounds
from rules.impact import Hit, Impact, downstream_of, itself
from rules.occurrence import Occurrence
from rules.outbox import Decisions, Firing, Intended, Verdict, raised_by
from rules.rule import Mode, Rule

CHAIN_LIMIT = 8
"""How many firings may cause one another before the chain is cut."""

CAUSE_FACET = "andon_cause"
"""Run facet by which a run that an action started names a firing: `{"firing": "<id>"}`, as the event did."""

BATCH = 500
_ANCESTORS = 8  # parent runs that are searched for a cause
_TRIES = 5  # of a position whose evaluation breaks, before that is recorded and passed

_log = logging.getLogger("andon.rules")


@dataclass(frozen=True, slots=True)
class _Chain:
    """Where a change stands among firings that cause one another."""

    depth: int = 1
    cause: str | None = None


class Engine:
    """Decides; acts through the outbox only.

    `changes(after, limit)` gives committed changes above a position, in order, the same at every call; it may
    cut a position's changes in two. `snapshot(as_of)` opens the graph, `received_at(position)` is an
    envelope's, `cause(position)` the firing by which a rule had it said.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        changes: Callable[[int, int], list[Change]],
        snapshot: Callable[[AsOf], AbstractContextManager[GraphSnapshot]],
        received_at: Callable[[Position], Instant],
        outbox: Decisions,
        cause: Callable[[Position], str | None] = lambda _: None,
    ) -> None:
        self._rules = _by_change(rules)
        self._changes = changes
        self._snapshot = snapshot
        self._received_at = received_at
        self._outbox = outbox
        self._cause = cause
        self._broken = Position(0)  # the position whose evaluation broke last, and how often
        self._breaks = 0

    def use(self, rules: Sequence[Rule]) -> None:
        """Decide by these rules from the next change on."""
        self._rules = _by_change(rules)

    def step(self) -> bool:
        """Decide the next batch of changes; False if there was none.

        What breaks unexpectedly is raised with the checkpoint before the position, for the caller to try
        again; at the fifth time it is recorded as undecided instead, so that one change cannot hold up all
        others.
        """
        after = self._outbox.checkpoint() or Position(0)
        changes = self._whole_positions(after)
        if not changes:
            return False
        for position, group in groupby(changes, key=lambda change: change.position):
            firings = self._decide(position, [*group])
            if firings:
                if not self._commit(after, position, firings):
                    return True
                after = position
        if after < changes[-1].position:
            self._commit(after, changes[-1].position, [])
        return True

    def _whole_positions(self, after: Position) -> list[Change]:
        """The next changes, never with only some of a position's."""
        limit = BATCH
        while True:
            changes = self._changes(after, limit)
            if len(changes) < limit:
                return changes
            last = changes[-1].position
            if whole := [change for change in changes if change.position != last]:
                return whole
            limit *= 2

    def _commit(self, after: Position, upto: Position, firings: list[Firing]) -> bool:
        return self._outbox.decide(after, upto, firings, [record.decision(firing) for firing in firings])

    def _decide(self, position: Position, changes: list[Change]) -> list[Firing]:
        alike: dict[tuple[str, str], list[Change]] = {}
        for change in changes:
            if not _is_own_effect(change) and (change.what, _kind(change.urn)) in self._rules:
                alike.setdefault((change.what, change.urn), []).append(change)
        if not alike:
            return []
        received_at = self._received_at(position)
        found: list[Firing] = []
        with ExitStack() as opened:
            at = cache(lambda position: opened.enter_context(self._snapshot(AsOf(position=position))))
            for group in alike.values():
                first = group[0]
                occurrence = Occurrence(
                    group, partial(at, position), partial(at, position - 1) if position > 1 else lambda: None
                )
                for rule in self._rules[first.what, _kind(first.urn)]:
                    firing = self._firing(first, rule, received_at, occurrence, partial(self._raised, found))
                    if firing is not None:
                        found.append(firing)
        return found

    def _raised(self, found: Sequence[Firing], rule: str, target: str) -> Sequence[str]:
        """What the outbox knows, and what has been decided at this position before."""
        return [*raised_by(found, rule, target), *self._outbox.raised(rule, target)]

    def _firing(
        self, change: Change, rule: Rule, received_at: Instant, occurrence: Occurrence, raised: Raised
    ) -> Firing | None:
        """None where the rule has nothing to say to the change."""
        is_late = received_at - change.valid_at > rule.max_age.total_seconds() * 1_000_000
        late = f"the change was older than {rule.max_age} when it was received"
        if is_late and rule.takes_all:  # history that is brought in: nothing need be read
            return _firing(change, rule, received_at, Verdict.TOO_OLD, reason=late)
        try:
            if occurrence.entity is None:
                raise NotFound(f"{change.urn} is not in the graph as of its change")
            if not occurrence.sets_off(rule.trigger):
                return None
            if rule.when is not None and not rule.when.holds(occurrence.values()):
                return None
            if is_late:
                return _firing(change, rule, received_at, Verdict.TOO_OLD, reason=late)
            chain = self._chain(occurrence.snapshot, change)
            if chain.depth > CHAIN_LIMIT:
                reason = f"{CHAIN_LIMIT} firings caused one another before this one"
                return _firing(change, rule, received_at, Verdict.LOOP_CUT, reason=reason, chain=chain)
            if rule.targets is None:
                impact = itself(occurrence.snapshot, occurrence.entity)
            else:
                impact = downstream_of(occurrence.snapshot, occurrence.entity, rule.targets)
            return _acting(occurrence, rule, received_at, chain, impact, raised)
        except Unavailable:
            raise
        except AndonError as error:
            return _firing(change, rule, received_at, Verdict.UNDECIDED, reason=str(error))
        except Exception as error:
            if not self._has_broken_often(change.position):
                raise
            _log.error("rule %s gave up on position %d: %s", rule.name, change.position, type(error).__name__)
            reason = f"the evaluation broke {_TRIES} times: {type(error).__name__}"
            return _firing(change, rule, received_at, Verdict.UNDECIDED, reason=reason)

    def _has_broken_often(self, position: Position) -> bool:
        self._breaks = self._breaks + 1 if position == self._broken else 1
        self._broken = position
        return self._breaks >= _TRIES

    def _chain(self, snapshot: GraphSnapshot, change: Change) -> _Chain:
        """The firing by which a rule said it, or that the changed run, or a run it is part of, names as its cause.

        Only the outbox is believed about depths: a run can name a firing, not claim how deep it was.
        """
        said_by = self._cause(change.position)
        depth = self._outbox.depth(said_by) if said_by is not None else None
        if depth is not None:
            return _Chain(depth + 1, said_by)
        run = snapshot.entity(change.urn)
        for _ in range(_ANCESTORS):
            if run is None:
                break
            cause = _named_cause(snapshot.facets(run).get(CAUSE_FACET))
            depth = self._outbox.depth(cause) if cause is not None else None
            if depth is not None:
                return _Chain(depth + 1, cause)
            run = snapshot.parent(run)
        return _Chain()


def _kind(urn: str) -> str:
    """The kind of what a urn names, by its third part."""
    return urn.split(":", 3)[2]


def _is_own_effect(change: Change) -> bool:
    """Firings are entities too; no rule may be set off by them."""
    return change.kind == "firing" or change.urn.startswith("urn:andon:firing:")


def _named_cause(facet: bytes | None) -> str | None:
    try:
        value = json.loads(facet) if facet is not None else None
    except ValueError:
        return None
    cause = value.get("firing") if isinstance(value, dict) else None
    return cause if isinstance(cause, str) else None


def _firing(
    change: Change,
    rule: Rule,
    received_at: Instant,
    verdict: Verdict,
    *,
    reason: str | None = None,
    chain: _Chain | None = None,
) -> Firing:
    chain = chain or _Chain()
    return Firing(
        id=_hash("firing", *_identity(change, rule)),
        rule=rule.name,
        rule_version=rule.version_id,
        position=change.position,
        what=change.what,
        subject=change.urn,
        fired_at=received_at,
        verdict=verdict,
        reason=reason,
        depth=chain.depth,
        cause=chain.cause,
        evidence=(change.position,),
    )


def _acting(
    occurrence: Occurrence,
    rule: Rule,
    received_at: Instant,
    chain: _Chain,
    impact: Impact,
    raised: Raised,
) -> Firing | None:
    """The firing with an action for every owner of everything hit; for what changed itself, one at least.

    None where no action has anything to do, or to say why not.
    """
    change = occurrence.change
    bare = _firing(change, rule, received_at, Verdict.FIRED, reason=_shortfall(rule, impact), chain=chain)
    occasion = Occasion(
        rule=rule, change=change, firing=bare.id, at=received_at, job=impact.job, values=occurrence.values(),
        snapshot=occurrence.snapshot, raised=raised,
    )  # fmt: skip
    ordered = [
        _intended(occasion, hit, owner, index)
        for hit in impact.hits
        for index, action in enumerate(rule.actions)
        for owner in (_told(rule, hit) if action.for_owners else [None])
    ]
    actions = tuple(it for it in ordered if isinstance(it, Intended))
    if ordered and not actions:
        reasons = dict.fromkeys(it.reason for it in ordered if isinstance(it, Moot) and it.reason is not None)
        return replace(bare, verdict=Verdict.NO_TARGETS, reason="; ".join(reasons)) if reasons else None
    hit = [it for it in impact.hits if any(action.target == it.entity.urn for action in actions)]
    told = any(it.for_owners for it in rule.actions)
    owned = [it for each in hit if told for it in owner_grounds(each.entity, occurrence.snapshot)]
    grounds = tuple(
        dict.fromkeys([*grounds_of(occurrence, rule), *(it for each in hit for it in each.grounds), *owned])
    )
    bare = replace(bare, grounds=grounds, evidence=evidence_of(grounds))
    if rule.mode is Mode.SHADOW and actions:
        first, owner = min((it.target, it.owner) for it in actions)
        reason = f"would have acted {len(actions)} times, first for {owner or 'nobody in particular'} on {first}"
        return replace(bare, verdict=Verdict.SHADOW, reason=reason)
    return replace(bare, verdict=Verdict.FIRED if actions else Verdict.NO_TARGETS, actions=actions)


def _grounds(occurrence: Occurrence, rule: Rule, impact: Impact, targets: set[str]) -> Iterator[Ground]:
    yield from grounds_of(occurrence, rule)
    tells = any(it.for_owners for it in rule.actions)
    for hit in impact.hits:
        if hit.entity.urn in targets:
            yield from hit.grounds
            if tells:
                yield from owner_grounds(hit.entity, occurrence.snapshot)


def _told(rule: Rule, hit: Hit) -> Sequence[Owner | None]:
    owners = [*{owner.name: owner for owner in hit.entity.owners}.values()]
    if owners or rule.targets is not None:
        return owners
    return [Owner(rule.owner) if rule.owner is not None else None]


def _shortfall(rule: Rule, impact: Impact) -> str | None:
    """Why not everybody was told, None if everybody was."""
    if rule.targets is None:
        return None
    kind = rule.targets.type
    if not impact.hits and not impact.truncated:
        return f"no {kind} is downstream"
    tells = any(it.for_owners for it in rule.actions)
    unowned = [hit.entity.urn for hit in impact.hits if tells and not hit.entity.owners]
    reasons = [f"the lineage was cut off, so that a {kind} may have been missed"] if impact.truncated else []
    if unowned:
        reasons.append(f"{len(unowned)} without an owner, first {unowned[0]}")
    return "; ".join(reasons) or None


def _intended(occasion: Occasion, hit: Hit, owner: Owner | None, index: int) -> Intended | Moot:
    rule, change = occasion.rule, occasion.change
    action = rule.actions[index]
    names = [owner.name if owner is not None else ""] if action.for_owners else []
    key = _hash("action", *_identity(change, rule), hit.entity.urn, *names, str(index))
    order = action.order(key, occasion, hit, owner)
    if isinstance(order, Moot):
        return order
    return Intended(
        key=key,
        firing=occasion.firing,
        kind=action.kind,
        target=hit.entity.urn,
        owner=order.owner,
        address=order.address,
        credential=order.credential,
        body=order.body,
        evidence=tuple(sorted({change.position, *hit.evidence})),
    )


def _identity(change: Change, rule: Rule) -> tuple[str, ...]:
    return rule.name, rule.version_id, str(change.position), change.what, change.urn


def _hash(*parts: str) -> str:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def _by_change(rules: Sequence[Rule]) -> dict[tuple[str, str], list[Rule]]:
    """By what changed and the kind of entity it is, so that a change costs what may concern it."""
    found: dict[tuple[str, str], list[Rule]] = {}
    for rule in rules:
        if rule.mode is not Mode.OFF:
            for change, kind in product(sorted(rule.trigger.changes), sorted(rule.trigger.kinds)):
                found.setdefault((change, kind), []).append(rule)
    return found

"""Evaluates rules over committed changes: in order of position, exactly once per change and rule version.

What keeps it exact is one transaction: the decisions of one position, or of several, their intended actions and the
checkpoint are committed together, and only from the checkpoint they were computed after. A crash before it repeats the
evaluation, which is a function of the journal up to that position and so decides the same; a crash after it
repeats nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial
from itertools import groupby

from graph.cause import firing_named
from graph.errors import AndonError, NotFound, Unavailable
from graph.model import AsOf, Change, Instant, Position
from graph.reader import EntityRecord, GraphSnapshot, Owner
from rules import record
from rules.action import Moot, Occasion, Raised, Together
from rules.asked import Asked
from rules.conditions import Values
from rules.grounds import evidence_of, grounds_of, owner_grounds
from rules.impact import Hit, Impact, downstream_of, itself, named
from rules.index import TICK, Index
from rules.intending import Link, asking, hashed, identity, intended, intended_of_all
from rules.lasting import grounds_of_said, said_in, since, still, subject_of, taken_back
from rules.limits import awaited, held_back
from rules.occurrence import Occurrence
from rules.outbox import ACTED, Decisions, Firing, Intended, Said, Verdict, firing_urn, raised_by
from rules.rule import LATE, TIMER, Each, Mode, Rule, Timer, Trigger
from rules.sources import Sources
from rules.switches import switched
from rules.triggers import late_jobs, sets_off

CHAIN_LIMIT = 8
"""How many firings may cause one another before the chain is cut."""

BATCH = 500
_COMMIT_AFTER = 0.02  # seconds of deciding, after which what was decided is committed
_ANCESTORS = 8  # parent runs that are searched for a cause
_TRIES = 5  # of a position whose evaluation breaks, before that is recorded and passed

_log = logging.getLogger("andon.rules")


@dataclass(frozen=True, slots=True)
class _Chain:
    """Where a change stands among firings that cause one another."""

    depth: int = 1
    cause: str | None = None


class Engine:
    """Decides; acts through the outbox only. `heeds_switches`: whether what somebody switched a rule to goes before its
    file.
    """

    def __init__(
        self, rules: Sequence[Rule], sources: Sources, outbox: Decisions, *, heeds_switches: bool = True
    ) -> None:
        self._sources = sources
        self._outbox = outbox
        self._heeds_switches = heeds_switches
        self._broken = Position(0)  # the position whose evaluation broke last, and how often
        self._breaks = 0
        self.use(rules)

    def use(self, rules: Sequence[Rule]) -> None:
        """Decide by these rules from the next change on."""
        self._rules = Index(rules)
        self._switched: dict[str, Mode] = {}
        self._switched_at: Position | None = None  # None: not read yet

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
        if self._heeds_switches and self._switched_at != after:
            self._read_switches(self._rules.all, after)
        found: list[Firing] = []
        upto, began = after, time.monotonic()
        for position, group in groupby(changes, key=lambda change: change.position):
            try:
                found += self._decide(position, [*group], found)
            except BaseException:
                if upto > after:  # what was decided before it is not to be decided again
                    self._commit(after, upto, found)
                raise
            upto = position
            if found and time.monotonic() - began > _COMMIT_AFTER:
                if not self._commit(after, upto, found):
                    return True
                after, found, began = upto, [], time.monotonic()
        if after < upto and not self._commit(after, upto, found):
            return True
        self._switched_at = upto
        return True

    def _read_switches(self, rules: Iterable[Rule], position: Position) -> None:
        """How rules were switched as of a position."""
        rules = [*rules]
        if rules and position:
            with self._sources.snapshot(AsOf(position=position)) as snapshot:
                found = switched(rules, snapshot)
            for rule in rules:
                self._switched.pop(rule.name, None)
            self._switched |= found

    def _whole_positions(self, after: Position) -> list[Change]:
        """The next changes, never with only some of a position's."""
        limit = BATCH
        while True:
            changes = self._sources.changes(after, limit)
            if len(changes) < limit:
                return changes
            last = changes[-1].position
            if whole := [change for change in changes if change.position != last]:
                return whole
            limit *= 2

    def _commit(self, after: Position, upto: Position, firings: list[Firing]) -> bool:
        return self._outbox.decide(after, upto, firings, [record.decision(firing) for firing in firings])

    def _decide(self, position: Position, changes: list[Change], before: Sequence[Firing]) -> list[Firing]:
        """The firings of one position; `before` are those that are not in the outbox yet."""
        if self._heeds_switches:
            self._read_switches(self._rules.named({it.urn for it in changes}), position)
        alike: dict[tuple[str, str], list[Change]] = {}
        for change in changes:
            if not _is_own_effect(change) and self._rules.on(change):
                alike.setdefault((change.what, change.urn), []).append(change)
        ticks = [(it, rule) for it in changes if (rule := self._rules.timed(it)) is not None]
        if not alike and not ticks:
            return []
        received_at = self._sources.received_at(position)
        found: list[Firing] = []
        with ExitStack() as opened:
            at = cache(lambda position: opened.enter_context(self._sources.snapshot(AsOf(position=position))))
            current, earlier = partial(at, position), partial(at, position - 1) if position > 1 else lambda: None
            for group in alike.values():
                occurrence = Occurrence(group, current, earlier)
                for rule in self._rules.on(group[0]):
                    found += self._firing(occurrence, rule, received_at, [*before, *found])
            for tick, rule in ticks:
                for occurrence in self._come(tick, rule, current, earlier):
                    found += self._firing(occurrence, rule, received_at, [*before, *found])
        return found

    def _raised(self, found: Sequence[Firing], rule: str, target: str) -> Sequence[str]:
        """What the outbox knows, and what has been decided since."""
        return [*raised_by(found, rule, target), *self._outbox.raised(rule, target)]

    def _come(
        self,
        tick: Change,
        rule: Rule,
        current: Callable[[], GraphSnapshot],
        earlier: Callable[[], GraphSnapshot | None],
    ) -> Iterator[Occurrence]:
        """What a rule is about whose time has come: itself, or each job that is late."""
        assert isinstance(rule.trigger, Timer)
        entity = current().entity(tick.urn)
        if entity is None or TICK not in current().facets(entity):
            return  # it has only been told of
        late = rule.trigger.late
        if late is None:
            yield Occurrence([replace(tick, what=TIMER)], current, earlier)
            return
        for job in late_jobs(late, rule.trigger.schedule, tick.valid_at, current()):
            yield Occurrence([Change(tick.position, LATE, job.urn, tick.valid_at)], current, earlier)

    def _firing(
        self, occurrence: Occurrence, rule: Rule, received_at: Instant, found: Sequence[Firing]
    ) -> Iterator[Firing]:
        """One, or none where the rule has nothing to say to it; `found` are those that are not in the outbox yet."""
        change = occurrence.change
        mode = self._switched.get(rule.name, rule.mode)
        if mode is Mode.OFF:
            return
        say = partial(_firing, change, rule, received_at)
        max_age = rule.limits.max_age
        is_late = received_at - change.valid_at > max_age // timedelta(microseconds=1)
        late = f"the change was older than {max_age} when it was received"
        if is_late and rule.takes_all:  # history that is brought in: nothing need be read
            yield say(Verdict.TOO_OLD, reason=late)
            return
        try:
            if occurrence.entity is None:
                raise NotFound(f"{change.urn} is not in the graph as of its change")
            if isinstance(rule.trigger, Trigger) and not sets_off(occurrence, rule.trigger):
                yield from self._over(occurrence, rule, mode, received_at, found)
                return
            asked = Asked(rule.query, occurrence.values(), partial(self._ask, change.position))
            values: Values = {**occurrence.values(), "data": asked}
            if rule.when is not None and not rule.when.holds(values):
                yield from self._over(occurrence, rule, mode, received_at, found)
                return
            if is_late:
                yield say(Verdict.TOO_OLD, reason=late)
                return
            chain = self._chain(occurrence.snapshot, change, found)
            if chain.depth > CHAIN_LIMIT:
                reason = f"{CHAIN_LIMIT} firings caused one another before this one"
                yield say(Verdict.LOOP_CUT, reason=reason, chain=chain)
                return
            if held := held_back(rule, change.urn, received_at, partial(self._fired, rule.name, change, found)):
                yield say(Verdict.LIMITED, reason=held, chain=chain)
                return
            impact = _impact(occurrence, rule, values)
            said = self._said(rule, occurrence, found) if rule.resolve is not None else None
            raised, link = partial(self._raised, found), self._sources.link
            firing = _acting(occurrence, rule, mode, received_at, chain, impact, values, asked, raised, said, link)
            if firing is not None:
                yield firing
        except Unavailable:
            raise
        except AndonError as error:
            yield say(Verdict.UNDECIDED, reason=str(error))
        except Exception as error:
            if not self._has_broken_often(change.position):
                raise
            _log.error("rule %s gave up on position %d: %s", rule.name, change.position, type(error).__name__)
            yield say(Verdict.UNDECIDED, reason=f"the evaluation broke {_TRIES} times: {type(error).__name__}")

    def _over(
        self, occurrence: Occurrence, rule: Rule, mode: Mode, received_at: Instant, found: Sequence[Firing]
    ) -> Iterator[Firing]:
        """The firing that takes back what the rule said, should the change say that its cause is gone."""
        over, change = rule.resolve, occurrence.change
        if over is None or not sets_off(occurrence, over.trigger):
            return
        said = self._said(rule, occurrence, found)
        if said is None or change.valid_at < since(said):
            return
        if over.when is not None and not over.when.holds(occurrence.values()):
            return
        reason = f"what {firing_urn(said.firing)} said is over"
        bare = _firing(change, rule, received_at, Verdict.RESOLVED, reason=reason)
        keys = [hashed("action", *identity(change, rule), it.key) for it in said.messages]
        actions = taken_back(said, occurrence, bare.id, keys)
        grounds = grounds_of_said(said, change)
        bare = replace(bare, grounds=grounds, evidence=evidence_of(grounds))
        yield replace(bare, verdict=Verdict.SHADOW) if mode is Mode.SHADOW else replace(bare, actions=actions)

    def _said(self, rule: Rule, occurrence: Occurrence, found: Sequence[Firing]) -> Said | None:
        """What the rule said of the subject and has not taken back."""
        subject = subject_of(occurrence)
        said = said_in(found, rule.name, subject)
        if said is None:
            said = self._outbox.said(rule.name, subject, occurrence.change.position)
        return said if said is not None and said.stands else None

    def _ask(self, position: Position, query: str, variables: Mapping[str, object]) -> object:
        return self._sources.ask(query, variables, position)

    def _fired(self, rule: str, change: Change, found: Sequence[Firing], since: Instant, subject: str | None) -> int:
        here = [
            it for it in found
            if it.rule == rule and it.verdict in ACTED and it.fired_at > since and subject in (None, it.subject)
        ]  # fmt: skip
        return len(here) + self._outbox.fired(rule, since, change.position, subject)

    def _has_broken_often(self, position: Position) -> bool:
        self._breaks = self._breaks + 1 if position == self._broken else 1
        self._broken = position
        return self._breaks >= _TRIES

    def _chain(self, snapshot: GraphSnapshot, change: Change, found: Sequence[Firing]) -> _Chain:
        """The firing by which a rule said it, or that the changed run, or a run it is part of, names as its cause.

        Only what was decided is believed about depths: a run can name a firing, not claim how deep it was.
        """
        said_by = self._sources.cause(change.position)
        depth = self._depth(said_by, found)
        if depth is not None:
            return _Chain(depth + 1, said_by)
        run = snapshot.entity(change.urn)
        for _ in range(_ANCESTORS):
            if run is None:
                break
            cause = firing_named(snapshot.facets(run))
            depth = self._depth(cause, found)
            if depth is not None:
                return _Chain(depth + 1, cause)
            run = snapshot.parent(run)
        return _Chain()

    def _depth(self, firing: str | None, found: Sequence[Firing]) -> int | None:
        if firing is None:
            return None
        return next((it.depth for it in found if it.id == firing), None) or self._outbox.depth(firing)


def _kind(urn: str) -> str:
    """The kind of what a urn names, by its third part."""
    return urn.split(":", 3)[2]


def _is_own_effect(change: Change) -> bool:
    """Firings are entities too, and rules whose time comes; no rule may be set off by that."""
    return change.kind == "firing" or change.urn.startswith("urn:andon:firing:") or change.fields == (TICK,)


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
        id=hashed("firing", *identity(change, rule)),
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


def _impact(occurrence: Occurrence, rule: Rule, values: Values) -> Impact:
    entity, targets = _entity(occurrence), rule.targets
    if targets is None:
        return itself(occurrence.snapshot, entity)
    if isinstance(targets, Each):
        return named(occurrence.snapshot, entity, targets.urns.value(values))
    return downstream_of(occurrence.snapshot, entity, targets)


def _acting(
    occurrence: Occurrence,
    rule: Rule,
    mode: Mode,
    received_at: Instant,
    chain: _Chain,
    impact: Impact,
    values: Values,
    asked: Asked,
    raised: Raised,
    said: Said | None,
    link: Link,
) -> Firing | None:
    """The firing with an action for every owner of everything hit; for what changed itself, one at least.

    What is said of all of it together is left out where it was `said` before. None where no action has anything to
    do, or to say why not.
    """
    change = occurrence.change
    bare = _firing(change, rule, received_at, Verdict.FIRED, reason=_shortfall(rule, impact), chain=chain)
    occasion = Occasion(
        rule=rule, change=change, firing=bare.id, at=received_at, job=impact.job, values=values,
        snapshot=occurrence.snapshot, raised=raised,
    )  # fmt: skip
    ordered = [
        intended(occasion, hit, owner, index)
        for hit in impact.hits
        for index, action in enumerate(rule.actions)
        if not isinstance(action, Together)
        for owner in (_told(rule, hit) if action.for_owners else [None])
    ]
    actions = tuple(it for it in ordered if isinstance(it, Intended))
    if said is None:
        actions += tuple(intended_of_all(occasion, subject_of(occurrence), impact))
    elif not actions:
        grounds = grounds_of_said(said, change)
        bare = replace(bare, grounds=grounds, evidence=evidence_of(grounds))
        return replace(bare, verdict=Verdict.LASTING, reason=still(said))
    if ordered and not actions:
        reasons = dict.fromkeys(it.reason for it in ordered if isinstance(it, Moot) and it.reason is not None)
        return replace(bare, verdict=Verdict.NO_TARGETS, reason="; ".join(reasons)) if reasons else None
    targets = {action.target for action in actions}
    tells_all = said is None and any(isinstance(it, Together) for it in rule.actions)
    hit = [it for it in impact.hits if tells_all or it.entity.urn in targets]
    told = tells_all or any(it.for_owners for it in rule.actions)
    owned = [it for each in hit if told for it in owner_grounds(each.entity, occurrence.snapshot)]
    grounds = tuple(
        dict.fromkeys([*grounds_of(occurrence, rule, values), *(it for each in hit for it in each.grounds), *owned])
    )
    bare = replace(bare, grounds=grounds, evidence=evidence_of(grounds), answer=asked.answer)
    if mode is Mode.SHADOW and actions:
        first, owner = min((it.target, it.owner) for it in actions)
        reason = f"would have acted {len(actions)} times, first for {owner or 'nobody in particular'} on {first}"
        return replace(bare, verdict=Verdict.SHADOW, reason=reason)
    if not actions:
        return replace(bare, verdict=Verdict.NO_TARGETS)
    if (approval := awaited(rule, impact, received_at)) is not None:
        asked_first = tuple(asking(occasion, approval, itself(occurrence.snapshot, _entity(occurrence)).hits[0], link))
        return replace(bare, verdict=Verdict.WAITING, actions=(*asked_first, *actions), awaited=approval)
    return replace(bare, actions=actions)


def _entity(occurrence: Occurrence) -> EntityRecord:
    assert occurrence.entity is not None, "or it would not have come so far"
    return occurrence.entity


def _told(rule: Rule, hit: Hit) -> Sequence[Owner | None]:
    owners = [*{owner.name: owner for owner in hit.entity.owners}.values()]
    if owners or rule.targets is not None:
        return owners
    return [Owner(rule.owner) if rule.owner is not None else None]


def _shortfall(rule: Rule, impact: Impact) -> str | None:
    """Why not everybody was told, None if everybody was."""
    if rule.targets is None:
        return None
    if isinstance(rule.targets, Each):
        kind, nothing = "entity", "there is none of what the rule names"
    else:
        kind, nothing = rule.targets.type, f"no {rule.targets.type} is downstream"
    if not impact.hits and not impact.truncated:
        return nothing
    tells = any(it.for_owners for it in rule.actions)
    unowned = [hit.entity.urn for hit in impact.hits if tells and not hit.entity.owners]
    reasons = [f"the lineage was cut off, so that a {kind} may have been missed"] if impact.truncated else []
    if unowned:
        reasons.append(f"{len(unowned)} without an owner, first {unowned[0]}")
    return "; ".join(reasons) or None

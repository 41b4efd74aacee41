"""Tags travel along lineage: what follows from tags, edges and the declared propagations is said in the journal.

What stands is read from the graph, and only the difference is said, so a crash at any moment is made good by the next
look, and a rebuilt graph has it from the journal. A step takes all changes since the last one at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import msgspec

from graph.lineage import Place
from graph.model import PRESENT, AsOf, Change, Instant, NewEnvelope, Position, parse_urn
from graph.places import Places
from graph.reader import Direction, GraphSnapshot, Level
from graph.snapshot import Snapshot
from ingest import propagation as said_in_journal
from ingest.propagation import Propagated, Target
from jobs.spreading import At, Reached, Spreading
from rules.loop import Loop
from rules.outbox import Progress
from rules.propagation import Propagation

NAME = "propagation"

_IDLE = 1.0  # seconds between looks without `notice`
_STOP_WITHIN = 15.0
_CHANGES = 5_000  # in one read
_MOST_CHANGES = 100_000  # more, and everything is worked out anew
_KEEP_EVERY = 1_000  # positions at which nothing is to be said
_REPORTS = 1_000
_CAUSES = 20  # positions that are named as such


_OWN = ("tag.reached", "tag.rerouted", "tag.left")


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the progress holds besides its position."""

    incarnation: int = 0
    """Of the graph: what is made anew may have lost what was redacted."""
    digests: dict[str, str] = {}
    """By propagation, what is in force of it."""
    at: int = 0
    """The valid time of what was said last."""


_read_kept = msgspec.json.Decoder(_Kept).decode


@dataclass(slots=True)
class _Roots:
    """Urns of what changed."""

    edges: dict[tuple[str, str], None] = field(default_factory=dict)
    column_edges: dict[tuple[str, str], None] = field(default_factory=dict)
    entities: dict[str, None] = field(default_factory=dict)
    """Their tags, names or columns."""
    opened: dict[str, None] = field(default_factory=dict)
    jobs: dict[str, None] = field(default_factory=dict)
    positions: dict[int, None] = field(default_factory=dict)


class PropagationService:
    """Follows the graph from `start` to `stop`.

    `propagations()` are those in force. `changes(after, limit)`, `received_at(position)` and `snapshot(as_of)` are
    those of the rules' engine; `append(envelopes)` and `last_position()` are the journal's.
    """

    def __init__(
        self,
        propagations: Callable[[], Sequence[Propagation]],
        *,
        snapshot: Callable[[AsOf], AbstractContextManager[GraphSnapshot]],
        changes: Callable[[int, int], list[Change]],
        received_at: Callable[[Position], Instant],
        append: Callable[[Sequence[NewEnvelope]], object],
        last_position: Callable[[], int],
        progress: Progress,
    ) -> None:
        self._propagations = propagations
        self._snapshot = snapshot
        self._changes = changes
        self._received_at = received_at
        self._append = append
        self._last_position = last_position
        self._progress = progress
        self._floor: int | None = None
        """The graph must have come to here, so that all that was said is in it; None where some may wait still."""
        self._seen = Position(0)
        """Up to here there was nothing to be said: not kept, since looking again costs little."""
        self._loop = Loop("andon-propagation", self.step, _IDLE)

    def start(self) -> None:
        self._loop.start()

    def stop(self) -> None:
        """Finish the step under way."""
        self._loop.stop(_STOP_WITHIN)

    def notice(self, changes: Sequence[Change]) -> None:
        """Look now rather than within a second: a listener for the projector."""
        self._loop.wake()

    def step(self) -> bool:
        """Say what follows from the graph as it is now; False if there was nothing to do or it is too early."""
        if self._floor is None:
            self._report()
        propagations = {it.name: it for it in self._propagations()}
        held = self._progress.progress(NAME)
        if held is None and not propagations:
            return False
        after, kept = (held[0], _read_kept(held[1])) if held is not None else (None, _Kept())
        with self._snapshot(PRESENT) as snapshot:
            assert isinstance(snapshot, Snapshot)
            position = snapshot.position()
            if position < max(after or 0, self._floor or 0):
                return False  # it is being made anew, or has not read what was said last
            now = _Kept(
                incarnation=snapshot.incarnation,
                digests={name: it.digest for name, it in propagations.items()},
                at=kept.at,
            )
            since = Position(max(after or 0, self._seen))
            if held is not None and position == since and now == kept:
                return False
            roots = self._roots(since, position) if now.incarnation == kept.incarnation else None
            said = self._said(snapshot, propagations, kept, roots)
            at = max(self._received_at(position), kept.at + 1) if position else 0
        because = tuple([*roots.positions][-_CAUSES:]) if roots is not None else ()
        envelopes = []
        for name, targets in sorted(said.items()):
            version = propagations[name].version_id if name in propagations else ""
            propagated = Propagated(name, version, because)
            envelopes += said_in_journal.envelopes(propagated, position, Instant(at), targets)
        if not envelopes and now == kept and position - (after or 0) < _KEEP_EVERY:
            self._seen = position
            return False
        if envelopes:
            now = msgspec.structs.replace(now, at=at)
        if not self._progress.advance(NAME, after, position, msgspec.json.encode(now).decode(), envelopes):
            return True  # another process was faster
        if envelopes:
            self._floor = None
            self._report()
        return bool(envelopes)

    def _report(self) -> None:
        """Have the journal take what waits for it."""
        while waiting := [it for it in self._progress.unreported(_REPORTS) if it[1].kind == said_in_journal.KIND]:
            self._append([envelope for _, envelope in waiting])
            for number, _ in waiting:
                self._progress.reported(number)
        self._floor = self._last_position()

    # What changed -------------------------------------------------------------------------------------------

    def _roots(self, after: Position, upto: Position) -> _Roots | None:
        """None where so much changed that all is to be worked out anew."""
        changes: list[Change] = []
        while after < upto and len(changes) < _MOST_CHANGES:
            more = self._changes(after, _CHANGES)
            if not more:
                break
            changes += more
            after = more[-1].position
        if len(changes) >= _MOST_CHANGES:
            return None
        own = {it.position for it in changes if it.what in _OWN}
        roots = _Roots()
        for it in changes:
            if it.position <= upto and it.position not in own:
                _note(roots, it)
        return roots

    # What follows -------------------------------------------------------------------------------------------

    def _said(
        self, snapshot: Snapshot, propagations: dict[str, Propagation], kept: _Kept, roots: _Roots | None
    ) -> dict[str, list[tuple[str, Target]]]:
        places = Places(snapshot)
        found: dict[str, list[tuple[str, Target]]] = {}
        changed = [it for it in propagations.values() if kept.digests.get(it.name) != it.digest or roots is None]
        gone = kept.digests.keys() - propagations.keys()
        if changed or gone:
            tagged = places.expect_all_tags()
            for name in gone:
                left = dict.fromkeys(_standing(places, tagged, name), Reached(None))
                found[name] = _targets(snapshot, left)
        for it in propagations.values():
            spreading = Spreading(places, it, lambda jobs: snapshot.entities_by_id([*jobs]))
            if it in changed:
                differing = _anew(places, spreading, it, tagged)
            else:
                assert roots is not None
                differing = spreading.difference(_places(snapshot, places, spreading, it, roots))
            found[it.name] = _targets(snapshot, differing)
        return {name: targets for name, targets in found.items() if targets}


def _note(roots: _Roots, change: Change) -> None:
    """Take note of a change if something may follow from it."""
    what, urn = change.what, change.urn
    if what.startswith("relation.") and change.other is not None:
        if change.kind == "derivedFrom":
            roots.edges[urn, change.other] = None
        elif change.kind == "columnDerivedFrom":
            roots.column_edges[urn, change.other] = None
        else:
            return
    elif what == "entity.opened":
        roots.opened[urn] = None
    elif what in ("entity.closed", "entity.identified", "schema.changed", "columns.named"):
        roots.entities[urn] = None
    elif what == "entity.altered" and any(it == "tags" or it.startswith("tag:") for it in change.fields):
        (roots.jobs if parse_urn(urn).kind == "job" else roots.entities)[urn] = None
    else:
        return
    roots.positions[change.position] = None


def _places(
    snapshot: Snapshot, places: Places, spreading: Spreading, propagation: Propagation, roots: _Roots
) -> list[Place]:
    """The places at which a propagation is to look."""
    columns = propagation.level is Level.COLUMN
    end = 0 if propagation.direction is Direction.UPSTREAM else 1
    edges = [it[end] for it in (roots.column_edges if columns else roots.edges)]
    meant = places.of_urns([*edges, *roots.entities, *roots.opened])
    opened = [meant[it] for it in roots.opened if it in meant]
    places.expect_tags(entity for entity, _ in opened)
    renewed = [meant[it] for it in roots.entities if it in meant]
    renewed += [it for it in opened if places.tags(it[0]).said or places.tags(it[0]).derived]
    at_ends = [meant[it] for it in edges if it in meant]
    if columns:
        renewed = places.columns_named(dict.fromkeys(entity for entity, _ in renewed))
        wide = [entity for entity, path in at_ends if not path]
        at_ends = [it for it in at_ends if it[1]] + (places.columns_named(wide) if propagation.indirect else [])
    if propagation.job_tags and roots.jobs:
        jobs = [it[0] for it in places.of_urns(roots.jobs).values()]
        at_ends += [it for flow in places.of_jobs(jobs, columns) for it in (flow.source, flow.target)]
    return [*at_ends, *renewed, *spreading.next_to(renewed)]


def _anew(places: Places, spreading: Spreading, propagation: Propagation, tagged: Collection[int]) -> dict[At, Reached]:
    columns = propagation.level is Level.COLUMN
    said = [
        (entity, path)
        for entity in tagged
        for path, marks in places.tags(entity).said.items()
        if bool(path) is columns and any(it.key in propagation.tags for it in marks)
    ]
    return spreading.difference(list(spreading.next_to(said)), list(_standing(places, tagged, propagation.name)))


def _standing(places: Places, tagged: Iterable[int], propagation: str) -> Iterator[At]:
    for entity in tagged:
        for path, marks in places.tags(entity).derived.get(propagation, {}).items():
            for mark in marks:
                yield (entity, path), mark


def _targets(snapshot: Snapshot, differing: dict[At, Reached]) -> list[tuple[str, Target]]:
    snapshot.expect_names({entity for (entity, _), _ in differing})
    return [
        (
            snapshot.node_urn(entity),
            Target(
                path, mark.key, mark.value, None if it.held is None else it.held.origin,
                0 if it.held is None else it.held.hops, it.evidence,
            ),
        )
        for ((entity, path), mark), it in differing.items()
    ]  # fmt: skip

"""Which places a tag reaches, and which it no longer does: the difference that some roots make.

A tag is at each place where it is said, and travels by the edges that a propagation lets through. Of each place that it
reaches the derived state has how many hops that took (the fewest) and from which place it came (of several the first by
urn), which makes it a function of tags and edges alone: whatever the order in which these came.

Incremental as DRed is (Gupta, Mumick, Subrahmanian 1993, "Maintaining views incrementally"): what no longer follows at
a root is taken away together with all that came from there, by what says where it came from, which is no cycle; then
the places that lost it, and the roots, are reached anew from what stands, nearest first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from graph.derivations import Mark
from graph.lineage import Place
from graph.model import Position
from graph.places import Flow, Held, Places
from graph.reader import Direction, EntityRecord, Level
from graph.statements import Transformation
from rules.propagation import Propagation

At = tuple[Place, Mark]

Near = tuple[Place, Position]
"""A place next to another, and the position of what joins them."""

_NOTHING: Mapping[Mark, Held] = {}


@dataclass(frozen=True, slots=True)
class Reached:
    """A derived tag that is to stand, or with `held` None is to go; `evidence` made its last hop hold."""

    held: Held | None
    evidence: tuple[Position, ...] = ()


class Spreading:
    """One propagation over one snapshot; `jobs(ids)` gives the jobs behind edges."""

    def __init__(
        self,
        places: Places,
        propagation: Propagation,
        jobs: Callable[[Collection[int]], Mapping[int, EntityRecord]],
    ) -> None:
        self._places = places
        self._propagation = propagation
        self._jobs = jobs
        self._columns = propagation.level is Level.COLUMN
        self._upstream = propagation.direction is Direction.UPSTREAM
        self._entering: dict[Place, list[Near]] = {}
        self._leaving: dict[Place, list[Near]] = {}
        self._there: dict[int, Collection[str]] = {}
        self._stopped: dict[int, bool] = {}
        self._let: dict[tuple[tuple[Transformation, ...], bool], bool] = {}
        self._now: dict[At, Held | None] = {}
        """What may differ from what stands."""
        self._evidence: dict[At, Position] = {}

    def difference(self, roots: Collection[Place], anew: Collection[At] = ()) -> dict[At, Reached]:
        """What is to be said after something changed at `roots`: their tags, or edges that end or begin there.

        Whatever changed must be among them, and with a place whose tags or names changed all that are next to it: see
        `next_to`. `anew` stand, and are worked out without regard to that.
        """
        checked = dict.fromkeys([*roots, *(place for place, _ in anew)])
        self._read_entering(checked)
        doomed = dict.fromkeys(anew)
        for place in checked:
            doomed.update(dict.fromkeys(self._unsupported(place)))
        lost = self._take_away(doomed)
        self._reach(dict.fromkeys([*checked, *(place for place, _ in lost)]))
        differing = ((at, held) for at, held in self._now.items() if held != self._standing(at))
        return {at: Reached(held, (self._evidence[at],) if held is not None else ()) for at, held in differing}

    def next_to(self, places: Collection[Place]) -> Iterable[Place]:
        """The places to which these may hand a tag on, whether they are there or not."""
        self._read_leaving(places)
        return [near for place in dict.fromkeys(places) for near, _ in self._leaving[place]]

    # What stands --------------------------------------------------------------------------------------------

    def _is_said(self, at: At) -> bool:
        (entity, path), mark = at
        return mark in self._places.tags(entity).said.get(path, ())

    def _standing(self, at: At) -> Held | None:
        return self._standing_at(at[0]).get(at[1])

    def _held(self, at: At) -> Held | None:
        return self._now[at] if at in self._now else self._standing(at)

    def _hops(self, at: At) -> int | None:
        """From where the tag is said, 0 there; None where it is not."""
        if at[1].key not in self._propagation.tags:
            return None
        if self._is_said(at):
            return 0
        held = self._held(at)
        return None if held is None else held.hops

    def _handed(self, place: Place) -> Iterator[tuple[Mark, int]]:
        """The tags that a place hands on as it stands, each with its hops."""
        for mark in {*self._places.tags(place[0]).said.get(place[1], ()), *self._standing_at(place)}:
            hops = self._hops((place, mark))
            if hops is not None:
                yield mark, hops

    def _standing_at(self, place: Place) -> Mapping[Mark, Held]:
        held = self._places.tags(place[0]).derived.get(self._propagation.name)
        return held.get(place[1], _NOTHING) if held else _NOTHING

    # Taking away --------------------------------------------------------------------------------------------

    def _unsupported(self, place: Place) -> Iterable[At]:
        """The derived tags of a place that no longer follow from the places next to it as these stand."""
        for mark, held in self._standing_at(place).items():
            at = place, mark
            near = [it for it in self._entering[place] if self._hops((it[0], mark)) == held.hops - 1]
            if self._is_said(at) or not near or held.hops > self._propagation.depth:
                yield at
                continue
            origin, position = self._first(near)
            if origin != held.origin:
                self._now[at], self._evidence[at] = Held(held.hops, origin), position

    def _first(self, near: Iterable[Near]) -> tuple[str, Position]:
        """The first of these places by urn, and the newest position that joins it."""
        origin, newest = min((self._places.urn(place), -position) for place, position in near)
        return origin, Position(-newest)

    def _take_away(self, doomed: dict[At, None]) -> dict[At, None]:
        """These, and whatever came from them."""
        lost: dict[At, None] = {}
        while doomed:
            self._now.update(dict.fromkeys(doomed))
            lost.update(doomed)
            sources = dict.fromkeys(place for place, _ in doomed)
            self._read_leaving(sources)
            self._places.expect_urns(sources)
            further: dict[At, None] = {}
            for place, mark in doomed:
                for target, _ in self._leaving[place]:
                    held = self._held((target, mark))
                    if held is not None and held.origin == self._places.urn(place):
                        further[target, mark] = None
            doomed = further
        return lost

    # Reaching -----------------------------------------------------------------------------------------------

    def _reach(self, places: Collection[Place]) -> None:
        """Reach these from what stands next to them, and from there on, fewest hops first."""
        self._read_entering(places)
        waiting: dict[int, dict[At, tuple[str, int]]] = defaultdict(dict)
        handed: dict[Place, list[tuple[Mark, int]]] = {}
        for place in places:
            for near in self._entering[place]:
                if near[0] not in handed:
                    handed[near[0]] = [*self._handed(near[0])]
                for mark, hops in handed[near[0]]:
                    self._offer(waiting, hops, near, (place, mark))
        while waiting:
            hops = min(waiting)
            grown: dict[Place, list[Mark]] = defaultdict(list)
            for at, (origin, newest) in waiting.pop(hops).items():
                held = self._held(at)
                if held is not None and (held.hops, held.origin) <= (hops, origin):
                    continue
                self._now[at], self._evidence[at] = Held(hops, origin), Position(-newest)
                if held is None or held.hops != hops:
                    grown[at[0]].append(at[1])
            if grown and hops < self._propagation.depth:
                self._read_leaving(grown)
                handing = [it for it in grown if self._leaving[it]]
                self._places.expect_urns(handing)
                for place in self._of_those_there(handing):
                    marks = grown[place]
                    for target, position in self._leaving[place]:
                        for mark in marks:
                            self._offer(waiting, hops, (place, position), (target, mark))

    def _offer(self, waiting: dict[int, dict[At, tuple[str, int]]], hops: int, near: Near, at: At) -> None:
        held = self._held(at)
        if hops >= self._propagation.depth or self._is_said(at) or (held is not None and held.hops <= hops):
            return
        offer = self._places.urn(near[0]), -near[1]
        offered = waiting[hops + 1]
        if at not in offered or offer < offered[at]:
            offered[at] = offer

    # Edges --------------------------------------------------------------------------------------------------

    def _read_entering(self, places: Iterable[Place]) -> None:
        """Read from where tags come to these places, and the tags there and here, all at once."""
        unknown = [it for it in places if it not in self._entering]
        self._entering.update((it, []) for it in unknown)
        for here, near, position in self._joined(unknown, upstream=not self._upstream):
            if here in self._entering:
                self._entering[here].append((near, position))
        sources = dict.fromkeys(near for it in unknown for near, _ in self._entering[it])
        there = set(self._of_those_there(sources))
        if len(there) < len(sources):
            for place in unknown:
                self._entering[place] = [it for it in self._entering[place] if it[0] in there]
        self._places.expect_tags(entity for entity, _ in [*unknown, *there])
        self._places.expect_urns(there)

    def _read_leaving(self, places: Iterable[Place]) -> None:
        """Read to where tags would go from these places were they there, and the tags there."""
        unknown = [it for it in places if it not in self._leaving]
        self._leaving.update((it, []) for it in unknown)
        for here, near, position in self._joined(unknown, upstream=self._upstream):
            if here in self._leaving:
                self._leaving[here].append((near, position))
        self._places.expect_tags(near[0] for it in unknown for near, _ in self._leaving[it])

    def _joined(self, places: Collection[Place], upstream: bool) -> Iterator[tuple[Place, Place, Position]]:
        """(one of these, the other end, position) of the edges at these places that let tags through."""
        for flow in self._open(places, upstream):
            source, target = flow.source, flow.target
            for end in [(target[0], path) for path in self._there[target[0]]] if flow.wide else (target,):
                if end != source:
                    yield (end, source, flow.position) if upstream else (source, end, flow.position)

    def _open(self, places: Collection[Place], upstream: bool) -> list[Flow]:
        """The edges at these places that let tags through."""
        propagation = self._propagation
        flows = [it for it in self._places.flows(places, upstream, self._columns) if self._lets(it)]
        if propagation.jobs or propagation.job_tags:
            unknown = {it.job for it in flows} - self._stopped.keys()
            jobs = self._jobs(unknown)
            for id in unknown:
                job = jobs.get(id)
                self._stopped[id] = job is not None and propagation.is_stopped_by(
                    job.namespace, job.name, frozenset(it.key for it in job.tags)
                )
            flows = [it for it in flows if not self._stopped[it.job]]
        if any(it.wide for it in flows):
            self._read_there({it.target[0] for it in flows if it.wide})
        return flows

    def _lets(self, flow: Flow) -> bool:
        said = flow.transformations, flow.wide
        if said not in self._let:
            self._let[said] = self._propagation.lets_through(*said)
        return self._let[said]

    def _of_those_there(self, places: Collection[Place]) -> Iterable[Place]:
        """Without the columns that a schema left out: they hand nothing on."""
        if not self._columns:
            return places
        self._read_there({entity for entity, _ in places})
        return [it for it in places if it[1] in self._there[it[0]]]

    def _read_there(self, entities: Iterable[int]) -> None:
        unknown = [it for it in entities if it not in self._there]
        if unknown:
            self._there.update(self._places.columns_there(unknown))

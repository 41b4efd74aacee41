"""What a decision rests on: facts of the graph, each with the envelopes that say it.

Take all away that say one of them, and the same would not have been decided: the change would not have been, what is
hit would not lie there, the condition would not hold, the owner would be another. Of a condition this is found out by
trying: what it sees is taken away bit by bit, and what it cannot do without is a ground.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graph.attributes import ATTRIBUTE, TYPE, tag_key
from graph.errors import InvalidInput
from graph.model import Position
from graph.reader import EntityRecord, GraphSnapshot, Support
from rules.conditions import Expression, Values
from rules.occurrence import Occurrence
from rules.rule import Rule, Trigger

SHOWN = 20
"""Envelopes that are named of those that say one thing: the newest."""

_WAS_THERE = frozenset({"entity.altered", "entity.closed", "schema.changed", "column.closed"})
_TYPES = frozenset({"datasetType", "jobType", TYPE})


@dataclass(frozen=True, slots=True)
class Ground:
    """`what` is so `of` a urn: "change", "was" (it was there before), "said" (what is said of it under the keys
    `registers`), "writes" or "derivedFrom" (`other`). `support`: positions, ascending, the newest of `count`.
    """

    what: str
    of: str
    other: str | None = None
    registers: tuple[str, ...] = ()
    support: tuple[Position, ...] = ()
    count: int = 0


def ground(
    what: str, of: str, support: Support, other: str | None = None, registers: Iterable[str] = ()
) -> tuple[Ground, ...]:
    """Empty where no envelope says it: what nobody says, nobody can take away."""
    positions, count = support
    if not count:
        return ()
    newest = tuple(Position(it) for it in sorted(positions)[-SHOWN:])
    return (Ground(what, of, other, tuple(sorted(registers)), newest, count),)


def evidence_of(grounds: Iterable[Ground]) -> tuple[Position, ...]:
    """The newest envelope of each."""
    return tuple(sorted({it.support[-1] for it in grounds}))


def grounds_of(occurrence: Occurrence, rule: Rule, values: Values) -> Iterator[Ground]:
    """Why the rule fires at all: the change, what was before it, the entity's class, the condition over `values`.

    What a query answers is no ground of its own: the answer is kept with the firing, as of the change.
    """
    change = occurrence.change
    yield Ground("change", change.urn, support=(change.position,), count=1)
    for way in occurrence.ways:
        for reached, hop in zip((change.urn, *(it.origin for it in way)), way, strict=False):
            yield from ground("derivedFrom", reached, (hop.evidence, len(hop.evidence)), hop.origin)
    if change.what in _WAS_THERE and occurrence.before is not None and occurrence.earlier is not None:
        yield from ground("was", change.urn, occurrence.earlier.said_in(occurrence.before))
    entity = occurrence.entity
    if entity is not None and isinstance(rule.trigger, Trigger) and rule.trigger.type != "Entity":
        yield from class_grounds(entity, rule.trigger.types, occurrence.snapshot)
    if rule.when is not None:
        yield from _condition_grounds(rule.when, occurrence, values)


def class_grounds(entity: EntityRecord, types: frozenset[str], snapshot: GraphSnapshot) -> tuple[Ground, ...]:
    """That it is of one of these classes, where its kind alone does not make it so."""
    if any(it.lower() == entity.kind for it in types):
        return ()
    return ground("said", entity.urn, snapshot.said_in(entity, _TYPES), registers=("type",))


def owner_grounds(entity: EntityRecord, snapshot: GraphSnapshot) -> tuple[Ground, ...]:
    if not entity.owners:
        return ()
    return ground("said", entity.urn, snapshot.said_in(entity, frozenset({"ownership"})), registers=("ownership",))


# Conditions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Bit:
    """What a variable shows that may be taken away: `member` of its field, or all of the field."""

    variable: str
    field: str
    member: object = None

    def taken_from(self, shown: Mapping[str, Any]) -> dict[str, Any]:
        held = shown[self.field]
        left: object = None
        if isinstance(held, Mapping):
            left = {key: value for key, value in held.items() if key != self.member}
        elif isinstance(held, list):
            left = [it for it in held if self.member is not None and it != self.member]
        elif self.field == "type":
            left = ""
        return {**shown, self.field: left}

    @property
    def registers(self) -> frozenset[str]:
        """The keys under which it is said."""
        member = self.member
        match self.field:
            case "tags":
                return frozenset({"tags", tag_key(str(member).partition("=")[0]), tag_key(str(member))})
            case "columnTags" if isinstance(member, Mapping):
                return frozenset({"tags", tag_key(str(member["tag"]), str(member["column"]))})
            case "attributes":
                return frozenset({f"{ATTRIBUTE}{member}"})
            case "facets":
                return frozenset({str(member)})
            case "owners":
                return frozenset({"ownership"})
            case "description":
                return frozenset({"documentation"})
        return _TYPES


_FIELDS = ("type", "description", "tags", "columnTags", "owners", "attributes", "facets")


def _condition_grounds(when: Expression, occurrence: Occurrence, values: Values) -> Iterator[Ground]:
    shown: dict[str, Any] = {name: values[name]() for name in when.names}
    bits = [
        bit for name in sorted(when.names & {"after", "before", "job"}) if shown[name] is not None
        for field in _FIELDS if field in when.text
        for bit in _bits(name, field, shown[name][field])
    ]  # fmt: skip
    for cut in _cuts(bits, lambda gone: _holds(when, shown, gone)):
        for name in dict.fromkeys(it.variable for it in cut):
            entity: EntityRecord | None = getattr(occurrence, name)
            snapshot = occurrence.earlier if name == "before" else occurrence.snapshot
            registers = frozenset[str]().union(*(it.registers for it in cut if it.variable == name))
            if entity is not None and snapshot is not None:
                yield from ground("said", entity.urn, snapshot.said_in(entity, registers), registers=registers)


def _bits(variable: str, field: str, held: object) -> Iterator[_Bit]:
    if field in ("tags", "columnTags") and isinstance(held, list):
        yield from (_Bit(variable, field, it) for it in held)
    elif isinstance(held, Mapping):
        yield from (_Bit(variable, field, it) for it in held)
    elif held:
        yield _Bit(variable, field)


def _cuts(bits: Sequence[_Bit], holds: Callable[[Sequence[_Bit]], bool]) -> list[list[_Bit]]:
    """Each bit that it cannot do without; where there is none such, a least set of which it needs one."""
    alone = [[it] for it in bits if not holds([it])]
    if alone or holds(bits):
        return alone
    cut = list(bits)
    for it in bits:
        fewer = [other for other in cut if other is not it]
        if not holds(fewer):
            cut = fewer
    return [cut]


def _holds(when: Expression, shown: Mapping[str, Any], gone: Sequence[_Bit]) -> bool:
    left = dict(shown)
    for it in gone:
        left[it.variable] = it.taken_from(left[it.variable])
    values: Values = {name: _always(value) for name, value in left.items()}
    try:
        return when.holds(values)
    except InvalidInput:
        return False


def _always(value: object) -> Callable[[], object]:
    return lambda: value

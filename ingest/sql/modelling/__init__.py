"""Modelling patterns: which tables form a star, a snowflake, a galaxy or a data vault.

R. Kimball and M. Ross, "The Data Warehouse Toolkit" (3rd ed. 2013): a fact table holds measures under foreign keys
of dimensions; a star is one with its dimensions, a snowflake one whose dimensions lead to further ones, a galaxy
(fact constellation) several facts that share dimensions, a bridge resolves many-to-many. Data vaults: `pattern_vault`.
A schema in third normal form (Inmon) or of an application is none of these, and nothing is said of it.

Keys and columns weigh most, names little. Facts are scored by `_score`; what they refer to makes up the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ingest.sql.modelling.facts import Estate, ForeignKey, Joined, Role, TableFacts, facts_of
from ingest.sql.modelling.vault import Part, vault_parts

__all__ = ["ForeignKey", "Joined", "Kind", "Member", "Pattern", "Role", "TableFacts", "facts_of", "patterns"]

_FACT = 0.65
"""The score from which a table is a fact."""


class Kind(StrEnum):
    """NONE holds tables that stand in no model: staging and temporary ones."""

    STAR = "star"
    SNOWFLAKE = "snowflake"
    GALAXY = "galaxy"
    DATA_VAULT = "data vault"
    NONE = "none"


class Member(NamedTuple):
    """A table's role, with the evidence in words and a confidence of 0 to 1."""

    table: str
    role: Role
    confidence: float
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Tables that form one model, facts (hubs) first."""

    kind: Kind
    members: tuple[Member, ...]
    confidence: float
    evidence: tuple[str, ...] = ()

    def role(self, table: str) -> Role | None:
        return next((member.role for member in self.members if member.table == table), None)


def patterns(tables: Iterable[TableFacts], joins: Iterable[Joined] = ()) -> tuple[Pattern, ...]:
    """The patterns that these tables form, each table in one at most; a table that forms none is not named.

    The cost grows with the number of columns, keys and joins.
    """
    estate = Estate(tables, joins)
    work = {name: member for name in estate.tables if (member := _work(estate, name)) is not None}
    vault = vault_parts(estate, set(work))
    found = [*_vaults(estate, vault), *_dimensional(estate, {*work, *vault})]
    if work:
        members = tuple(sorted(work.values()))
        found.append(Pattern(Kind.NONE, members, _mean(member.confidence for member in members)))
    return tuple(found)


def _work(estate: Estate, name: str) -> Member | None:
    """Temporary and staging tables: a session's own, or named so."""
    if estate.tables[name].is_temporary or name.rpartition(".")[2].startswith(("#", "@")):
        return Member(name, Role.TEMPORARY, 1.0, ("lives in a session",))
    role, word = estate.hints.get(name, (None, ""))
    if role is Role.STAGING or role is Role.TEMPORARY:
        return Member(name, role, 0.7, (f"named {word}",))
    return None


def _vaults(estate: Estate, parts: dict[str, Part]) -> list[Pattern]:
    found = []
    for names in _groups(parts, lambda name: (reference.table for reference in estate.references[name])):
        roles = {parts[name].role for name in names}
        if Role.HUB not in roles or len(roles) < 2:
            continue
        order = (Role.HUB, Role.LINK, Role.SATELLITE)
        members = sorted(
            (Member(name, *parts[name]) for name in names), key=lambda it: (order.index(it.role), it.table)
        )
        counted = [(role, sum(member.role is role for member in members)) for role in order]
        evidence = ", ".join(f"{count} {role}{'s' * (count > 1)}" for role, count in counted if count)
        found.append(Pattern(Kind.DATA_VAULT, tuple(members), _mean(it.confidence for it in members), (evidence,)))
    return found


def _dimensional(estate: Estate, taken: set[str]) -> list[Pattern]:
    facts: dict[str, Member] = {}
    for name in estate.tables:
        if name not in taken and (member := _fact(estate, name)) is not None:
            facts[name] = member
    # Each fact with the tables that it leads to; facts that share one, or refer to each other, are one model.
    reach = {name: _reach(estate, name, facts, taken) for name in facts}
    shared: dict[str, list[str]] = defaultdict(list)
    for name, distances in reach.items():
        for table in distances:
            shared[table].append(name)
    together = {**dict.fromkeys(facts, ()), **{f"\0{table}": () for table in shared}}
    groups = _groups(
        together,
        lambda name: (
            [f"\0{table}" for table in reach[name]]
            + [reference.table for reference in estate.references[name] if reference.table in facts]
            if name in facts
            else []
        ),
    )
    found = []
    for group in groups:
        its_facts = sorted(name for name in group if name in facts)
        depth: dict[str, int] = {}
        users: dict[str, int] = defaultdict(int)
        for fact in its_facts:
            for table, distance in reach[fact].items():
                depth[table] = min(distance, depth.get(table, distance))
                users[table] += distance == 1
        if depth:
            found.append(_model(estate, [facts[fact] for fact in its_facts], depth, users))
    return found


def _model(estate: Estate, facts: list[Member], depth: dict[str, int], users: dict[str, int]) -> Pattern:
    others = [
        _dimension(estate, name, depth[name], users[name]) for name in sorted(depth, key=lambda it: (depth[it], it))
    ]
    further = [name for name, distance in depth.items() if distance > 1]
    common = sorted(name for name, count in users.items() if count > 1)
    evidence = [f"{len(facts)} facts, {len(depth)} tables around them"] if len(facts) > 1 else []
    if len(facts) > 1:
        kind = Kind.GALAXY
        if common:
            evidence.append(f"shared by several facts: {', '.join(common[:10])}")
    else:
        kind = Kind.SNOWFLAKE if further else Kind.STAR
        evidence.append(f"{facts[0].table} refers to {sum(distance == 1 for distance in depth.values())} tables")
    if further:
        evidence.append(f"dimensions lead on to {', '.join(sorted(further)[:10])}")
    members = (*facts, *others)
    return Pattern(
        kind,
        members,
        round(min(_mean(it.confidence for it in facts), _mean(it.confidence for it in members) + 0.1), 2),
        tuple(evidence),
    )


def _fact(estate: Estate, name: str) -> Member | None:
    score, evidence = _score(estate, name)
    role, word = estate.hints.get(name, (None, ""))
    if role is Role.FACT and estate.references[name]:
        # A name with some keys behind it is enough, for little confidence.
        return Member(name, Role.FACT, round(min(max(score, 0.5), 0.98), 2), tuple(evidence))
    if score < _FACT or (role is not None and role is not Role.FACT and len(word) > 2):
        return None
    return Member(name, Role.FACT, round(min(score, 0.98), 2), tuple(evidence))


def _score(estate: Estate, name: str) -> tuple[float, list[str]]:
    """How much a table looks like a fact, and why.

    An application's tables have a key of their own and are referred to; a fact's key is made of those of its
    dimensions, and nothing hangs on it.
    """
    table, references = estate.tables[name], estate.references[name]
    around = {reference.table for reference in references}
    if len(around) < 2:
        hinted = estate.hints.get(name, (None,))[0] is Role.FACT
        return (0.25 if hinted and references else 0.0), [f"{len(references)} foreign key"] * bool(references)
    measures = estate.measures(name)
    evidence = [f"{len(references)} foreign keys{_said_by(estate, name)}"]
    score = (0.2, 0.3, 0.4)[min(len(around), 4) - 2]
    if measures:
        score += 0.25 if len(measures) >= 3 else 0.15
        evidence.append(f"{len(measures)} numeric measure{'s' * (len(measures) > 1)}")
    dates = sorted(other for other in around if _is_calendar(estate, other))
    if dates:
        score += 0.15
        evidence.append(f"refers to the calendar {dates[0]}")
    referring = {column for reference in references for column in reference.columns}
    if table.primary_key and not referring.isdisjoint(table.primary_key):
        score += 0.15
        evidence.append("its key is made of foreign keys")
    elif len(table.primary_key) == 1:
        score -= 0.2
        evidence.append("it has a key of its own")
    others = estate.referred_by.get(name, ())
    score += -0.1 if others else 0.1
    if not others:
        evidence.append("no table refers to it")
    role, word = estate.hints.get(name, (None, ""))
    if role is Role.FACT:
        score += 0.25 if len(word) > 2 else 0.12
        evidence.append(f"named {word}")
    elif role is not None:
        score -= 0.4 if len(word) > 2 else 0.1
    return score, evidence


def _said_by(estate: Estate, name: str) -> str:
    said = {reference.said_by for reference in estate.references[name]} - {"key"}
    return f" (by {' and '.join(sorted(said))})" if said else ""


def _is_calendar(estate: Estate, name: str) -> bool:
    """A date or time dimension: named so, and referring to nothing."""
    words = name.rpartition(".")[2].replace("dim", "").split("_")
    return not estate.references[name] and any(word in ("date", "dates", "calendar", "time", "day") for word in words)


def _reach(estate: Estate, fact: str, facts: dict[str, Member], taken: set[str]) -> dict[str, int]:
    """The tables that a fact leads to by foreign keys, with their distance; other facts stop the way."""
    distance: dict[str, int] = {}
    front = [fact]
    for step in range(1, 20):
        following = []
        for name in front:
            for reference in estate.references[name]:
                other = reference.table
                if other not in facts and other not in taken and other not in distance:
                    distance[other] = step
                    following.append(other)
        if not following:
            break
        front = following
    return distance


def _dimension(estate: Estate, name: str, depth: int, users: int) -> Member:
    table = estate.tables[name]
    role, word = estate.hints.get(name, (None, ""))
    referring = {column for reference in estate.references[name] for column in reference.columns}
    around = {reference.table for reference in estate.references[name]}
    evidence = [f"named {word}"] if role in (Role.DIMENSION, Role.BRIDGE) else []
    made_of_keys = len(table.primary_key) >= 2 and {*table.primary_key} <= referring and len(around) >= 2
    if made_of_keys or (role is Role.BRIDGE and len(around) >= 2):
        evidence.insert(
            0, f"connects {', '.join(sorted(around))}" + (" by a key made of theirs" if made_of_keys else "")
        )
        return Member(name, Role.BRIDGE, 0.85 if made_of_keys else 0.6, tuple(evidence))
    if depth > 1:
        evidence.insert(0, "another dimension refers to it")
    elif users > 1:
        evidence.insert(0, f"{users} facts refer to it")
    else:
        evidence.insert(0, "a fact refers to it")
    confidence = 0.65 + 0.1 * min(users, 2) + 0.1 * (role is Role.DIMENSION) + 0.05 * (len(table.primary_key) == 1)
    if role not in (None, Role.DIMENSION) and len(word) > 2:
        confidence -= 0.2
    return Member(name, Role.DIMENSION, round(min(confidence, 0.95), 2), tuple(evidence))


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return round(sum(known) / len(known), 2)


def _groups(names: Iterable[str], near: Callable[[str], Iterable[str]]) -> list[list[str]]:
    """The names that hang together, each group and the groups in the order given."""
    parent = {name: name for name in names}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for name in parent:
        for other in near(name):
            if other in parent:
                parent[root(other)] = root(name)
    groups: dict[str, list[str]] = defaultdict(list)
    for name in parent:
        groups[root(name)].append(name)
    return list(groups.values())

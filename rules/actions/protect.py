"""Protect data: take or give privileges, mask a column, hold roles to their rows, delete what is overdue.

The statements stand in the order, so that whoever approves sees them. On PostgreSQL they are carried out
(`postgres_protection`); in other dialects, and with `mode: plan`, they are only shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from yaml.nodes import Node

from graph.errors import InvalidInput
from graph.model import Instant, Name, parse_urn
from graph.reader import Owner
from rules.action import Occasion, Order
from rules.actions.address import Resolver, resolve_within
from rules.actions.delivery import Delivered, Outcome, Refused
from rules.actions.measures import (
    DIALECTS,
    OF_COLUMNS,
    PRIVILEGES,
    Delete,
    Grant,
    Mask,
    Measure,
    Place,
    Revoke,
    Rows,
    cutoff,
    identifier,
    planned,
)
from rules.document import Document
from rules.impact import Hit
from rules.outbox import Intended
from rules.rule import MissingReference, Template

MAX_ROLES = 20
MAX_VALUES = 100
MAX_DELETED = 10_000_000

_MEASURES = ("grant", "revoke", "mask", "rows", "delete")
_ROLE = re.compile(r"[^\x00-\x1f\"';]{1,63}")
_ROW_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_EXECUTES = "postgres"


@dataclass(frozen=True, slots=True)
class _Overdue:
    """A `Delete` before it is known when."""

    column: str
    older_than: timedelta
    at_most: int


class Said(msgspec.Struct, frozen=True):
    """The order's body; `statements` are what is shown."""

    dialect: str
    mode: str
    place: Place
    measure: Measure
    statements: tuple[str, ...]


read_said = msgspec.json.Decoder(Said).decode


@dataclass(frozen=True, slots=True)
class Protect:
    """`namespace` is that of the datasets that `database` holds: others are not touched."""

    measure: Grant | Revoke | Mask | Rows | _Overdue
    namespace: str
    database: Template | None
    dialect: str = _EXECUTES
    mode: str = "execute"
    kind = "protect"
    for_owners = False

    def order(self, key: str, occasion: Occasion, hit: Hit, owner: Owner | None) -> Order:
        place = _place(parse_urn(hit.entity.urn), self.namespace)
        measure = self._measure(occasion.at)
        if measure.needs_column and not place.column:
            raise InvalidInput(f"{hit.entity.urn} is no column, and only a column can be masked")
        if place.column and isinstance(measure, Grant | Revoke):
            for privilege in measure.privileges:
                if privilege not in OF_COLUMNS:
                    raise InvalidInput(f"{privilege} is no privilege of a column, as {hit.entity.urn} is one")
        statements = planned(measure, place, self.dialect)
        body = msgspec.json.encode(Said(self.dialect, self.mode, place, measure, statements))
        return Order(body, address=self.database.text if self.database is not None else "")

    def _measure(self, at: Instant) -> Measure:
        said = self.measure
        if isinstance(said, _Overdue):
            return Delete(said.column, cutoff(at, said.older_than), said.at_most)
        return said


def _place(name: Name, namespace: str) -> Place:
    """Where the data is; `database.schema.table`, as OpenLineage names tables of databases."""
    if name.kind not in ("dataset", "column") or name.namespace != namespace:
        raise InvalidInput(f"{name.urn} is not in {namespace}, which the rule says is protected")
    parts = name.name.split(".")
    if len(parts) != 3:
        raise InvalidInput(f"{name.urn} is not named database.schema.table")
    for part in (*parts, *([name.path] if name.path else ())):
        identifier(part)
    return Place(parts[0], parts[1], parts[2], name.path)


def read(document: Document, node: Node, path: str) -> Protect:
    """Raises `RuleFault`."""
    fields = document.mapping(node, path, ("namespace",), (*_MEASURES, "database", "dialect", "mode"))
    chosen = [it for it in _MEASURES if it in fields]
    if len(chosen) != 1:
        raise document.fault(node, path, f"expected one of {', '.join(_MEASURES)}, found {len(chosen)}")
    dialect = document.one_of(fields["dialect"], f"{path}.dialect", DIALECTS) if "dialect" in fields else _EXECUTES
    mode = "execute" if dialect == _EXECUTES else "plan"
    if "mode" in fields:
        mode = document.one_of(fields["mode"], f"{path}.mode", ("execute", "plan"))
        if mode == "execute" and dialect != _EXECUTES:
            raise document.fault(fields["mode"], f"{path}.mode", f"only {_EXECUTES} is carried out; plan shows it")
    if mode == "execute" and "database" not in fields:
        raise document.fault(node, path, "database is missing: where to carry it out, as ${NAME}")
    if dialect != _EXECUTES and chosen[0] in ("mask", "rows"):
        raise document.fault(fields[chosen[0]], f"{path}.{chosen[0]}", f"is for dialect: {_EXECUTES} alone")
    database = _database(document, fields["database"], f"{path}.database") if "database" in fields else None
    return Protect(
        measure=_READERS[chosen[0]](document, fields[chosen[0]], f"{path}.{chosen[0]}"),
        namespace=document.text(fields["namespace"], f"{path}.namespace"),
        database=database,
        dialect=dialect,
        mode=mode,
    )


def _database(document: Document, node: Node, path: str) -> Template:
    template = document.template(node, path, _check_url)
    if not template.is_reference:
        raise document.fault(node, path, "a connection is a reference, ${NAME}, and is never written into the rule")
    return template


def _check_url(value: str) -> None:
    if not value.startswith(("postgresql://", "postgres://")):
        raise InvalidInput("expected a URL that begins with postgresql://")


def _grant(document: Document, node: Node, path: str) -> Grant:
    fields = document.mapping(node, path, ("privileges", "to"))
    return Grant(_privileges(document, fields, path), _roles(document, fields["to"], f"{path}.to"))


def _revoke(document: Document, node: Node, path: str) -> Revoke:
    fields = document.mapping(node, path, ("privileges", "from"))
    return Revoke(_privileges(document, fields, path), _roles(document, fields["from"], f"{path}.from"))


def _mask(document: Document, node: Node, path: str) -> Mask:
    fields = document.mapping(node, path, ("as", "for"), ("view",))
    return Mask(
        document.one_of(fields["as"], f"{path}.as", ("null", "hash", "redacted")),
        _roles(document, fields["for"], f"{path}.for"),
        _name(document, fields["view"], f"{path}.view") if "view" in fields else "",
    )


def _rows(document: Document, node: Node, path: str) -> Rows:
    fields = document.mapping(node, path, ("column", "in", "for", "policy"))
    return Rows(
        _name(document, fields["column"], f"{path}.column"),
        document.texts(fields["in"], f"{path}.in", MAX_VALUES),
        _roles(document, fields["for"], f"{path}.for"),
        document.matching(fields["policy"], f"{path}.policy", _ROW_NAME, "lower-case letters, digits and _"),
    )


def _delete(document: Document, node: Node, path: str) -> _Overdue:
    fields = document.mapping(node, path, ("column", "older_than", "at_most"))
    return _Overdue(
        _name(document, fields["column"], f"{path}.column"),
        document.duration(fields["older_than"], f"{path}.older_than"),
        document.whole(fields["at_most"], f"{path}.at_most", 1, MAX_DELETED),
    )


_READERS: Mapping[str, Callable[[Document, Node, str], Any]] = {
    "grant": _grant, "revoke": _revoke, "mask": _mask, "rows": _rows, "delete": _delete,
}  # fmt: skip


def _privileges(document: Document, fields: Mapping[str, Node], path: str) -> tuple[str, ...]:
    node = fields["privileges"]
    said = document.texts(node, f"{path}.privileges", len(PRIVILEGES))
    if not said or any(it not in PRIVILEGES for it in said):
        raise document.fault(node, f"{path}.privileges", f"expected some of {', '.join(PRIVILEGES)}")
    return tuple(dict.fromkeys(said))


def _roles(document: Document, node: Node, path: str) -> tuple[str, ...]:
    said = document.texts(node, path, MAX_ROLES)
    if not said or not all(_ROLE.fullmatch(it) for it in said):
        raise document.fault(node, path, "expected names of roles, at most 63 characters, without quotes or semicolons")
    return tuple(dict.fromkeys(said))


def _name(document: Document, node: Node, path: str) -> str:
    name = document.up_to(node, path, 63)
    try:
        identifier(name)
    except InvalidInput as error:
        raise document.fault(node, path, error.reason) from None
    return name


class Protections:
    """Carries out what is ordered; see `postgres_protection`."""

    def __init__(
        self,
        references: Mapping[str, str],
        allowed_hosts: frozenset[str] = frozenset(),
        resolve: Resolver | None = None,
    ) -> None:
        self._references = references
        self._allowed_hosts = allowed_hosts
        self._resolve = resolve or resolve_within(5.0)

    def deliver(self, intended: Intended, at: Instant) -> Outcome:
        said = read_said(intended.body)
        if said.mode == "plan":
            return Delivered({"mode": "plan", "statements": said.statements})
        try:
            url = Template(intended.address).resolve(self._references)
        except MissingReference as error:
            return Refused(str(error))
        try:
            from rules.actions import postgres_protection  # optional: only who executes needs the driver
        except ImportError:
            return Refused("what is carried out on PostgreSQL needs more packages: pip install 'andon[server]'")
        return postgres_protection.carry_out(url, said.place, said.measure, self._allowed_hosts, self._resolve)

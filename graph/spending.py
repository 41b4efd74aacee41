"""What was spent of a budget: the charges to what it is for, within its time and in its currency."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from .errors import TooLarge
from .model import Instant, parse_instant
from .reader import EntityRecord, GraphSnapshot

MAX_CHARGES = 20_000
"""Charges that one budget may have."""

_PRODUCT = "dataproduct"


def spent(budget: EntityRecord, snapshot: GraphSnapshot) -> Decimal:
    """The sum of `billedCost` over the charges whose period begins in [effectiveFrom, effectiveTo) of the budget.

    A data product's charges are its own and those of its parts and output ports. What is charged to several of these
    counts once; what is charged in another currency does not count. Raises `TooLarge` past `MAX_CHARGES`.
    """
    said = snapshot.attributes(budget)
    since, until = _instant(said.get("effectiveFrom")), _instant(said.get("effectiveTo"))
    charges: dict[int, EntityRecord] = {}
    for entity in _paid_for(budget, snapshot):
        room = MAX_CHARGES + 1 - len(charges)
        charges |= {it.source.id: it.source for it in snapshot.related_from(entity, "chargedTo", room)}
        if len(charges) > MAX_CHARGES:
            raise TooLarge(f"{budget.urn} has more than {MAX_CHARGES} charges", field="spent")
    total = Decimal(0)
    for charge in charges.values():
        told = snapshot.attributes(charge)
        at = _instant(told.get("chargePeriodStart"))
        is_within = at is not None and (since is None or since <= at) and (until is None or at < until)
        dated = is_within if since is not None or until is not None else True
        if dated and not charge.dropped and told.get("billingCurrency") == said.get("budgetCurrency"):
            total += _amount(told.get("billedCost"))
    return total


def _paid_for(budget: EntityRecord, snapshot: GraphSnapshot) -> Iterator[EntityRecord]:
    for it in snapshot.relations(budget, "budgetFor"):
        yield it.target
        if it.target.kind == _PRODUCT:
            yield from (part.source for part in snapshot.related_from(it.target, "partOfProduct"))
            yield from (port.target for port in snapshot.relations(it.target, "outputPort"))


def _instant(said: object) -> Instant | None:
    """None for what is not there, or was said under another ontology and is no instant."""
    try:
        return parse_instant(said) if isinstance(said, str) else None
    except ValueError:
        return None


def _amount(said: object) -> Decimal:
    try:
        return Decimal(str(said)) if said is not None else Decimal(0)
    except InvalidOperation:
        return Decimal(0)

"""Stopping and restarting by GraphQL: what may be stopped, and when it may go on."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import strawberry

from graph.cord import STOP, stoppable
from graph.errors import Conflict, InvalidInput, NotFound
from graph.model import parse_urn
from graph.reader import EntityRecord, GraphSnapshot
from ontology import Ontology

MAX_CAUSES = 100


@strawberry.enum(description="Who stands for a stop, beside the entity itself.")
class StopPolicy(Enum):
    BLOCK = strawberry.enum_value("block", description="All that is downstream.")
    ISOLATE = strawberry.enum_value("isolate", description="Those who read it directly, and nobody else.")
    WARN = strawberry.enum_value("warn", description="Nobody, not even itself: all downstream go on, warned.")


def check_stoppable(entity: EntityRecord, ontology: Ontology) -> None:
    if STOP not in {it.kind for it in ontology.key_classes}:
        raise Conflict("the ontology in use has no class Stop: there is no cord to pull")
    if entity.kind not in stoppable(ontology):
        raise InvalidInput("expected a job, a data product or something that jobs read or write", field="urn")


def check_causes(urns: Sequence[str], snapshot: GraphSnapshot, ontology: Ontology) -> list[str]:
    """The urns of the troubles that a stop waits for, as they go by now."""
    if len(urns) > MAX_CAUSES:
        raise InvalidInput(f"expected at most {MAX_CAUSES}, found {len(urns)}", field="causedBy")
    found = []
    for urn in dict.fromkeys(urns):
        try:
            parse_urn(urn)
        except InvalidInput as error:
            raise InvalidInput(error.reason, field="causedBy") from None
        entity = snapshot.entity(urn)
        if entity is None:
            raise NotFound(f"there is no {urn}")
        if entity.type not in ontology.subclasses("Trouble") or entity.kind == STOP:
            raise InvalidInput(f"expected an incident or a finding, found a {entity.type}", field="causedBy")
        found.append(entity.urn)
    return found


def to_restart(entity: EntityRecord, snapshot: GraphSnapshot) -> list[EntityRecord]:
    """The stops that end when this is restarted: itself, or those pulled on it. Raises `Conflict` for none."""
    active = snapshot.stops()
    found = [it.entity for it in active if entity.urn in (it.urn, it.target)]
    if found:
        return found
    if entity.kind == STOP:
        raise Conflict(f"{entity.urn} was restarted already")
    elsewhere = sorted(it.stop.urn for it in snapshot.stops_on(entity))
    if elsewhere:
        raise Conflict(f"it stands for what was stopped upstream: restart {', '.join(elsewhere[:5])}")
    raise Conflict("it is not stopped")


def check_resolved(stop: EntityRecord, snapshot: GraphSnapshot, ontology: Ontology) -> None:
    """Raises `Conflict` unless the stop has a cause and all of them are closed."""
    causes = [it.target for it in snapshot.relations(stop, "causedBy")]
    if not causes:
        raise Conflict(
            f"nothing says when the cause of {stop.urn} is resolved: relate it to an incident (causedBy) and close"
            " that, or give an override, who/why"
        )
    troubles = ontology.subclasses("Trouble")
    waiting = sorted(
        it.urn for it in causes if it.type not in troubles or snapshot.attributes(it).get("closedAt") is None
    )
    if waiting:
        raise Conflict(
            f"the cause of {stop.urn} is not resolved: {', '.join(waiting[:5])} has no closedAt; close it, or give an"
            " override, who/why"
        )


def named_override(text: str, limit: int) -> str:
    """Who answers for a restart, and why. Raises `InvalidInput` where either is left out."""
    who, _, why = text.partition("/")
    if not who.strip() or not why.strip() or len(text) > limit:
        reason = f"expected who/why in at most {limit} characters, such as 'maria/the supplier sent it again'"
        raise InvalidInput(reason, field="override")
    return f"{who.strip()}/{why.strip()}"

"""The statements people make: each is journalled under their name, folded like any other, and answers its
position.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import strawberry

from api.auth import Scope
from api.graphql import answers, shapes
from api.graphql.acting import MAX_NOTE, RuleMode
from api.graphql.cord import (
    StopPolicy,
    check_causes,
    check_resolved,
    check_stoppable,
    named_override,
    to_restart,
)
from api.graphql.inputs import OwnerInput
from api.graphql.operation import operation
from api.graphql.rules import RuleAnswer, RuleDefinition
from api.graphql.shapes import answering
from api.graphql.values import Json
from graph.cord import STOP
from graph.errors import InvalidInput, NotFound
from graph.model import Name, NewEnvelope, parse_urn
from graph.reader import ColumnRecord, EntityRecord
from ingest import facts
from ingest import mutation as statement

MAX_TEXT = 10_000  # characters of a description
MAX_WORD = 200  # characters of a tag's key or value, an owner's name, a reason
MAX_OWNERS = 100

_RELATING = threading.Lock()
"""A list of targets is read, changed and said anew by one thread at a time, or a word would get lost."""


@strawberry.enum(description="How bad an incident is.")
class IncidentSeverity(Enum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@strawberry.type
class Mutation:
    @answering(shapes.MutationResult, "Replace who owns an entity; [] for nobody.")
    def set_owners(self, info: strawberry.Info, urn: str, owners: list[OwnerInput]) -> answers.MutationResult:
        if len(owners) > MAX_OWNERS:
            raise InvalidInput(f"expected at most {MAX_OWNERS}, found {len(owners)}", field="owners")
        said = [
            {
                "name": _word(owner.name, "owners.name"),
                **({"type": _word(owner.type, "owners.type")} if owner.type else {}),
            }
            for owner in owners
        ]
        return _say(info, urn, "setOwners", {"owners": said})

    @answering(shapes.MutationResult)
    def add_tag(self, info: strawberry.Info, urn: str, key: str, value: str | None = None) -> answers.MutationResult:
        word = _word(value, "value") if value is not None else None
        return _tag(info, urn, "addTag", {"key": _word(key, "key"), "value": word})

    @answering(shapes.MutationResult)
    def remove_tag(self, info: strawberry.Info, urn: str, key: str) -> answers.MutationResult:
        return _tag(info, urn, "removeTag", {"key": _word(key, "key")})

    @answering(shapes.MutationResult)
    def describe(self, info: strawberry.Info, urn: str, description: str) -> answers.MutationResult:
        if len(description) > MAX_TEXT:
            raise InvalidInput(f"expected at most {MAX_TEXT} characters", field="description")
        return _say(info, urn, "describe", {"description": description})

    @answering(shapes.MutationResult, "Say that a job is no more, which ends its lineage; or take it back.")
    def retire_job(self, info: strawberry.Info, urn: str, retired: bool = True) -> answers.MutationResult:
        if parse_urn(urn).kind != "job":
            raise InvalidInput("expected the urn of a job", field="urn")
        return _say(info, urn, "retireJob", {"retired": retired})

    @answering(
        shapes.MutationResult,
        "Say that nobody should begin to use an entity, and why or what instead; or take it back.",
    )
    def deprecate(
        self, info: strawberry.Info, urn: str, note: str | None = None, deprecated: bool = True
    ) -> answers.MutationResult:
        return _say(info, urn, "deprecate", {"note": _note(note), "deprecated": deprecated})

    @answering(shapes.MutationResult, "Vouch for an entity, and say why it may be relied on; or take it back.")
    def certify(
        self, info: strawberry.Info, urn: str, note: str | None = None, certified: bool = True
    ) -> answers.MutationResult:
        return _say(info, urn, "certify", {"note": _note(note), "certified": certified})

    @answering(
        shapes.MutationResult,
        "Say what an attribute of an entity is, which goes before what tools say; null for none, a list for many.",
    )
    def set_attribute(
        self, info: strawberry.Info, urn: str, name: str, value: Json | None = None
    ) -> answers.MutationResult:
        entity = _writable(info, urn)
        return _tell(info, entity, attributes={name: value})

    @answering(
        shapes.MutationResult,
        "Say that an entity has a relation, by its name or its inverse's, to another. From then on the targets are what"
        " people say, whatever tools say; where there can be one only, it takes the place of the former one.",
    )
    def relate(self, info: strawberry.Info, urn: str, relation: str, target: str) -> answers.MutationResult:
        return _relate(info, urn, relation, target, holds=True)

    @answering(shapes.MutationResult, "Say that an entity does not have a relation to another.")
    def unrelate(self, info: strawberry.Info, urn: str, relation: str, target: str) -> answers.MutationResult:
        return _relate(info, urn, relation, target, holds=False)

    @answering(
        shapes.MutationResult,
        "Pull the cord on a data asset, a job or a data product; answers the stop. `owner` is who is to end it (left"
        " out: who says so), `causedBy` the incidents or findings that must be closed before it goes on.",
    )
    def stop(
        self,
        info: strawberry.Info,
        urn: str,
        cause: str,
        policy: StopPolicy = StopPolicy.BLOCK,
        owner: str | None = None,
        caused_by: list[str] | None = None,
    ) -> answers.MutationResult:
        asking = operation(info)
        entity = _writable(info, urn)
        check_stoppable(entity, asking.services.ontology)
        if not cause.strip() or len(cause) > MAX_TEXT:
            raise InvalidInput(f"expected 1 to {MAX_TEXT} characters", field="cause")
        with asking.services.reader.snapshot() as snapshot:
            causes = check_causes(caused_by or (), snapshot, asking.services.ontology)
        name = statement.new_name()
        said = {
            "stop": name,
            "cause": cause.strip(),
            "policy": policy.value,
            "owner": asking.caller.name if owner is None else _word(owner, "owner"),
            "causedBy": causes,
        }
        envelope = statement.envelope("stop", entity.urn, said, asking.caller.name, asking.services.now())
        return _journal(info, envelope, Name(STOP, statement.NAMESPACE, name))

    @answering(
        shapes.MutationResult,
        "Let go on what was stopped, by the urn of the stop or of what was stopped. Every cause must be closed, else"
        " `override` names who answers for it and why, as who/why.",
    )
    def restart(self, info: strawberry.Info, urn: str, override: str | None = None) -> answers.MutationResult:
        asking = operation(info)
        asking.caller.require(Scope.WRITE)
        asking.await_position(asking.services.journal.last_position())  # the stop may have been said just now
        entity = _writable(info, urn)
        answers_for_it = None if override is None else named_override(override, MAX_TEXT)
        with asking.services.reader.snapshot() as snapshot:
            stops = to_restart(entity, snapshot)
            for stop in stops if answers_for_it is None else ():
                check_resolved(stop, snapshot, asking.services.ontology)
        said = {"override": answers_for_it}
        by, at = asking.caller.name, asking.services.now()
        envelopes = [statement.envelope("restart", stop.urn, said, by, at) for stop in stops]
        return _journal(info, envelopes, parse_urn(entity.urn))

    @answering(
        shapes.MutationResult,
        "Open an incident on an entity; answers the incident. `owner` is who is to end it (left out: who says so).",
    )
    def open_incident(
        self,
        info: strawberry.Info,
        urn: str,
        title: str,
        severity: IncidentSeverity = IncidentSeverity.MEDIUM,
        owner: str | None = None,
    ) -> answers.MutationResult:
        asking = operation(info)
        entity = _writable(info, urn)
        name = statement.new_name()
        said = {
            "incident": name,
            "title": _word(title, "title"),
            "severity": severity.value,
            "owner": asking.caller.name if owner is None else _word(owner, "owner"),
        }
        envelope = statement.envelope("openIncident", entity.urn, said, asking.caller.name, asking.services.now())
        return _journal(info, envelope, Name(statement.INCIDENT, statement.NAMESPACE, name))

    @answering(shapes.MutationResult, "Say that an incident is over; what waited for it may go on.")
    def close_incident(self, info: strawberry.Info, urn: str) -> answers.MutationResult:
        asking = operation(info)
        entity = _writable(info, urn)
        if entity.kind != statement.INCIDENT:
            raise InvalidInput("is no incident", field="urn")
        envelope = statement.envelope("closeIncident", entity.urn, {}, asking.caller.name, asking.services.now())
        return _journal(info, envelope, parse_urn(entity.urn))

    @answering(shapes.Firing, "Have done what a firing waits to do.")
    def approve(self, info: strawberry.Info, firing: str, note: str | None = None) -> Any:
        return _answer(info, firing, note, approved=True)

    @answering(shapes.Firing, "Have what a firing waits to do left undone.")
    def refuse(self, info: strawberry.Info, firing: str, note: str | None = None) -> Any:
        return _answer(info, firing, note, approved=False)

    @answering(
        shapes.MutationResult,
        "Switch the version of a rule that is in force; a newer version is in the mode that its file says.",
    )
    def switch_rule(self, info: strawberry.Info, name: str, mode: RuleMode) -> answers.MutationResult:
        found = [it for it in operation(info).services.acting.rules if it.name == name]
        if not found:
            raise NotFound(f"there is no rule {name[:100]!r}")
        return _say(info, found[0].urn, "switchRule", {"mode": mode.value, "version": found[0].version_id})

    @answering(
        list[RuleDefinition],
        "Read the folder of rules again: all of them are in force, or none of them and all is as it was.",
    )
    def load_rules(self, info: strawberry.Info) -> Any:
        asking = operation(info)
        asking.caller.require(Scope.ADMIN)
        rules = asking.services.acting.reload()
        modes = asking.services.acting.modes()
        return [RuleAnswer(it, modes[it.name]) for it in rules]

    @answering(shapes.Firing, "Have a dead action of a firing tried again, by the action's key.")
    def replay_action(self, info: strawberry.Info, firing: str, key: str) -> Any:
        asking = operation(info)
        asking.caller.require(Scope.WRITE)
        acting = asking.services.acting
        found = acting.firing(firing)
        if found is None or key not in {it.key for it in found.actions}:
            raise NotFound(f"there is no action {key[:100]!r} of {firing[:200]!r}")
        acting.replay(key)
        return acting.firing(firing)

    @answering(shapes.MutationResult, "Say who is to end an incident.")
    def assign_incident(self, info: strawberry.Info, urn: str, owner: str) -> answers.MutationResult:
        if parse_urn(urn).kind != statement.INCIDENT:
            raise InvalidInput("is no incident", field="urn")
        return _say(info, urn, "assignIncident", {"owner": _word(owner, "owner")})

    @answering(
        shapes.MutationResult,
        "Remove the bytes of one envelope for good (a secret, personal data); position and reason stay.",
    )
    def redact(self, info: strawberry.Info, position: int, reason: str) -> answers.MutationResult:
        asking = operation(info)
        asking.caller.require(Scope.WRITE)
        word = _word(reason, "reason")
        asking.services.journal.redact(position, word)
        asking.services.progress.rebuild()  # what the envelope said must go from the graph too
        return _journal(info, statement.redaction(position, word, asking.caller.name, asking.services.now()), None)


def _answer(info: strawberry.Info, firing: str, note: str | None, *, approved: bool) -> Any:
    asking = operation(info)
    asking.caller.require(Scope.WRITE)
    if note is not None and len(note) > MAX_NOTE:
        raise InvalidInput(f"expected at most {MAX_NOTE} characters", field="note")
    # Where nobody shows a key, nobody can be told from those who are asked.
    acting = asking.services.acting
    acting.answer(firing, approved, asking.caller.name, note, is_known=asking.services.authentication())
    return acting.firing(firing)


def _writable(info: strawberry.Info, urn: str, field: str = "urn") -> EntityRecord:
    """The entity that a caller who may write speaks of. Raises `NotFound`."""
    asking = operation(info)
    asking.caller.require(Scope.WRITE)
    try:
        parse_urn(urn)
    except InvalidInput as error:
        raise InvalidInput(error.reason, field=field) from None
    with asking.services.reader.snapshot() as snapshot:
        entity = snapshot.entity(urn)
    if entity is None:
        raise NotFound(f"there is no {urn}")
    return entity


def _relate(info: strawberry.Info, urn: str, name: str, target: str, *, holds: bool) -> answers.MutationResult:
    """Say the whole list of targets anew, with one more or one less."""
    asking = operation(info)
    source, other = _writable(info, urn), _writable(info, target, "target")
    relation = asking.services.ontology.relations.get(name)
    if relation is None:
        every = asking.services.ontology.relations.values()
        relation = next((it for it in every if it.inverse == name), None)
        if relation is None:
            raise InvalidInput(f"the ontology has no relation {name[:100]!r}", field="relation")
        source, other = other, source
    with _RELATING:
        asking.await_position(asking.services.journal.last_position())
        with asking.services.reader.snapshot() as snapshot:
            held = [it.target.urn for it in snapshot.relations(source, relation.name)]
        targets = [it for it in held if it != other.urn]
        if holds:
            targets = [*targets, other.urn] if relation.to_many else [other.urn]
        answer = _tell(info, source, relations={relation.name: targets})
    if answer.entity is None or parse_urn(urn) == parse_urn(source.urn):
        return answer
    return answers.MutationResult(answer.position, asking.fresh_snapshot(info._raw_info.path).entity(urn))


def _tell(
    info: strawberry.Info,
    entity: EntityRecord,
    *,
    attributes: Mapping[str, object] = {},
    relations: Mapping[str, Sequence[str]] = {},
) -> answers.MutationResult:
    """Journal a person's facts about an entity. Raises `InvalidInput` by what is wrong, also by a SHACL shape."""
    asking = operation(info)
    name = parse_urn(entity.urn)
    named = {"type": entity.type, "namespace": name.namespace, "name": name.name, "path": name.path}
    whole = {**named, "attributes": attributes, "relations": relations}
    try:
        envelope = facts.envelope_of_person(whole, asking.caller.name, asking.services.now(), asking.services.ontology)
    except InvalidInput as error:
        raise InvalidInput(error.reason, field=error.field.removeprefix("entities[0].")) from None
    if asking.services.check_shapes is not None:
        asking.services.check_shapes(entity, attributes, relations)
    return _journal(info, envelope, name)


def _say(info: strawberry.Info, urn: str, op: str, arguments: Mapping[str, Any]) -> answers.MutationResult:
    """Journal a statement about an entity, said of the name it goes by now. Raises `NotFound`."""
    asking = operation(info)
    entity = _writable(info, urn)
    envelope = statement.envelope(op, entity.urn, arguments, asking.caller.name, asking.services.now())
    return _journal(info, envelope, parse_urn(entity.urn))


def _tag(info: strawberry.Info, urn: str, op: str, tag: Mapping[str, Any]) -> answers.MutationResult:
    """A column's tags are kept with its dataset's."""
    column = _writable(info, urn)
    if not isinstance(column, ColumnRecord):
        return _say(info, urn, op, tag)
    asking = operation(info)
    with asking.services.reader.snapshot() as snapshot:
        dataset = snapshot.entities_by_id([column.dataset_id])[column.dataset_id]
    said = {**tag, "column": column.path}
    envelope = statement.envelope(op, dataset.urn, said, asking.caller.name, asking.services.now())
    return _journal(info, envelope, parse_urn(column.urn))


def _journal(
    info: strawberry.Info, said: NewEnvelope | Sequence[NewEnvelope], subject: Name | None
) -> answers.MutationResult:
    """Store what was said, wait for the graph to have read it, and look the entity up again.

    The statement is safe once stored: should the graph not catch up in time, the answer says so by having no
    entity.
    """
    asking = operation(info)
    envelopes = (said,) if isinstance(said, NewEnvelope) else said
    appended = asking.services.journal.append(envelopes)[-1]
    progress = asking.services.progress
    if subject is None or not progress.await_position(appended.position, asking.services.position_wait):
        return answers.MutationResult(appended.position, None)
    # A snapshot opened earlier in this operation would not have seen the statement.
    entity = asking.fresh_snapshot(info._raw_info.path).entity(subject.urn)
    return answers.MutationResult(appended.position, entity)


def _note(text: str | None) -> str | None:
    if text is not None and not 0 < len(text.strip()) <= MAX_TEXT:
        raise InvalidInput(f"expected 1 to {MAX_TEXT} characters", field="note")
    return text.strip() if text is not None else None


def _word(text: str, field: str) -> str:
    """Trimmed; raises `InvalidInput` if it is empty, long or holds control characters."""
    word = text.strip()
    if not word or len(word) > MAX_WORD or not word.isprintable():
        raise InvalidInput(f"expected 1 to {MAX_WORD} printable characters", field=field)
    return word

"""Facts: what a source or a person says outright of entities, their attributes and relations.

An envelope's body is JSON: `{"id", "source", "at", "entities": [...], "dropped"?: [urn]}`. An entity is
`{"type", "namespace", "name", "path"?, "description"?, "tags"?, "owners"?, "attributes"?: {name: value},
"relations"?: {name: [urn or {"type", "namespace", "name", "path"?}]}}`; `path` names a column, whose `name` is its
dataset's. What is left out is not spoken of; null, or [], ends what was said before. `id` is the delivery's: the
same one of the same source again is the same fact. A person's word has `by`, which no door lets in.

Names and values are checked against the ontology, here and again when the envelope is decoded: a class may be gone by
then. docs/facts.md tells the whole format.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from graph.attributes import TYPE, attribute_key, relation_key
from graph.cord import STOP
from graph.errors import InvalidInput
from graph.model import Envelope, Instant, Name, NewEnvelope, isoformat, parse_instant, parse_urn
from graph.statements import (
    Declared,
    Rank,
    Role,
    Said,
    Statements,
)
from ontology import Attribute, EntityType, Ontology, Relation

from .openlineage.accept import MAX_NAME, parse_json
from .registers import digest_of, facet_set, lineage, urns_of, write

KIND = "facts"
MAX_TEXT = 65_536  # characters of one value
MAX_DIGITS = 40  # of a number, on either side of the point

KNOWN_OTHERWISE: Mapping[str, str] = {
    **dict.fromkeys(
        ("reads", "writes", "derivedFrom", "columnDerivedFrom", "feeds", "hasColumn", "executes", "parentJob")
        + ("parentRun", "state", "startedAt", "endedAt", "dataType", "ordinal"),
        "OpenLineage events tell it",
    ),
    "hasTag": "say it as `tags`",
    "owns": "say it as the `owners` of what is owned",
    "namespace": "it is a part of the name",
    "name": "it is a part of the name",
    "description": "say it as `description`, beside `attributes`",
    "dropped": "list the urn under the document's `dropped`",
    **dict.fromkeys(("createdAt", "updatedAt"), "the graph works it out"),
    "retired": "a person says it, by the mutation retireJob",
    **dict.fromkeys(("firedBy", "firedOn", "firedAt", "ruleVersion"), "the rules tell it"),
}
"""Terms of the ontology that no fact may say, and how they are said instead."""

OF_STOPS = frozenset(
    {"stopOf", "cause", "stopPolicy", "openedAt", "closedAt", "stoppedBy", "restartedBy", "restartOverride"}
)
"""Terms that no fact may say of a stop: who pulls the cord, and lets go, does so by the mutations."""

_MSGSPEC_PATH = re.compile(r"^(.*?)(?: - at `\$\.?(.*)`)?$", re.DOTALL)
_DURATION = re.compile(r"-?P(?!$)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`\x00-\x1f]+")

T = TypeVar("T")


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    source: str
    at: str
    entities: tuple[msgspec.Raw, ...] = ()
    dropped: tuple[str, ...] = ()
    by: str | None = None


class _Tag(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    key: str
    value: str | None = None
    field: str | None = None


class _Owner(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    name: str
    type: str | None = None


class _Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: str
    namespace: str
    name: str
    path: str = ""


class _Entity(_Target, frozen=True, forbid_unknown_fields=True):
    description: str | msgspec.UnsetType | None = msgspec.UNSET
    tags: tuple[str | _Tag, ...] | msgspec.UnsetType | None = msgspec.UNSET
    owners: tuple[_Owner, ...] | msgspec.UnsetType | None = msgspec.UNSET
    attributes: dict[str, msgspec.Raw] = {}
    relations: dict[str, msgspec.Raw] = {}


_read_document = msgspec.json.Decoder(_Document).decode
_read_entity = msgspec.json.Decoder(_Entity).decode
_read_raws = msgspec.json.Decoder(tuple[msgspec.Raw, ...] | None).decode
_read_target = msgspec.json.Decoder(str | _Target).decode
_read_value: Callable[[msgspec.Raw], Any] = msgspec.json.Decoder(float_hook=Decimal).decode


@dataclass(frozen=True, slots=True)
class Fact:
    """What a document says of one entity: registers by key, and the targets of each relation it speaks of."""

    subject: Name
    registers: Mapping[str, object]
    targets: Mapping[str, tuple[Name, ...]]


@dataclass(frozen=True, slots=True)
class Facts:
    """A checked document."""

    id: str
    source: str
    at: Instant
    by: str | None
    said: tuple[Fact, ...]
    dropped: tuple[Name, ...]


# At the doors -------------------------------------------------------------------------------------------------


def accept(body: bytes, ontology: Ontology) -> NewEnvelope:
    """Check one document and wrap it, byte for byte, for the journal. Raises `InvalidInput` naming the field."""
    parse_json(body)
    facts = read(body, ontology)
    if facts.by is not None:
        raise InvalidInput("is set by mutations alone: a door does not know which person speaks", field="by")
    return NewEnvelope(KIND, facts.source, digest_of(KIND.encode(), facts.source.encode(), facts.id.encode()), body)


def split_lines(body: bytes, ontology: Ontology) -> list[NewEnvelope | InvalidInput]:
    """The documents of NDJSON, one a line, each accepted or refused on its own; blank lines are passed over."""

    def one(line: bytes) -> NewEnvelope | InvalidInput:
        try:
            return accept(line, ontology)
        except InvalidInput as error:
            return error

    return [one(line) for line in lines_of(body)]


def lines_of(body: bytes) -> list[bytes]:
    return [line for line in body.split(b"\n") if line and not line.isspace()]


def document(
    id: str,
    source: str,
    at: Instant,
    entities: Iterable[Mapping[str, object]],
    dropped: Iterable[str] = (),
) -> bytes:
    """A document as a source sends it."""
    said = {"id": id, "source": source, "at": isoformat(at), "entities": list(entities)}
    listed = list(dropped)
    return msgspec.json.encode(said | {"dropped": listed} if listed else said)


def envelope_of_person(entity: Mapping[str, object], by: str, at: Instant, ontology: Ontology) -> NewEnvelope:
    """The envelope of what a person says of one entity. Raises `InvalidInput`."""
    said = {"id": secrets.token_hex(8), "source": by, "at": isoformat(at), "entities": [entity], "by": by}
    body = msgspec.json.encode(said)
    read(body, ontology)
    return NewEnvelope(KIND, by, digest_of(KIND.encode(), body), body)


# From an envelope to statements ---------------------------------------------------------------------------------


class Decoder:
    """Decodes envelopes of kind `facts` by the words of an ontology."""

    def __init__(self, ontology: Ontology) -> None:
        self._ontology = ontology

    def __call__(self, envelope: Envelope) -> Statements:
        """Pure; raises `InvalidInput` for what the ontology does not, or no longer, have words for."""
        if envelope.body is None:
            raise InvalidInput("the envelope was redacted")
        return statements(read(envelope.body, self._ontology), self._ontology)


def statements(facts: Facts, ontology: Ontology) -> Statements:
    """What a checked document says: of each entity its registers, and that what it relates to is there."""
    by_person = facts.by is not None
    rank = Rank.PERSON if by_person else Rank.PRODUCER
    said: list[Said] = []
    declared: list[Declared] = []
    mentioned: dict[Name, dict[str, None]] = {}
    for fact in facts.said:
        path = fact.subject.path
        columns = (path,) if path and not by_person else ()  # what a person says of something does not make it exist
        role = Role.PERSON if by_person else Role.MENTIONED if path else Role.LISTED
        said.append(Said(_holder(fact.subject, ontology), role, facet_set(fact.registers, columns), rank))
        for relation, targets in fact.targets.items():
            if ontology.relations[relation].carries_lineage:
                declared += lineage(fact.subject, relation, targets, rank)
            for target in targets:
                paths = mentioned.setdefault(_holder(target, ontology), {})
                if target.path:
                    paths[target.path] = None
    for name, paths in mentioned.items():
        said.append(Said(name, Role.MENTIONED, facet_set({}, tuple(paths)) if paths else None))
    said += [Said(name, Role.DROPPED) for name in facts.dropped]
    return Statements(facts.at, tuple(said), declared=tuple(declared))


def _holder(name: Name, ontology: Ontology) -> Name:
    """What the registers of a name are kept with: a column's dataset."""
    if name.kind != "column":
        return name
    return Name(ontology.kind_for_namespace(name.namespace), name.namespace, name.name)


# Checks ---------------------------------------------------------------------------------------------------------


def read(body: bytes, ontology: Ontology) -> Facts:
    """A document, checked against the ontology; raises `InvalidInput` naming the first field that is wrong."""
    said = _decoded(_read_document, body, "")
    for field in ("id", "source"):
        _check_name(getattr(said, field), field)
    try:
        at = parse_instant(said.at)
    except ValueError as error:
        raise InvalidInput(str(error), field="at") from None
    if not said.entities and not said.dropped:
        raise InvalidInput("expected `entities` or `dropped`, found neither")
    is_outright = said.by is None  # else a person's word on one attribute would decide on the class for good
    entities = [_entity(raw, f"entities[{index}]", ontology, is_outright) for index, raw in enumerate(said.entities)]
    _check_agreement(entities)
    dropped = tuple(_dropped(urn, f"dropped[{index}]", ontology) for index, urn in enumerate(said.dropped))
    both = {it.subject for it in entities}.intersection(dropped)
    if both:
        raise InvalidInput(f"{min(both).urn} is among the entities too", field="dropped")
    return Facts(said.id, said.source, at, said.by, tuple(entities), dropped)


def _check_agreement(entities: Iterable[Fact]) -> None:
    """What one document says twice, at one instant, must be the same: nothing else could decide."""
    first: dict[tuple[Name, str], tuple[int, object]] = {}
    for index, fact in enumerate(entities):
        for key, value in fact.registers.items():
            earlier, held = first.setdefault((fact.subject, key), (index, value))
            if earlier != index and write(held) != write(value):
                reason = f"entities[{earlier}] says another {key} of {fact.subject.urn}"
                raise InvalidInput(reason, field=f"entities[{index}]")


def _entity(raw: msgspec.Raw, where: str, ontology: Ontology, says_class: bool) -> Fact:
    said = _decoded(_read_entity, raw, where)
    known = _class(said.type, f"{where}.type", ontology)
    name = _named(said, known, where)
    registers: dict[str, object] = {}
    if not name.path:
        registers = dict(_plain(said, where)) | ({TYPE: known.name} if says_class else {})
    elif not isinstance(said.description, msgspec.UnsetType) or said.tags or said.owners:
        raise InvalidInput("a column's description, tags and owners are its dataset's to say", field=where)
    for key, raw_value in said.attributes.items():
        at = f"{where}.attributes.{key[:100]}"
        attribute = _attribute(key, known, at, ontology)
        registers[attribute_key(key, name.path)] = value(_read_value(raw_value), attribute, at)
    targets: dict[str, tuple[Name, ...]] = {}
    for key, listed in said.relations.items():
        at = f"{where}.relations.{key[:100]}"
        found = _targets(listed, _relation(key, known, at, ontology), at, ontology)
        registers[relation_key(key, name.path)] = urns_of(found)
        targets[key] = found
    return Fact(name, registers, targets)


def _plain(said: _Entity, where: str) -> Iterator[tuple[str, object]]:
    """The facets that description, tags and owners are, as OpenLineage's events say them."""
    if not isinstance(said.description, msgspec.UnsetType):
        text = said.description
        yield "documentation", None if text is None else {"description": _text(text, f"{where}.description")}
    if not isinstance(said.tags, msgspec.UnsetType):
        tags = [it if isinstance(it, _Tag) else _Tag(it) for it in said.tags or ()]
        for index, tag in enumerate(tags):
            _check_name(tag.key, f"{where}.tags[{index}].key")
        yield "tags", {"tags": msgspec.to_builtins(tags)} if tags else None
    if not isinstance(said.owners, msgspec.UnsetType):
        owners = said.owners or ()
        for index, owner in enumerate(owners):
            _check_name(owner.name, f"{where}.owners[{index}].name")
        yield "ownership", {"owners": msgspec.to_builtins(list(owners))} if owners else None


def _class(name: str, field: str, ontology: Ontology) -> EntityType:
    found = ontology.classes.get(name)
    if found is None:
        raise InvalidInput(f"the ontology has no class {name[:100]!r}", field=field)
    if not found.kind:
        raise InvalidInput(f"{name} stands above the classes that entities can have", field=field)
    return found


def _named(said: _Target, known: EntityType, where: str) -> Name:
    for field in ("namespace", "name"):
        _check_name(getattr(said, field), f"{where}.{field}")
    if (known.kind == "column") != bool(said.path):
        reason = "a column is named by its path" if known.kind == "column" else "only columns have a path"
        raise InvalidInput(reason, field=f"{where}.path")
    return Name(known.kind, said.namespace, said.name, said.path)


def _dropped(urn: str, where: str, ontology: Ontology) -> Name:
    name = _known_urn(urn, where, ontology)
    if name.path:
        raise InvalidInput("a column goes when its dataset's schema leaves it out", field=where)
    if name.kind == STOP:
        raise InvalidInput("a stop ends by the mutation restart", field=where)
    return name


def _known_urn(urn: str, where: str, ontology: Ontology) -> Name:
    try:
        name = parse_urn(urn)
    except InvalidInput as error:
        raise InvalidInput(error.reason, field=where) from None
    if name.kind not in {it.kind for it in ontology.key_classes}:
        raise InvalidInput(f"the ontology has no class with urns of kind {name.kind[:100]!r}", field=where)
    _check_name(name.namespace, where)
    _check_name(name.name, where)
    return name


def _attribute(name: str, known: EntityType, where: str, ontology: Ontology) -> Attribute:
    found = ontology.attributes.get(name)
    if found is None:
        other = name in ontology.relations
        raise InvalidInput(
            "is a relation: say it under `relations`" if other else "the ontology has no such attribute", field=where
        )
    _check_sayable(name, found.domain, known, where, ontology)
    return found


def _relation(name: str, known: EntityType, where: str, ontology: Ontology) -> Relation:
    found = ontology.relations.get(name)
    if found is None:
        straight = next((it for it in ontology.relations.values() if it.inverse == name), None)
        if straight is not None:
            raise InvalidInput(f"is read from {straight.name}: say that, of the other entity", field=where)
        other = name in ontology.attributes
        raise InvalidInput(
            "is an attribute: say it under `attributes`" if other else "the ontology has no such relation", field=where
        )
    _check_sayable(name, found.domain, known, where, ontology)
    return found


def _check_sayable(name: str, domain: str, known: EntityType, where: str, ontology: Ontology) -> None:
    if name in KNOWN_OTHERWISE:
        raise InvalidInput(f"no fact may say it: {KNOWN_OTHERWISE[name]}", field=where)
    if known.kind == STOP and name in OF_STOPS:
        raise InvalidInput("no fact may say it: the mutations stop and restart do", field=where)
    if known.name not in ontology.subclasses(domain):
        raise InvalidInput(f"is for {domain} and what is below it, which {known.name} is not", field=where)


def _targets(raw: msgspec.Raw, relation: Relation, where: str, ontology: Ontology) -> tuple[Name, ...]:
    """The targets a relation names, in the order of their urns, without duplicates."""
    listed = _decoded(_read_raws, raw, where) or ()
    found = dict.fromkeys(_target(one, relation, f"{where}[{index}]", ontology) for index, one in enumerate(listed))
    if len(found) > 1 and not relation.to_many:
        raise InvalidInput(f"has one target at most, found {len(found)}", field=where)
    return tuple(sorted(found, key=lambda it: it.urn))


def _target(raw: msgspec.Raw, relation: Relation, where: str, ontology: Ontology) -> Name:
    """A target; of a urn only the key class is known, so a subclass as range cannot be told from its siblings."""
    said = _decoded(_read_target, raw, where)
    allowed = ontology.subclasses(relation.range)
    if isinstance(said, str):
        name = _known_urn(said, where, ontology)
        if name.kind in {ontology.classes[it].kind for it in allowed}:
            return name
        found = ontology.key_class_for_kind(name.kind)
        raise InvalidInput(f"expected a {relation.range}, found a {found}", field=where)
    known = _class(said.type, f"{where}.type", ontology)
    if known.name not in allowed:
        raise InvalidInput(f"expected a {relation.range}, found a {known.name}", field=f"{where}.type")
    return _named(said, known, where)


# Values ---------------------------------------------------------------------------------------------------------


def value(said: object, attribute: Attribute, where: str) -> object:
    """The value as it is kept: a list where there may be many, None where it ends. Raises `InvalidInput`."""
    read_one = _VALUES[attribute.range]
    if not attribute.cardinality.endswith("*"):
        return None if said is None else _allowed(read_one(said, where), attribute, where)
    listed = said if isinstance(said, list) else [] if said is None else [said]
    found = [
        _allowed(read_one(one, f"{where}[{index}]"), attribute, f"{where}[{index}]") for index, one in enumerate(listed)
    ]
    return list({bytes(write(it)): it for it in found}.values()) or None


def plain_value(said: object, attribute: Attribute, where: str) -> str | int | float | bool:
    """One value of an attribute as it is kept, to compare with; raises `InvalidInput` for one that is none."""
    found = _VALUES[attribute.range](said, where)
    plain: str | int | float | bool = msgspec.json.decode(write(found))
    return plain


def _allowed(value: object, attribute: Attribute, where: str) -> object:
    allowed = attribute.allowed_values
    if allowed and value not in allowed:
        raise InvalidInput(f"expected one of {', '.join(allowed)}, found {str(value)[:100]!r}", field=where)
    return value


def _string(said: object, where: str) -> str:
    if not isinstance(said, str):
        raise InvalidInput(f"expected a string, found {_kind(said)}", field=where)
    return _text(said, where)


def _text(text: str, where: str) -> str:
    if len(text) > MAX_TEXT:
        raise InvalidInput(f"is longer than {MAX_TEXT} characters", field=where)
    if "\x00" in text:
        raise InvalidInput("must not hold a NUL character", field=where)
    return text


def _boolean(said: object, where: str) -> bool:
    if not isinstance(said, bool):
        raise InvalidInput(f"expected true or false, found {_kind(said)}", field=where)
    return said


def _integer(said: object, where: str) -> int:
    if isinstance(said, bool) or not isinstance(said, int):
        raise InvalidInput(f"expected a whole number, found {_kind(said)}", field=where)
    if not -(2**63) <= said < 2**63:
        raise InvalidInput("does not fit into 64 bits", field=where)
    return said


def _decimal(said: object, where: str) -> msgspec.Raw:
    """A number, or its text where the sender keeps more digits than floats have; kept digit by digit."""
    text = str(said) if isinstance(said, int | float | Decimal) and not isinstance(said, bool) else said
    if not isinstance(text, str) or not _NUMBER.fullmatch(text.strip()):
        raise InvalidInput(f"expected a number, found {_kind(said)}", field=where)
    number = Decimal(text.strip())
    if number and not (number.adjusted() < MAX_DIGITS and number.as_tuple().exponent >= -MAX_DIGITS):  # type: ignore[operator]
        raise InvalidInput(f"expected at most {MAX_DIGITS} digits before and after the point", field=where)
    plain = f"{number:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return msgspec.Raw((plain if plain not in ("-0", "") else "0").encode())


def _date(said: object, where: str) -> str:
    try:
        return date.fromisoformat(_string(said, where)).isoformat()
    except ValueError:
        raise InvalidInput("expected a date such as 2026-11-23", field=where) from None


def _date_time(said: object, where: str) -> str:
    try:
        return isoformat(parse_instant(_string(said, where)))
    except InvalidInput:
        raise
    except ValueError as error:
        raise InvalidInput(str(error), field=where) from None


def _duration(said: object, where: str) -> str:
    text = _string(said, where)
    if not _DURATION.fullmatch(text):
        raise InvalidInput("expected an ISO 8601 duration such as P30D or PT15M", field=where)
    return text


def _uri(said: object, where: str) -> str:
    text = _string(said, where)
    if not _URI.fullmatch(text):
        raise InvalidInput("expected an absolute URI such as https://example.com/", field=where)
    return text


_VALUES: Mapping[str, Callable[[object, str], object]] = {
    "string": _string,
    "boolean": _boolean,
    "integer": _integer,
    "decimal": _decimal,
    "date": _date,
    "dateTime": _date_time,
    "duration": _duration,
    "anyURI": _uri,
}
"""How a value of each XML Schema type is read, as `ontology.loader.VALUE_TYPES` lists them."""


# Errors ---------------------------------------------------------------------------------------------------------


def _decoded(read: Callable[[Any], T], raw: object, where: str) -> T:
    """What `read` makes of JSON; its error as our field and reason."""
    try:
        return read(raw)
    except msgspec.ValidationError as error:
        match = _MSGSPEC_PATH.match(str(error))
        assert match is not None
        reason, path = match[1], (match[2] or "").lstrip(".")
        named = re.search(r"missing required field `(\w+)`|unknown field `([^`]*)`", reason)
        if named:
            path = ".".join(filter(None, (path, named[1] or named[2][:100])))
            reason = "is required" if named[1] else "is no field of this"
        joint = "." if where and path and not path.startswith("[") else ""
        raise InvalidInput(reason[:1].lower() + reason[1:], field=where + joint + path) from None
    except msgspec.DecodeError as error:
        raise InvalidInput(f"not valid JSON: {error}", field=where) from None


def _check_name(text: str, where: str) -> None:
    if not text or text.isspace():
        raise InvalidInput("must not be empty", field=where)
    if len(text) > MAX_NAME:
        raise InvalidInput(f"is longer than {MAX_NAME} characters", field=where)
    if "\x00" in text:
        raise InvalidInput("must not hold a NUL character", field=where)


def _kind(said: object) -> str:
    if isinstance(said, str):
        return repr(said[:40])
    names = {type(None): "null", bool: "a boolean", int: "a number", Decimal: "a number", list: "an array"}
    return names.get(type(said), "an object")

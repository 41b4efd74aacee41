"""What an OpenLineage event must be to be taken; everything else is told which field is wrong, and why.

Strict about the core model and about JSON itself (RFC 8259, no repeated keys, no NaN, nesting up to 64), lenient
about what real producers get wrong: a missing schemaURL, run ids that are no UUID, producers that are no URI,
facets that miss their schema.
"""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from typing import Any

import msgspec

from graph.errors import InvalidInput
from graph.model import NewEnvelope, parse_instant

from .events import EVENT_TYPES, Event, kind_of, read_any, read_event

MAX_DEPTH = 64
MAX_NAME = 8_192  # characters of a namespace or a name
_HASHED_AT_ONCE = 2_047
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_MSGSPEC_PATH = re.compile(r"^(.*?)(?: - at `\$?\.?(.*)`)?$", re.DOTALL)


def accept(body: bytes, source: str = "http") -> NewEnvelope:
    """Check one event and wrap it, byte for byte, for the journal.

    The key is the hash of the event's canonical form, so that the same event sent twice, or by two ways with
    other white space or key order, is one. Raises `InvalidInput` naming the field.
    """
    return _envelope_of(*parse_json(body), body, source)


def _envelope_of(document: object, spelling: bytes, body: bytes, source: str) -> NewEnvelope:
    if not isinstance(document, dict):
        raise InvalidInput(f"expected a JSON object, found {_json_type(document)}")
    check_event(document, body)
    return NewEnvelope("openlineage", source, _content_hash(spelling), body)


def _content_hash(spelling: bytes) -> bytes:
    """In slices: past 2,047 bytes hashlib gives the interpreter away, and getting it back takes long."""
    digest = blake2b(digest_size=16)
    for start in range(0, len(spelling), _HASHED_AT_ONCE):
        digest.update(spelling[start : start + _HASHED_AT_ONCE])
    return digest.digest()


def split_batch(body: bytes, source: str = "http") -> list[NewEnvelope | InvalidInput]:
    """The events of a JSON array, each accepted or refused on its own; `InvalidInput` if it is no array."""
    documents, _ = parse_json(body)
    if not isinstance(documents, list):
        raise InvalidInput(f"expected a JSON array of events, found {_json_type(documents)}")
    return [_accept_one(document, source) for document in documents]


def _accept_one(document: object, source: str) -> NewEnvelope | InvalidInput:
    try:
        return _envelope_of(document, canonical(document), msgspec.json.encode(document), source)
    except InvalidInput as error:
        return error


def parse_json(body: bytes) -> tuple[Any, bytes]:
    """Read one JSON text strictly: (value, its canonical spelling). Raises `InvalidInput`."""
    if not body or body.isspace():
        raise InvalidInput("the body is empty")
    if body[:3] == b"\xef\xbb\xbf" or body[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in body[:4]:
        raise InvalidInput("the body must be UTF-8 without a byte order mark")
    try:
        document = read_any(body)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the body is not UTF-8: byte {error.start} is 0x{body[error.start]:02x}") from None
    except RecursionError:
        raise InvalidInput(f"nested deeper than {MAX_DEPTH} levels") from None
    except msgspec.DecodeError as error:
        raise InvalidInput(f"not one valid JSON document: {error}") from None
    _check_depth(document, body)
    # A repeated key is gone once decoded, its quotes with it, and so from what is encoded again. Only `\u0022` could
    # hide a quote; where there is an escape of that kind, the keys are looked at one by one.
    spelling = canonical(document)
    if body.count(b'"') != spelling.count(b'"') or b"\\u" in body:
        _check_unique_keys(body)
    return document, spelling


def canonical(document: object) -> bytes:
    """The one spelling of a JSON value: sorted keys, no white space."""
    try:
        return msgspec.json.encode(document, order="sorted")
    except UnicodeEncodeError:
        raise InvalidInput("a string holds half a surrogate pair, which is no character") from None


def _check_depth(document: object, body: bytes) -> None:
    """Raise `InvalidInput` past the bound on nesting.

    Taking the innermost brackets away, level by level, tells at the speed of `replace`; brackets within strings may
    keep it from coming out even, and then the document itself is walked.
    """
    brackets = body.translate(None, _NO_BRACKET)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return
        fewer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(fewer) == len(brackets):
            break
        brackets = fewer
    level = [document]
    for _ in range(MAX_DEPTH + 1):
        level = [
            deeper
            for value in level
            if isinstance(value, dict | list)
            for deeper in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise InvalidInput(f"nested deeper than {MAX_DEPTH} levels")


def _check_unique_keys(body: bytes) -> None:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise InvalidInput("the key stands twice in one object", field=twice[:200])
        return found

    json.loads(body, object_pairs_hook=unique)


def check_event(document: dict[str, Any], body: bytes) -> Event:
    """The event in a parsed document; raises `InvalidInput` naming the field that is wrong."""
    try:
        event = read_event(body)
    except msgspec.ValidationError as error:
        raise _named(error, document) from None
    try:
        parse_instant(event.event_time)
    except ValueError as error:
        raise InvalidInput(str(error), field="eventTime") from None
    if not event.producer:
        raise InvalidInput("must not be empty", field="producer")
    if event.event_type is not None and event.event_type.upper() not in EVENT_TYPES:
        expected = ", ".join(sorted(EVENT_TYPES))
        raise InvalidInput(f"expected one of {expected}, found {event.event_type[:40]!r}", field="eventType")
    if event.run is None and event.job is None and event.dataset is None:
        named = {"RunEvent": "run", "DatasetEvent": "dataset"}.get((event.schema_url or "").rsplit("/", 1)[-1], "job")
        raise InvalidInput("an event needs `run` and `job`, or `job`, or `dataset`", field=named)
    if event.run is not None and event.job is None:
        raise InvalidInput("a run event needs the job it belongs to", field="job")
    if kind_of(event) == "RunEvent" and event.run is None:
        raise InvalidInput("schemaURL says RunEvent, but there is no run", field="run")
    if event.run is not None:
        _check_name(event.run.run_id, "run.runId")
    if event.job is not None:
        _check_name(event.job.namespace, "job.namespace")
        _check_name(event.job.name, "job.name")
        _check_facets(event.job.facets, document["job"], "job.facets")
    if event.run is not None:
        _check_facets(event.run.facets, document["run"], "run.facets")
    datasets = [("dataset", event.dataset, document.get("dataset"))] if event.dataset else []
    for side in ("inputs", "outputs"):
        for index, dataset in enumerate(getattr(event, side) or ()):
            datasets.append((f"{side}[{index}]", dataset, document[side][index]))
    for where, dataset, raw in datasets:
        _check_name(dataset.namespace, f"{where}.namespace")
        _check_name(dataset.name, f"{where}.name")
        if raw is not None:
            for key in ("facets", "inputFacets", "outputFacets"):
                _check_object(raw.get(key), f"{where}.{key}")
    return event


def _check_facets(_: object, owner: dict[str, Any], where: str) -> None:
    _check_object(owner.get("facets"), where)


def _check_object(value: object, where: str) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        raise InvalidInput(f"expected an object, found {_json_type(value)}", field=where)


def _check_name(text: str, where: str) -> None:
    if not text or text.isspace():
        raise InvalidInput("must not be empty", field=where)
    if len(text) > MAX_NAME:
        raise InvalidInput(f"is longer than {MAX_NAME} characters", field=where)
    if "\x00" in text:
        raise InvalidInput("must not hold a NUL character", field=where)


def _named(error: msgspec.ValidationError, document: dict[str, Any]) -> InvalidInput:
    """msgspec's `Expected ..., got ... - at $.run.runId` as our field and reason."""
    match = _MSGSPEC_PATH.match(str(error))
    assert match is not None
    reason, path = match.group(1), match.group(2) or ""
    path = path.lstrip(".")
    missing = re.search(r"missing required field `(\w+)`", reason)
    if missing:
        path = f"{path}.{missing.group(1)}" if path else missing.group(1)
        reason = "is required"
    if "[...]" in path:
        path = _first_bad_index(path, document)
    return InvalidInput(reason[:1].lower() + reason[1:], field=path)


def _first_bad_index(path: str, document: dict[str, Any]) -> str:
    """Put the index of the first dataset at fault in place of msgspec's `[...]`."""
    side, _, rest = path.partition("[...]")
    items = document.get(side)
    key = rest.lstrip(".")
    if isinstance(items, list):
        for index, item in enumerate(items):
            if not isinstance(item, dict):
                return f"{side}[{index}]"
            if key in ("name", "namespace") and not isinstance(item.get(key), str):
                return f"{side}[{index}].{key}"
    return path


def _json_type(value: object) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "an array"}
    return names.get(type(value), "an object")

"""The naive reference of the bitemporal fold: `state(envelopes, valid)`, everything recomputed from scratch.

It shares no code with the packages it judges. A *node* is one era of a dataset name: who occupied the name
from its birth until a RENAME hands it on. What is said of a name at time s is said of the node that
occupied the name at s; symlinks then join nodes into entities at `valid`. Times are integer microseconds
since the epoch, UTC.

Choices made where the rules leave one:

 1. The envelope hash is blake2b-16 of the body; a mutation's register hash too. A facet's is over its raw
    JSON bytes.
 2. A run entity is (job namespace, run id), as its urn says; a saying is (job, run id). A saying's effect
    and start come from its own events, a run's state from all events of its urn.
 3. RENAMEs of one time apply one after another by (envelope hash, place in the event: inputs, then
    outputs), before the writes of that time. A RENAME of a name that is vacant then, of a name to itself,
    or without previousIdentifier, moves nothing, and its own mention is no write either.
 4. A read (or DROP, facet, symlink identifier) of a vacated name follows the entity that left it, wherever
    that is now; if that one was displaced, the statement is of something gone and shows nowhere.
 5. Symlink registers and identifiers belong to the occupants of their names at the facet's time. An
    identifier is a read-like mention: it neither starts an era nor revives. A first facet that is
    `_deleted` holds back nothing.
 6. Writes are mentions in `outputs` (of runs in any state and of JobEvents), DatasetEvents and CREATE
    facets, except mentions that carry DROP or RENAME. Lineage entries and columnLineage sources are read-
    like mentions.
 7. A displaced entity is absent (no urn of its own is left), from history too; its edges end when it is
    displaced.
 8. columnLineage "on that output" is kept per node within a run. With a job `lineage` facet (not
    `_deleted`) on any of the saying's events, columnLineage makes no edges and no reads. A `_deleted` job
    lineage facet is as if absent, and so is one without entries on an event without datasets. Of two
    columnLineage facets on one output of one event the later in it counts.
 9. Kind is DIRECT if a transformation of type DIRECT is given or none at all, else INDIRECT;
    `dataset[]` and entity-level `field` never make an edge DIRECT.
    `transformations: []` counts as none given. Transformations keep type, subtype, description, masking,
    without nulls.
10. Columns are also named by a lineage facet (entry `fields`, and `field` of its inputs). A newest schema
    on an output or DatasetEvent that is `_deleted` means there is no schema in force: all columns named are
    present. columnLineage names columns on whatever mention it stands.
11. WRITES are `outputs`, plus job-to-dataset entries; a dataset entry's target is written by the event's
    job too, unless the entry has sources and all of them are jobs.
    An entry whose target is a job gives reads of that job; the event's job does not read
    them.
12. A parent facet makes its job and run entities as soon as it is said, in force or not; `root` makes none,
    nor does a `runId` in a lineage facet. `parent` is looked at before the old `parentRun`.
13. A dataset's `lineage` register of the implicit job takes DatasetEvents only, one register per node.
14. history: each saying with its content at `valid`; dataset-wide inputs reach every column ever named by
    then.
15. Mutations make no mention. Their registers: setOwners -> `ownership` {"owners"}, describe ->
    `documentation` {"description"}, addTag/removeTag -> `tag:<key>` {"key", "value"}; person rank.
16. A column's `dropped` is its dataset's; `created` is when it was first named. Facets that are null count
    as absent.
17. Columns that only inference names are there while no schema is in force. Of one transformation that events of
    a saying infer with different confidence the greatest counts. An edge that a saying without transformations
    gives word for word shows nothing inferred. The SQL that is inferred from is `tests.reference.events.sql`'s.
18. An envelope with an empty body (redacted) says nothing. An eventType that is not in the enum counts as
    OTHER.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any
from urllib.parse import quote, unquote

Name = tuple[str, str]
Job = tuple[str, str]
EdgeKey = tuple[str, str, str]
FOREVER_AGO = -(2**62)


@dataclass(frozen=True)
class Envelope:
    """One journalled body: kind "openlineage" (the event) or "mutation" ({"op", "urn", ..., "by", "at"})."""

    position: int
    received_at: int
    kind: str
    body: bytes


@dataclass(frozen=True)
class EntityState:
    aliases: list[Name]
    created: int
    dropped: bool
    facets: dict[str, Any]
    retired: bool = False


@dataclass(frozen=True)
class RunState:
    state: str
    started: int | None
    ended: int | None
    inputs: list[str]
    outputs: list[str]
    parent: str | None


@dataclass(frozen=True)
class EdgeState:
    via: list[str]
    valid_from: int
    valid_to: int | None
    last_confirmed: int
    evidence: list[int]
    evidence_count: int
    kind: str = "DERIVED_FROM"
    transformations: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class State:
    """What holds at one (valid, position). `resolves`: every dataset urn given so far -> its entity's urn."""

    entities: dict[str, EntityState]
    columns: dict[str, list[str]]
    runs: dict[str, RunState]
    edges: dict[EdgeKey, EdgeState]
    reads: set[tuple[str, str]]
    writes: set[tuple[str, str]]
    resolves: dict[str, str]


# Decoding: raw JSON text to events


@dataclass(frozen=True)
class Facet:
    key: str
    value: Any
    digest: bytes

    @property
    def deleted(self) -> bool:
        return isinstance(self.value, dict) and self.value.get("_deleted") is True


@dataclass(frozen=True)
class Mention:
    name: Name
    role: str  # input, output or dataset (DatasetEvent)
    facets: tuple[Facet, ...]

    def get(self, key: str) -> list[Facet]:
        return [f for f in self.facets if f.key == key]

    def lifecycle(self) -> list[dict[str, Any]]:
        said = self.get("lifecycleStateChange")
        return [f.value for f in said if isinstance(f.value, dict) and not f.deleted]

    def lifecycle_is(self, change: str) -> bool:
        return any(v.get("lifecycleStateChange") == change for v in self.lifecycle())

    def is_write(self) -> bool:
        if self.lifecycle_is("DROP") or self.lifecycle_is("RENAME"):
            return False
        return self.role != "input" or self.lifecycle_is("CREATE")


@dataclass(frozen=True)
class Event:
    position: int
    at: int
    digest: bytes
    type: str
    job: Job | None
    run: str | None
    mentions: tuple[Mention, ...]
    job_facets: tuple[Facet, ...]
    run_facets: tuple[Facet, ...]

    def lineage_facets(self) -> list[dict[str, Any]]:
        return [f.value for f in self.job_facets if f.key == "lineage" and isinstance(f.value, dict) and not f.deleted]

    def entries(self) -> list[dict[str, Any]]:
        return [entry for facet in self.lineage_facets() for entry in objects(facet.get("entries"))]

    def has_datasets(self) -> bool:
        return bool(self.job and (self.mentions or self.entries()))


@dataclass(frozen=True)
class Mutation:
    at: int
    digest: bytes
    kind: str
    name: tuple[str, ...]
    body: dict[str, Any]


def objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def dataset_name(value: dict[str, Any]) -> Name | None:
    namespace, name = value.get("namespace"), value.get("name")
    return (namespace, name) if isinstance(namespace, str) and isinstance(name, str) else None


def hash16(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def micros(text: str) -> int:
    """ISO 8601 to microseconds since the epoch: finer digits are cut off, no zone means UTC."""
    moment = datetime.fromisoformat(re.sub(r"([.,]\d{6})\d+", r"\1", text))
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def members(raw: str | None) -> dict[str, str]:
    """The raw text of each member of a JSON object's raw text; {} for anything else."""
    return dict(pairs(raw, "{", "}"))


def elements(raw: str | None) -> list[str]:
    """The raw text of each element of a JSON array's raw text; [] for anything else."""
    return [text for _, text in pairs(raw, "[", "]")]


def pairs(raw: str | None, opening: str, closing: str) -> Iterator[tuple[str, str]]:
    def skip(at: int, extra: str = "") -> int:
        while raw[at] in " \t\r\n" + extra:  # type: ignore[index]
            at += 1
        return at

    if raw is None or raw[skip(0)] != opening:
        return
    decoder, at = json.JSONDecoder(), skip(skip(0) + 1)
    while raw[at] != closing:
        key = ""
        if opening == "{":
            key, at = decoder.raw_decode(raw, at)
            at = skip(at, ":")
        _, end = decoder.raw_decode(raw, at)
        yield key, raw[at:end]
        at = skip(end, ",")


def facets_of(raw: str | None) -> tuple[Facet, ...]:
    said = members(raw).items()
    return tuple(Facet(key, json.loads(text), hash16(text.encode())) for key, text in said if text != "null")


def mention_of(raw: str, role: str) -> Iterator[Mention]:
    parts, name = members(raw), dataset_name(mapping(json.loads(raw)))
    if name:
        extra = {"input": "inputFacets", "output": "outputFacets"}.get(role, "")
        yield Mention(name, role, facets_of(parts.get("facets")) + facets_of(parts.get(extra)))


def event_of(envelope: Envelope) -> Event:
    raw = envelope.body.decode()
    parts, value = members(raw), json.loads(raw)
    said = str(value.get("schemaURL", "")).rsplit("/", 1)[-1]
    is_run = bool(value.get("run"))
    is_dataset = not is_run and (said == "DatasetEvent" or (said != "JobEvent" and bool(value.get("dataset"))))
    if is_dataset:
        mentions = list(mention_of(parts["dataset"], "dataset"))
    else:
        mentions = [m for text in elements(parts.get("inputs")) for m in mention_of(text, "input")]
        mentions += [m for text in elements(parts.get("outputs")) for m in mention_of(text, "output")]
    return Event(
        position=envelope.position,
        at=micros(value["eventTime"]),
        digest=hash16(envelope.body),
        type=str(value.get("eventType") or "RUNNING").upper(),
        job=None if is_dataset else dataset_name(value["job"]),
        run=str(value["run"]["runId"]) if is_run else None,
        mentions=tuple(mentions),
        job_facets=() if is_dataset else facets_of(members(parts["job"]).get("facets")),
        run_facets=facets_of(members(parts["run"]).get("facets")) if is_run else (),
    )


def mutation_of(envelope: Envelope) -> Mutation:
    body = json.loads(envelope.body)
    _, _, kind, *name = body["urn"].split(":")
    digest = hash16(envelope.body)
    return Mutation(micros(body["at"]), digest, kind, tuple(map(unquote, name)), body)


# Names


def urn(kind: str, *parts: str) -> str:
    return ":".join(["urn:andon", kind, *(quote(part, safe="-._~") for part in parts)])


def dataset_urn(name: Name) -> str:
    scheme, colon, _ = name[0].partition("://")
    kinds = dict.fromkeys(["looker", "tableau", "powerbi", "superset", "metabase"], "dashboard") | {"mlflow": "model"}
    return urn(kinds.get(scheme.lower(), "dataset") if colon else "dataset", *name)


@dataclass(frozen=True, order=True)
class Node:
    """One era of a name: the entity that was first called `name`, from `birth` on."""

    name: Name
    birth: int = FOREVER_AGO


class Eras:
    """Who occupied which name when, from all RENAMEs and writes in order of time."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.occupants: dict[Name, list[tuple[int, Node, bool]]] = {}  # (from, node, still there?)
        self.places: dict[Node, list[tuple[int, Name]]] = {}
        self.displaced: dict[Node, int] = {}
        steps: list[tuple[int, int, bytes, int, Name, Name]] = []
        for event in events:
            for index, mention in enumerate(event.mentions):
                steps += [
                    (event.at, 0, event.digest, index, previous, mention.name)
                    for previous in renamed_from(mention)
                    if previous != mention.name
                ]
                if mention.is_write():
                    steps.append((event.at, 1, event.digest, index, mention.name, mention.name))
        for at, is_write, _, _, previous, name in sorted(steps):
            if is_write:
                self.write(name, at)
            else:
                self.rename(previous, name, at)

    def last(self, name: Name, at: int) -> tuple[int, Node, bool]:
        held = [entry for entry in self.occupants.get(name, []) if entry[0] <= at]
        return held[-1] if held else (FOREVER_AGO, Node(name), True)

    def rename(self, previous: Name, name: Name, at: int) -> None:
        _, moved, there = self.last(previous, at)
        _, occupant, occupied = self.last(name, at)
        if not there:
            return
        if occupied:
            self.displaced[occupant] = at
        self.occupants.setdefault(previous, []).append((at, moved, False))
        self.occupants.setdefault(name, []).append((at, moved, True))
        self.places.setdefault(moved, []).append((at, name))

    def write(self, name: Name, at: int) -> None:
        since, _, there = self.last(name, at)
        if not there and at > since:
            self.occupants[name].append((at, Node(name, at), True))

    def node(self, name: Name, at: int) -> Node:
        """Whom a statement about `name` made at `at` is about; a vacated name means the one that left it."""
        return self.last(name, at)[1]

    def names(self, node: Node, at: int) -> list[Name]:
        """The names a node has had up to `at`, the present one last; not those that were another's at once."""
        return [node.name] + [
            name for since, name in self.places.get(node, []) if since <= at and self.last(name, since)[1] == node
        ]

    def alive(self, node: Node, at: int) -> bool:
        return node.birth <= at < self.displaced.get(node, at + 1)


def renamed_from(mention: Mention) -> list[Name]:
    said = [v for v in mention.lifecycle() if v.get("lifecycleStateChange") == "RENAME"]
    names = [dataset_name(mapping(v.get("previousIdentifier"))) for v in said]
    return [name for name in names if name]


def identifiers(facet: Facet | None) -> list[tuple[Name, str]]:
    """(name, TYPE) of each identifier of a symlinks facet."""
    said = [] if facet is None or facet.deleted else objects(mapping(facet.value).get("identifiers"))
    named = [(dataset_name(one), str(one.get("type", "")).upper()) for one in said]
    return [(name, kind) for name, kind in named if name]


# What a facet says about lineage


@dataclass(frozen=True)
class Source:
    """A source of a target dataset; with a `field`, for one target column or (None) for all."""

    name: Name
    field: str | None
    column: str | None
    transformations: tuple[str, ...]
    direct: bool
    confidence: float | None = None  # of an inference; None: a producer's word
    plain: bool = False  # nobody in its saying tells how


TRANSFORMATION_KEYS = ("type", "subtype", "description", "masking")


def canonical_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def source_of(said: dict[str, Any], column: str | None, instead: tuple[dict[str, Any], ...] = ()) -> Iterator[Source]:
    name = dataset_name(said)
    if name is None or said.get("type") == "JOB":
        return
    given = objects(said.get("transformations")) or instead
    texts = [canonical_json({k: t[k] for k in TRANSFORMATION_KEYS if t.get(k) is not None}) for t in given]
    direct = column is not None and any(str(t.get("type")).upper() == "DIRECT" for t in given)
    column_of_source = said.get("field") if isinstance(said.get("field"), str) else None
    yield Source(name, column_of_source, column, tuple(texts), direct)


OLD_TRANSFORMATIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "IDENTITY": ({"type": "DIRECT", "subtype": "IDENTITY"},),
    "MASKED": ({"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": True},),
}


def column_lineage_sources(facet: Facet | None) -> list[Source]:
    if facet is None or facet.deleted:
        return []
    value = mapping(facet.value)
    found: list[Source] = []
    for column, said in mapping(value.get("fields")).items():
        instead = OLD_TRANSFORMATIONS.get(str(mapping(said).get("transformationType")), ())
        for one in objects(mapping(said).get("inputFields")):
            found += source_of(one | {"type": "DATASET"}, column, instead)
    for one in objects(value.get("dataset")):
        found += source_of(one | {"type": "DATASET"}, None)
    return found


def inferred_sources(event: Event) -> list[tuple[Name, Source]]:
    """(output, source) for what an event's SQL lets infer of the outputs whose columns it does not tell itself."""
    said = [f.value for f in event.job_facets if f.key == "sql" and isinstance(f.value, dict) and not f.deleted]
    if not said or not isinstance(said[0].get("query"), str) or event.lineage_facets():
        return []
    silent = [
        mention
        for mention in event.mentions
        if mention.role == "output" and not any(column_lineage_sources(f) for f in mention.get("columnLineage"))
    ]
    found = []
    for arrow in said[0]["query"].split():
        source, _, rest = arrow.partition(">")
        target, _, confidence = rest.partition("@")
        source_table, _, source_column = source.partition(".")
        target_table, _, target_column = target.partition(".")
        sure = float(confidence or 0.9)
        for origin in dict.fromkeys(m.name for m in event.mentions if m.name[1] == source_table):
            for output in dict.fromkeys(m.name for m in silent if m.name[1] == target_table):
                paths = [source_column]
                if source_column == "*":
                    paths = list(dict.fromkeys(top_columns(event, origin)))
                for path in paths:
                    column = (path if source_column == "*" else target_column) or None
                    kind = ("DIRECT", "IDENTITY") if column else ("INDIRECT", "FILTER")
                    how = {"type": kind[0], "subtype": kind[1], "inferred": True, "confidence": sure}
                    found.append((output, Source(origin, path, column, (canonical_json(how),), bool(column), sure)))
    return found


def top_columns(event: Event, name: Name) -> list[str]:
    """The columns that the event's own schemas give one of its datasets, without nested ones."""
    schemas = [f for m in event.mentions if m.name == name for f in m.get("schema") if not f.deleted]
    listed = [one for facet in schemas for one in objects(mapping(facet.value).get("fields"))]
    return [one["name"] for one in listed if isinstance(one.get("name"), str)]


def entry_inputs(entry: dict[str, Any]) -> list[tuple[str | None, dict[str, Any]]]:
    """(target column or None, input) of a lineage facet's entry, or of a dataset's lineage facet."""
    inputs: list[tuple[str | None, dict[str, Any]]] = [(None, one) for one in objects(entry.get("inputs"))]
    for column, said in mapping(entry.get("fields")).items():
        inputs += [(column, one) for one in objects(mapping(said).get("inputs"))]
    return inputs


def entry_sources(entry: dict[str, Any]) -> list[Source]:
    return [source for column, one in entry_inputs(entry) for source in source_of(one, column)]


def dataset_lineage(event: Event) -> list[tuple[Mention, Facet]]:
    return [(m, f) for m in event.mentions if m.role == "dataset" for f in m.get("lineage")]


def lineage_entries(event: Event) -> list[dict[str, Any]]:
    """All entries of an event's lineage facets; a DatasetEvent's facet as the entry of its dataset."""
    own = [(mention, facet) for mention, facet in dataset_lineage(event) if not facet.deleted]
    return event.entries() + [
        mapping(facet.value) | {"namespace": mention.name[0], "name": mention.name[1], "type": "DATASET"}
        for mention, facet in own
    ]


def dataset_names(event: Event) -> Iterator[Name]:
    """Every dataset name an event mentions, anywhere."""
    for mention in event.mentions:
        yield mention.name
        yield from renamed_from(mention)
        for facet in mention.get("symlinks"):
            yield from (name for name, _ in identifiers(facet))
        for facet in mention.get("columnLineage"):
            yield from (source.name for source in column_lineage_sources(facet))
    for entry in lineage_entries(event):
        target = dataset_name(entry)
        if target and entry.get("type") != "JOB":
            yield target
        yield from (source.name for source in entry_sources(entry))


def schema_paths(fields: Any, prefix: str = "") -> Iterator[str]:
    for one in objects(fields):
        if isinstance(one.get("name"), str):
            yield prefix + one["name"]
            yield from schema_paths(one.get("fields"), prefix + one["name"] + ".")


def columns_named(event: Event) -> Iterator[tuple[Name, str]]:
    for mention in event.mentions:
        for facet in mention.get("schema"):
            if not facet.deleted:
                yield from ((mention.name, path) for path in schema_paths(mapping(facet.value).get("fields")))
        for facet in mention.get("columnLineage"):
            if not facet.deleted:
                yield from ((mention.name, path) for path in mapping(mapping(facet.value).get("fields")))
                yield from ((s.name, s.field) for s in column_lineage_sources(facet) if s.field)
    for entry in lineage_entries(event):
        target = dataset_name(entry)
        if target and entry.get("type") != "JOB":
            yield from ((target, path) for path in mapping(entry.get("fields")))
        yield from ((s.name, s.field) for s in entry_sources(entry) if s.field)


# Sayings


@dataclass(frozen=True)
class Saying:
    speaker: Job | Node  # a job, or the dataset whose own lineage facet speaks for an implicit job
    key: tuple[str, str]
    events: tuple[Event, ...]


@dataclass
class Content:
    """What a saying says, in nodes. A column edge's target path None means every present column."""

    edges: set[tuple[Node, Node]] = field(default_factory=set)
    columns: dict[tuple[Node, str, Node, str | None], list[Source]] = field(default_factory=dict)
    reads: set[tuple[Node, Job]] = field(default_factory=set)
    writes: set[tuple[Job, Node]] = field(default_factory=set)

    def add(self, source: Source, node: Node, target: Node) -> None:
        self.edges.add((node, target))
        if source.field:
            self.columns.setdefault((node, source.field, target, source.column), []).append(source)


def run_status(events: Sequence[Event]) -> tuple[str, int, int | None]:
    """(state, started, ended) of a run from its events, at least one."""
    ranks = {"COMPLETE": 2, "FAIL": 1, "ABORT": 0}
    terminals = [(e.at, ranks[e.type], e.type) for e in events if e.type in ranks]
    started = min([e.at for e in events if e.type == "START"] or [e.at for e in events])
    if terminals:
        ended, _, name = max(terminals)
        return name, started, ended
    return "RUNNING" if any(e.type in ("START", "RUNNING") for e in events) else "UNKNOWN", started, None


def effect(events: Sequence[Event]) -> int | None:
    """When a run's saying took effect, given its events so far, some of them with datasets."""
    first = min(e.at for e in events if e.has_datasets())
    job_types = [mapping(f.value) for e in events for f in e.job_facets if f.key == "jobType"]
    if any(str(t.get("processingType")).upper() in ("STREAMING", "SERVICE") for t in job_types):
        return first
    completed = [e.at for e in events if e.type == "COMPLETE"]
    return max(min(completed), first) if completed else None


class World:
    def __init__(self, envelopes: Iterable[Envelope], valid: int | None) -> None:
        kept = [e for e in envelopes if e.body]
        self.events = [event_of(e) for e in kept if e.kind == "openlineage"]
        self.mutations = [mutation_of(e) for e in kept if e.kind == "mutation"]
        self.eras = Eras(self.events)
        self.times = sorted({e.at for e in self.events} | {m.at for m in self.mutations})
        self.valid = valid if valid is not None else max(self.times, default=0)
        self.said = [e for e in self.events if e.at <= self.valid]
        self.mentioned: dict[Node, int] = {}  # node -> first mention, also later than valid
        for event in sorted(self.events, key=lambda e: e.at):
            for name in dataset_names(event):
                self.mentioned.setdefault(self.eras.node(name, event.at), event.at)
        self.classes = self.join()
        self.canonical = {node: self.best(group) for group in self.classes for node in group}
        # canonical name -> column path -> times it was named, up to valid
        self.named: dict[Name, dict[str, list[int]]] = {}
        for event in self.said:
            for name, path in columns_named(event):
                owner = self.owner(self.eras.node(name, event.at))
                if owner:
                    self.named.setdefault(owner, {}).setdefault(path, []).append(event.at)
        self.guessed: dict[Name, dict[str, list[int]]] = {}
        for event in self.said:
            for output, source in inferred_sources(event) if event.job else []:
                for name, guess in [(source.name, source.field), (output, source.column)]:
                    owner = self.owner(self.eras.node(name, event.at))
                    if owner and guess:
                        self.guessed.setdefault(owner, {}).setdefault(guess, []).append(event.at)
        self.present = {n: p for g in self.classes for n, p in [(self.best(g), self.present_columns(g))]}

    def now(self, node: Node) -> Name:
        return self.eras.names(node, self.valid)[-1]

    def owner(self, node: Node) -> Name | None:
        """The canonical name of a node's entity at valid, None if it isn't there (displaced, or not yet)."""
        return self.canonical.get(node)

    # Identity

    def symlinks(self) -> dict[Node, tuple[int, Facet]]:
        """The symlinks facet in force of each node; the first one said also holds before it was said."""
        said: dict[Node, list[tuple[int, bytes, Facet]]] = {}
        for event in self.events:
            for mention in event.mentions:
                for facet in mention.get("symlinks"):
                    said.setdefault(self.eras.node(mention.name, event.at), []).append((event.at, facet.digest, facet))
        force = {}
        for node, statements in said.items():
            statements.sort(key=lambda s: s[:2])
            at, _, facet = ([s for s in statements if s[0] <= self.valid] or statements[:1])[-1]
            force[node] = (at, facet)
        return force

    def join(self) -> list[set[Node]]:
        """The classes of nodes alive at valid."""
        nodes = [n for n in self.mentioned if self.eras.alive(n, self.valid)]
        links: list[tuple[int, bytes, Node, Node]] = []
        self.roles = dict.fromkeys(nodes, 2)  # 0 TABLE, 1 LOCATION, 2 none
        for node, (at, facet) in self.symlinks().items():
            if node not in self.roles:
                continue
            for name, kind in identifiers(facet):
                other = self.eras.node(name, at)
                if other in self.roles:
                    links.append((at, facet.digest, node, other))
                    self.roles[other] = min(self.roles[other], {"TABLE": 0, "LOCATION": 1}.get(kind, 2))
                if kind == "LOCATION":
                    self.roles[node] = 0
        groups = {node: {node} for node in nodes}

        def unite(a: Node, b: Node) -> None:
            if groups[a] is not groups[b]:
                groups[a] |= groups[b]
                for node in groups[b]:
                    groups[node] = groups[a]

        for _, _, a, b in links:
            if self.roles[a] != 1 and self.roles[b] != 1:
                unite(a, b)
        for place in [n for n in nodes if self.roles[n] == 1]:
            ends = [(at, digest, b if a == place else a) for at, digest, a, b in links if place in (a, b) and a != b]
            tables = [end for end in ends if self.roles[end[2]] != 1] or ends
            if tables:
                latest = max(end[:2] for end in tables)
                unite(place, min((end[2] for end in tables if end[:2] == latest), key=self.now))
        return [group for node, group in groups.items() if node == min(group)]

    def best(self, group: Iterable[Node]) -> Name:
        return min((self.roles[node], self.now(node)) for node in group)[1]

    # Registers

    def registers(self, statements: Iterable[tuple[str, tuple[Any, ...], Any]]) -> dict[str, Any]:
        """statements: (key, order, value). The greatest per key, without None and `_deleted` values."""
        best: dict[str, tuple[tuple[Any, ...], Any]] = {}
        for key, order, value in statements:
            if key not in best or order > best[key][0]:
                best[key] = (order, value)
        return {k: v for k, (_, v) in best.items() if v is not None and mapping(v).get("_deleted") is not True}

    def dataset_statements(self, group: set[Node]) -> Iterator[tuple[str, tuple[Any, ...], Any]]:
        for event in self.said:
            for mention in event.mentions:
                if self.eras.node(mention.name, event.at) in group:
                    for facet in mention.facets:
                        role = {"output": 2, "dataset": 1, "input": 0}[mention.role] if facet.key == "schema" else 0
                        yield facet.key, (1, event.at, role, facet.digest), facet.value
        yield from self.personal_of_datasets({"dataset", "model", "dashboard"}, group, ())

    def personal_of_datasets(
        self, kinds: set[str], group: set[Node], path: tuple[str, ...]
    ) -> Iterator[tuple[str, tuple[Any, ...], Any]]:
        for mutation in self.mutations:
            if mutation.kind in kinds and mutation.name[2:] == path:
                if self.eras.node((mutation.name[0], mutation.name[1]), mutation.at) in group:
                    yield from self.personal(mutation)

    def personal(self, mutation: Mutation) -> Iterator[tuple[str, tuple[Any, ...], Any]]:
        body, order = mutation.body, (2, mutation.at, 0, mutation.digest)
        if mutation.at > self.valid:
            return
        if body["op"] == "setOwners":
            yield "ownership", order, {"owners": body["owners"]}
        elif body["op"] == "describe":
            yield "documentation", order, {"description": body["description"]}
        elif body["op"] == "addTag":
            yield f"tag:{body['key']}", order, {"key": body["key"], "value": body.get("value")}
        elif body["op"] == "removeTag":
            yield f"tag:{body['key']}", order, None

    def personal_of(self, kind: str, *name: str) -> Iterator[tuple[str, tuple[Any, ...], Any]]:
        for mutation in self.mutations:
            if (mutation.kind, mutation.name) == (kind, name):
                yield from self.personal(mutation)

    def retired(self, job: Job, at: int) -> bool:
        said = [m for m in self.mutations if m.body["op"] == "retireJob" and m.name == job and m.at <= at]
        return bool(said) and max(said, key=lambda m: (m.at, m.digest)).body.get("retired", True) is not False

    # Columns and presence

    def present_columns(self, group: set[Node]) -> list[str]:
        schemas = [
            ((event.at, mention.role == "output", facet.digest), facet.deleted)
            for event in self.said
            for mention in event.mentions
            if mention.role != "input" and self.eras.node(mention.name, event.at) in group
            for facet in mention.get("schema")
        ]
        (since, _, _), deleted = max(schemas, default=((FOREVER_AGO, False, b""), False))
        named = self.named.get(self.best(group), {})
        if deleted or not schemas:
            return sorted({*named, *self.guessed.get(self.best(group), {})})
        return sorted(path for path, times in named.items() if max(times) >= since)

    def dropped(self, group: set[Node]) -> bool:
        mentions = [(e, m) for e in self.said for m in e.mentions if self.eras.node(m.name, e.at) in group]
        drops = [e.at for e, m in mentions if m.lifecycle_is("DROP")]
        writes = [e.at for e, m in mentions if m.is_write()]
        return bool(drops) and max(drops) >= max(writes, default=FOREVER_AGO)

    # Sayings and what they say

    def sayings(self, at: int) -> list[Saying]:
        """Every saying up to `at`, each with its events up to `at`."""
        runs: dict[tuple[Job, str], list[Event]] = {}
        found = []
        for event in self.events:
            if event.at > at:
                continue
            if event.job and event.run is not None:
                runs.setdefault((event.job, event.run), []).append(event)
            elif event.job and event.has_datasets():
                found.append(Saying(event.job, ("declaration", event.digest.hex()), (event,)))
            for mention, facet in dataset_lineage(event):
                key = ("implicit", f"{event.at}/{facet.digest.hex()}")
                found.append(Saying(self.eras.node(mention.name, event.at), key, (event,)))
        for (job, run), events in runs.items():
            if any(e.has_datasets() for e in events):
                found.append(Saying(job, ("run", run), tuple(events)))
        return found

    def governing(self, at: int) -> dict[Job | Node, Saying]:
        by_speaker: dict[Job | Node, list[Saying]] = {}
        for saying in self.sayings(at):
            by_speaker.setdefault(saying.speaker, []).append(saying)
        chosen: dict[Job | Node, Saying] = {}
        for speaker, sayings in by_speaker.items():
            if isinstance(speaker, Node):
                chosen[speaker] = max(sayings, key=lambda s: (s.events[0].at, s.key))
            elif not self.retired(speaker, at):
                chosen[speaker] = self.governing_of_job(sayings)
        return chosen

    def governing_of_job(self, sayings: Sequence[Saying]) -> Saying:
        orders: list[tuple[int, int, tuple[str, str], Saying]] = []
        for saying in sayings:
            started = run_status(saying.events)[1]
            since = effect(saying.events) if saying.key[0] == "run" else started
            if since is not None:
                orders.append((since, started, saying.key, saying))
        if orders:
            return max(orders, key=lambda o: o[:3])[3]
        return max(sayings, key=lambda s: (run_status(s.events)[1], s.key))

    def content(self, saying: Saying, at: int) -> Content:
        """What a saying (with its events up to `at`) says of nodes that are not displaced at `at`."""
        content = Content()
        for event in saying.events:
            if event.job:
                for mention in event.mentions:
                    node = self.eras.node(mention.name, event.at)
                    if mention.role == "input":
                        content.reads.add((node, event.job))
                    else:
                        content.writes.add((event.job, node))
        if isinstance(saying.speaker, Node) or any(e.lineage_facets() and e.has_datasets() for e in saying.events):
            self.add_entries(content, saying)
        else:
            self.add_mentions(content, saying, saying.speaker)
        gone = {n for n in self.mentioned if self.eras.displaced.get(n, at + 1) <= at}
        content.edges = {e for e in content.edges if not gone & set(e)}
        content.columns = {k: v for k, v in content.columns.items() if k[0] not in gone and k[2] not in gone}
        return content

    def add_entries(self, content: Content, saying: Saying) -> None:
        for event in saying.events:
            for entry in lineage_entries(event):
                name = dataset_name(entry)
                if entry.get("type") == "JOB":
                    job = name or event.job
                    for source in entry_sources(entry):
                        if job:
                            content.reads.add((self.eras.node(source.name, event.at), job))
                elif name:
                    target = self.eras.node(name, event.at)
                    for source in entry_sources(entry):
                        node = self.eras.node(source.name, event.at)
                        content.add(source, node, target)
                        if event.job:
                            content.reads.add((node, event.job))
                    given = [one for _, one in entry_inputs(entry)]
                    if event.job and not (given and all(one.get("type") == "JOB" for one in given)):
                        content.writes.add((event.job, target))
                    for one in given:
                        job = (dataset_name(one) or event.job) if one.get("type") == "JOB" else None
                        if job:
                            content.writes.add((job, target))

    def add_mentions(self, content: Content, saying: Saying, job: Job) -> None:
        inputs = {node for node, _ in content.reads}
        lineage: dict[Node, tuple[tuple[Any, ...], Facet]] = {}
        for event in saying.events:
            for mention in event.mentions:
                for facet in mention.get("columnLineage"):
                    node, order = self.eras.node(mention.name, event.at), (event.at, event.digest)
                    if mention.role == "output" and (node not in lineage or order >= lineage[node][0]):
                        lineage[node] = (order, facet)
        for _, output in set(content.writes):
            (said_at, *_), force = lineage.get(output, ((0,), None))
            sources = column_lineage_sources(force)
            for source in sources:
                node = self.eras.node(source.name, said_at)
                content.add(source, node, output)
                content.reads.add((node, job))
            if not sources:
                content.edges |= {(node, output) for node in inputs}
                self.add_inferred(content, saying, output)

    def add_inferred(self, content: Content, saying: Saying, output: Node) -> None:
        """Columns only: which dataset goes to which, and what the job reads, is as if nothing were inferred."""
        for event in saying.events:
            for name, source in inferred_sources(event):
                if self.eras.node(name, event.at) == output and source.field:
                    key = (self.eras.node(source.name, event.at), source.field, output, source.column)
                    content.columns.setdefault(key, []).append(source)

    # Edges of entities

    def keys(self, content: Content) -> dict[EdgeKey, list[Source]]:
        """The edges between entities at valid that a content says, columns present or not."""
        found: dict[EdgeKey, list[Source]] = {}
        for a, b in content.edges:
            source, target = self.owner(a), self.owner(b)
            if source and target and source != target:
                found["DATASET", dataset_urn(source), dataset_urn(target)] = []
        for (a, field_name, b, column), said in content.columns.items():
            source, target = self.owner(a), self.owner(b)
            if source and target:
                every = {**self.named.get(target, {}), **self.guessed.get(target, {})}
                for path in [column] if column is not None else every:
                    key = ("COLUMN", urn("column", *source, field_name), urn("column", *target, path))
                    found.setdefault(key, []).extend(surest(said))
        return found

    def edges(self) -> dict[EdgeKey, EdgeState]:
        """Edges at valid, of governing sayings, with intervals from all times known."""
        before = [t for t in self.times if t <= self.valid]
        if not before:
            return {}
        spoken: list[dict[Job | Node, tuple[Saying, dict[EdgeKey, list[Source]]]]] = []
        for at in self.times:
            governing = self.governing(at)
            spoken.append({s: (saying, self.keys(self.content(saying, at))) for s, saying in governing.items()})
        here = len(before) - 1
        present = {urn("column", *name, path) for name, paths in self.present.items() for path in paths}
        sayings = self.sayings(self.valid)
        found: dict[EdgeKey, EdgeState] = {}
        for key in {k for _, keys in spoken[here].values() for k in keys}:
            if key[0] == "COLUMN" and not {key[1], key[2]} <= present:
                continue
            start, end = span([any(key in keys for _, keys in at.values()) for at in spoken], here)
            envelopes: dict[int, int] = {}
            speakers = [s for s, (_, keys) in spoken[here].items() if key in keys]
            for speaker in speakers:
                own, _ = span([speaker in at and key in at[speaker][1] for at in spoken], here)
                governed = {at[speaker][0].key for at in spoken[own : here + 1]}
                for saying in sayings:
                    if saying.speaker == speaker and saying.key in governed:
                        envelopes |= self.evidence(saying)
            said = [source for speaker in speakers for source in spoken[here][speaker][1][key]]
            valid_to = self.times[end] if end < len(self.times) else None
            found[key] = edge_state(key, speakers, said, self.times[start], valid_to, envelopes)
        return found

    def history(self) -> dict[EdgeKey, EdgeState]:
        """Edges of every saying up to valid, governing or not."""
        spoken: dict[EdgeKey, list[tuple[Saying, list[Source]]]] = {}
        for saying in self.sayings(self.valid):
            for key, said in self.keys(self.content(saying, self.valid)).items():
                spoken.setdefault(key, []).append((saying, said))
        found = {}
        for key, sayings in spoken.items():
            envelopes = {p: at for saying, _ in sayings for p, at in self.evidence(saying).items()}
            speakers, sources = (
                [s.speaker for s, _ in sayings],
                [source for _, said in sayings for source in said],
            )
            found[key] = edge_state(key, speakers, sources, min(envelopes.values()), None, envelopes)
        return found

    def evidence(self, saying: Saying) -> dict[int, int]:
        """position -> at of a saying's envelopes with datasets."""
        implicit = isinstance(saying.speaker, Node)
        return {e.position: e.at for e in saying.events if implicit or e.has_datasets()}

    # Entities

    def datasets(self) -> Iterator[tuple[str, EntityState]]:
        for group in self.classes:
            name, created = self.best(group), min(self.mentioned[n] for n in group)
            if created <= self.valid:
                names = {n for node in group for n in self.eras.names(node, self.valid)} - {name}
                facets, dropped = self.registers(self.dataset_statements(group)), self.dropped(group)
                yield dataset_urn(name), EntityState(sorted(names), created, dropped, facets)
                for path in self.present[name]:
                    times = [self.named.get(name, {}), self.guessed.get(name, {})]
                    named = min(at for one in times for at in one.get(path, []))
                    personal = self.registers(self.personal_of_datasets({"column"}, group, (path,)))
                    yield urn("column", *name, path), EntityState([], named, dropped, personal)

    def parents(self, event: Event) -> Iterator[tuple[Job, str | None]]:
        for facet in event.run_facets:
            if facet.key in ("parent", "parentRun") and not facet.deleted:
                parent_job = dataset_name(mapping(mapping(facet.value).get("job")))
                run = mapping(mapping(facet.value).get("run")).get("runId")
                if parent_job:
                    yield parent_job, None if run is None else str(run)

    def jobs_and_runs(self) -> Iterator[tuple[str, EntityState]]:
        created: dict[tuple[str, ...], int] = {}
        said: dict[tuple[str, ...], list[tuple[str, tuple[Any, ...], Any]]] = {}

        def see(key: tuple[str, ...], at: int, facets: Iterable[Facet] = ()) -> None:
            created[key] = min(at, created.get(key, at))
            said.setdefault(key, []).extend((f.key, (1, at, 0, f.digest), f.value) for f in facets)

        for event in self.said:
            if event.job:
                see(("job", *event.job), event.at, event.job_facets)
                if event.run is not None:
                    see(("run", event.job[0], event.run), event.at, event.run_facets)
            for job, run in self.parents(event):
                see(("job", *job), event.at)
                if run is not None:
                    see(("run", job[0], run), event.at)
            for entry in lineage_entries(event):
                for one in [entry, *(one for _, one in entry_inputs(entry))]:
                    name = dataset_name(one)
                    if name and one.get("type") == "JOB":
                        see(("job", *name), event.at)
        for key, at in created.items():
            facets = self.registers([*said[key], *self.personal_of(*key)])
            retired = key[0] == "job" and self.retired((key[1], key[2]), self.valid)
            yield urn(*key), EntityState([], at, False, facets, retired)

    def runs(self, entities: dict[str, EntityState]) -> Iterator[tuple[str, RunState]]:
        events: dict[str, list[Event]] = {u: [] for u in entities if u.startswith("urn:andon:run:")}
        for event in self.said:
            if event.job and event.run is not None:
                events[urn("run", event.job[0], event.run)].append(event)
        for run, own in events.items():
            state, started, ended = run_status(own) if own else ("UNKNOWN", None, None)
            seen: dict[str, set[str]] = {"input": set(), "output": set()}
            for event in own:
                for mention in event.mentions:
                    owner = self.owner(self.eras.node(mention.name, event.at))
                    seen[mention.role] |= {dataset_urn(owner)} if owner else set()
            facets = entities[run].facets
            facet = mapping(facets.get("parent") or facets.get("parentRun"))
            job, run_id = dataset_name(mapping(facet.get("job"))), mapping(facet.get("run")).get("runId")
            parent = urn("run", job[0], str(run_id)) if job and run_id is not None else None
            yield run, RunState(state, started, ended, sorted(seen["input"]), sorted(seen["output"]), parent)

    def resolves(self) -> dict[str, str]:
        found = {}
        for name in {n for node in self.mentioned for n in self.eras.names(node, self.valid)}:
            owner = self.owner(self.eras.node(name, self.valid))
            if owner:
                found[dataset_urn(name)] = dataset_urn(owner)
        return found


def surest(said: Sequence[Source]) -> list[Source]:
    """What one saying says of one pair, each inferred transformation with its greatest confidence only."""
    inferred = [source for source in said if source.confidence is not None]
    best = max((source.confidence or 0 for source in inferred), default=0)
    if inferred:  # all of one kind: the arrows know one for columns and one for whole datasets
        assert len(inferred) == len(said)
        return [source for source in inferred if source.confidence == best]
    if any(source.transformations for source in said):
        return list(said)
    return [replace(source, plain=True) for source in said]


def span(held: Sequence[bool], here: int) -> tuple[int, int]:
    """The maximal run of True around `here`: (first index, index after the last)."""
    start, end = here, here
    while start > 0 and held[start - 1]:
        start -= 1
    while end < len(held) and held[end]:
        end += 1
    return start, end


def edge_state(
    key: EdgeKey,
    speakers: Iterable[Job | Node],
    said: Sequence[Source],
    valid_from: int,
    valid_to: int | None,
    envelopes: dict[int, int],
) -> EdgeState:
    newest = sorted(((at, position) for position, at in envelopes.items()), reverse=True)
    via = sorted({urn("job", *s) for s in speakers if not isinstance(s, Node)})
    evidence = sorted(position for _, position in newest[:20])
    found = EdgeState(via, valid_from, valid_to, newest[0][0], evidence, len(newest))
    if key[0] == "DATASET":
        return found
    if any(source.plain and source.column is not None for source in said):
        said = [source for source in said if source.confidence is None]
    transformations = sorted({text for source in said for text in source.transformations})
    own = [source for source in said if source.column is not None]
    plain = bool(own) and not any(source.transformations for source in own)
    kind = "DIRECT" if plain or any(source.direct for source in said) else "INDIRECT"
    return EdgeState(via, valid_from, valid_to, newest[0][0], evidence, len(newest), kind, transformations)


def state(envelopes: Sequence[Envelope], valid: int | None = None, history: bool = False) -> State:
    """What these envelopes say was true at `valid` (None: no upper bound).

    history: `edges` holds those of every saying up to `valid`, whether it ever governed or not; only their
    keys matter then.
    """
    world = World(envelopes, valid)
    entities = dict(world.jobs_and_runs()) | dict(world.datasets())
    reads: set[tuple[str, str]] = set()
    writes: set[tuple[str, str]] = set()
    for saying in world.governing(world.valid).values():
        content = world.content(saying, world.valid)
        for node, job in content.reads:
            owner = world.owner(node)
            reads |= {(dataset_urn(owner), urn("job", *job))} if owner else set()
        for job, node in content.writes:
            owner = world.owner(node)
            writes |= {(urn("job", *job), dataset_urn(owner))} if owner else set()
    return State(
        entities=entities,
        columns={dataset_urn(n): p for n, p in world.present.items() if dataset_urn(n) in entities},
        runs=dict(world.runs(entities)),
        edges=world.history() if history else world.edges(),
        reads=reads,
        writes=writes,
        resolves={old: new for old, new in world.resolves().items() if new in entities},
    )

"""Cases of a rule: what is told to an empty graph, and what the rule then fires; for `andon rules test`.

A file `NAME.test.yaml` beside the rule `NAME.yaml` is a list of cases:

    - case: a column that is gone is told
      given: [...]   # told first
      when: [...]    # then this, and what it sets off is looked at
      fires:         # just these, in order; keys that are left out are not looked at
        - {verdict: fired, subject: URN, actions: [{kind: webhook, target: URN, owner: ana}]}

A folder's propagations are followed, so that what is told may set a rule off by a tag that travelled.

What is told are OpenLineage events (`producer` and `schemaURL` may be left out), facts (`entities`) and statements of
people (`op`), each with its time, and that the rule's own time has come (`tick`: an instant).
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from api.app import decoders
from api.graphql.asking import Asker
from api.graphql.limits import Limits
from graph.errors import InvalidInput
from graph.model import Envelope, Instant, NewEnvelope, Position, parse_instant
from graph.sqlite import SqliteGraph
from ingest import facts, mutation
from jobs.propagation import PropagationService
from ontology import Ontology
from rules import record
from rules.backtest import backtest
from rules.document import check_bounds
from rules.outbox import Firing
from rules.propagation import Propagation
from rules.rule import Rule
from rules.sources import Sources

SUFFIX = ".test.yaml"
MAX_BYTES = 1_000_000

Told = Mapping[str, Any]


class _Words(yaml.SafeLoader):
    """YAML whose instants stay text and whose `on` and `off` are words."""


_Words.yaml_implicit_resolvers = {
    first: [it for it in found if it[0] not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Words.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), ["t", "f"])


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    case: str
    when: list[dict[str, Any]]
    fires: list[dict[str, Any]]
    given: list[dict[str, Any]] = []


@dataclass(frozen=True, slots=True)
class Result:
    """`faults` says in what the case came out otherwise; empty where it did not."""

    case: str
    faults: tuple[str, ...]


def read_cases(path: Path) -> list[Case]:
    """Raises `InvalidInput` that names the file."""
    content = path.read_bytes()
    if len(content) > MAX_BYTES:
        raise InvalidInput(f"larger than {MAX_BYTES} bytes", field=path.name)
    try:
        text = content.decode()
        check_bounds(text, path.name)
        return msgspec.convert(yaml.load(text, _Words), list[Case])  # a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise InvalidInput(" ".join(str(error).split()), field=path.name) from None


def run_case(
    rule: Rule, case: Case, ontology: Ontology, allowed: Limits, propagations: Sequence[Propagation] = ()
) -> Result:
    try:
        firings = _fired(rule, case, ontology, allowed, propagations)
    except InvalidInput as error:
        return Result(case.case, (str(error),))
    return Result(case.case, tuple(_differences(case.fires, [_shown(it) for it in firings])))


def _fired(
    rule: Rule, case: Case, ontology: Ontology, allowed: Limits, propagations: Sequence[Propagation]
) -> list[Firing]:
    with tempfile.TemporaryDirectory(prefix="andon-rule-") as folder:
        with closing(SqliteGraph(Path(folder) / "graph.db", ontology)) as graph:
            board = _Board(graph, ontology, propagations)
            after = Position(0)
            for index, (field, told) in enumerate(_all(case)):
                if index == len(case.given):
                    after = graph.position()
                try:
                    board.tell(_envelope(board.next, told, field, rule))
                except (InvalidInput, KeyError, ValueError) as error:
                    raise InvalidInput(str(error), field=getattr(error, "field", None) or field) from None
            sources = Sources(graph.changes, graph.snapshot, board.received_at, ask=Asker(graph, ontology, allowed))
            return backtest([rule], sources, after=after, upto=graph.position())


class _Board:
    """A graph that is told one envelope after another, and what travels by each; also the `Progress` of that."""

    def __init__(self, graph: SqliteGraph, ontology: Ontology, propagations: Sequence[Propagation]) -> None:
        self._graph = graph
        self._decode = decoders(ontology)
        self._received: list[Instant] = []
        self._progress: tuple[Position, str] | None = None
        self._following = PropagationService(
            lambda: propagations,
            snapshot=graph.snapshot,
            changes=graph.changes,
            received_at=self.received_at,
            append=lambda _: None,
            last_position=lambda: len(self._received),
            progress=self,
        )

    @property
    def next(self) -> Position:
        return Position(len(self._received) + 1)

    def received_at(self, position: Position) -> Instant:
        return self._received[position - 1]

    def tell(self, envelope: Envelope) -> None:
        self._fold(envelope)
        while self._following.step():
            pass

    def _fold(self, envelope: Envelope) -> None:
        self._received.append(envelope.received_at)
        with self._graph.transaction():
            self._graph.fold(envelope, self._decode[envelope.kind](envelope))
        self._graph.commit(envelope.position)

    def progress(self, name: str) -> tuple[Position, str] | None:
        return self._progress

    def advance(
        self, name: str, after: Position | None, upto: Position, kept: str, reports: Sequence[NewEnvelope]
    ) -> bool:
        self._progress = upto, kept
        for it in reports:
            self._fold(Envelope(self.next, it.kind, it.source, self._received[-1], it.key, it.body))
        return True

    def unreported(self, limit: int) -> list[tuple[int, NewEnvelope]]:
        return []

    def reported(self, number: int) -> None:
        """Nothing waits."""


def _all(case: Case) -> Iterator[tuple[str, Told]]:
    yield from ((f"given[{index}]", told) for index, told in enumerate(case.given))
    yield from ((f"when[{index}]", told) for index, told in enumerate(case.when))


def _envelope(position: Position, told: Told, field: str, rule: Rule) -> Envelope:
    """Received at the time it tells of."""
    if "tick" in told:
        return _tick(position, told, field, rule)
    kind = mutation.KIND if "op" in told else facts.KIND if "entities" in told else "openlineage"
    at = "eventTime" if kind == "openlineage" else "at"
    if kind == "openlineage":
        told = {"producer": "https://andon.dev/rules/test", "schemaURL": _SCHEMA_URL.format(_shape(told)), **told}
    elif kind == mutation.KIND:
        told = {"id": str(position), "by": "somebody", **told}
    else:
        told = {"id": str(position), "source": "somewhere", **told}
    try:
        received_at = parse_instant(told[at])
    except (KeyError, TypeError, ValueError):
        raise InvalidInput("expected an instant as 2026-01-31T06:00:00Z", field=f"{field}.{at}") from None
    body = msgspec.json.encode(told)
    return Envelope(position, kind, "test", received_at, hashlib.blake2b(body, digest_size=16).digest(), body)


def _tick(position: Position, told: Told, field: str, rule: Rule) -> Envelope:
    try:
        at = parse_instant(told["tick"])
    except (TypeError, ValueError):
        raise InvalidInput("expected an instant as 2026-01-31T06:00:00Z", field=f"{field}.tick") from None
    said = record.tick(rule.name, at)
    return Envelope(position, said.kind, said.source, at, said.key, said.body)


_SCHEMA_URL = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/{}"


def _shape(event: Told) -> str:
    return "RunEvent" if "run" in event else "JobEvent" if "job" in event else "DatasetEvent"


def _shown(firing: Firing) -> dict[str, object]:
    return {
        "verdict": str(firing.verdict), "subject": firing.subject, "what": firing.what, "reason": firing.reason,
        "actions": [{"kind": it.kind, "target": it.target, "owner": it.owner or None} for it in firing.actions],
    }  # fmt: skip


def _differences(expected: Sequence[Told], found: Sequence[Told]) -> Iterator[str]:
    if len(expected) != len(found):
        told = ", ".join(f"{it['verdict']} on {it['subject']}" for it in found) or "nothing"
        yield f"expected {len(expected)} firings, found {len(found)}: {told}"
        return
    for index, (wanted, firing) in enumerate(zip(expected, found, strict=True)):
        yield from _differs(f"fires[{index}]", wanted, firing)


def _differs(path: str, wanted: object, found: object) -> Iterator[str]:
    """What of `wanted` is not so in `found`, which may have more."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key, value in wanted.items():
            if key not in found:
                yield f"{path}: there is no {key!r}; expected {', '.join(found)}"
            else:
                yield from _differs(f"{path}.{key}", value, found[key])
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, pair in enumerate(zip(wanted, found, strict=True)):
            yield from _differs(f"{path}[{index}]", *pair)
    elif wanted != found:
        yield f"{path}: expected {wanted!r}, found {found!r}"

"""What `andon ingest` does: reads costs, policies and a model registry, and tells a running service their facts.

Documents have ids made of what they say and when, so that the same file brought in twice is known the second time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec
import requests

from api.app import now, open_vocabulary
from api.estate import GraphEstate
from api.remote import Remote
from api.settings import Settings
from graph.errors import InvalidInput, NotFound, Unavailable
from graph.model import Instant, parse_instant
from ingest import facts, focus, mlflow, policies
from ontology import Ontology

AT_ONCE = 500  # entities of one document: well below what a door takes
_SHOWN = 20  # unmatched resources and bad rows that are listed
Entity = Mapping[str, object]
Item = TypeVar("Item")


@dataclass(slots=True)
class Sent:
    documents: int = 0
    known: int = 0
    position: int = 0


def bring_focus(settings: Settings, url: str, file: str, keys: Sequence[str], at: str | None) -> int:
    """Bring in an export in FOCUS; returns 1 if some of its rows were refused."""
    path = Path(file)
    if not path.is_file():
        raise NotFound(f"there is no file {file!r}")
    reader = focus.Reader(path, _words(settings))
    when = _instant(at) if at is not None else Instant(min(path.stat().st_mtime_ns // 1_000, now()))
    with Remote(url, settings.api_key) as remote:
        match = focus.Match(GraphEstate(remote), keys)
        parts = (focus.entities(it, match.targets(it)) for it in batches(reader.charges()))
        sent = tell(remote, focus.SOURCE, when, parts)
    _say_charges(match.tally, sent)
    for fault in reader.faults[:_SHOWN]:
        _complain(str(fault))
    if reader.refused:
        _complain(f"{reader.refused} rows could not be read and were left out")
    return 1 if reader.refused else 0


def bring_policies(settings: Settings, url: str, folder: str, namespace: str) -> int:
    """Bring in a folder of policies, and withdraw those of its namespace that are no longer in it."""
    at = now()
    with Remote(url, settings.api_key) as remote:
        estate = GraphEstate(remote)
        found = policies.read_folder(Path(folder), _words(settings), estate, namespace)
        gone = [urn for urn, _ in estate.listed(policies.LISTED, namespace) if urn not in found.listed]
        sent = tell(remote, policies.SOURCE, at, batches(found.entities), gone)
    _say(f"{found.policies} policies, {len(gone)} policies and rules withdrawn")
    for idle in found.idle:
        _complain(idle)
    _say_sent(sent)
    return 0


def bring_mlflow(
    settings: Settings, url: str, tracking_uri: str, registry_uri: str | None, namespace: str | None
) -> int:
    """Bring in a model registry, and withdraw what the last crawl listed and this one does not see."""
    at = now()
    named = namespace or mlflow.namespace_of(tracking_uri)
    client, errors, missing = _mlflow_client(tracking_uri, registry_uri)
    page = tracking_uri if tracking_uri.startswith(("http://", "https://")) else ""
    with Remote(url, settings.api_key) as remote:
        estate = GraphEstate(remote)
        crawler = mlflow.Crawler(client, named, estate.by_name, page, missing)
        try:
            sent = tell(remote, mlflow.SOURCE, at, batches(crawler.entities()))
        except errors as error:
            reason = mlflow.clean(str(error)).splitlines()[0][:500]
            raise Unavailable(f"MLflow gave up, and nothing is withdrawn: {reason}") from None
        before = estate.listed(mlflow.LISTED, named)
        gone = [urn for urn, iri in before if (iri or "").startswith(mlflow.IRI) and urn not in crawler.seen.listed]
        withdrawn = tell(remote, mlflow.SOURCE, at, (), gone)
    seen = crawler.seen
    _say(f"{seen.models} models with {seen.versions} versions, {len(gone)} withdrawn")
    for dataset in sorted(seen.unmapped)[:_SHOWN]:
        _complain(f"no data asset is meant by the dataset {dataset!r}")
    if seen.lost_runs:
        _complain(f"{seen.lost_runs} runs are no longer there")
    _say_sent(Sent(sent.documents + withdrawn.documents, sent.known, max(sent.position, withdrawn.position)))
    return 0


def _mlflow_client(
    tracking_uri: str, registry_uri: str | None
) -> tuple[mlflow.Client, tuple[type[Exception], ...], Callable[[Exception], bool]]:
    """(MLflow's client, the errors by which it gives up, whether one means that something is not there)."""
    # MLflow tells its makers about its use, and waits for minutes on a server that is away, unless told otherwise.
    for name, value in (("MLFLOW_DISABLE_TELEMETRY", "true"), ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")):
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient  # optional: only who crawls a registry needs it
        from mlflow.exceptions import MlflowException
    except ImportError:
        raise InvalidInput("MLflow needs its client: pip install 'andon[mlflow]'") from None

    def is_missing(error: Exception) -> bool:
        return isinstance(error, MlflowException) and error.error_code == "RESOURCE_DOES_NOT_EXIST"

    client: mlflow.Client = MlflowClient(tracking_uri, registry_uri)
    return client, (MlflowException, requests.RequestException), is_missing


def batches(items: Iterable[Item], size: int = AT_ONCE) -> Iterator[list[Item]]:
    """Some at a time, as they come."""
    waiting = iter(items)
    while some := list(islice(waiting, size)):
        yield some


def tell(
    remote: Remote, source: str, at: Instant, parts: Iterable[Sequence[Entity]], dropped: Sequence[str] = ()
) -> Sent:
    """Send one document for each part, then what was dropped."""
    sent = Sent()
    for body in _documents(source, at, parts, dropped):
        position, is_known = remote.tell(body)
        sent.documents += 1
        sent.known += is_known
        sent.position = max(sent.position, position)
    return sent


def _documents(source: str, at: Instant, parts: Iterable[Sequence[Entity]], dropped: Sequence[str]) -> Iterator[bytes]:
    for part in parts:
        yield facts.document(_id(at, part), source, at, part)
    for start in range(0, len(dropped), AT_ONCE):
        some = dropped[start : start + AT_ONCE]
        yield facts.document(_id(at, some), source, at, (), some)


def _id(at: Instant, said: object) -> str:
    return blake2b(msgspec.json.encode((at, said)), digest_size=16).hexdigest()


def _say_charges(tally: focus.Tally, sent: Sent) -> None:
    rules = ", ".join(f"{count} by {rule}" for rule, count in sorted(tally.by_rule.items()) if rule)
    unmatched = tally.by_rule.get("", 0)
    _say(f"{tally.charges} charges: {rules or 'none joined'}, {unmatched} unmatched")
    listed = sorted(tally.unmatched.items(), key=lambda it: (-it[1], it[0]))
    for (resource, currency), amount in listed[:_SHOWN]:
        _say(f"  unmatched: {resource}\t{amount} {currency}")
    if len(listed) > _SHOWN or tally.others:
        _say(f"  and {len(listed) - _SHOWN} other resources" + (" and more" if tally.others else ""))
    _say_sent(sent)


def _say_sent(sent: Sent) -> None:
    known = f", {sent.known} of them known already" if sent.known else ""
    _say(f"sent {sent.documents} documents{known}, up to position {sent.position}")


def _words(settings: Settings) -> Ontology:
    return open_vocabulary(settings).ontology


def _instant(text: str) -> Instant:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise InvalidInput(str(error), field="--at") from None


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _complain(line: str) -> None:
    sys.stderr.write(line + "\n")

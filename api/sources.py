"""Reads costs, policies and a model registry, and tells a running service their facts.

Documents have ids made of what they say and when, so that the same file brought in twice is known the second time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec
import requests

from api.estate import GraphEstate
from api.remote import Remote
from graph.errors import InvalidInput, Unavailable
from graph.model import Instant
from ingest import facts, focus, mlflow, policies
from ontology import Ontology

AT_ONCE = 500  # entities of one document: well below what a door takes
Entity = Mapping[str, object]
Item = TypeVar("Item")


@dataclass(slots=True)
class Sent:
    """What a service has taken; `gone`: the urns that were withdrawn."""

    documents: int = 0
    known: int = 0
    position: int = 0
    gone: list[str] = field(default_factory=list)


def charge(
    remote: Remote, path: Path, ontology: Ontology, keys: Sequence[str], at: Instant
) -> tuple[Sent, focus.Tally, focus.Reader]:
    """Bring in an export in FOCUS that was made at an instant; `keys` are the tags that tell what a charge is for."""
    reader = focus.Reader(path, ontology)
    match = focus.Match(GraphEstate(remote), keys)
    remote.catch_up()
    parts = (focus.entities(it, match.targets(it)) for it in batches(reader.charges()))
    return _tell(remote, focus.SOURCE, at, parts), match.tally, reader


def govern(
    remote: Remote, folder: Path, ontology: Ontology, namespace: str, at: Instant
) -> tuple[Sent, policies.Policies]:
    """Bring in a folder of policies, and withdraw those of its namespace that are no longer in it."""
    estate = GraphEstate(remote)
    remote.catch_up()
    found = policies.read_folder(folder, ontology, estate, namespace)
    gone = [urn for urn, _ in estate.listed(policies.LISTED, namespace) if urn not in found.listed]
    return _tell(remote, policies.SOURCE, at, batches(found.entities), gone), found


def crawl_registry(
    remote: Remote, tracking_uri: str, registry_uri: str | None, namespace: str | None, at: Instant
) -> tuple[Sent, mlflow.Crawl]:
    """Bring in a model registry, and withdraw what the last crawl listed and this one does not see.

    Raises `Unavailable` where MLflow gives up; then nothing is withdrawn.
    """
    named = namespace or mlflow.namespace_of(tracking_uri)
    client, errors, is_missing = _mlflow_client(tracking_uri, registry_uri)
    estate = GraphEstate(remote)
    remote.catch_up()
    page = tracking_uri if tracking_uri.startswith(("http://", "https://")) else ""
    crawler = mlflow.Crawler(client, named, estate.by_name, page, is_missing)
    try:
        sent = _tell(remote, mlflow.SOURCE, at, batches(crawler.entities()))
    except errors as error:
        reason = (mlflow.clean(str(error)).splitlines() or [type(error).__name__])[0][:500]
        raise Unavailable(f"MLflow gave up, and nothing is withdrawn: {reason}") from None
    listed = estate.listed(mlflow.LISTED, named)
    gone = [urn for urn, iri in listed if (iri or "").startswith(mlflow.IRI) and urn not in crawler.seen.listed]
    _tell(remote, mlflow.SOURCE, at, (), gone, sent)
    return sent, crawler.seen


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


def _tell(
    remote: Remote,
    source: str,
    at: Instant,
    parts: Iterable[Sequence[Entity]],
    gone: Sequence[str] = (),
    sent: Sent | None = None,
) -> Sent:
    """Send one document for each part, then what is gone; adds to what was sent before."""
    sent = Sent() if sent is None else sent
    sent.gone += gone
    for body in _documents(source, at, parts, gone):
        position, is_known = remote.tell(body)
        sent.documents += 1
        sent.known += is_known
        sent.position = max(sent.position, position)
    return sent


def _documents(source: str, at: Instant, parts: Iterable[Sequence[Entity]], gone: Sequence[str]) -> Iterator[bytes]:
    for part in parts:
        yield facts.document(_id(at, part), source, at, part)
    for some in batches(gone):
        yield facts.document(_id(at, some), source, at, (), some)


def _id(at: Instant, said: object) -> str:
    return blake2b(msgspec.json.encode((at, said)), digest_size=16).hexdigest()

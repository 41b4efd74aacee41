"""Brings documents of facts in from the command line: to a running service by HTTP, or into a stopped one's journal."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import requests

from api.app import JOURNAL_FILE, open_journal, open_vocabulary
from api.progress import progress
from api.settings import Settings
from graph.errors import InvalidInput, NotAllowed, NotFound, Unavailable
from ingest import facts

FACTS_PATH = "/api/v1/facts"
_SECONDS = 60  # for one document to be taken


def send(settings: Settings, url: str | None, documents: Sequence[bytes]) -> int:
    """Have every document taken, in order; answers the position of the last. The same documents sent again change
    nothing, so after a failure one may begin anew.

    Raises `InvalidInput` where one is refused, `NotFound` where there is no journal, `Conflict` where a service holds
    it, `NotAllowed` and `Unavailable` as the service answers.
    """
    return _post(settings, url.rstrip("/"), documents) if url else _append(settings, documents)


def _append(settings: Settings, documents: Sequence[bytes]) -> int:
    if not settings.postgres_url and not (settings.data / JOURNAL_FILE).is_file():
        raise NotFound(f"there is no journal in {settings.data}; --url names a running service")
    ontology = open_vocabulary(settings).ontology
    accepted = [facts.accept(body, ontology) for body in documents]
    journal = open_journal(settings)
    try:
        return max((it.position for it in journal.append(accepted)), default=0)
    finally:
        journal.close()


def _post(settings: Settings, url: str, documents: Sequence[bytes]) -> int:
    headers = {"Content-Type": "application/json"}
    if settings.api_key:
        headers["Authorization"] = f"Bearer {settings.api_key}"
    position = 0
    with requests.Session() as session, progress("sending") as show:
        for done, body in enumerate(documents):
            show(done, len(documents))
            position = max(position, _post_one(session, url, body, headers))
    return position


def _post_one(session: requests.Session, url: str, body: bytes, headers: dict[str, str]) -> int:
    try:
        answer = session.post(url + FACTS_PATH, data=body, headers=headers, timeout=_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        raise Unavailable(f"{url} does not answer: {error}") from None
    if answer.ok:
        return int(answer.headers.get("Andon-Position", 0))
    reason, field = _problem(answer)
    if answer.status_code in (401, 403):
        raise NotAllowed(f"{reason}; the key is the setting api_key")
    if answer.status_code in (400, 413, 422):
        raise InvalidInput(reason, field=field)
    raise Unavailable(f"{url} answered {answer.status_code}: {reason}")


def _problem(answer: requests.Response) -> tuple[str, str]:
    """The reason and field of problem details (RFC 9457), or what stands there instead."""
    try:
        details = msgspec.json.decode(answer.content, type=dict[str, object])
    except msgspec.DecodeError:
        return answer.reason or "no reason given", ""
    return str(details.get("detail") or details.get("title")), str(details.get("field") or "")

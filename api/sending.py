"""Brings documents of facts in from the command line: to a running service by HTTP, or into a stopped one's journal."""

from __future__ import annotations

from collections.abc import Sequence

from api.app import JOURNAL_FILE, open_journal, open_vocabulary
from api.progress import progress
from api.remote import Remote
from api.settings import Settings
from graph.errors import NotFound
from ingest import facts


def send(settings: Settings, url: str | None, documents: Sequence[bytes]) -> int:
    """Have every document taken, in order; answers the position of the last. The same documents sent again change
    nothing, so after a failure one may begin anew.

    Raises `InvalidInput` where one is refused, `NotFound` where there is no journal, `Conflict` where a service holds
    it, `NotAllowed` and `Unavailable` as the service answers.
    """
    return _post(settings, url, documents) if url else _append(settings, documents)


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
    position = 0
    with Remote(url, settings.api_key) as remote, progress("sending") as show:
        for done, body in enumerate(documents):
            show(done, len(documents))
            position = max(position, remote.tell(body)[0])
    return position
